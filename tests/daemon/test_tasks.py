"""What a worker does with an assignment."""

from datetime import timedelta

from tests.fakes.crew import RECORDS, Scripted, held, job
from vectormigrate.daemon.tasks import Stores, SystemClock, tasks
from vectormigrate.engine.work import Assignment


def test_the_clocks_of_the_machine():
    clock = SystemClock()
    assert clock.now().utcoffset() == timedelta(0)
    assert clock.monotonic() <= clock.monotonic()


async def test_stores_are_closed_behind_the_block(tmp_path):
    wanted = await job(tmp_path)
    async with Stores.open(wanted.source, wanted.target) as stores:
        assert await stores.source.count("docs") == RECORDS
        assert await stores.target.count("docs") == 0


async def test_copying_is_what_a_copy_assignment_does(tmp_path):
    wanted = await job(tmp_path)
    coordinator = Scripted()
    async with Stores.open(wanted.source, wanted.target) as stores:
        known = tasks(coordinator, wanted, stores)
        assert set(known) == {"copy", "compare"}
        await known["copy"](Assignment("copy", 3, None, None))
    assert (held(tmp_path), coordinator.finished()) == (RECORDS, [3])
