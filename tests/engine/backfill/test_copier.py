import asyncio
from dataclasses import replace

import pytest

from vectormigrate.engine.work import Assignment, Lease, OpenPage, Release, Report
from vectormigrate.model.errors import RecordRefused, StoreError, Throttled, Unreachable, Unresolved
from vectormigrate.model.events import Retried, Warned
from vectormigrate.model.record import id_text, parse_id
from vectormigrate.model.specification import Existing
from vectormigrate.state import journal, ownership
from vectormigrate.stores.memory import Outcome


def covered(ids, standing):
    """Whether intents of one range cover these ids."""
    return all(
        any(
            (lower is None or parse_id(lower) < one) and (upper is None or one <= parse_id(upper))
            for _, _, lower, upper in standing
        )
        for one in ids
    )


async def test_the_order_of_a_page(world, bench):
    """P1: the intent is durable before the first read; P6: its close follows the answer to its last write."""
    await world.fill(range(25))
    made = bench(page=10)
    await made.prepare()
    await made.run()
    log = made.log
    for entry in log.of("read"):
        assert entry[1], "a page was read under no intent"
    pages = [entry[1] for entry in log.of("page")]
    assert [len(page) for page in pages] == [10, 10, 5]
    for entry in log.of("write"):
        assert covered(entry[1], entry[2])
    # Each batch is reported, and the report durable, before the next is sent; none is reported before its answer.
    order = [entry[0] for entry in log.of("write", "written", "Report sent", "Report")]
    assert order == ["write", "written", "Report sent", "Report"] * 8  # 4 + 4 + 2, twice, and 4 + 1
    assert [entry[1].closes for entry in log.of("Report")] == [False, False, True] * 2 + [False, True]
    assert made.standing() == []
    assert (made.ranges()[0].copied, made.ranges()[0].done) == (25, True)
    assert world.equal()


async def test_the_page_ahead_is_granted_before_the_page_behind_it_is_written(world, bench):
    await world.fill(range(20))
    made = bench(page=10)
    await made.prepare()
    await made.run()
    names = [entry[0] for entry in made.log]
    granted = [place for place, name in enumerate(names) if name == "OpenPage"]
    assert granted[1] < names.index("write")
    asked = [entry[1] for entry in made.log.of("OpenPage")]
    assert [request.lower for request in asked] == [None, "i:9", "i:19"]
    assert asked[1].narrow == made.log.of("OpenPage")[0][2]  # which then ends where its page did


async def test_the_cover_shrinks_with_every_report(world, bench):
    await world.fill(range(10))
    made = bench(page=10)
    await made.prepare()
    await made.run()
    seen = [entry[2][0][2:] for entry in made.log.of("write")]
    assert seen == [(None, "i:9"), ("i:3", "i:9"), ("i:7", "i:9")]


async def test_an_empty_range_is_finished_without_a_write(world, bench):
    await world.fill([])
    made = bench()
    await made.prepare()
    await made.run()
    assert not made.log.of("write")
    assert made.ranges()[0].done
    assert made.standing() == []


async def test_a_stop_ends_behind_the_present_batch_and_gives_the_range_back(world, bench):
    await world.fill(range(30))
    made = bench(page=10)
    coordinator = await made.prepare()
    coordinator._on_event = lambda event: coordinator.stop()
    await made.run()
    assert len(made.log.of("write")) == 1
    assert (made.ranges()[0].cursor, made.ranges()[0].done) == ("i:3", False)
    assert made.log.of("Release")[0][1] == Release(0)
    assert made.standing() == []  # everything sent was answered: nothing can land later
    made.again()
    await made.run()
    assert world.equal()
    assert [entry[1][0] for entry in made.log.of("write")][:2] == [0, 4]


async def test_a_retry_waits_as_long_as_it_was_asked_to_and_is_told(world, bench):
    await world.fill(range(4))
    made = bench()
    await made.prepare()
    world.target.faults.next_errors.append(Throttled("slow down", retry_after=7.5))
    await made.run()
    assert made.waits == [7.5]
    (told,) = [event for event in made.events if isinstance(event, Retried)]
    assert (told.attempt, told.wait, told.error) == (1, 7.5, "slow down")
    assert not made.coordinator.unresolved  # it was answered


async def test_a_store_that_stays_away_ends_the_copy_with_its_error_and_a_standing_intent(world, bench):
    await world.fill(range(8))
    made = bench()
    await made.prepare()
    world.target.faults.next_errors.extend(Unreachable("gone") for _ in range(3))
    with pytest.raises(Unreachable, match="gone"):
        await made.run()
    assert made.ranges()[0].cursor is None
    assert made.standing()


