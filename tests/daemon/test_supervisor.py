"""Named tasks, and what it means when one dies."""

import asyncio

import pytest

from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.errors import StateFull


async def test_the_block_ends_when_every_task_has():
    done = []

    async def work():
        await asyncio.sleep(0.01)
        done.append(asyncio.current_task().get_name())

    async with Supervisor() as supervisor:
        supervisor.spawn(work(), name="replay")
    assert done == ["replay"]


async def test_what_lasts_is_cancelled_at_the_end_and_the_rest_is_not():
    ended = []

    async def lasting():
        try:
            await asyncio.Event().wait()
        finally:
            ended.append("lasting")

    async def work():
        await asyncio.sleep(0.02)
        ended.append("work")

    async with Supervisor() as supervisor:
        supervisor.spawn_lasting(lasting(), name="watchdog")
        supervisor.spawn(work(), name="handler")
        await asyncio.sleep(0)
    assert ended == ["lasting", "work"]


async def test_what_is_abandoned_is_cancelled():
    async with Supervisor() as supervisor:
        stuck = supervisor.spawn(asyncio.Event().wait(), name="handler")
        await asyncio.sleep(0)
        supervisor.abandon()
    assert stuck.cancelled()


async def test_a_dead_task_ends_everything_and_its_error_comes_out_bare():
    cancelled = []

    async def dying():
        raise StateFull("the disk is full")

    async def other():
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            cancelled.append(True)
            raise

    async def supervised():
        async with Supervisor() as supervisor:
            supervisor.spawn(other(), name="replay")
            supervisor.spawn(dying(), name="journal")
            await asyncio.Event().wait()

    with pytest.raises(StateFull, match="the disk is full"):
        await supervised()
    assert cancelled == [True]


async def test_of_two_errors_the_foreseen_one_comes_out_and_the_other_is_logged(caplog):
    async def unforeseen():
        raise ValueError("boom")

    async def foreseen():
        raise StateFull("the disk is full")

    async def supervised():
        async with Supervisor() as supervisor:
            supervisor.spawn(unforeseen(), name="a")
            supervisor.spawn(foreseen(), name="b")

    with pytest.raises(StateFull):
        await supervised()
    assert "boom" in caplog.text


async def test_an_error_of_the_block_itself_comes_out_bare():
    async def supervised():
        async with Supervisor() as supervisor:
            supervisor.spawn_lasting(asyncio.Event().wait(), name="watchdog")
            raise StateFull("the disk is full")

    with pytest.raises(StateFull):
        await supervised()
