import asyncio
import json

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.trail import Trail, verified
from vectormigrate.model.access import Principal, Scope
from vectormigrate.model.errors import UsageError
from vectormigrate.state.database import Database

WHO = Principal("key ab", Scope.READ, "rest")


@pytest.fixture
def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    yield owned
    owned.close()


@pytest.fixture
def copy(tmp_path):
    return tmp_path / "audit.jsonl"


def numbers(copy):
    return [json.loads(line)["number"] for line in copy.read_text().splitlines()]


async def test_a_note_is_a_row_and_a_line(database, copy):
    trail = Trail(database, FakeClock(), copy)
    await trail.note(WHO, "status", "ok", migration_id="docs", arguments={"full": True}, detail="x" * 5000)
    (row,) = trail.page(None, 10, 0).rows
    assert (row["actor"], row["way"], row["verb"], row["outcome"]) == ("key ab", "rest", "status", "ok")
    assert row["arguments"] == '{"full": true}'
    assert len(row["detail"]) == 2000
    assert json.loads(copy.read_text()) == row
    assert copy.stat().st_mode & 0o077 == 0
    assert trail.page("other", 10, 0).rows == []


async def test_notes_at_once_are_copied_in_order_and_none_is_missing(database, copy):
    trail = Trail(database, FakeClock(), copy)
    async with asyncio.TaskGroup() as group:
        for number in range(30):
            group.create_task(trail.note(WHO, f"command {number}", "ok"))
    assert numbers(copy) == list(range(1, 31))


async def test_the_copy_goes_on_where_it_was(database, copy):
    await Trail(database, FakeClock(), copy).note(WHO, "one", "ok")
    await Trail(database, FakeClock()).note(WHO, "two", "ok")
    again = Trail(database, FakeClock(), copy)
    await again.copy()
    assert numbers(copy) == [1, 2]
    copy.rename(copy.with_suffix(".1"))
    await again.note(WHO, "three", "ok")
    assert numbers(copy) == [3]


async def test_a_copy_that_cannot_be_written_stops_nothing(database, tmp_path, caplog):
    trail = Trail(database, FakeClock(), tmp_path / "none" / "audit.jsonl")
    await trail.note(WHO, "one", "ok")
    assert "cannot be written" in caplog.text
    (tmp_path / "none").mkdir()
    await trail.note(WHO, "two", "ok")
    assert numbers(tmp_path / "none" / "audit.jsonl") == [1, 2]


async def test_a_forged_chain_is_seen_against_the_copy(database, copy):
    trail = Trail(database, FakeClock(), copy)
    for name in ("one", "two"):
        await trail.note(WHO, name, "ok")
    seen = await trail.verify(copy)
    assert (seen.ok, seen.chained, seen.unchained) == (True, 2, 0)

    def forge(tx):
        tx.execute("DROP TRIGGER audit_keeps")
        tx.execute("DELETE FROM audit")
        tx.execute("DELETE FROM sqlite_sequence WHERE name = 'audit'")

    await database.write(forge)
    for name in ("one", "innocent"):
        await Trail(database, FakeClock()).note(WHO, name, "ok")
    assert (await trail.verify()).ok
    against = await trail.verify(copy)
    assert against.ok is False
    assert against.broken == (f"row 2 is another one in {copy}",)


async def test_what_is_no_copy_is_told(database, tmp_path):
    (tmp_path / "other").write_text("hello\n")
    for name, told in (("none", "No such file"), ("other", "no copy of an audit")):
        with pytest.raises(UsageError, match=told):
            verified(database.path, tmp_path / name)


async def test_a_look_that_is_repeated_is_counted(database, copy):
    clock = FakeClock()
    trail = Trail(database, clock, copy)
    other = Principal("key cd", Scope.READ, "rest")
    for who in (WHO, WHO, WHO, other):
        await trail.look(who, "status", migration_id="docs", arguments={"full": True})
    await trail.look(WHO, "status", migration_id="other")
    told = [(row["actor"], row["migration_id"], row["detail"]) for row in trail.page(None, 10, 0).rows[::-1]]
    assert told == [("key ab", "docs", ""), ("key cd", "docs", ""), ("key ab", "other", "")]
    clock.advance(301)
    await trail.look(WHO, "status", migration_id="docs", arguments={"full": True})
    last = trail.page(None, 2, 0).rows
    assert [row["detail"] for row in last] == ["", "2 times more within five minutes"]
    assert {row["arguments"] for row in last} == {'{"full": true}'}
    await trail.look(WHO, "status", migration_id="docs", arguments={"full": True})
    await trail.settle()
    assert trail.page(None, 1, 0).rows[0]["detail"] == "1 times more within five minutes"
    assert numbers(copy) == list(range(1, 7))


async def test_not_more_looks_are_remembered_than_may_be(database, monkeypatch):
    monkeypatch.setattr("vectormigrate.daemon.trail._DIFFERENT", 2)
    trail = Trail(database, FakeClock())
    for name in ("a", "a", "b", "c", "a"):
        await trail.look(WHO, name)
    told = [(row["verb"], row["detail"]) for row in trail.page(None, 10, 0).rows[::-1]]
    assert told == [("a", ""), ("b", ""), ("a", "1 times more within five minutes"), ("c", ""), ("a", "")]
