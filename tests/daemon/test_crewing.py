"""Who does a piece of work."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.fakes.statefile import MemoryState
from tests.fakes.virtual import virtually
from tests.fakes.world import SOURCE, TARGET, World
from vectormigrate.daemon.crew import LocalCrew, ProcessCrew, Together
from vectormigrate.daemon.crewing import crew_for, worker_count
from vectormigrate.daemon.tasks import Stores
from vectormigrate.model.mapping import make_plan
from vectormigrate.state import migrations, ownership
from vectormigrate.stores.memory import CAPABILITIES


class Site:
    """A planned migration between two stores that several processes may hold open."""

    def __init__(self, **settings):
        self.world = World("unused.db", **settings)
        self.state = MemoryState()
        for side in (self.world.source, self.world.target):
            side.capabilities = replace(CAPABILITIES, multi_process=True)
        self.stores = Stores(*map(self.world.store, ("source", "target", "source")))

    async def crew(self, ranges=8, total=10_000, **words):
        spec = self.world.spec
        await self.world.fill([1])
        described = await self.stores.source.describe(SOURCE)
        plan = make_plan(described, self.stores.target.capabilities, TARGET)
        await self.state.write(lambda tx: migrations.create(tx, spec, at=""))
        await self.state.write(lambda tx: migrations.set_plan(tx, spec.id, described, plan, total, 64))
        return crew_for(
            self.state,
            self.state.read(lambda tx: migrations.get(tx, spec.id)),
            ranges,
            self.stores,
            [].append,
            **{"threshold": 0.9, "writing": True, **words},
        )


def test_as_many_workers_as_are_asked_for_or_one_a_core(monkeypatch):
    monkeypatch.setattr("os.cpu_count", lambda: 7)
    spec = World("unused.db").spec
    assert [worker_count(replace(spec, workers=workers)) for workers in (0, 3)] == [7, 3]
    monkeypatch.setattr("os.cpu_count", lambda: None)
    assert worker_count(spec) == 1


@virtually
async def test_this_process_and_others():
    crew = await Site(workers=4).crew()
    assert isinstance(crew, Together)
    here, others = crew._crews
    assert (type(here), type(others), others._processes) == (LocalCrew, ProcessCrew, 3)


@virtually
async def test_a_process_that_serves_leaves_the_work_to_others():
    crew = await Site(workers=4).crew(serving=True)
    assert (type(crew), crew._processes) == (ProcessCrew, 4)


@pytest.mark.parametrize("why", ["one worker", "one range", "few records", "one writer"])
@virtually
async def test_where_others_would_not_help_there_are_none(why):
    site = Site(workers={"one worker": 1, "few records": 0}.get(why, 4))
    if why == "one writer":
        site.world.target.capabilities = replace(CAPABILITIES, multi_process=True, max_writers=1)
    crew = await site.crew(1 if why == "one range" else 8, 4_999 if why == "few records" else 10_000)
    assert isinstance(crew, LocalCrew)


@virtually
async def test_a_serving_process_does_the_little_there_is_itself():
    assert isinstance(await Site().crew(total=4_999, serving=True), LocalCrew)
    site = Site(workers=4)
    site.world.source.capabilities = replace(CAPABILITIES, multi_process=False)
    assert isinstance(await site.crew(serving=True), LocalCrew)


@virtually
async def test_readers_are_not_bound_by_how_many_may_write():
    site = Site(workers=4)
    site.world.target.capabilities = replace(CAPABILITIES, multi_process=True, max_writers=1)
    assert (await site.crew(writing=False, serving=True))._processes == 4


@virtually
async def test_they_are_told_whether_there_are_foreign_records():
    site = Site(workers=1)
    assert not (await site.crew())._job.settings.foreign
    await site.state.write(lambda tx: ownership.add_foreign(tx, site.world.spec.id, ["i:1"]))
    assert (await site.crew())._job.settings.foreign


class Waiting:
    """Recruits that say that they were let go."""

    dismissed = False

    def dismiss(self):
        self.dismissed = True


@virtually
async def test_who_waits_for_nothing_is_let_go():
    waiting = Waiting()
    await Site(workers=1).crew(recruits=waiting)
    assert waiting.dismissed
    waiting = Waiting()
    crew = await Site(workers=4).crew(recruits=waiting, serving=True)
    assert (waiting.dismissed, crew._recruits) == (False, waiting)
