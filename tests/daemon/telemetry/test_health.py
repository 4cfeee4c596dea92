import socket
from dataclasses import replace

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.wire import raw_server, well
from tests.fakes.world import World
from vectormigrate.daemon.telemetry.health import Finding, Health
from vectormigrate.daemon.upstream import Target
from vectormigrate.model.specification import Mode
from vectormigrate.state import migrations, roles
from vectormigrate.state.database import Database


@pytest.fixture
def database(tmp_path):
    made = Database.open(tmp_path / "state.db")
    yield made
    made.close()


def at(port):
    return Target("http", "127.0.0.1", port, "")


async def test_ready_is_whoever_can_reach_every_source(database):
    async with raw_server(well) as server:
        health = Health(database, {"main": at(server.port)}, lambda: False, FakeClock())
        assert await health.ready() == [
            Finding("journal", True),
            Finding("serving", True),
            Finding("source of main", True),
        ]
        assert server.requests == []  # a connection says enough


async def test_a_source_that_is_away_is_told_and_asked_again_after_a_while(database):
    clock = FakeClock()
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets it
        port = held.getsockname()[1]
        health = Health(database, {"main": at(port)}, lambda: False, clock)
        assert (await health.ready())[-1] == Finding("source of main", False)
        held.listen()
        assert (await health.ready())[-1] == Finding("source of main", False)
        clock.advance(3)
        assert (await health.ready())[-1] == Finding("source of main", True)


async def test_a_source_that_is_away_takes_nothing_out_of_service_once_a_target_answers(database, tmp_path):
    """Behind a commit it is taken down for good."""
    spec = replace(World(tmp_path / "unused.db").spec, mode=Mode.PROXIED)
    await database.write(lambda tx: migrations.create(tx, spec, at=""))
    with socket.socket() as held:
        held.bind(("127.0.0.1", 0))
        health = Health(database, {"main": at(held.getsockname()[1])}, lambda: False, FakeClock())
        assert (await health.ready())[-1] == Finding("source of main", False)
        await database.write(lambda tx: roles.swap(tx, spec.id, roles.get(tx, spec.id)))
        assert (await health.ready())[-1] == Finding("source of main", False, needed=False)


async def test_a_process_that_ends_is_not_ready_but_alive(database):
    health = Health(database, {}, lambda: True, FakeClock())
    assert await health.ready() == [Finding("journal", True), Finding("serving", False)]
    assert health.live() == [Finding("journal", True)]


def test_without_a_writer_it_is_not_alive(tmp_path):
    database = Database.open(tmp_path / "state.db")
    health = Health(database, {}, lambda: False, FakeClock())
    database.close()
    assert health.live() == [Finding("journal", False)]
