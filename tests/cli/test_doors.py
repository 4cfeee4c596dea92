"""The ways into a state file."""

import io

import pytest

from vectormigrate.api.commands import BY_NAME
from vectormigrate.cli.call import Call
from vectormigrate.cli.doors import own, stored, view
from vectormigrate.daemon.config import Config, merge
from vectormigrate.model.errors import StateLocked, UnknownMigration


def call(terminal, migration_id="docs"):
    command = BY_NAME["status"]
    merged = merge(command.all_settings, {}, terminal.environ, Config())
    return Call(
        command,
        {"id": migration_id},
        merged,
        Config(),
        terminal.environ,
        io.StringIO(),
        io.StringIO(),
        io.StringIO(),
    )


def test_looking_makes_no_file(terminal):
    with pytest.raises(UnknownMigration, match="does not exist"):
        view(call(terminal))
    assert stored(call(terminal)) is None
    assert list(terminal.directory.iterdir()) == []


def test_what_is_stored(migrated):
    assert stored(call(migrated)).id == "docs"
    assert stored(call(migrated, "nope")) is None


async def test_one_owner_and_any_number_of_readers(migrated):
    async with own(call(migrated), {}, lambda event: None):
        with pytest.raises(StateLocked):
            own(call(migrated), {}, lambda event: None)
        with view(call(migrated)) as viewer:
            assert viewer.status("docs").copied == 20
