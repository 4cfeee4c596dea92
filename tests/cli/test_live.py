"""The verbs of a live migration, said from another shell to a daemon that is a process."""

import asyncio
import time
from contextlib import nullcontext
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.fakes.served import ServedProcess
from tests.fakes.terminal import Terminal
from vectormigrate.api.client import Client
from vectormigrate.cli import live
from vectormigrate.model.status import SwapReport

_LONGEST = 30.0


def until(terminal, phase):
    deadline = time.monotonic() + _LONGEST
    while True:
        found = terminal.run("status", "docs", "--json").document
        if found["phase"] == phase:
            return found
        assert time.monotonic() < deadline, found
        time.sleep(0.05)


@pytest.fixture
def daemon(terminal):
    """A daemon that speaks our own API, beside the terminal."""
    terminal.source()
    words = ("serve", "--dialect", "neutral", "--listen", "127.0.0.1:0", "--visibility", "0")
    with ServedProcess(terminal.directory, *words) as process:
        yield process


def flags(terminal: Terminal):
    return [*terminal.flags(), "--mode", "proxied", "--quarantine", "0"]


def test_the_whole_way_there_back_and_there_again(terminal, daemon):
    nothing = terminal.run("migrate", "docs", *flags(terminal), "--source-index", "nothing")
    assert (nothing.code, "there is no table 'nothing'" in nothing.err) == (2, True), nothing.err
    assert terminal.run("status", "docs").code == 2  # the id is not taken by what cannot be had

    made = terminal.run("migrate", "docs", *flags(terminal), "--json")
    assert (made.code, made.document["mode"], made.document["primary"]) == (0, "proxied", "source"), made.err
    assert "vectormigrate attest docs" in made.err
    until(terminal, "passthrough")
    early = terminal.run("cutover", "docs", "--yes")
    assert (early.code, "in phase passthrough, not verified" in early.err) == (4, True)

    assert "passthrough -> paused" in terminal.run("pause", "docs", "--dry-run").out
    assert terminal.run("pause", "docs", "--json").document["phase"] == "paused"
    assert "paused -> passthrough" in terminal.run("resume", "docs", "--dry-run").out
    assert terminal.run("status", "docs", "--json").document["phase"] == "paused"
    assert terminal.run("migrate", "docs", *flags(terminal), "--json").document["phase"] == "passthrough"

    could = terminal.run("attest", "docs", "--by", "ada", "--dry-run")
    assert (could.code, "nothing was changed; passthrough -> backfill" in could.out) == (0, True)
    assert "watch it with" not in could.err
    assert terminal.run("status", "docs", "--json").document["attested_by"] == ""
    attested = terminal.run("attest", "docs", "--by", "ada")
    assert (attested.code, "watch it with: vectormigrate status docs --follow" in attested.err) == (0, True)
    verified = until(terminal, "verified")
    assert verified["attested_by"] == "ada"
    assert verified["ended_at"] is None
    assert verified["live"]["debt"] == 0
    assert "vectormigrate cutover docs" in verified["next_steps"]

    could = terminal.run("cutover", "docs", "--dry-run")
    assert (could.code, "the target could take over now" in could.out) == (0, True)
    unasked = terminal.run("cutover", "docs")
    assert (unasked.code, "was not confirmed" in unasked.err) == (4, True)
    refused = terminal.run("cutover", "docs", says="no\n")
    assert (refused.code, "not confirmed; nothing was changed" in refused.err) == (4, True)
    over = terminal.run("cutover", "docs", says="docs\n")
    assert (over.code, "the target answers the application" in over.out) == (0, True), over.err
    assert "vectormigrate revert docs" in over.err
    with Client(f"http://127.0.0.1:{daemon.port}") as client:
        client.upsert("docs", [{"id": 99, "vectors": {"embedding": [0.5] * 8}, "payload": {"title": "new"}}])
    assert terminal.run("rollback", "docs", "--force").code == 4
    asked = terminal.run("allow-deletes", "docs")
    assert (asked.code, "say that it is meant with --yes" in asked.err) == (4, True)
    could = terminal.run("allow-deletes", "docs", "--dry-run")
    assert (could.code, "deletes are not stopped; of " in could.out) == (0, True), could.err
    could = terminal.run("reads", "docs", "--share", "0.25", "--dry-run", "--json")
    assert "would answer 25% of the reads" in could.document["would"]
    assert could.document["reads"] == 0
    allowed = terminal.run("allow-deletes", "docs", "--by", "ada", "--yes", "--json")
    assert allowed.document["migration_id"] == "docs"
    shared = terminal.run("reads", "docs", "--share", "0.25", "--json")
    assert shared.document["reads"] == 0.25

    back = terminal.run("revert", "docs", "--yes", "--json")
    assert (back.code, back.document["primary"]) == (0, "source"), back.document
    assert terminal.sql("old.db", "SELECT title FROM docs WHERE id = 99") == [("new",)]
    assert terminal.run("cutover", "docs", "--yes").code == 0
    could = terminal.run("commit", "docs", "--dry-run")
    assert (could.code, "could be committed now" in could.err) == (0, True), could.err
    assert terminal.run("status", "docs", "--json").document["phase"] == "reversed"
    ended = terminal.run("commit", "docs", "--yes", "--json")
    assert (ended.document["phase"], ended.document["ended_at"] is None) == ("committed", False)
    onward = terminal.run("resume", "docs")
    assert (onward.code, "is committed: it cannot go on" in onward.err) == (4, True)
    assert terminal.run("commit", "docs", "--dry-run").code == 4
    again = terminal.run("commit", "docs", "--yes")
    assert (again.code, "in phase committed" in again.err) == (4, True)


