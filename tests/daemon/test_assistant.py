"""An assistant: a process beside this one that looks and decodes, and that nothing depends on."""

import asyncio
import os
from contextlib import asynccontextmanager

import psutil
import pytest

from tests.fakes.crew import RECORDS, job
from vectormigrate.daemon.assistant import Assistant
from vectormigrate.engine.dualwrite.aside import Here
from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import CollectionMissing
from vectormigrate.stores import registry

MUCH = 2**20
PATIENCE = 60


def done_by():
    """A write that put the id of whichever process decodes it."""
    return Batch([os.getpid()], payload=[{}])


class Watched(Here):
    """What is left to this process."""

    def __init__(self, source):
        super().__init__(source)
        self.asked = 0

    async def decode(self, kept, size):
        self.asked += 1
        return await super().decode(kept, size)

    async def read(self, collection, ids, position):
        self.asked += 1
        return await super().read(collection, ids, position)


@asynccontextmanager
async def assisted(tmp_path, **given):
    """An assistant that runs, and what is left to this process."""
    wanted = await job(tmp_path)
    async with registry.open_store(wanted.source) as source, asyncio.timeout(PATIENCE):
        here = Watched(source)
        assistant = Assistant(wanted.source, wanted.shape, here, **given)
        async with asyncio.TaskGroup() as group:
            group.create_task(assistant.run())
            yield assistant, here
            assistant.stop()


async def ready(assistant):
    """The id of its process, once there is one."""
    while (found := (await assistant.decode([done_by], MUCH))[0].ids[0]) == os.getpid():
        await asyncio.sleep(0.01)
    return found


async def test_what_is_worth_a_way_is_decoded_in_a_process_of_its_own(tmp_path):
    async with assisted(tmp_path) as (assistant, here):
        process = psutil.Process(await ready(assistant))
        asked = here.asked
        batch, counts = await assistant.decode([done_by, done_by], MUCH)
        assert (batch.ids, counts, here.asked) == ([process.pid] * 2, [1, 1], asked)
        told = await assistant.decode([lambda: done_by()], MUCH)  # which only this process can call
        assert told[0].ids == [os.getpid()]
    assert not process.is_running()


async def test_nothing_is_started_for_what_is_not(tmp_path):
    before = psutil.Process().children()
    async with assisted(tmp_path) as (assistant, _):
        assert (await assistant.decode([done_by], 100))[0].ids == [os.getpid()]
        await asyncio.sleep(0)  # for it to begin what it should not
        assert psutil.Process().children() == before


async def test_it_reads_the_source_on_a_connection_of_its_own(tmp_path):
    async with assisted(tmp_path) as (assistant, here):
        await ready(assistant)
        asked = here.asked
        assert (await assistant.read("docs", range(1000), "")).ids == list(range(RECORDS))
        assert here.asked == asked
        assert len(await assistant.read("docs", [1, 2], "")) == 2  # too little to be worth a way
        assert here.asked == asked + 1
        with pytest.raises(CollectionMissing) as caught:  # it arrives whole
            await assistant.read("nothing", range(1000), None)
        assert (caught.value.collection, here.asked) == ("nothing", asked + 1)


class Deadly:
    """A write whose decoding ends any process but one."""

    def __init__(self):
        self._spared = os.getpid()

    def __call__(self):
        if os.getpid() != self._spared:
            os._exit(1)
        return done_by()


async def test_what_a_process_leaves_behind_is_done_here_and_another_takes_its_place(tmp_path):
    async with assisted(tmp_path, again=0.0) as (assistant, _):
        first = await ready(assistant)
        assert (await assistant.decode([Deadly()], MUCH))[0].ids == [os.getpid()]
        assert await ready(assistant) != first


async def test_a_process_that_hangs_is_ended_and_its_work_done_here(tmp_path):
    async with assisted(tmp_path, again=0.0, patience=0.5) as (assistant, _):
        hung = psutil.Process(await ready(assistant))
        hung.suspend()
        assert (await assistant.decode([done_by], MUCH))[0].ids == [os.getpid()]
        hung.wait(PATIENCE)
        assert await ready(assistant) not in (hung.pid, os.getpid())


async def test_a_machine_that_starts_no_more_processes_does_without(tmp_path, monkeypatch):
    async with assisted(tmp_path, again=0.0) as (assistant, _):
        with monkeypatch.context() as bad:
            bad.setattr("sys.executable", str(tmp_path / "nothing"))
            for _ in range(3):
                assert (await assistant.decode([done_by], MUCH))[0].ids == [os.getpid()]
                await asyncio.sleep(0.01)
        assert await ready(assistant) != os.getpid()  # and has one when it can
