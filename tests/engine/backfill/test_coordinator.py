import asyncio
from contextlib import asynccontextmanager, suppress

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.statefile import MemoryState
from tests.fakes.throttles import unhindered
from tests.fakes.virtual import LoopClock, run
from vectormigrate.engine.backfill.coordinator import CopyCoordinator
from vectormigrate.engine.backfill.covers import Covers
from vectormigrate.engine.work import (
    Assignment,
    Compared,
    Finish,
    ForeignAmong,
    KeepPreImages,
    Lease,
    Letter,
    OpenPage,
    Release,
    Report,
    Told,
)
from vectormigrate.model.collection import IdField, IdKind, KeyOrder
from vectormigrate.model.errors import StateFull
from vectormigrate.model.events import DeadLettered, Progress, RangeDone, Retried
from vectormigrate.model.record import parse_id
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.state import checkpoints, journal, migrations, ownership, sessions, views


@pytest.fixture
async def made(bench, world):
    await world.fill([])
    made = bench()
    await made.prepare([(None, "i:9"), ("i:9", "i:19"), ("i:19", None)])
    made.ask = made.coordinator.ask
    return made


def report(number, intent, cursor, **changes):
    values = {"copied": 1, "spared": (), "bytes": 10, "closes": False, **changes}
    return Report(number, intent, cursor, **values)


async def open_page(made, number, lower, nonce, narrow=None):
    return await made.ask(OpenPage(number, lower, "i:9", nonce, narrow))


async def test_each_range_is_handed_out_once_until_it_is_given_back(made):
    assert await made.ask(Lease()) == Assignment("copy", 0, None, "i:9")
    assert (await made.ask(Lease())).number == 1
    assert made.coordinator.remaining == 1
    assert (await made.ask(Lease())).number == 2
    assert await made.ask(Lease()) is None
    await made.ask(Release(1))
    await made.ask(Release(1))
    assert (await made.ask(Lease())).number == 1
    assert await made.ask(Lease()) is None


async def test_a_range_given_back_is_continued_behind_its_cursor(made):
    await made.ask(Lease())
    intent = await open_page(made, 0, None, "a")
    await made.ask(report(0, intent, "i:4"))
    await made.ask(Release(0))
    await made.ask(Lease())
    await made.ask(Lease())
    assert await made.ask(Lease()) == Assignment("copy", 0, "i:4", "i:9", fresh=False)


async def test_a_finished_range_is_not_handed_out_again(made):
    await made.ask(Lease())
    await made.ask(Finish(0, await open_page(made, 0, None, "a")))
    await made.ask(Release(0, lost=True))  # its worker dies behind its last word
    assert {(await made.ask(Lease())).number for _ in range(2)} == {1, 2}
    assert await made.ask(Lease()) is None
    assert made.standing() == []
    assert made.events == [RangeDone("move", 1, 3)]


async def test_a_stopped_backfill_hands_out_nothing_and_says_so(made):
    intent = await open_page(made, 0, None, "a")
    assert await made.ask(report(0, intent, "i:1")) is True
    made.coordinator.stop()
    assert await made.ask(report(0, intent, "i:2")) is False
    assert await made.ask(Lease()) is None


async def test_cursor_counts_letters_marks_and_intent_move_in_one_transaction(made, database, world):
    intent = await open_page(made, 0, None, "a")
    letters = (Letter("i:2", "refused", "too large"),)
    broken = report(0, intent, "i:4", copied=3, closes=True, letters=letters, suspects=("i:3", None))
    with pytest.raises(Exception, match="NOT NULL"):
        await made.ask(broken)  # its last mark cannot be written: nothing of it may be
    row = made.ranges()[0]
    assert (row.cursor, row.copied, row.batches, made.marks(), len(made.standing())) == (None, 0, 0, [], 1)
    await made.ask(report(0, intent, "i:4", copied=3, closes=True, letters=letters, suspects=("i:3",)))
    row = made.ranges()[0]
    assert (row.cursor, row.copied, row.batches) == ("i:4", 3, 1)
    assert made.marks() == ["i:2", "i:3"]
    assert made.standing() == []
    (held,) = database.read(lambda tx: views.dead_letters(tx, world.spec.id, 10, 0))
    assert (held["id"], held["message"]) == ("i:2", "too large")
    assert made.events[-2:] == [
        DeadLettered("move", "i:2", "too large"),
        Progress("move", "backfill", 3, 0, 10),
    ]


