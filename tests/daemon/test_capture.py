"""What is done to the capture of a source, with secrets resolved and the way chosen."""

from __future__ import annotations

from dataclasses import replace

import apsw
import pytest

from vectormigrate.daemon.capture import Action, capture
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.division import Division
from vectormigrate.model.errors import CaptureTaken, GateRefused, Unsupported, UsageError
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Mode, Specification, StoreRef
from vectormigrate.state import migrations, sessions
from vectormigrate.state.database import Database
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import TAKEN
from vectormigrate.stores.registry import open_capture

AT = "2026-01-01T00:00:00+00:00"


@pytest.fixture
def spec(tmp_path):
    path = tmp_path / "old.db"
    connection = apsw.Connection(str(path))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, v BLOB)")
    connection.close()
    return Specification("m", StoreRef("sqlite", "${PLACE}/old.db", "docs"), StoreRef("memory", "", "docs"))


@pytest.fixture
def secrets(tmp_path):
    return Secrets({}, {"PLACE": str(tmp_path)})


@pytest.fixture
def nothing(tmp_path):
    """A state file that is not there."""
    return tmp_path / "state.db"


async def test_installed_checked_and_removed_under_the_migrations_name(spec, secrets, tmp_path, nothing):
    made = await capture(Action.INSTALL, spec, secrets, None, nothing)
    assert (made.migration_id, made.source, made.action, made.problems) == ("m", "sqlite:docs", "install", [])
    assert made.done
    endpoint = Endpoint("sqlite", str(tmp_path / "old.db"), owner="m")
    async with open_capture(endpoint, "docs") as held:
        assert (await held.poll(1)).everything
    seen = await capture(Action.CHECK, spec, secrets, None, nothing)
    assert (seen.done, seen.problems, seen.lag_seconds) == ([], [], 0.0)
    gone = await capture(Action.REMOVE, spec, secrets, None, nothing)
    assert len(gone.done) == len(made.done)
    assert gone.problems == []
    assert (await capture(Action.CHECK, spec, secrets, None, nothing)).problems == ["no capture is installed"]


async def test_of_several_parts_each_has_its_own(spec, secrets, tmp_path, nothing):
    connection = apsw.Connection(str(tmp_path / "old.db"))
    connection.execute("CREATE TABLE more (id INTEGER PRIMARY KEY, v BLOB)")
    connection.close()
    many = replace(
        spec,
        source=replace(spec.source, collection=""),
        target=replace(spec.target, collection="{name}"),
        division=Division(collections=("docs", "more")),
    )
    told = await capture(Action.INSTALL, many, secrets, None, nothing, dry_run=True)
    assert ("m:docs: " in told.would, "m:more: " in told.would) == (True, True)
    made = await capture(Action.INSTALL, many, secrets, None, nothing)
    assert (made.migration_id, made.problems) == ("m", [])
    for name in ("docs", "more"):
        async with open_capture(
            Endpoint("sqlite", str(tmp_path / "old.db"), owner=f"m:{name}"), name
        ) as held:
            assert await held.check() == []
    await capture(
        Action.REMOVE,
        replace(spec, id="m:more", source=replace(spec.source, collection="more")),
        secrets,
        None,
        nothing,
    )
    seen = await capture(Action.CHECK, many, secrets, None, nothing)
    assert (seen.problems, seen.lag_seconds) == (["m:more: no capture is installed"], 0.0)


async def test_a_split_in_use_has_one(spec, secrets, nothing):
    split = replace(
        spec,
        target=replace(spec.target, collection="{name}"),
        division=Division(value_of="lang"),
        mode=Mode.CAPTURED,
    )
    made = await capture(Action.INSTALL, split, secrets, None, nothing)
    assert (made.migration_id, made.source, made.problems) == ("m", "sqlite:docs", [])
    assert (await capture(Action.CHECK, spec, secrets, None, nothing)).problems == []


async def test_a_dry_run_says_what_would_be_made_and_removed(spec, secrets, nothing):
    async def would(action):
        told = await capture(action, spec, secrets, None, nothing, dry_run=True)
        assert (told.done, told.problems) == ([], [])
        return told.would

    assert await would(Action.REMOVE) == "there is nothing to do"
    foretold = await would(Action.INSTALL)
    assert (await capture(Action.CHECK, spec, secrets, None, nothing, dry_run=True)).problems
    made = await capture(Action.INSTALL, spec, secrets, None, nothing)
    assert foretold.endswith(" would be made")
    assert all(one in foretold for one in made.done)
    assert await would(Action.INSTALL) == "there is nothing to do"
    assert await would(Action.REMOVE) == f"{', '.join(made.done)} would be removed"
    assert (await capture(Action.CHECK, spec, secrets, None, nothing)).problems == []


