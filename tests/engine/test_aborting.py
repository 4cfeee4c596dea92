"""The end of what has put nothing anywhere: on a state file, with no store behind it."""

from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.planned import database
from tests.fakes.world import World
from vectormigrate.engine.aborting import REASON, abort
from vectormigrate.model.errors import GateRefused, UnknownMigration
from vectormigrate.model.events import PhaseChanged
from vectormigrate.model.phase import Phase
from vectormigrate.state import checkpoints, migrations, views

__all__ = ["database"]
AT = "2026-01-01T00:00:00+00:00"
TO_COPY = (Phase.PREFLIGHT, Phase.BACKFILL)


@pytest.fixture
def case(database, tmp_path):
    return Case(database, World(tmp_path / "unused.db").spec)


class Case:
    """Migrations that have come so far, and what was told of their end."""

    def __init__(self, database, spec):
        self.database, self.spec = database, spec
        self.events = []

    async def made(self, *way, name="move"):
        spec = replace(self.spec, id=name)
        await self.database.write(lambda tx: migrations.create(tx, spec, at=AT))
        for before, after in zip((Phase.CREATED, *way), way, strict=False):
            await self.database.write(
                lambda tx, one=before, other=after: migrations.move(tx, name, one, other, at=AT)
            )

    async def copied(self, name="move"):
        def work(tx):
            checkpoints.plan(tx, name, [(None, None)])
            checkpoints.advance(tx, name, 0, "i:3", copied=4, skipped=0, size=1)

        await self.database.write(work)

    async def abort(self, name="move", *, dry_run=False):
        await abort(self.database, name, FakeClock(), self.events.append, dry_run=dry_run)

    def phase(self, name="move"):
        return self.database.read(lambda tx: migrations.get(tx, name)).phase


@pytest.mark.parametrize(
    "way",
    [
        (),
        (Phase.PREFLIGHT,),
        (Phase.FAILED,),
        (Phase.PREFLIGHT, Phase.PASSTHROUGH),
        (Phase.PREFLIGHT, Phase.PASSTHROUGH, Phase.PAUSED),
        (*TO_COPY, Phase.FAILED),
    ],
)
async def test_what_has_put_nothing_anywhere_ends(case, way):
    await case.made(*way)
    await case.abort(dry_run=True)
    before = way[-1] if way else Phase.CREATED
    assert (case.phase(), case.events) == (before, [])
    await case.abort()
    assert case.phase() is Phase.ABORTED
    assert case.events == [PhaseChanged("move", before, Phase.ABORTED, REASON)]
    await case.abort()
    assert len(case.events) == 1  # it is over


async def test_a_committed_one_has_its_end_and_no_rollback_is_named(case):
    live = (
        Phase.PASSTHROUGH,
        Phase.BACKFILL,
        Phase.CATCH_UP,
        Phase.VERIFIED,
        Phase.CUTTING_OVER,
        Phase.REVERSED,
    )
    await case.made(Phase.PREFLIGHT, *live, Phase.COMMITTED)
    await case.copied()
    with pytest.raises(GateRefused, match="committed: that is its end") as told:
        await case.abort()
    assert not told.value.hint


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_was_copied_is_for_a_rollback(case, dry_run):
    await case.made(*TO_COPY, Phase.PAUSED)
    await case.copied()
    with pytest.raises(GateRefused, match="may have put something") as caught:
        await case.abort(dry_run=dry_run)
    assert "vectormigrate rollback move" in caught.value.hint
    assert case.phase() is Phase.PAUSED


async def test_what_is_about_to_copy_is_paused_first(case):
    await case.made(*TO_COPY)
    with pytest.raises(GateRefused, match="is in phase backfill") as caught:
        await case.abort()
    assert "vectormigrate pause move" in caught.value.hint


async def test_parts_end_together_or_not_at_all(case):
    await case.made(name="many")
    await case.made(Phase.FAILED, name="many:a")
    await case.made(*TO_COPY, Phase.FAILED, name="many:b")
    await case.copied("many:b")
    with pytest.raises(GateRefused, match="'many:b' may have") as caught:
        await case.abort("many")
    assert "rollback many`" in caught.value.hint
    assert case.phase("many:a") is Phase.FAILED
    await case.abort("many:a")
    assert case.phase("many:a") is Phase.ABORTED


async def test_a_whole_ends_with_its_parts(case):
    for name in ("many", "many:a", "many:b"):
        await case.made(name=name)
    await case.abort("many")
    told = case.database.read(lambda tx: [one.id for one in views.parts(tx, "many")])
    assert {case.phase(one) for one in told} == {Phase.ABORTED}
    assert [event.migration_id for event in case.events] == ["many:a", "many:b"]


async def test_there_has_to_be_one(case):
    with pytest.raises(UnknownMigration):
        await case.abort("nope")