async def test_a_source_that_fails_ends_the_copy_with_its_error(world, bench):
    await world.fill(range(8))
    made = bench(page=4)
    await made.prepare()
    world.source.faults.next_errors.append(Unreachable("source gone"))
    with pytest.raises(Unreachable, match="source gone"):
        await made.run()


async def test_when_both_sides_fail_one_error_comes_out(world, bench):
    await world.fill(range(8))
    made = bench(page=4)
    await made.prepare()
    made.attempts = 1
    world.source.faults.down = world.target.faults.down = True
    with pytest.raises(Unreachable):
        await made.run(lanes=2)


async def test_a_programmers_mistake_is_not_swallowed(world, bench):
    await world.fill(range(8))
    made = bench()
    await made.prepare()
    world.target.faults.next_errors.append(ZeroDivisionError("a bug in an adapter"))
    with pytest.raises(ExceptionGroup) as raised:
        await made.run()
    assert raised.group_contains(ZeroDivisionError)
    assert made.standing()


async def test_a_cancelled_copy_leaves_its_intent_and_no_cursor(world, bench):
    await world.fill(range(8))
    made = bench()
    await made.prepare()
    world.target.faults.latency = 30.0
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await made.run()
    assert made.standing()
    assert made.ranges()[0].cursor is None


# Records that are refused.


async def test_refused_records_become_letters_and_marks_and_the_others_arrive(world, bench):
    await world.fill(range(12))
    made = bench()
    await made.prepare()
    world.target.faults.refused_ids = frozenset({5, 6})
    await made.run()
    assert sorted(world.held("target")) == [one for one in range(12) if one not in (5, 6)]
    assert made.marks() == ["i:5", "i:6"]
    assert made.ranges()[0].copied == 10


@pytest.mark.parametrize("error", [StoreError, RecordRefused])
async def test_a_batch_refused_whole_is_halved_to_the_record_that_spoils_it(world, bench, error):
    await world.fill(range(8))
    made = bench(batch_size=8)
    await made.prepare()
    copier = made.copier()
    target = copier._attempting(lambda *_: None)

    class Fussy(type(target)):
        async def upsert(self, collection, batch, *, fresh=False):
            if 5 in batch.ids:
                raise error("one of them is bad")
            return await super().upsert(collection, batch, fresh=fresh)

    copier._attempting = lambda on_retry: Fussy(target._inner)
    await copier.copy(await made.coordinator.ask(Lease()))
    assert sorted(world.held("target")) == [0, 1, 2, 3, 4, 6, 7]
    assert made.marks() == ["i:5"]


async def test_an_error_of_the_whole_request_is_not_blamed_on_a_record(world, bench):
    await world.fill(range(8))
    made = bench()
    await made.prepare()
    made.attempts = 1
    world.target.faults.down = True
    with pytest.raises(Unreachable):
        await made.run()
    assert made.marks() == []


# Attempts that nobody answered.


async def test_an_unanswered_attempt_keeps_the_intent_though_later_batches_of_its_page_are_answered(
    world, bench
):
    """P6 and P9: every attempt of every item, not every item once."""
    await world.fill(range(12))
    made = bench(page=12)
    await made.prepare()
    world.target.faults.outcome = Outcome.LATE
    world.target.faults.unresolved_next = 1
    await made.run()
    assert [entry[1].unresolved for entry in made.log.of("Report")] == [True, False, False]
    assert made.ranges()[0].done
    assert made.coordinator.unresolved
    (cover,) = made.standing()
    assert covered(range(4), [cover])  # what may still land is within what stands


async def test_a_batch_that_is_never_answered_for_ends_the_copy_and_is_not_asked_about_in_halves(
    world, bench
):
    await world.fill(range(8))
    made = bench(batch_size=8)
    await made.prepare()
    sizes = []
    copier = made.copier()
    target = copier._attempting(lambda *_: None)

    class Silent(type(target)):
        async def upsert(self, collection, batch, *, fresh=False):
            sizes.append(len(batch))
            raise Unresolved("no answer")

    copier._attempting = lambda on_retry: Silent(target._inner)
    with pytest.raises(Unresolved):
        await copier.copy(await made.coordinator.ask(Lease()))
    assert sizes == [8]
    assert made.standing()
    assert made.marks() == []  # nobody refused it


# Records of others.