async def test_a_way_that_the_store_does_not_have(spec, secrets, nothing):
    with pytest.raises(UsageError, match="sqlite has no option 'capture'"):
        await capture(Action.INSTALL, spec, secrets, "slot", nothing)


async def test_a_store_that_cannot_tell(secrets, nothing):
    spec = Specification("m", StoreRef("memory", "", "docs"), StoreRef("memory", "", "other"))
    with pytest.raises(Unsupported, match="cannot tell by itself"):
        await capture(Action.INSTALL, spec, secrets, None, nothing)


@pytest.mark.parametrize("mode", [Mode.CAPTURED, Mode.OFFLINE])
async def test_it_stays_for_as_long_as_a_migration_lives_by_it(spec, secrets, nothing, mode):
    await capture(Action.INSTALL, spec, secrets, None, nothing)
    database = Database.open(nothing)
    try:
        await database.write(lambda tx: migrations.create(tx, replace(spec, mode=mode), at=AT))
        if mode is Mode.CAPTURED:
            with pytest.raises(GateRefused, match="in phase created and needs its capture"):
                await capture(Action.REMOVE, spec, secrets, None, nothing)
            assert (await capture(Action.CHECK, spec, secrets, None, nothing)).problems == []
            await database.write(lambda tx: migrations.move(tx, "m", Phase.CREATED, Phase.ABORTED, at=AT))
        assert (await capture(Action.REMOVE, spec, secrets, None, nothing)).done
    finally:
        database.close()


async def test_what_another_state_file_reads_is_not_installed_as_ours(spec, secrets, tmp_path, nothing):
    await capture(Action.INSTALL, spec, secrets, None, nothing)
    async with open_capture(Endpoint("sqlite", str(tmp_path / "old.db"), owner="m"), "docs") as theirs:
        theirs.reader = "theirs"
        await theirs.poll(1)
    with pytest.raises(CaptureTaken) as refused:
        await capture(Action.INSTALL, spec, secrets, None, nothing)
    assert "`vectormigrate capture remove ID --taken`" in refused.value.hint
    assert (await capture(Action.CHECK, spec, secrets, None, nothing)).problems == [TAKEN]


@pytest.mark.parametrize("dry_run", [True, False])
async def test_what_another_state_file_reads_is_removed_by_a_word_alone(
    spec, secrets, tmp_path, nothing, dry_run
):
    """Whose file is lost has no other way; whose migration goes on would see nothing any more."""
    made = await capture(Action.INSTALL, spec, secrets, None, nothing)
    async with open_capture(Endpoint("sqlite", str(tmp_path / "old.db"), owner="m"), "docs") as theirs:
        theirs.reader = "theirs"
        await theirs.poll(1)
        with pytest.raises(CaptureTaken):
            await capture(Action.REMOVE, spec, secrets, None, nothing, dry_run=dry_run)
        assert await theirs.check() == []
        told = await capture(Action.REMOVE, spec, secrets, None, nothing, taken=True, dry_run=dry_run)
        assert (bool(told.would), len(told.done)) == ((True, 0) if dry_run else (False, len(made.done)))
        assert await theirs.check() == ([] if dry_run else ["no capture is installed"])
    if not dry_run:
        assert (await capture(Action.INSTALL, spec, secrets, None, nothing)).problems == []


async def test_of_a_source_that_is_gone_nothing_is_anothers(spec, secrets, tmp_path, nothing):
    (tmp_path / "old.db").unlink()
    assert (await capture(Action.REMOVE, spec, secrets, None, nothing)).done == []


async def test_what_ones_own_state_file_reads_is_sound(spec, secrets, tmp_path, nothing):
    database = Database.open(nothing)
    await database.write(lambda tx: sessions.begin(tx, at=AT))
    await capture(Action.INSTALL, spec, secrets, None, nothing)
    async with open_capture(Endpoint("sqlite", str(tmp_path / "old.db"), owner="m"), "docs") as ours:
        ours.reader = database.read(sessions.identity)
        await ours.poll(1)
    assert (await capture(Action.CHECK, spec, secrets, None, nothing)).problems == []
    database.close()
