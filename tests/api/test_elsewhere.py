import pytest

from tests.fakes.api import KEY, two_stores
from vectormigrate.api.dispatch import Note
from vectormigrate.api.elsewhere import by_socket, by_url
from vectormigrate.api.reception import shell
from vectormigrate.api.remote import Remote
from vectormigrate.model.errors import GateRefused, UnknownMigration
from vectormigrate.model.status import MigrationStatus

ME = shell()


async def test_both_ways_to_a_daemon_are_alike(here, tmp_path):
    given = {"migration_id": "docs", **two_stores(tmp_path)}
    doors = by_socket(here.control.state), by_url(Remote(here.url, KEY, sleep=lambda _: None))
    begun = await doors[0].begin(ME, "migrate", given)
    await here.finished({"id": begun.id})
    for door in doors:
        assert isinstance(await door.ask(ME, "status", {"migration_id": "docs"}), MigrationStatus)
        operation, done, total = await door.look(ME, begun)
        assert (operation.state, done, total) == ("succeeded", 30, 30)
        with pytest.raises(UnknownMigration):
            await door.ask(ME, "status", {"migration_id": "none"})
        about_nothing = await door.begin(ME, "vec", {"from": "sqlite"})
        assert (await door.look(ME, about_nothing))[1:] == (0, None)


async def test_nobody_is_there(tmp_path):
    door = by_socket(tmp_path / "state.db")
    with pytest.raises(GateRefused, match="no daemon runs"):
        await door.ask(ME, "list", {})

    async def work():
        return 5

    assert await door.noted(Note(ME, "x", "", {}), work, changes=False) == 5