def test_what_needs_the_daemon_says_so_when_there_is_none(terminal):
    terminal.source()
    made = terminal.run("migrate", "docs", *flags(terminal))
    assert (made.code, "start it with `vectormigrate serve`" in made.err) == (4, True)
    words = ("serve", "--dialect", "neutral", "--listen", "127.0.0.1:0")
    with ServedProcess(terminal.directory, *words) as process:
        assert terminal.run("migrate", "docs", *flags(terminal)).code == 0
        until(terminal, "passthrough")
        assert process.end().code == 143
    for verb in ("attest", "gates", "cutover", "revert", "commit", "resume", "rollback"):
        asked = terminal.run(
            verb, "docs", *(["--yes"] if verb in ("cutover", "revert", "commit", "rollback") else [])
        )
        assert (asked.code, f"`{verb}` is for the daemon of 'docs'" in asked.err) == (4, True), asked.err
    found = terminal.run("status", "docs", "--json").document
    assert (found["phase"], found["live"], found["next_steps"]) == (
        "passthrough",
        None,
        ["vectormigrate serve"],
    )
    assert terminal.run("gates", "nothing").code == 2


@pytest.mark.parametrize("verb", ["cutover", "revert", "commit", "allow-deletes"])
def test_nobody_is_asked_to_confirm_what_there_is_not(migrated, verb):
    for says in (None, "nothing\n"):
        asked = migrated.run(verb, "nothing", **({} if says is None else {"says": says}))
        assert (asked.code, "there is no migration 'nothing'" in asked.err) == (2, True), asked.err
        assert "Type the id" not in asked.err