async def test_a_cover_is_narrowed_when_the_next_page_opens_and_shrinks_with_reports(made):
    first = await open_page(made, 0, None, "a")
    second = await open_page(made, 0, "i:5", "b", narrow=first)
    assert made.standing() == [(first, 0, None, "i:5"), (second, 0, "i:5", "i:9")]
    await made.ask(report(0, first, "i:3"))
    assert made.standing()[0] == (first, 0, "i:3", "i:5")
    await made.ask(report(0, first, "i:5", closes=True))
    assert made.standing() == [(second, 0, "i:5", "i:9")]


async def test_the_same_nonce_is_the_same_page(made):
    assert await open_page(made, 0, None, "a") == await open_page(made, 0, None, "a")
    assert len(made.standing()) == 1


async def test_an_unanswered_attempt_keeps_its_intent_whatever_is_reported_later(made):
    first = await open_page(made, 0, None, "a")
    await made.ask(report(0, first, "i:3", unresolved=True))
    await made.ask(report(0, first, "i:5", closes=True))
    assert made.standing() == [(first, 0, None, "i:9")]
    assert made.ranges()[0].cursor == "i:5"  # there is nothing to copy again (P9)
    await made.ask(Release(0))
    assert made.standing() == [(first, 0, None, "i:9")]
    assert made.coordinator.unresolved


async def test_a_lost_worker_leaves_its_intents_and_an_orderly_one_does_not(made):
    kept = await open_page(made, 0, None, "a")
    await made.ask(Release(0, lost=True))
    await open_page(made, 1, "i:9", "b")
    await made.ask(Release(1))
    assert [row[0] for row in made.standing()] == [kept]
    assert made.coordinator.unresolved


async def test_the_end_of_a_range_takes_what_had_lapsed_with_it(made, database, world):
    await open_page(made, 0, None, "of a dead process")
    await database.write(lambda tx: journal.lapse(tx, world.spec.id))
    intent = await open_page(made, 0, None, "a")
    await made.ask(Finish(0, intent))
    assert database.read(lambda tx: journal.intents(tx, world.spec.id)) == []


async def test_no_generation_is_given_twice_in_a_session(made, database, world):
    intent = await open_page(made, 0, None, "a")
    await made.ask(report(0, intent, "i:1", suspects=("i:1",)))
    made.again()
    await made.coordinator.ask(report(0, intent, "i:2", suspects=("i:2",)))
    first, second = database.read(lambda tx: journal.marks(tx, world.spec.id, "", 10))
    assert (first.epoch, first.sequence) != (second.epoch, second.sequence)


async def test_foreign_ids_and_pre_images(made, database, world):
    await database.write(lambda tx: ownership.add_foreign(tx, world.spec.id, ["i:1", "i:2"]))
    assert set(await made.ask(ForeignAmong(("i:1", "i:3")))) == {"i:1"}
    await made.ask(KeepPreImages((("i:1", b"theirs"),)))
    assert database.read(lambda tx: ownership.pre_images(tx, world.spec.id, "", 10)) == [("i:1", b"theirs")]


async def test_what_a_worker_tells_becomes_an_event(made):
    await made.ask(Told("Retried", {"attempt": 1, "wait": 0.5, "error": "slow"}))
    assert made.events == [Retried("move", 1, 0.5, "slow")]


async def test_a_backfill_compares_nothing(made):
    with pytest.raises(AssertionError):
        await made.ask(Compared(0))


# Covers, for replays to ask.


class Spying(Covers):
    """Covers that say when they were opened."""

    def __init__(self):
        super().__init__(IdField("id", IdKind.INT, KeyOrder.NUMERIC), parse_id, lambda: None)

    def held(self):
        return [one for one in range(12) if self.holds(one)]


@asynccontextmanager
async def covering(visibility=0.0):
    """(coordinator, its covers, its state)."""
    state = MemoryState()
    session = await state.write(lambda tx: sessions.begin(tx, at=""))
    spec = Specification("move", StoreRef("memory", "a", "docs"), StoreRef("memory", "b", "docs"))
    await state.write(lambda tx: migrations.create(tx, spec, at=""))
    await state.write(lambda tx: checkpoints.plan(tx, "move", [(None, "i:9")]))
    covers = Spying()
    clock = LoopClock()
    words = {"session": session, "now": clock.now, "on_event": [].append, "total": 0}
    yield CopyCoordinator(state, "move", covers=covers, visibility=visibility, **words), covers, state
    state.close()


