from dataclasses import replace

import pytest

from tests.fakes.world import World
from vectormigrate.model.division import Division, part_id
from vectormigrate.model.errors import UnknownMigration
from vectormigrate.model.phase import Phase
from vectormigrate.state import checkpoints, dead_letters, journal, migrations, views
from vectormigrate.state.dead_letters import DeadLetter


async def test_a_status_adds_up_what_the_rooms_hold(tx):
    await tx(checkpoints.plan, [(None, "i:5"), ("i:5", None)])
    await tx(checkpoints.advance, 0, "i:5", copied=5, skipped=0, size=50)
    await tx(checkpoints.advance, 1, "i:7", copied=2, skipped=0, size=20)
    await tx(checkpoints.finish, 0)
    await tx(journal.mark, ["i:6"], epoch=1, sequence=1, reason="", at="")
    await tx(dead_letters.add, [DeadLetter("i:6", "refused", "no")], at="")
    status = await tx(views.status)
    assert (status.copied, status.batches, status.bytes) == (7, 2, 70)
    assert (status.ranges, status.ranges_done, status.debt, status.dead_letters, status.findings) == (
        2,
        1,
        1,
        1,
        0,
    )
    assert (status.source, status.target) == ("memory:docs", "memory:copy")
    assert status.next_steps == ("vectormigrate resume move",)


async def test_what_a_process_owns_can_be_paused_and_looked_at(tx):
    async def steps():
        status = await tx(views.status)
        return status.next_steps, (await tx(views.status, owned=True)).next_steps

    for before, after, while_owned in (
        (Phase.CREATED, Phase.PREFLIGHT, ("vectormigrate pause move",)),
        (Phase.PREFLIGHT, Phase.BACKFILL, ("vectormigrate pause move",)),
        (Phase.BACKFILL, Phase.CATCH_UP, ("vectormigrate pause move",)),
        (Phase.CATCH_UP, Phase.VERIFIED, ("vectormigrate report move",)),
    ):
        await tx(migrations.move, before, after, at="2026-01-05T00:00:00+00:00")
        alone, owned = await steps()
        assert "vectormigrate pause move" not in alone
        assert owned == while_owned


async def test_migrations_are_listed_newest_first_by_phase_and_page(database, tx, tmp_path):
    plain = World(tmp_path / "x.db").spec
    for day, name in ((3, "b"), (4, "c")):
        spec = replace(plain, id=name)
        at = f"2026-01-0{day}T00:00:00+00:00"
        await database.write(lambda tx, spec=spec, at=at: migrations.create(tx, spec, at=at))
    await tx(migrations.move, Phase.CREATED, Phase.PREFLIGHT, at="2026-01-05T00:00:00+00:00")

    def listed(*arguments):
        return [one.migration_id for one in database.read(lambda tx: views.all_statuses(tx, *arguments))]

    assert listed(None, 10, 0) == ["c", "b", "move"]
    assert listed("created", 10, 0) == ["c", "b"]
    assert listed(None, 1, 1) == ["b"]


async def test_nobody_knows_an_unknown_migration(database):
    for look in (views.status, views.specification):
        with pytest.raises(UnknownMigration, match="there is no migration 'none'"):
            database.read(lambda tx, look=look: look(tx, "none"))


async def test_there_is_no_mapping_before_the_plan(tx):
    assert await tx(views.mapping) is None


async def several(database, path, *, parts=("a", "b")):
    """A migration of several parts, beside one of one piece."""
    spec = World(path).spec
    whole = replace(spec, id="many", division=Division(("*",)))
    for one in (whole, *(replace(spec, id=part_id("many", name)) for name in parts)):
        await database.write(lambda tx, one=one: migrations.create(tx, one, at="2026-01-02T00:00:00+00:00"))


async def test_parts_are_told_with_their_whole(database, tx, tmp_path):
    await several(database, tmp_path)
    await database.write(lambda tx: checkpoints.plan(tx, "many:a", [(None, None)]))
    await database.write(lambda tx: checkpoints.advance(tx, "many:a", 0, "i:5", copied=5, skipped=0, size=50))
    listed = database.read(lambda tx: views.all_statuses(tx, None, 10, 0))
    assert sorted(one.migration_id for one in listed) == ["many", "move"]
    assert [(one.copied, one.parts) for one in listed if one.migration_id == "many"] == [(5, ())]
    whole = database.read(lambda tx: views.status(tx, "many"))
    assert (whole.copied, [part.migration_id for part in whole.parts]) == (5, ["many:a", "many:b"])
    assert database.read(lambda tx: [one.id for one in views.parts(tx, "many")]) == ["many:a", "many:b"]
    assert sorted(one.migration_id for one in database.read(views.each_status)) == [
        "many:a",
        "many:b",
        "move",
    ]


async def test_what_parts_refused_is_told_with_the_part(database, tx, tmp_path):
    await several(database, tmp_path)
    for name in ("many:b", "many:a", "move"):
        await database.write(
            lambda tx, name=name: dead_letters.add(tx, name, [DeadLetter("i:6", "no", "no")], at="")
        )
    found = database.read(lambda tx: views.dead_letters(tx, "many", 10, 0))
    assert [one["part"] for one in found] == ["many:a", "many:b"]
    assert "part" not in database.read(lambda tx: views.dead_letters(tx, "many:a", 10, 0))[0]
