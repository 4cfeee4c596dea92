import itertools
from dataclasses import replace

import pytest

from tests.fakes.world import World
from vectormigrate.model.errors import GateRefused, IllegalTransition, MigrationExists, UnknownMigration
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode
from vectormigrate.state import audit, journal, migrations, views

AT = "2026-01-02T00:00:00+00:00"


async def move(tx, before, after, reason=""):
    await tx(migrations.move, before, after, at=AT, reason=reason)


async def test_the_same_again_is_a_no_op_and_other_settings_are_named(database, tx, tmp_path):
    spec = (await tx(migrations.get)).specification
    await database.write(lambda tx: migrations.create(tx, spec, at=AT))
    other = replace(spec, batch_size=7, target=replace(spec.target, collection="elsewhere"))
    with pytest.raises(MigrationExists, match="other settings: target, batch_size"):
        await database.write(lambda tx: migrations.create(tx, other, at=AT))
    assert len(await tx(audit.of_migration)) == 1


async def test_a_migration_reads_back_as_it_was_asked_for(database, tmp_path):
    spec = World(tmp_path / "x.db", max_rate=7.5).spec
    await database.write(lambda tx: migrations.create(tx, spec, at=AT))
    assert database.read(lambda tx: migrations.get(tx, spec.id)).specification == spec
    with pytest.raises(UnknownMigration, match="'none'"):
        database.read(lambda tx: migrations.get(tx, "none"))


async def test_a_phase_moves_by_compare_and_set_along_the_table(tx):
    await move(tx, Phase.CREATED, Phase.PREFLIGHT)
    with pytest.raises(GateRefused, match="in phase preflight, not created"):
        await move(tx, Phase.CREATED, Phase.PREFLIGHT)
    with pytest.raises(IllegalTransition):
        await move(tx, Phase.PREFLIGHT, Phase.VERIFIED)
    assert (await tx(migrations.get)).phase is Phase.PREFLIGHT
    moves = [(row["before"], row["after"]) for row in await tx(audit.of_migration)]
    assert moves == [("", "created"), ("created", "preflight")]  # every move that happened, and no other


async def test_resting_remembers_where_to_go_on(tx):
    await move(tx, Phase.CREATED, Phase.PREFLIGHT)
    await move(tx, Phase.PREFLIGHT, Phase.FAILED, "store_down: it is down")
    held = await tx(migrations.get)
    assert (held.phase, held.resume_phase, held.error) == (
        Phase.FAILED,
        Phase.PREFLIGHT,
        "store_down: it is down",
    )
    await move(tx, Phase.FAILED, Phase.PREFLIGHT)
    held = await tx(migrations.get)
    assert (held.resume_phase, held.error) == (None, "")


async def test_verified_once_is_completed_for_good(tx):
    for before, after in (
        (Phase.CREATED, Phase.PREFLIGHT),
        (Phase.PREFLIGHT, Phase.BACKFILL),
        (Phase.BACKFILL, Phase.CATCH_UP),
        (Phase.CATCH_UP, Phase.VERIFIED),
    ):
        assert not (await tx(migrations.get)).completed
        await move(tx, before, after)
    await move(tx, Phase.VERIFIED, Phase.ROLLING_BACK)
    assert (await tx(migrations.get)).completed


@pytest.mark.parametrize(("mode", "ended"), [("offline", AT), ("proxied", None)])
async def test_a_live_one_that_failed_has_not_ended(database, mode, ended):
    """It marks on, and is tried again; an offline one rests until somebody comes."""
    asked = replace(World(database.path).spec, id="other", mode=Mode(mode))
    await database.write(lambda tx: migrations.create(tx, asked, at=AT))
    for before, after in ((Phase.CREATED, Phase.PREFLIGHT), (Phase.PREFLIGHT, Phase.FAILED)):
        await database.write(
            lambda tx, before=before, after=after: migrations.move(tx, "other", before, after, at=AT)
        )
    told = database.read(lambda tx: views.status(tx, "other"))
    assert (told.phase, told.ended_at and told.ended_at.isoformat()) == (Phase.FAILED, ended)


async def test_a_commit_leaves_nothing_that_is_owed(database):
    """In the transaction of the move: a process that dies behind it leaves no debt that nobody pays."""
    asked = replace(World(database.path).spec, id="other", mode=Mode.PROXIED)
    way = (
        "created",
        "preflight",
        "passthrough",
        "backfill",
        "catch_up",
        "verified",
        "cutting_over",
        "reversed",
    )

    def owed(tx):
        return journal.debt(tx, "other")

    def work(tx):
        migrations.create(tx, asked, at=AT)
        journal.mark(tx, "other", ["i:1"], epoch=1, sequence=1, reason="write", at=AT)
        for before, after in itertools.pairwise(map(Phase, way)):
            migrations.move(tx, "other", before, after, at=AT)

    await database.write(work)
    assert database.read(owed) == 1
    await database.write(lambda tx: migrations.move(tx, "other", Phase.REVERSED, Phase.COMMITTED, at=AT))
    assert database.read(owed) == 0


async def test_flags_are_kept(tx):
    await tx(migrations.set_target_created)
    await tx(migrations.set_needs_reconcile, True)
    held = await tx(migrations.get)
    assert (held.target_created, held.needs_reconcile) == (True, True)
    await tx(migrations.set_needs_reconcile, False)
    assert not (await tx(migrations.get)).needs_reconcile
