"""Who may connect, what a lost connection means, and that strays of an earlier process are ended."""

import asyncio
import shutil
import socket
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionMissing,
    ConfigInvalid,
    StoreDown,
    Unreachable,
    Unresolved,
    UsageError,
    VectormigrateError,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pgvector.connections import Connection, Connections, copy_out


def ask(question: str):
    def work(connection: Connection):
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]

    return work


async def failure(endpoint: Endpoint) -> VectormigrateError:
    connections = Connections(endpoint)
    try:
        with pytest.raises(VectormigrateError) as caught:
            await connections.run(ask("select 1"))
    finally:
        await connections.close()
    assert "s3cret" not in f"{caught.value.as_dict()}"
    return caught.value


@pytest.fixture
async def connections(postgres_shared_dsn: str):
    opened = Connections(Endpoint("pgvector", postgres_shared_dsn, owner="m1"))
    yield opened
    await opened.close()


async def test_every_connection_says_whose_it_is(connections: Connections):
    name = await connections.run(ask("select current_setting('application_name')"))
    assert name.startswith("vectormigrate/m1/")


async def test_a_long_owner_is_shortened_to_what_the_server_keeps(postgres_shared_dsn: str):
    names = set()
    for owner in ("ünï" + "x" * 100, "ünï" + "x" * 101):
        opened = Connections(Endpoint("pgvector", postgres_shared_dsn, owner=owner))
        names.add(await opened.run(ask("select current_setting('application_name')")))
        await opened.close()
    assert len(names) == 2
    assert all(len(name) <= 63 and name.count("/") == 2 for name in names)


async def test_settle_ends_what_an_earlier_process_left_and_nothing_else(
    connections: Connections, postgres_shared_dsn: str
):
    others = {
        name: psycopg.connect(postgres_shared_dsn, application_name=name, autocommit=True)
        for name in ("vectormigrate/m1/0badcafe", "vectormigrate/m10/0badcafe", "vectormigrate", "other")
    }
    own = await connections.run(ask("select pg_backend_pid()"))
    try:
        await connections.settle()
        alive = []
        for name, connection in others.items():
            try:
                connection.execute("select 1")
                alive.append(name)
            except psycopg.OperationalError:
                pass
        assert alive == ["vectormigrate/m10/0badcafe", "vectormigrate", "other"]
        assert await connections.run(ask("select pg_backend_pid()")) == own
    finally:
        for connection in others.values():
            connection.close()


async def test_a_stray_transaction_is_undone_when_settle_returns(
    connections: Connections, postgres_shared_dsn: str
):
    with psycopg.connect(postgres_shared_dsn, autocommit=True) as setup:
        setup.execute("create table stray (n int primary key)")
    stray = psycopg.connect(postgres_shared_dsn, application_name="vectormigrate/m1/0badcafe")
    stray.execute("insert into stray values (1)")
    await connections.settle()
    with pytest.raises(psycopg.OperationalError):
        stray.commit()
    stray.close()
    assert await connections.run(ask("select count(*) from stray")) == 0


@pytest.fixture(scope="module")
def guarded() -> Iterator[EmbeddedPostgres]:
    folder = Path(tempfile.mkdtemp(prefix="vectormigrate-tests-"))
    folder.chmod(0o711)
    server = EmbeddedPostgres(folder / "pg", durable=False, password="s3cret")
    try:
        yield server.start()
    finally:
        server.remove()
        shutil.rmtree(folder, ignore_errors=True)


async def test_the_api_key_is_the_password(guarded: EmbeddedPostgres):
    url = f"postgresql://postgres@127.0.0.1:{guarded.port}/postgres"
    opened = Connections(Endpoint("pgvector", url, api_key="s3cret"))
    assert await opened.run(ask("select 1")) == 1
    await opened.close()
    assert type(await failure(Endpoint("pgvector", url, api_key="s3cret!"))) is AuthenticationFailed
    assert type(await failure(Endpoint("pgvector", url))) is AuthenticationFailed
    missing = await failure(Endpoint("pgvector", f"{url}_gone", api_key="s3cret"))
    assert type(missing) is CollectionMissing
    assert "database" in missing.message


