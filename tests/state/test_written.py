"""What a state file tells of writes to a target."""

from itertools import pairwise

import pytest

from vectormigrate.model.phase import Phase
from vectormigrate.state import checkpoints, journal, migrations, written

AT = "2026-01-01T00:00:00+00:00"


@pytest.mark.parametrize("phase", [Phase.CREATED, Phase.PREFLIGHT, Phase.PASSTHROUGH])
@pytest.mark.parametrize("resting", [None, Phase.PAUSED, Phase.FAILED])
async def test_before_the_copy_nothing_is_written_whatever_is_marked(tx, phase, resting):
    await tx(journal.mark, ["i:1"], epoch=1, sequence=1, reason="write", at=AT)
    assert not await tx(written.anything, *((resting, phase) if resting else (phase, None)))


@pytest.mark.parametrize(
    "phase", set(Phase) - {Phase.CREATED, Phase.PREFLIGHT, Phase.PASSTHROUGH, Phase.BACKFILL}
)
async def test_behind_the_copy_something_may_be_there(tx, phase):
    assert await tx(written.anything, phase, None)
    assert await tx(written.anything, Phase.PAUSED, Phase.CATCH_UP)


async def plan(tx):
    await tx(checkpoints.plan, [(None, None)])
    assert not await tx(written.anything, Phase.FAILED, Phase.BACKFILL)


TRACES = {
    "a page": (journal.open_intent, (0, None, None), {"nonce": "n", "epoch": 1}),
    "a batch": (checkpoints.advance, (0, "i:3"), {"copied": 0, "skipped": 3, "size": 0}),
    "a range that is empty now": (checkpoints.finish, (0,), {}),
    "a replay": (journal.keep_ahead, (["i:7"],), {}),
    "a mark": (journal.mark, (["i:7"],), {"epoch": 1, "sequence": 1, "reason": "write", "at": AT}),
}


@pytest.mark.parametrize("trace", TRACES)
async def test_any_trace_of_a_write_says_that_something_may_be_there(tx, trace):
    await plan(tx)
    function, arguments, options = TRACES[trace]
    await tx(function, *arguments, **options)
    assert await tx(written.anything, Phase.FAILED, Phase.BACKFILL)


async def test_a_page_that_was_let_go_says_so_too(tx):
    await plan(tx)
    await tx(journal.open_intent, 0, None, None, nonce="n", epoch=1)
    await tx(journal.lapse)
    assert await tx(written.anything, Phase.PAUSED, Phase.BACKFILL)


async def test_replays_behind_the_copy_are_not_forgotten_when_it_goes_on(tx):
    await plan(tx)
    way = (Phase.CREATED, Phase.PREFLIGHT, Phase.BACKFILL, Phase.CATCH_UP, Phase.BACKFILL)
    for before, after in pairwise(way):
        await tx(migrations.move, before, after, at=AT)
    assert await tx(written.anything, Phase.BACKFILL, None)
