import asyncio

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon import chronicle as chronicles
from vectormigrate.daemon.chronicle import Chronicle, kind_of, page_of
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.events import PhaseChanged, Progress, Warned
from vectormigrate.model.phase import Phase
from vectormigrate.state import events
from vectormigrate.state.database import Database


@pytest.fixture
async def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    yield owned
    owned.close()


@pytest.fixture
async def chronicle(database):
    async with Supervisor() as supervisor:
        kept = Chronicle(FakeClock())
        kept.tell(Warned("docs", "before there was a file"))
        supervisor.spawn_lasting(kept.keep(database), name="chronicle")
        async with asyncio.timeout(10):
            while not page_of(database, 0, None, 1).events:
                await asyncio.sleep(0)
        yield kept


async def test_events_are_kept_with_their_names(chronicle, database):
    chronicle.tell(PhaseChanged("docs", Phase.BACKFILL, Phase.VERIFIED))
    following = chronicle.follow(0, None, beat=30)
    first, second = await anext(following), await anext(following)
    await following.aclose()
    assert (first.kind, first.data) == ("warned", {"message": "before there was a file"})
    assert second.data == {"before": "backfill", "after": "verified", "reason": ""}
    page = page_of(database, first.number, "docs", 10)
    assert (page.events, page.after) == ([second], second.number)
    assert page_of(database, page.after, None, 10).after == page.after
    assert kind_of(Warned("a", "b")) == "warned"
    assert kind_of(PhaseChanged("a", Phase.CREATED, Phase.PREFLIGHT)) == "phase_changed"


async def test_what_another_version_told_has_no_words(database):
    told = [
        ("2026", "a", "phase_changed", '{"before": "created", "after": "preflight"}'),
        ("2026", "a", "phase_changed", '{"before": "created", "after": "a phase of a newer version"}'),
        ("2026", "a", "of_a_newer_version", "{}"),
    ]
    await database.write(lambda tx: events.append(tx, told))
    found = page_of(database, 0, None, 10).events
    assert [one.text for one in found] == ["phase: created -> preflight", "", ""]


async def test_nothing_is_between_looking_back_and_following(chronicle, database):
    following = chronicle.follow(None, "docs", beat=30)
    told = asyncio.ensure_future(anext(following))
    await asyncio.sleep(0)
    chronicle.tell(Warned("other", "not this"))
    chronicle.tell(Progress("docs:part", "backfill", 1, 2))
    chronicle.tell(Warned("docs", "this"))
    events = [await told, await anext(following)]
    await following.aclose()
    assert sorted(event.kind for event in events) == ["progress", "warned"]
    assert {event.number is None for event in events} == {True, False}


async def test_a_sign_of_life_when_nothing_comes(chronicle):
    following = chronicle.follow(None, None, beat=0.01)
    assert await anext(following) is None
    await following.aclose()


async def test_who_does_not_keep_up_is_let_go(chronicle, monkeypatch):
    following = chronicle.follow(0, None, beat=30)
    assert (await anext(following)).kind == "warned"
    for number in range(chronicles._WAITING + 1):
        chronicle.tell(Progress("docs", "backfill", number, None))
    assert [event async for event in following] == []


async def test_followers_are_let_go_at_the_end(chronicle):
    following = chronicle.follow(None, None, beat=30)
    waiting = asyncio.ensure_future(anext(following, "over"))
    await asyncio.sleep(0)
    chronicle.release()
    assert await waiting == "over"
    assert [event async for event in chronicle.follow(None, None, beat=30)] == []
