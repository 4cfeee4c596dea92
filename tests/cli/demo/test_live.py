"""The parts of the live leg that need no migration; the whole of it is `make demo`."""

import asyncio
import io
import socket
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import psycopg
import pytest

from tests.fakes.postgres import postgres_database, postgres_server
from vectormigrate.cli.demo import live
from vectormigrate.cli.demo.live import COLLECTION, LiveStory
from vectormigrate.cli.demo.process import StepFailed
from vectormigrate.cli.demo.telling import Teller

__all__ = ["postgres_database", "postgres_server"]


@pytest.fixture
def told(tmp_path, monkeypatch):
    monkeypatch.setattr(live, "PATIENCE", 0.001)
    monkeypatch.setattr(live, "_LONGEST", 0.2)
    return LiveStory(tmp_path / "live", "nowhere", Teller(io.StringIO()))


class Commands:
    """The command line, with answers ready."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.asked = []

    async def answer(self, *words):
        self.asked.append(words)
        found = self.answers.pop(0) if self.answers else StepFailed("gates are closed")
        if isinstance(found, Exception):
            raise found
        return found

    def copied(self, _):
        return 7

    def phase(self, _):
        return "backfill"


async def test_a_swap_is_asked_for_until_the_gates_are_open(told):
    told._command = commands = Commands(StepFailed("closed"), StepFailed("closed"), {"hold_ms": 12.5})
    assert await told._swap("cutover") == 12.5
    assert commands.asked == [("cutover", live.ID, "--yes")] * 3


async def test_gates_that_stay_closed_end_the_story_with_their_reason(told):
    told._command = Commands()
    with pytest.raises(StepFailed, match="gates are closed"):
        await told._swap("revert")


async def test_a_step_that_takes_too_long_says_which_and_where_it_was(told):
    told._command = Commands()
    with pytest.raises(StepFailed, match=r"after 0 s nothing happens \(phase backfill\)"):
        await told._until(lambda: False, "nothing happens")


async def test_a_kill_waits_for_some_to_be_copied(told):
    told._command = Commands()
    assert await told._until_copied(7) == 7
    with pytest.raises(StepFailed, match="does not begin"):
        await told._until_copied(8)


async def test_the_migration_is_attested_when_it_is_made(told):
    told._command = commands = Commands({}, {})
    await told._migrate("http://source")
    made, attested = commands.asked
    assert made[:2] == ("migrate", live.ID)
    assert {"proxied", "http://source", "nowhere"} <= set(made)
    assert attested == ("attest", live.ID)


async def test_what_the_application_says(told):
    class Process:
        stdout = asyncio.StreamReader()

    Process.stdout.feed_data(b'1\n17\n{"writes_lost": 0}\n')
    Process.stdout.feed_eof()
    await told._listen(Process)
    assert (told._searches, told._said) == (17, '{"writes_lost": 0}\n')


class Ended:
    """A process that is over."""

    returncode = 2

    async def communicate(self):
        return b"", b"no such host\n"


@asynccontextmanager
async def ended(*words, **how):
    yield Ended()


async def test_an_application_that_cannot_do_it_is_quoted(told, monkeypatch):
    monkeypatch.setattr(live, "child", ended)
    with pytest.raises(StepFailed, match="the application cannot fill: no such host"):
        await told._once("fill", "http://there")


async def test_a_server_that_ends_at_once_is_told(told):
    with pytest.raises(StepFailed, match="`vectormigrate emulate` ended with 2"):
        await told._serves(Ended(), "emulate", 0)


def ours(story):
    """Processes that work in the directory of the story."""
    found = []
    for one in Path("/proc").glob("[0-9]*"):
        with suppress(OSError):
            if one.joinpath("cwd").resolve() == story._work:
                found.append(one.name)
    return found


async def test_a_step_that_fails_is_told_and_no_process_stays(tmp_path, monkeypatch):
    async def leave_empty(verb, url):
        """The collection is not there."""

    nowhere = "postgresql://nobody@127.0.0.1:1/nothing"
    story = LiveStory(tmp_path / "live", nowhere, Teller(io.StringIO(), quiet=True))
    monkeypatch.setattr(story, "_once", leave_empty)
    with pytest.raises(ExceptionGroup) as caught:
        await story.run()
    failed = caught.value
    while isinstance(failed, ExceptionGroup):
        (failed,) = failed.exceptions
    assert "`vectormigrate migrate live` ended with" in failed.message
    assert ours(story) == []


async def test_whoever_stops_it_leaves_no_process_behind(tmp_path):
    story = LiveStory(tmp_path / "live", "nowhere", Teller(io.StringIO(), quiet=True))
    async with asyncio.TaskGroup() as group:
        telling = group.create_task(story.run())
        while len(ours(story)) < 2:
            await asyncio.sleep(0.02)
        telling.cancel()
    assert ours(story) == []


def test_whether_somebody_listens():
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        at = f"127.0.0.1:{held.getsockname()[1]}"
        assert not live._accepts(at)
        held.listen()
        assert live._accepts(at)
    assert 0 < live._free_port() < 2**16


def test_what_the_vendors_own_client_finds_left(told, postgres_database):
    told._dsn = dsn = postgres_database()
    assert told._left() == 0
    with psycopg.connect(dsn) as connection:
        connection.execute(f"CREATE TABLE {COLLECTION} (id int)")
        connection.execute(f"INSERT INTO {COLLECTION} SELECT generate_series(1, 3)")
    assert told._left() == 3
