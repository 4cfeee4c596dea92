"""Offline commands beside a daemon: it does them, and the answers are those of commands that do it themselves."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace

import pytest

from tests.fakes.api import site, slow_world, two_stores
from tests.fakes.tables import held
from tests.fakes.terminal import Terminal
from vectormigrate.cli import delegated
from vectormigrate.model.documents import Operation
from vectormigrate.model.errors import GateRefused
from vectormigrate.state import operations
from vectormigrate.state.operations import StoredOperation


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Commands in the directory of the daemon, in a thread beside it."""
    monkeypatch.chdir(tmp_path)
    terminal = Terminal(tmp_path)
    return lambda *words, **how: asyncio.to_thread(terminal.run, *words, **how)


def flags(given):
    return [word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))]


async def test_a_whole_life_beside_a_daemon(tmp_path, run):
    async with site(tmp_path) as here:
        given = {**two_stores(tmp_path), "source_url": "old.db"}  # of this directory, not of the daemon's
        moved = await run("migrate", "docs", *flags(given), "--json")
        assert (moved.code, moved.document["phase"]) == (0, "verified"), moved.err
        assert (await run("resume", "docs")).code == 0
        told = await run("repair", "docs", "--dry-run", "--json")
        assert (told.code, told.document["method"]) == (0, "full"), told.err
        told = await run("validate", "docs", "--full", "--dry-run", "--json")
        assert told.document["would"].startswith("every record would be compared")
        assert (await run("validate", "docs", "--full", "--json")).document["compared"] == 30
        assert b'compared_total{collection="docs",method="full",migration="docs",partition=""} 60.0' in (
            await here.control._host.numbers()
        )
        unsure = await run("rollback", "docs", says="no\n")
        assert (unsure.code, "nothing was changed" in unsure.err) == (4, True)
        assert (await run("rollback", "docs", "--dry-run", "--json")).document["left"] == 30
        assert (await run("rollback", "docs", "--yes", "--json")).document["deleted"] == 30
        told = {(row["verb"], row["way"], row["outcome"]) for row in await here.audit()}
        assert {(name, "socket", "ok") for name in ("migrate", "resume", "validate", "rollback")} <= told


async def test_a_mapping_file_goes_along(tmp_path, run):
    async with site(tmp_path):
        (tmp_path / "m.toml").write_text('[fields.title]\nrename = "name"\n')
        moved = await run("migrate", "docs", *flags(two_stores(tmp_path)), "--mapping", "m.toml")
        assert moved.code == 0, moved.err
        assert held(tmp_path / "new.db", "SELECT name FROM docs WHERE id = 3") == [("title 3",)]


async def test_an_export_is_done_by_the_daemon_too(tmp_path, run):
    async with site(tmp_path):
        source = {name: value for name, value in two_stores(tmp_path).items() if name.startswith("source")}
        made = await run("export", "out", "snap", *flags(source), "--json")
        assert (made.code, made.document["target"]) == (0, "parquet:docs"), made.err
        assert (tmp_path / "snap" / "docs" / "part-00000.parquet").exists()


async def test_what_ends_it_there_ends_it_here(tmp_path, run):
    async with site(tmp_path):
        given = two_stores(tmp_path)
        wrong = await run("migrate", "docs", *flags({**given, "source_index": "none"}))
        assert (wrong.code, "none" in wrong.err) == (2, True)
        assert (await run("migrate", "docs", *flags(given))).code == 0
        other = await run("migrate", "docs", *flags({**given, "target_index": "other"}))
        assert (other.code, "exists with other settings" in other.err) == (2, True)


async def test_a_secret_by_value_is_not_handed_on(tmp_path, run):
    async with site(tmp_path):
        given = two_stores(tmp_path)
        assert (await run("migrate", "docs", *flags(given))).code == 0
        refused = await run("resume", "docs", "--source-api-key", "sekrit")
        assert (refused.code, "a secret by value" in refused.err) == (2, True)
        assert "sekrit" not in (tmp_path / "state.db").read_bytes().decode("latin-1")


async def test_a_pause_from_another_shell_is_heard_and_it_goes_on(tmp_path, run):
    async with site(tmp_path) as here, slow_world() as given:
        running = asyncio.ensure_future(run("migrate", "docs", *flags(given), "--json"))
        while (seen := await run("status", "docs", "--json")).code != 0 or not seen.document["copied"]:
            assert not running.done(), running.result().err
        assert (await run("set", "docs", "batch-size=4", "--json")).document["levers"] == {"batch_size": 4}
        paused = await run("pause", "docs", "--json")
        assert (paused.code, paused.document["phase"]) == (0, "paused"), paused.err
        ended = await running
        assert (ended.code, ended.document["phase"]) == (0, "paused")
        assert "backfill" in ended.err
        assert here.control.runs("docs") is False


async def test_a_daemon_that_ends_first_is_told(tmp_path):
    begun = Operation("one", "validate", "docs", "me", "running", "now")
    async with site(tmp_path) as here:
        row = StoredOperation("one", "validate", "docs", "me", "running", "now")
        await here.control.database.write(lambda tx: operations.begin(tx, row))
        call = SimpleNamespace(state=tmp_path / "state.db", words={"id": "docs"})
        assert await delegated.look(call, begun) == (begun, 0, None)
    with pytest.raises(GateRefused, match="has ended before validate of 'docs' had") as caught:
        await delegated.look(call, begun)
    assert "vectormigrate validate docs" in caught.value.hint