async def foreign(made, ids):
    texts = [id_text(one) for one in ids]
    await made.database.write(lambda tx: ownership.add_foreign(tx, made.world.spec.id, texts))


async def test_foreign_records_are_left_alone(world, bench):
    await world.fill(range(8))
    await world.fill([2, 3], version=9, side="target")
    before = world.held("target")
    made = bench(foreign=True, existing=Existing.SKIP)
    await made.prepare()
    await foreign(made, [2, 3])
    await made.run()
    held = world.held("target")
    assert {2: held[2], 3: held[3]} == before
    assert len(held) == 8
    assert sum(len(entry[1].spared) for entry in made.log.of("Report")) == 2


async def test_a_pre_image_is_durable_before_its_record_is_replaced(world, bench):
    await world.fill(range(8))
    await world.fill([2, 3], version=9, side="target")
    before = world.held("target")
    made = bench(foreign=True, existing=Existing.OVERWRITE)
    await made.prepare()
    await foreign(made, [2, 3])
    await made.run()
    names = [entry[0] for entry in made.log]
    assert names.index("KeepPreImages") < names.index("write")
    kept = made.database.read(lambda tx: ownership.pre_images(tx, world.spec.id, "", 10))
    assert dict(kept) == {"i:2": before[2], "i:3": before[3]}
    assert world.equal()


# The running check.


async def test_a_target_that_corrupts_what_it_stores_is_caught_on_the_way(world, bench):
    await world.fill(range(24))
    made = bench(page=24, validate_every=2)
    await made.prepare()
    copier = made.copier()
    intact = copier._target.fetch

    async def corrupt(collection, ids, **options):
        batch = await intact(collection, ids, **options)
        batch.vectors["v"].values[0] += 1
        return batch

    copier._target.fetch = corrupt
    await copier.copy(Assignment("copy", 0, None, None))
    suspects = [entry[1].suspects for entry in made.log.of("Report")]
    assert suspects == [(), ("i:4",), (), ("i:12",), (), ("i:20",)]  # every second batch is looked at
    assert set(made.marks()) == {"i:4", "i:12", "i:20"}
    warned = [event.message for event in made.events if isinstance(event, Warned)]
    assert "1 of 4 records just written read back otherwise, i:4 among them" in warned[0]


async def test_a_healthy_target_is_looked_at_and_nothing_is_told(world, bench):
    await world.fill(range(24))
    made = bench(validate_every=1)
    await made.prepare()
    await made.run()
    assert made.marks() == []
    assert not [event for event in made.events if isinstance(event, Warned)]


# Sizes.


async def test_batches_hold_no_more_records_than_the_target_takes(world, bench):
    await world.fill(range(20))
    world.target.capabilities = replace(world.target.capabilities, write_batch=3)
    made = bench(page=20, batch_size=100)
    await made.prepare()
    await made.run()
    assert max(len(entry[1]) for entry in made.log.of("write")) == 3


async def test_batches_hold_no_more_bytes_than_the_target_takes(world, bench):
    await world.fill(range(20))
    world.target.capabilities = replace(world.target.capabilities, write_bytes=1000)
    made = bench(page=20, batch_size=100)
    await made.prepare()
    await made.run()
    assert max(len(entry[1]) for entry in made.log.of("write")) < 10


async def test_only_the_first_batch_of_a_continued_range_may_be_there_already(world, bench):
    await world.fill(range(12))
    made = bench(page=12)
    await made.prepare()
    await made.run()
    assert [entry[3] for entry in made.log.of("write")] == [True, True, True]
    made.log.clear()
    await made.copier().copy(Assignment("copy", 0, "i:3", None, fresh=False))
    assert [entry[3] for entry in made.log.of("write")] == [False, True]


async def test_a_nonce_is_never_used_twice(world, bench):
    await world.fill(range(30))
    made = bench(page=5)
    await made.prepare()
    await made.run()
    nonces = [entry[1].nonce for entry in made.log if isinstance(entry[1], OpenPage)]
    assert len(set(nonces)) == len(nonces) // 2  # each was noted when sent and when answered
    assert not journal.intents(made.database._reader, world.spec.id)


async def test_progress_is_reported_in_bytes_and_records(world, bench):
    await world.fill(range(8))
    made = bench()
    await made.prepare()
    await made.run()
    reports = [entry[1] for entry in made.log.of("Report")]
    assert all(isinstance(report, Report) and report.bytes > 0 for report in reports)
    assert [report.copied for report in reports] == [4, 4]