def test_a_cover_stands_before_its_row_is_committed():
    async def main():
        async with covering() as (coordinator, covers, state), asyncio.TaskGroup() as group:
            state.before = 1.0
            group.create_task(coordinator.ask(OpenPage(0, None, "i:9", "a")))
            await asyncio.sleep(0.5)
            assert covers.held() == [*range(10)]
            assert state.read(lambda tx: journal.intents(tx, "move")) == []

    run(main())


@pytest.mark.parametrize("how", ["refused", "given up"])
def test_a_page_that_is_not_granted_covers_nothing(how):
    async def main():
        async with covering() as (coordinator, covers, state):
            state.before, state.full = 1.0, how == "refused"
            with suppress(StateFull, TimeoutError):
                async with asyncio.timeout(0.5 if how == "given up" else None):
                    await coordinator.ask(OpenPage(0, None, "i:9", "a"))
            assert len(covers) == 0

    run(main())


def test_the_first_read_waits_until_reads_see_what_was_written_before():
    async def main():
        async with covering(visibility=3.0) as (coordinator, covers, _):
            began = asyncio.get_running_loop().time()
            await coordinator.ask(OpenPage(0, None, "i:9", "a"))
            assert asyncio.get_running_loop().time() - began == pytest.approx(3.0)
            assert covers.held()

    run(main())


def test_covers_follow_the_rows():
    async def main():
        async with covering() as (coordinator, covers, _):
            first = await coordinator.ask(OpenPage(0, None, "i:9", "a"))
            second = await coordinator.ask(OpenPage(0, "i:5", "i:9", "b", narrow=first))
            await coordinator.ask(report(0, first, "i:3"))
            assert covers.held() == [4, 5, 6, 7, 8, 9]
            await coordinator.ask(report(0, first, "i:5", closes=True))
            assert covers.held() == [6, 7, 8, 9]
            await coordinator.ask(Finish(0, second))
            assert len(covers) == 0

    run(main())


def test_what_was_spared_is_marked_where_a_cutover_would_miss_it():
    async def main():
        async with covering() as (coordinator, _, state):
            intent = await coordinator.ask(OpenPage(0, None, "i:9", "a"))
            await coordinator.ask(report(0, intent, "i:3", spared=("i:1", "i:2")))
            marks = state.read(lambda tx: journal.marks(tx, "move", "", 10))
            assert [one.id for one in marks] == ["i:1", "i:2"]

    run(main())


async def test_what_was_spared_is_left_alone_otherwise(made):
    intent = await open_page(made, 0, None, "a")
    await made.ask(report(0, intent, "i:3", spared=("i:1", "i:2")))
    assert made.marks() == []


def test_an_unanswered_attempt_keeps_its_cover():
    async def main():
        async with covering() as (coordinator, covers, _):
            first = await coordinator.ask(OpenPage(0, None, "i:9", "a"))
            await coordinator.ask(report(0, first, "i:3", unresolved=True))
            await coordinator.ask(report(0, first, "i:5", closes=True))
            await coordinator.ask(Release(0))
            assert covers.held() == [*range(10)]

    run(main())


@pytest.mark.parametrize("lost", [True, False])
def test_a_lost_worker_leaves_its_covers_and_an_orderly_one_does_not(lost):
    async def main():
        async with covering() as (coordinator, covers, _):
            await coordinator.ask(OpenPage(0, None, "i:9", "a"))
            await coordinator.ask(Release(0, lost=lost))
            assert len(covers) == lost

    run(main())


async def test_an_answer_waits_for_the_pace_and_a_stop_for_nothing(made):
    clock = FakeClock()
    made.coordinator.throttle = unhindered(1.0, clock)
    pace = made.coordinator.throttle.pace
    await made.ask(Lease())
    intent = await open_page(made, 0, None, "a")
    assert await made.ask(report(0, intent, "i:4", copied=1000)) is True
    waiting = asyncio.ensure_future(made.ask(report(0, intent, "i:5")))
    while made.database.read(lambda tx: checkpoints.ranges(tx, made.world.spec.id))[0].cursor != "i:5":
        await asyncio.sleep(0.01)
    assert not waiting.done()  # what was written is kept; only the next batch has to wait
    pace.change(0.0)
    assert await waiting is True
    pace.change(1.0)
    await made.ask(report(0, intent, "i:6", copied=1000))
    waiting = asyncio.ensure_future(made.ask(report(0, intent, "i:7")))
    made.coordinator.stop()
    assert await waiting is False
