"""What stands behind the API, put together over a process that hosts nothing."""

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.api.parts import assembled
from vectormigrate.api.reception import shell
from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.daemon.config import Config
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.supervisor import Supervisor
from vectormigrate.model.errors import UnknownMigration


async def test_commands_are_done_without_a_daemon(tmp_path):
    clock = FakeClock()
    async with (
        Control.open(tmp_path / "state.db", secrets=Secrets({}, {})) as control,
        Supervisor() as supervisor,
        assembled(
            None, control, None, supervisor, Chronicle(clock), clock, Secrets({}, {}), Config()
        ) as parts,
    ):
        made = await parts.dispatcher.ask(shell(), "keys", {"action": "create", "scope": "admin"})
        assert parts.keyring.open(made.secret, "rest").name == f"key {made.keys[0].id}"
        with pytest.raises(UnknownMigration):
            await parts.dispatcher.ask(shell(), "cutover", {"migration_id": "docs"})
        assert control.receive is None
