import asyncio

import msgspec
import pytest

from tests.engine.validate.pairs import make_pair
from tests.fakes.clock import FakeClock
from tests.fakes.throttles import unhindered
from tests.fakes.world import World
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.engine.validate.coordinator import CompareCoordinator
from vectormigrate.engine.validate.fullscan import Span, compare_range, plan_spans
from vectormigrate.engine.work import Compared, ForeignAmong, Lease, Release, Report, Told
from vectormigrate.model.events import Progress, Warned
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.state import findings, journal, migrations, ownership
from vectormigrate.state.database import Database

LOST = Finding(FindingKind.MISSING, "i:1")


@pytest.fixture
async def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    await owned.write(lambda tx: migrations.create(tx, World(tmp_path / "x").spec, at=""))
    yield owned
    owned.close()


@pytest.fixture
async def spans():
    return await plan_spans((await make_pair(count=60)).sides, 3)


def coordinate(database, spans, events=None, on_findings=None):
    events = [] if events is None else events
    return CompareCoordinator(
        database,
        "move",
        spans,
        total=60,
        now=SystemClock().now,
        on_event=events.append,
        on_findings=on_findings,
    )


def held(database):
    return database.read(lambda tx: findings.page(tx, "move", ("", "", ""), 10))


def part(number, *found, **fields):
    return Compared(number, findings=tuple(msgspec.to_builtins(one) for one in found), **fields)


async def test_each_span_is_handed_out_once_until_it_is_given_back(database, spans):
    coordinator = coordinate(database, spans)
    leased = [await coordinator.ask(Lease()) for _ in spans]
    assert [msgspec.convert(one.span, Span) for one in leased] == spans
    assert await coordinator.ask(Lease()) is None
    await coordinator.ask(Release(1, lost=True))
    await coordinator.ask(Release(1))
    assert (await coordinator.ask(Lease())).number == 1
    assert await coordinator.ask(Lease()) is None


async def test_what_nobody_has_to_be_told_of_is_counted_once_whoever_was_lost_over_it(database, spans):
    def telling(found):
        return [one for one in found if one != LOST]

    coordinator = CompareCoordinator(
        database, "move", spans, total=60, now=SystemClock().now, on_event=print, telling=telling
    )
    other = Finding(FindingKind.MISSING, "i:2")
    for _ in range(2):
        assert (await coordinator.ask(Lease())).number == 0
        await coordinator.ask(part(0, LOST, other))
        coordinator._open.appendleft(0)  # its worker is lost
    assert (held(database), coordinator.untold) == ([other], 1)


async def test_findings_are_kept_as_they_come_and_marked_with_them(database, spans):
    def mark(tx, found):
        journal.mark(tx, "move", [one.id for one in found], epoch=1, sequence=1, reason="", at="")

    coordinator = coordinate(database, spans, on_findings=mark)
    await coordinator.ask(part(0, LOST))
    assert held(database) == [LOST]
    assert [one.id for one in database.read(lambda tx: journal.marks(tx, "move", "", 9))] == ["i:1"]

    def fails(tx, found):
        raise KeyError("no mark")

    coordinator = coordinate(database, spans, on_findings=fails)
    with pytest.raises(KeyError):
        await coordinator.ask(part(0, Finding(FindingKind.EXTRA, "i:2")))
    assert held(database) == [LOST]  # neither without the other


async def test_it_is_complete_when_every_span_has_its_result(database):
    pair = await make_pair(count=60)
    spans = await plan_spans(pair.sides, 3)
    events = []
    coordinator = coordinate(database, spans, events)
    for number, span in enumerate(spans):
        assert not coordinator.complete
        assert (await coordinator.ask(Lease())).number == number
        result = await compare_range(pair.sides, span, pair.sink, pair.progress)
        await coordinator.ask(Compared(number, records=20, result=result.as_dict()))
        await coordinator.ask(Release(number))  # its worker ends behind its last word
    assert coordinator.complete
    assert await coordinator.ask(Lease()) is None
    assert [event.done for event in events if isinstance(event, Progress)] == [20, 40, 60]


async def test_a_stopped_comparison_hands_out_nothing(database, spans):
    coordinator = coordinate(database, spans)
    assert await coordinator.ask(Compared(0)) is True
    coordinator.stop()
    assert await coordinator.ask(Lease()) is None
    assert await coordinator.ask(Compared(0)) is False


async def test_overwritten_records_are_foreign_only_to_who_asks_so(database, spans):
    await database.write(lambda tx: ownership.add_foreign(tx, "move", ["i:1", "i:2"]))
    await database.write(lambda tx: ownership.keep_pre_images(tx, "move", [("i:1", b"")]))
    coordinator = coordinate(database, spans)
    assert set(await coordinator.ask(ForeignAmong(("i:1", "i:2", "i:3")))) == {"i:1", "i:2"}
    assert await coordinator.ask(ForeignAmong(("i:1", "i:2", "i:3"), untouched=True)) == ("i:2",)


async def test_what_a_worker_tells_becomes_an_event_and_copying_is_a_mistake(database, spans):
    events = []
    coordinator = coordinate(database, spans, events)
    await coordinator.ask(Told("Warned", {"message": "look"}))
    assert events == [Warned("move", "look")]
    with pytest.raises(AssertionError):
        await coordinator.ask(Report(0, 1, "i:1", 1, 0, 1, True))


async def test_comparing_keeps_to_the_pace(database, spans):
    coordinator = coordinate(database, spans)
    coordinator.throttle = unhindered(1.0, FakeClock())
    pace = coordinator.throttle.pace
    assert await coordinator.ask(part(0, records=1000)) is True
    waiting = asyncio.ensure_future(coordinator.ask(part(1, records=1)))
    await asyncio.sleep(0)
    assert not waiting.done()
    pace.change(0.0)
    assert await waiting is True
