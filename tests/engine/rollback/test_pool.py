from dataclasses import replace
from itertools import pairwise

import pytest

from tests.fakes.world import SOURCE, TARGET, records, shape
from vectormigrate.engine.rollback import pool as pooling
from vectormigrate.engine.rollback.pool import Pool
from vectormigrate.engine.work import OpenPage
from vectormigrate.model.errors import Unreachable
from vectormigrate.model.planning import make_plan
from vectormigrate.model.record import id_text
from vectormigrate.model.snapshot import record_bytes, record_digest
from vectormigrate.state import checkpoints, journal, ownership


async def rollback(
    bench, *, dry_run=False, remove_unknown=True, target=None, stopped=lambda: False, verify=False
):
    world = bench.world
    target = target or world.store("target")
    plan = make_plan(shape(SOURCE), target.capabilities, TARGET, shape(TARGET), world.spec.mapping)
    pool = Pool(
        bench.database,
        world.spec.id,
        world.store("source"),
        SOURCE,
        target,
        plan,
        remove_unknown=remove_unknown,
        dry_run=dry_run,
        progress=lambda _: None,
        stopped=stopped,
    )
    return await pool.run(only_verify=verify)


async def foreign(bench, *ids):
    texts = [id_text(one) for one in ids]
    await bench.database.write(lambda tx: ownership.add_foreign(tx, bench.world.spec.id, texts))


@pytest.fixture
async def copied(world, bench):
    """Thirty records in three ranges, copied."""
    await world.fill(range(30))
    await bench.prepare([(None, "i:9"), ("i:9", "i:19"), ("i:19", None)])
    await bench.run()
    assert world.equal()
    return bench


async def test_what_was_copied_is_taken_out_by_the_scan_of_the_source(world, copied):
    done = await rollback(copied, remove_unknown=False)
    assert (done.deleted, done.left, done.unknown) == (30, 0, 0)
    assert world.held("target") == {}
    assert all(row.removed for row in copied.ranges())


async def test_nothing_behind_a_cursor_is_touched_where_no_page_stood(world, bench):
    """Cursor 4 of the first range, none of the second: what is in the target beyond is somebody's."""
    await world.fill(range(20))
    made = await bench.prepare([(None, "i:9"), ("i:9", None)])
    intent = await made.ask(open_page(0))
    await bench.database.write(
        lambda tx: checkpoints.advance(tx, "move", 0, "i:4", copied=5, skipped=0, size=1)
    )
    await bench.database.write(lambda tx: journal.close_intent(tx, "move", intent))
    await world.fill([2, 7, 15], side="target")
    await rollback(bench, remove_unknown=False, stopped=After(2))
    assert set(world.held("target")) == {7, 15}


def open_page(number):
    return OpenPage(number, None, None, f"nonce {number}")


class After:
    """No, so many times; yes from then on."""

    def __init__(self, times):
        self._times = times

    def __call__(self):
        self._times -= 1
        return self._times < 0


@pytest.mark.parametrize("lapsed", [False, True])
@pytest.mark.parametrize("bounds", [(None, "i:9"), (None, None)])
async def test_a_page_that_may_have_been_written_is_walked_though_no_cursor_says_so(
    world, bench, bounds, lapsed
):
    await world.fill(range(8))
    made = await bench.prepare([bounds])
    await made.ask(open_page(0))
    if lapsed:
        await bench.database.write(lambda tx: journal.lapse(tx, "move"))
    await world.fill([1, 2], side="target")  # its writes arrived, its report did not
    done = await rollback(bench, remove_unknown=False, stopped=After(2))  # before the reverse pass
    assert (done.deleted, world.held("target")) == (2, {})


async def test_marked_records_go_wherever_they_are(world, bench):
    await world.fill([])
    await bench.prepare()
    await world.fill([5], side="target")
    await bench.database.write(
        lambda tx: journal.mark(tx, "move", ["i:5"], epoch=1, sequence=1, reason="", at="")
    )
    await rollback(bench, remove_unknown=False)
    assert world.held("target") == {}


async def test_what_the_source_lost_goes_with_the_reverse_pass(world, copied):
    await world.remove([0, 3, 25])
    done = await rollback(copied)
    assert (done.deleted, done.left, world.held("target")) == (30, 0, {})


async def test_what_nobody_knows_stays_unless_asked_for(world, copied):
    await world.remove([0])
    await world.fill([777], side="target")
    done = await rollback(copied, remove_unknown=False)
    assert (set(world.held("target")), done.unknown, done.left) == ({0, 777}, 2, 0)
    assert (await rollback(copied)).unknown == 0
    assert world.held("target") == {}


async def test_a_source_record_that_came_behind_the_cursors_is_ours_too(world, copied):
    await world.fill([1000])
    await world.fill([1000], side="target")
    await copied.database.write(lambda tx: [checkpoints.finish_removal(tx, "move", one) for one in range(3)])
    done = await rollback(copied, remove_unknown=False)  # by the reverse pass alone
    assert (done.deleted, world.held("target")) == (31, {})


