import asyncio

import pytest

from tests.fakes.virtual import LoopClock, soon
from vectormigrate.engine.dualwrite.fence import Fence
from vectormigrate.engine.dualwrite.terms import Guards, Terms
from vectormigrate.model.errors import StoreDown


def fence_of(*, guards=Guards(), **terms):  # noqa: B008 frozen
    return Fence("docs", Terms(**terms), guards)


async def test_an_open_fence_holds_nobody():
    fence = fence_of()
    await fence.enter(10)
    assert (fence.closed, fence.entered) == (False, 1)


async def test_writes_wait_at_a_closed_one_and_count_once_they_are_through():
    fence = fence_of()
    fence.close()
    async with asyncio.TaskGroup() as group:
        group.create_task(fence.enter(10))
        await asyncio.sleep(1)
        assert (fence.closed, fence.entered) == (True, 0)
        fence.open()
    assert fence.entered == 1


async def test_whoever_is_let_go_while_it_closes_again_waits_on():
    fence = fence_of()
    fence.close()
    async with asyncio.TaskGroup() as group:
        group.create_task(fence.enter(10))
        await soon()
        fence.open()
        fence.close()
        await soon()
        assert (fence.entered, fence.drained.is_set()) == (0, True)
        fence.open()
    assert fence.entered == 1


async def test_what_waits_too_long_is_sent_away_with_when_to_come_again():
    fence, clock = fence_of(hold_seconds=5.0), LoopClock()
    fence.close()
    began = clock.monotonic()
    with pytest.raises(StoreDown, match="holds writes") as caught:
        await fence.enter(10)
    assert clock.monotonic() - began == pytest.approx(5.0)
    assert (caught.value.retry_after, caught.value.collection) == (1.0, "docs")
    assert (fence.entered, fence.drained.is_set()) == (0, True)


@pytest.mark.parametrize("limits", [{"hold_requests": 2}, {"hold_bytes": 25}], ids=["requests", "bytes"])
async def test_there_is_room_for_only_so_much(limits):
    fence = fence_of(**limits)
    for _ in range(2):  # the second time, the room is free again
        fence.close()
        async with asyncio.TaskGroup() as group:
            group.create_task(fence.enter(10))
            group.create_task(fence.enter(10))
            await soon()
            with pytest.raises(StoreDown):
                await fence.enter(10)
            fence.open()


async def test_it_is_drained_when_the_last_write_has_left():
    fence = fence_of()
    assert fence.drained.is_set()
    await fence.enter(10)
    await fence.enter(10)
    fence.leave()
    assert not fence.drained.is_set()
    fence.leave()
    assert fence.drained.is_set()


async def test_the_simulation_can_take_it_out():
    fence = fence_of(guards=Guards(fence=False))
    fence.close()
    await fence.enter(10)
    assert not fence.closed