def test_following_until_it_is_verified_and_refused_records_once_more(terminal, daemon):
    by_value = terminal.run("migrate", "docs", *flags(terminal), "--source-api-key", "secret")
    assert (by_value.code, "cannot be given to the daemon" in by_value.err) == (2, True)
    assert terminal.run("migrate", "docs", *flags(terminal)).code == 0
    until(terminal, "passthrough")
    assert terminal.run("attest", "docs").code == 0
    followed = terminal.run("migrate", "docs", *flags(terminal), "--follow", "--verbose", "--json")
    assert (followed.code, followed.document["phase"]) == (0, "verified"), followed.err
    for verb in ("resume", "status"):
        assert terminal.run(verb, "docs", "--follow").code == 0

    terminal.sql(
        "new.db",
        "CREATE TRIGGER no BEFORE INSERT ON docs WHEN NEW.title = 'bad' BEGIN SELECT RAISE(ABORT, 'no'); END",
    )
    with Client(f"http://127.0.0.1:{daemon.port}") as client:
        client.upsert("docs", [{"id": 7, "vectors": {"embedding": [0.5] * 8}, "payload": {"title": "bad"}}])
    letters = patiently(lambda: terminal.run("dead-letters", "docs", "--json").document["dead_letters"])
    assert [one["id"] for one in letters] == ["i:7"]
    refused = terminal.run("cutover", "docs", "--yes")
    assert (refused.code, "dead letters: 1 records were refused" in refused.err) == (4, True)
    assert len(terminal.run("dead-letters", "docs", "--retry", "--json").document["dead_letters"]) == 1
    terminal.sql("new.db", "DROP TRIGGER no")
    assert terminal.run("dead-letters", "docs", "--retry", "--json").document["dead_letters"] == []
    assert terminal.sql("new.db", "SELECT title FROM docs WHERE id = 7") == [("bad",)]

    assert terminal.run("rollback", "docs", "--yes").code == 0
    daemon.end()
    with ServedProcess(
        terminal.directory, "serve"
    ) as another:  # it hosts none that is over, and shows it all the same
        assert "no listener" in another.first_line
        assert patiently(lambda: terminal.run("status", "docs", "--json").document["phase"] == "rolled_back")


def patiently(look):
    deadline = time.monotonic() + _LONGEST
    while not (found := look()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return found


def test_a_captured_one_from_its_capture_to_its_end(terminal):
    terminal.source()
    words = [*terminal.flags(), "--mode", "captured", "--quarantine", "0"]
    with ServedProcess(terminal.directory, "serve", "--visibility", "0") as process:
        assert "no listener is configured: only migrations that are captured run" in process.first_line
        unseen = patiently(lambda: refused(terminal, words))
        assert (unseen.code, "capture install docs" in unseen.err) == (4, True), unseen.err
        assert terminal.run("status", "docs").code == 2
        assert terminal.run("capture", "install", "docs", *words).code == 0
        followed = terminal.run("migrate", "docs", *words, "--follow", "--json")
        assert (followed.code, followed.document["phase"]) == (0, "verified"), followed.err
        vouched = terminal.run("attest", "docs")
        assert (vouched.code, "its source notes every change" in vouched.err) == (4, True)

        terminal.sql("old.db", "UPDATE docs SET title = 'new' WHERE id = 3")
        patiently(lambda: terminal.sql("new.db", "SELECT 1 FROM docs WHERE title = 'new'"))
        barred = terminal.run("cutover", "docs", "--yes")
        assert (barred.code, "--no-way-back" in barred.err) == (4, True)
        over = terminal.run("cutover", "docs", "--yes", "--no-way-back")
        assert (over.code, "next: vectormigrate capture remove docs" in over.err) == (0, True), over.err
        assert terminal.run("capture", "remove", "docs").code == 0
        ended = process.end()
    assert ended.code == 143
    assert "changes of the source are not read" not in ended.err


def refused(terminal, words):
    """The answer of a daemon that has just begun to listen."""
    ran = terminal.run("migrate", "docs", *words)
    return None if "none runs on this state file" in ran.err else ran


def test_only_a_live_one_has_its_refused_records_retried_by_word(migrated):
    asked = migrated.run("dead-letters", "docs", "--retry")
    assert (asked.code, "vectormigrate resume docs" in asked.err) == (2, True)


async def test_ctrl_c_says_that_the_daemon_goes_on(monkeypatch):
    """It ends the waiting alone: the daemon was told, and hears nothing more."""
    told = []
    call = SimpleNamespace(state=Path("state.db"), migration_id="docs", remark=told.append)
    monkeypatch.setattr(live, "view", lambda call: nullcontext(SimpleNamespace(status=lambda name: None)))

    async def ask_owner(*_, **__):
        await asyncio.Event().wait()

    monkeypatch.setattr(live, "ask_owner", ask_owner)
    asking = asyncio.ensure_future(live.ask(call, "cutover", SwapReport))
    await asyncio.sleep(0)
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking
    assert told == ["the daemon was asked, and goes on with it; look with: vectormigrate status docs"]
