"""One captured table and two daemons, by the real program: whoever comes second takes nothing, is told so by every command, and takes
over by a word when the first one's state file is lost. The table is changed all the while, also while nobody reads.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import apsw
import psycopg
import pytest

from integration.harness.runs import run
from integration.harness.writers import Threads
from integration.test_live_parts import Daemon, started, wait
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

WRITERS = 2
IDS = 150
"""Of each writer, of which most are there before anything begins."""
DIMENSION = 4

Execute = Callable[[str], list[tuple[Any, ...]]]


class Source:
    """The application's table, by SQL."""

    def __init__(self, kind: str, url: str, way: str) -> None:
        self.kind = kind
        self.url = url
        self.way = way

    def flags(self, target: str) -> tuple[str, ...]:
        """Of a migration to a table of this name, in the same database or file."""
        side = ("--source-type", self.kind, "--source-url", self.url, "--source-index", "docs")
        other = ("--target-type", self.kind, "--target-url", self.url, "--target-index", target)
        return *side, *other, "--mode", "captured", "--quarantine", "1", "--workers", "1"

    @property
    def choice(self) -> tuple[str, ...]:
        return ("--way", self.way) if self.way else ()

    def connect(self) -> tuple[Execute, Callable[[], None]]:
        if self.kind == "sqlite":
            file = apsw.Connection(self.url)
            file.set_busy_timeout(20_000)
            return lambda statement: list(file.execute(statement)), file.close
        server = psycopg.connect(self.url, autocommit=True)

        def execute(statement: str) -> list[tuple[Any, ...]]:
            found = server.execute(statement.encode())
            return found.fetchall() if found.description else []

        return execute, server.close

    def make(self) -> None:
        execute, close = self.connect()
        if self.kind == "pgvector":
            execute("CREATE EXTENSION vector")
        kind = "F32_BLOB(4)" if self.kind == "sqlite" else "vector(4)"
        execute(f"CREATE TABLE docs (id BIGINT PRIMARY KEY, version INTEGER, embedding {kind})")
        for number in range(0, WRITERS * IDS, 2):
            execute(self.put(number, 0))
        close()

    def put(self, number: int, version: int) -> str:
        vector = (
            f"x'{number % 256:02x}00803f{'0000803f' * (DIMENSION - 1)}'"
            if self.kind == "sqlite"
            else f"'[{number},{version},1,2]'"
        )
        return (
            f"INSERT INTO docs VALUES ({number}, {version}, {vector})"
            " ON CONFLICT (id) DO UPDATE SET version = excluded.version, embedding = excluded.embedding"
        )

    def rows(self, table: str) -> dict[int, tuple[Any, ...]]:
        execute, close = self.connect()
        try:
            return {row[0]: tuple(row[1:]) for row in execute(f"SELECT id, version, embedding FROM {table}")}
        finally:
            close()


class Application(Threads[int]):
    """Threads that put and delete rows of their own."""

    def __init__(self, source: Source) -> None:
        super().__init__(range(WRITERS))
        self._source = source
        self.writes = 0

    def _write(self, writer: int) -> None:
        chance, version = random.Random(writer), 0
        execute, close = self._source.connect()
        while self._again():
            version += 1
            number = writer * IDS + chance.randrange(IDS)
            delete = chance.random() < 0.2
            execute(f"DELETE FROM docs WHERE id = {number}" if delete else self._source.put(number, version))
            self.writes += 1
        close()


@pytest.fixture(params=["sqlite", "outbox", "slot"])
def source(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Source]:
    if request.param == "sqlite":
        yield Source("sqlite", str(tmp_path / "app.db"), "")
        return
    with TemporaryDirectory(prefix="vectormigrate-captured-") as folder:
        Path(folder).chmod(0o711)
        settings = {"wal_level": "logical"}
        with EmbeddedPostgres(Path(folder) / "postgres", durable=False, settings=settings) as server:
            yield Source("pgvector", server.dsn, request.param)


@pytest.mark.timeout(300)
def test_the_second_of_two_daemons_takes_nothing_until_it_is_told_that_the_first_is_lost(
    source: Source, tmp_path: Path
) -> None:
    source.make()
    first, second = [
        Daemon(tmp_path / name, "--dialect", "neutral") for name in ("first", "second")
    ]  # which nobody speaks here
    ours, theirs = source.flags("copy_one"), source.flags("copy_two")
    for one in (first, second):
        one.state.parent.mkdir()

    def refused(*words: str, flags: tuple[str, ...] = theirs) -> None:
        told = second.ask(*words, *flags, exit_code=4)
        assert told["error"]["code"] == "capture_taken", told
        assert "--taken" in told["error"]["hint"]

    run("capture", "install", "docs", *source.choice, *ours, state=first.state)
    application = Application(source)
    application.start()
    with started(second):
        with started(first):
            first.ask("migrate", "docs", *ours)
            wait(lambda: first.ask("status", "docs")["phase"] == "verified")

            refused("capture", "install", "docs", *source.choice)
            refused("capture", "remove", "docs")
            refused("migrate", "docs")
            assert second.ask("capture", "check", "docs", *theirs, exit_code=1)["problems"]
            assert second.ask("list")["migrations"] == []
            written = application.writes
            wait(lambda: application.writes > written + 50)
            assert first.ask("validate", "docs", "--full")["ok"]
            first.kill()

        refused("migrate", "docs")  # that its file is lost cannot be seen from here
        written = application.writes
        wait(lambda: application.writes > written + 50)
        second.ask("capture", "remove", "docs", "--taken", *theirs)
        second.ask("capture", "install", "docs", *source.choice, *theirs)
        second.ask("migrate", "docs", *theirs)
        wait(lambda: second.ask("status", "docs")["phase"] == "verified")

        with started(first):  # it was not lost at all
            closed = [gate["name"] for gate in first.ask("gates", "docs")["gates"] if not gate["open"]]
            assert "capture" in closed, closed
            first.ask("cutover", "docs", "--no-way-back", "--yes", exit_code=4)
            written = application.writes
            wait(lambda: application.writes > written + 50)
            application.stop()
            wait(lambda: second.ask("status", "docs")["live"]["debt"] == 0)
            assert second.ask("validate", "docs", "--full")["ok"]
        assert source.rows("copy_two") == source.rows("docs")
        assert application.writes > 200
        second.ask("cutover", "docs", "--no-way-back", "--yes")
        assert second.ask("status", "docs")["phase"] == "committed"
