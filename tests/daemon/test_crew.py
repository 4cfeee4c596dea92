"""Workers here and in processes of their own."""

import asyncio
import os

import psutil
import pytest

from tests.fakes.crew import RECORDS, Scripted, held, job
from vectormigrate.daemon.crew import LocalCrew, ProcessCrew, Together, TurnCrew
from vectormigrate.daemon.tasks import Stores
from vectormigrate.engine.work import Assignment, Release
from vectormigrate.model.errors import CollectionMissing, StoreBroken
from vectormigrate.model.events import WorkerLost

WHOLE = Assignment("copy", 7, None, None)


def workers():
    """Worker processes of this process: other tests' servers are its children as well."""
    return [
        child
        for child in psutil.Process(os.getpid()).children()
        if child.status() != psutil.STATUS_ZOMBIE and "vectormigrate.daemon.worker_process" in child.cmdline()
    ]


def kill_workers():
    for worker in workers():
        worker.kill()


async def test_a_worker_of_this_process(tmp_path):
    wanted = await job(tmp_path)
    coordinator = Scripted(WHOLE)
    async with Stores.open(wanted.source, wanted.target) as stores:
        await LocalCrew(wanted, stores).run(coordinator)
    assert (held(tmp_path), coordinator.copied(), coordinator.finished()) == (RECORDS, RECORDS, [7])


async def test_a_worker_process_that_is_killed_is_replaced(tmp_path):
    wanted = await job(tmp_path)
    coordinator = Scripted(WHOLE)
    killed, events = [], []

    def kill_once():
        if not killed:
            killed.append(workers())
            kill_workers()

    coordinator.on_report = kill_once
    await ProcessCrew(wanted, 1, "docs", events.append).run(coordinator)
    assert held(tmp_path) == RECORDS
    assert events == [WorkerLost("docs", -9)]
    assert Release(7, lost=True) in coordinator.told
    assert coordinator.finished() == [7]
    assert workers() == []


async def test_a_crew_whose_workers_all_die_gives_up(tmp_path):
    wanted = await job(tmp_path)
    coordinator = Scripted(WHOLE)
    coordinator.on_report = kill_workers
    events = []
    with pytest.raises(StoreBroken, match="5 worker processes ended without a word"):
        await ProcessCrew(wanted, 1, "docs", events.append).run(coordinator)
    assert len(events) == 5


async def test_an_error_of_a_worker_process_arrives_whole(tmp_path):
    wanted = await job(tmp_path)
    (tmp_path / "old.db").unlink()
    with pytest.raises(CollectionMissing) as caught:
        await ProcessCrew(wanted, 1, "docs", lambda event: None).run(Scripted(WHOLE))
    assert caught.value.collection == "docs"
    assert caught.value.hint


class Meeting:
    """A crew that ends only when as many as expected are at work."""

    def __init__(self, expected, present):
        self.expected = expected
        self.present = present

    async def run(self, coordinator):
        self.present.append(self)
        while len(self.present) < self.expected:
            await asyncio.sleep(0)


class Broken:
    """A crew that fails at once."""

    async def run(self, coordinator):
        raise StoreBroken("no")


async def test_crews_side_by_side_work_at_the_same_time():
    present = []
    async with asyncio.timeout(10):
        await Together(Meeting(2, present), Meeting(2, present)).run(Scripted(WHOLE))
    assert len(present) == 2


async def test_the_first_error_of_crews_side_by_side_ends_them_all():
    with pytest.raises(StoreBroken, match="no"):
        await Together(Meeting(2, []), Broken()).run(Scripted(WHOLE))


async def test_crews_of_one_turn_work_one_after_the_other_and_one_that_is_not_wanted_any_more_does_not():
    turn, wanted, told = asyncio.Lock(), asyncio.Event(), []

    class Telling:
        async def run(self, coordinator):
            told.append("begun")
            await asyncio.sleep(0)
            assert turn.locked()
            told.append("ended")

    wanted.set()
    async with asyncio.timeout(10), asyncio.TaskGroup() as group:
        for _ in range(2):
            group.create_task(TurnCrew(Telling(), turn, wanted.is_set).run(Scripted(WHOLE)))
    assert told == ["begun", "ended"] * 2
    wanted.clear()
    async with asyncio.timeout(10), turn:
        await TurnCrew(Telling(), turn, wanted.is_set).run(Scripted(WHOLE))
    assert told == ["begun", "ended"] * 2