async def test_nobody_at_the_other_end_is_named():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    refused = await failure(Endpoint("pgvector", f"postgresql://u:s3cret@127.0.0.1:{port}/d"))
    assert type(refused) is Unreachable
    assert f"127.0.0.1:{port}" in refused.message
    unknown = await failure(Endpoint("pgvector", "postgresql://u:s3cret@no-such-host.invalid/d"))
    assert type(unknown) is Unreachable
    assert "no-such-host.invalid:5432" in unknown.message


def test_a_dsn_that_cannot_be_read_is_not_quoted():
    with pytest.raises(ConfigInvalid) as caught:
        Connections(Endpoint("pgvector", "postgresql://u:s3cret@h:port:x/d?nonsense=1"))
    assert "s3cret" not in f"{caught.value.as_dict()}"
    with pytest.raises(UsageError, match="soon"):
        Connections(Endpoint("pgvector", "postgresql://h/d", options={"timeout": "soon"}))


async def test_work_that_fails_is_rolled_back(connections: Connections):
    def work(connection: Connection) -> None:
        connection.execute("create table half_done (n int)")
        connection.execute("select 1 / 0")

    with pytest.raises(VectormigrateError):
        await connections.run(work)
    assert await connections.run(ask("select to_regclass('half_done')")) is None


async def test_a_connection_lost_before_the_commit_is_not_applied_and_replaced(connections: Connections):
    def work(connection: Connection) -> None:
        connection.execute("select pg_terminate_backend(pg_backend_pid())")

    with pytest.raises(StoreDown) as caught:
        await connections.run(work)
    assert caught.value.retryable
    assert await connections.run(ask("select 1")) == 1


async def test_a_connection_lost_during_the_commit_is_unresolved(
    connections: Connections, postgres_shared_dsn: str
):
    def work(connection: Connection) -> None:
        pid = connection.info.backend_pid
        with psycopg.connect(postgres_shared_dsn, autocommit=True) as other:
            connection.execute("select 1")
            other.execute("select pg_terminate_backend(%s, 5000)", [pid])

    with pytest.raises(Unresolved):
        await connections.run(work)


async def test_copy_out_tells_of_errors_before_and_among_the_rows(connections: Connections):
    for query in ("select nonsense", "select 1 / (3 - n) from generate_series(1, 5) n"):
        with pytest.raises(VectormigrateError):
            await connections.run(lambda connection, query=query: list(copy_out(connection, query)))
    rows = await connections.run(lambda connection: list(copy_out(connection, "select 1")))
    assert len(rows) == 2


async def test_cancelling_the_task_cancels_the_statement(connections: Connections, postgres_shared_dsn: str):
    started = threading.Event()

    def work(connection: Connection) -> None:
        started.set()
        connection.execute("select pg_sleep(60)")

    async with asyncio.timeout(20):
        task = asyncio.ensure_future(connections.run(work))
        await asyncio.to_thread(started.wait)
        with psycopg.connect(postgres_shared_dsn, autocommit=True) as other:
            asleep = "select count(*) from pg_stat_activity where query = 'select pg_sleep(60)'"
            while not other.execute(asleep).fetchone()[0]:
                await asyncio.sleep(0.01)
        task.cancel()
        await asyncio.wait([task])
        assert task.cancelled()
        await connections.close()


async def test_a_statement_is_bounded_by_the_timeout_and_patient_work_is_not(postgres_shared_dsn: str):
    opened = Connections(Endpoint("pgvector", postgres_shared_dsn, options={"timeout": "0.05"}))
    with pytest.raises(StoreDown):
        await opened.run(ask("select pg_sleep(5)"))
    assert await opened.run(ask("select pg_sleep(0.1)::text"), patient=True) == ""
    await opened.close()
    await opened.close()
