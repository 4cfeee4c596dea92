"""Commands by socket, by URL and here: the same words, results and exit codes."""

import asyncio
import json

import pytest

from tests.fakes.api import KEY, site, two_stores
from tests.fakes.terminal import Terminal


@pytest.fixture
def away(tmp_path):
    """A terminal on another machine."""
    folder = tmp_path / "away"
    folder.mkdir()
    return Terminal(folder)


def at(here, *words, key=KEY):
    return (*words, "--url", here.url, "--api-key", key)


async def test_without_a_daemon_it_is_done_here(terminal):
    made = await asyncio.to_thread(
        terminal.run, "keys", "create", "--scope", "operate", "--label", "ci", "--json"
    )
    assert made.code == 0
    assert made.document["secret"].startswith("vmk_")
    listed = await asyncio.to_thread(terminal.run, "keys", "list")
    assert "operate  ci" in listed.out
    paged = await asyncio.to_thread(terminal.run, "audit", "list", "--limit", "1")
    onward = paged.out.rpartition("there may be more: ")[2].split()
    assert onward[0] == "--cursor"
    assert (await asyncio.to_thread(terminal.run, "audit", "list", *onward)).code == 0
    verified = await asyncio.to_thread(terminal.run, "audit", "verify")
    assert (verified.code, "is whole" in verified.out) == (0, True)
    for words in (("events",), ("operations",)):
        assert (await asyncio.to_thread(terminal.run, *words)).code == 0
    for words, told in ((("revoke", "none"), "no key 'none'"), (("revoke",), "needs the id of a key")):
        refused = await asyncio.to_thread(terminal.run, "keys", *words)
        assert (refused.code, told in refused.err) == (2, True), refused.err


async def test_a_daemon_on_this_machine_is_asked_by_its_socket(tmp_path):
    terminal = Terminal(tmp_path)
    async with site(tmp_path) as here:
        made = await asyncio.to_thread(terminal.run, "keys", "create", "--scope", "read", "--json")
        assert (await here.ask("GET", "/v1/migrations", key=made.document["secret"]))[0] == 200
        assert "socket" in {row["way"] for row in await here.audit()}


async def test_a_daemon_elsewhere_is_asked_with_a_key(tmp_path, away):
    async with site(tmp_path) as here:
        flags = [
            word
            for name, value in two_stores(tmp_path).items()
            for word in (f"--{name.replace('_', '-')}", str(value))
        ]

        def run(*words, **how):
            return asyncio.to_thread(away.run, *words, **how)

        planned = await run(*at(here, "plan", "docs", *flags))
        assert (planned.code, "30 records" in planned.out) == (0, True)
        moved = await run(*at(here, "migrate", "docs", *flags, "--json"))
        assert (moved.code, moved.document["phase"]) == (0, "verified")
        assert "docs: verified" in (await run(*at(here, "status", "docs"))).out
        assert (await run(*at(here, "validate", "docs", "--full"))).code == 0
        report = await run(*at(here, "report", "docs", "--html", str(tmp_path / "docs.html")))
        assert report.code == 0, report.err
        written = tmp_path / "docs.json"
        assert (await run(*at(here, "report", "docs", "--output", str(written)))).code == 0
        assert away.run("report", "verify", str(written)).code == 0
        told = json.loads(written.read_bytes())
        assert (told["ok"], told["specification"]["id"]) == (True, "docs")
        assert "migrate" in [row["verb"] for row in told["history"]]
        unsure = await run(*at(here, "rollback", "docs"), says="no\n")
        assert unsure.code == 4
        assert (await run(*at(here, "status", "docs", "--json"))).document["phase"] == "verified"
        assert (await run(*at(here, "rollback", "docs"), says="docs\n")).code == 0
        assert (await run(*at(here, "migrate", "docs", "--dry-run", *flags, "--json"))).code == 0
        assert (await run(*at(here, "status", "none"))).code == 2
        assert (await run(*at(here, "list", key="wrong"))).code == 6
        refused = await run(*at(here, "cutover", "docs", "--yes"))
        assert refused.code == 2
    gone = await run(*at(here, "list"))
    assert (gone.code, "no daemon answers" in gone.err) == (5, True)
    assert not (away.directory / "state.db").exists()


async def test_a_daemon_ends_what_has_written_nothing(tmp_path, away):
    terminal = Terminal(tmp_path)
    async with site(tmp_path) as here:
        given = {**two_stores(tmp_path), "approval": ["migrate"]}
        for name in ("docs", "more"):
            _, operation = await here.ask("POST", f"/v1/migrations/{name}/migrate", given)
            assert (await here.finished(operation)).state == "failed"  # it waits for approval
        by_socket = await asyncio.to_thread(terminal.run, "abort", "docs", "--dry-run")
        assert (by_socket.code, "docs (created) can be aborted" in by_socket.out) == (0, True)
        by_socket = await asyncio.to_thread(terminal.run, "abort", "docs", "--yes", "--json")
        assert (by_socket.code, by_socket.document["phase"]) == (0, "aborted")
        unsure = await asyncio.to_thread(away.run, *at(here, "abort", "more"), says="no\n")
        assert unsure.code == 4
        by_url = await asyncio.to_thread(away.run, *at(here, "abort", "more", "--yes", "--json"))
        assert (by_url.code, by_url.document["phase"]) == (0, "aborted")
        told = {(row["verb"], row["way"], row["outcome"]) for row in await here.audit()}
        assert {("abort", "socket", "ok"), ("abort", "rest", "ok")} <= told


async def test_what_this_machine_s_file_says_is_for_this_machine(tmp_path, away):
    (away.directory / "vectormigrate.toml").write_text("[list]\nlimit = 1\n")
    async with site(tmp_path) as here:
        said = at(here, "list", "--json", "--config", str(away.directory / "vectormigrate.toml"))
        assert (await asyncio.to_thread(away.run, *said)).document["limit"] == 50


async def test_what_a_daemon_elsewhere_foresees_is_written_here(tmp_path, away):
    async with site(tmp_path) as here:
        given = two_stores(tmp_path)
        flags = [
            word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        files = [str(away.directory / name) for name in ("docs.plan", "docs.toml")]
        words = at(
            here,
            "plan",
            "docs",
            *flags,
            "--rename",
            "title=name",
            "-o",
            files[0],
            "--write-mapping",
            files[1],
        )
        planned = await asyncio.to_thread(away.run, *words)
        assert (planned.code, "vectormigrate apply" in planned.err) == (0, True), planned.err
        assert 'rename = "name"' in (away.directory / "docs.toml").read_text()
        done = await asyncio.to_thread(away.run, *at(here, "apply", files[0], "--json"))
        assert (done.code, done.document["phase"]) == (0, "verified"), done.err
        refused = await asyncio.to_thread(
            away.run, *at(here, "plan", "two", *flags, "--metric", "hamming", "-o", files[0])
        )
        assert refused.code == 2, refused.out