async def test_the_record_whose_id_is_zero_is_no_exception(world, copied):
    await copied.database.write(lambda tx: [checkpoints.finish_removal(tx, "move", one) for one in range(3)])
    await rollback(copied, remove_unknown=False)
    assert 0 not in world.held("target")


async def test_foreign_records_stay_and_are_proved_unchanged(world, copied):
    await world.fill([100, 101, 102], version=9, side="target")
    before = {one: world.held("target")[one] for one in (100, 101, 102)}
    await foreign(copied, 100, 101, 102)
    await foreign_digests(copied, 100, 101, 102)
    done = await rollback(copied)
    assert world.held("target") == before
    assert (done.foreign_kept, done.foreign_changed, done.left) == (3, 0, 0)
    await world.remove([100], side="target")
    await world.fill([101], version=10, side="target")
    done = await rollback(copied, verify=True)
    assert (done.foreign_kept, done.foreign_changed, done.changed) == (2, 2, ["i:101"])


async def foreign_digests(bench, *ids):
    digests = [(id_text(one.id), record_digest(one)) for one in records(ids, 9).records()]
    await bench.database.write(lambda tx: ownership.set_digests(tx, "move", digests))


async def overwritten(bench, ids):
    """Foreign records at version 9 that were replaced by the source's."""
    images = [(id_text(one.id), record_bytes(one)) for one in records(ids, 9).records()]
    await foreign(bench, *ids)
    await foreign_digests(bench, *ids)
    await bench.database.write(lambda tx: ownership.keep_pre_images(tx, "move", images))
    return {one.id: record_bytes(one) for one in records(ids, 9).records()}


async def test_overwritten_records_are_put_back_within_the_limits_of_a_write(world, copied):
    world.target.capabilities = replace(world.target.capabilities, write_batch=3)
    theirs = await overwritten(copied, range(10))
    done = await rollback(copied)
    assert world.held("target") == theirs
    assert (done.deleted, done.restored, done.owed, done.foreign_changed) == (20, 10, 0, 0)


async def test_a_pre_image_that_is_refused_is_owed(world, copied):
    await overwritten(copied, range(10))
    world.target.faults.refused_ids = frozenset({4})
    done = await rollback(copied)
    assert (done.restored, done.owed, done.foreign_changed) == (9, 1, 1)
    world.target.faults.refused_ids = frozenset()
    done = await rollback(copied)
    assert (done.restored, done.owed, done.foreign_changed) == (10, 0, 0)


async def test_a_dry_run_says_what_would_be_and_touches_nothing(world, copied):
    await overwritten(copied, range(10))
    before = world.held("target")
    done = await rollback(copied, dry_run=True)
    assert (done.deleted, done.restored, done.foreign_kept, done.foreign_changed) == (20, 10, 10, 0)
    assert world.held("target") == before
    assert not any(row.removed or row.removed_to for row in copied.ranges())


async def test_it_goes_on_behind_the_last_acknowledged_page(world, copied, monkeypatch):
    monkeypatch.setattr(pooling, "_PAGE", 4)
    monkeypatch.setattr(pooling, "WORKERS", 1)
    target = world.store("target")
    deleted = []
    intact = target.delete

    async def delete(collection, ids):
        if len(deleted) == 2:
            raise Unreachable("gone")
        deleted.append(list(ids))
        return await intact(collection, ids)

    target.delete = delete
    with pytest.raises(Unreachable, match="gone"):  # as it is, not in a group
        await rollback(copied, target=target)
    assert copied.ranges()[0].removed_to == "i:7"
    assert len(world.held("target")) == 22
    done = await rollback(copied)
    assert (done.deleted, done.left) == (22, 0)


async def test_a_stop_ends_behind_a_page_and_counts_what_is_left(world, copied, monkeypatch):
    monkeypatch.setattr(pooling, "_PAGE", 4)
    monkeypatch.setattr(pooling, "WORKERS", 1)
    done = await rollback(copied, stopped=After(2))
    assert 0 < done.left < 30
    assert done.left == len(world.held("target"))
    assert (await rollback(copied)).left == 0


async def test_a_target_whose_reads_are_stale_is_emptied_all_the_same(world, copied):
    world.target.faults.stale_for = 3600.0
    await world.fill([500], side="target")
    done = await rollback(copied)
    assert done.left == 0
    world.target.tables[TARGET].reveal()
    assert world.held("target") == {}


async def test_five_workers_share_the_ranges(world, bench):
    assert pooling.WORKERS == 5
    await world.fill(range(60))
    edges = [None, *(f"i:{ten}9" if ten else "i:9" for ten in range(5)), None]
    await bench.prepare(list(pairwise(edges)))
    await bench.run()
    under_way, most = 0, 0
    target = world.store("target")
    intact = target.fetch

    async def fetch(*arguments, **options):
        nonlocal under_way, most
        under_way += 1
        most = max(most, under_way)
        try:
            return await intact(*arguments, **options)
        finally:
            under_way -= 1

    target.fetch = fetch
    await rollback(bench, target=target)
    assert most == 5
    assert world.held("target") == {}
