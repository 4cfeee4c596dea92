"""A collection that is split while it is in use, by the real program, by the values of a field and by partition: writers that move
records from one part to another all the while, a daemon that is killed while it copies, before and after the cutover, and both sides
compared whole at the end.
"""

from __future__ import annotations

import random
import subprocess
import time
from collections.abc import Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
from pymilvus import DataType, MilvusClient
from qdrant_client import QdrantClient
from qdrant_client.models import (
    Distance,
    FieldCondition,
    Filter,
    MatchValue,
    PointStruct,
    VectorParams,
)

from integration.harness.runs import command, run
from integration.harness.writers import Threads
from integration.test_live_parts import Daemon, started, wait
from tests.fakes.milvus import LiteServer
from tests.fakes.qdrant import QdrantServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

WRITERS = 8
IDS = 40
"""Of each writer, of which half is there before anything begins."""
LANGS = ("en", "de", "fr", "xx", None)
PLACES = {"en": "docs_en", "de": "west", "fr": "west", "xx": "others", None: "others"}
TABLES = ("docs_en", "others", "west")


class App:
    """What the application sees, whoever answers."""

    def __init__(self, url: str) -> None:
        self._client = QdrantClient(url=url, check_compatibility=False, timeout=30)

    def make(self) -> None:
        self._client.create_collection("docs", VectorParams(size=4, distance=Distance.EUCLID))

    def put(self, number: int, lang: str | None, version: int) -> None:
        payload: dict[str, Any] = {"version": version} | ({} if lang is None else {"lang": lang})
        self._client.upsert(
            "docs", [PointStruct(id=number, vector=_vector(number, version), payload=payload)]
        )

    def move(self, number: int, lang: str, version: int) -> None:
        """By a part of it."""
        self._client.set_payload("docs", {"lang": lang, "version": version}, [number])

    def remove(self, number: int) -> None:
        self._client.delete("docs", [number])

    def held(self) -> dict[int, tuple[str | None, int]]:
        """Language and version by number, page after page."""
        found: dict[int, tuple[str | None, int]] = {}
        offset: Any = None
        while True:
            points, offset = self._client.scroll("docs", limit=17, offset=offset, with_payload=True)
            for one in points:
                assert int(one.id) not in found
                found[int(one.id)] = _told(one.payload)
            if offset is None:
                return found

    def counted(self) -> int:
        return self._client.count("docs", exact=True).count

    def nearest(self, version: int, lang: str | None = None) -> list[int]:
        only = Filter(must=[FieldCondition(key="lang", match=MatchValue(value=lang))]) if lang else None
        found = self._client.query_points("docs", query=_vector(0, version), query_filter=only, limit=20)
        return [int(one.id) for one in found.points]

    def close(self) -> None:
        self._client.close()


def _vector(number: int, version: int) -> list[float]:
    return [number / 7 + 1.0, version / 3, 1.0, 2.0]


def _told(payload: dict[str, Any] | None) -> tuple[str | None, int]:
    assert payload is not None
    return payload.get("lang"), int(payload["version"])


class Writers(Threads[int]):
    """Threads with ids of their own; what was acknowledged is what must be there."""

    def __init__(self, url: str) -> None:
        super().__init__(range(WRITERS))
        self._url = url
        self.held: dict[int, tuple[str | None, int]] = {}
        self.unsure: set[int] = set()
        """Numbers whose last write was not answered: either of two states is right."""
        self.writes = self.moves = 0

    def _open(self) -> Any:
        return App(self._url)

    def _write(self, writer: int) -> None:
        chance, version = random.Random(writer), 0
        with closing(self._open()) as app:
            while self._again():
                version += 1
                number = writer * IDS + chance.randrange(IDS)
                try:
                    self._write_one(app, chance, number, version)
                except Exception:  # noqa: BLE001 the daemon is away, in whatever words of the client
                    self.unsure.add(number)
                    continue
                self.writes += 1

    def _write_one(self, app: Any, chance: random.Random, number: int, version: int) -> None:
        before, lang = self.held.get(number), chance.choice(LANGS)
        roll = chance.random()
        if roll < 0.15:
            app.remove(number)
            self.held.pop(number, None)
        elif roll < 0.4 and before is not None and lang is not None and number not in self.unsure:
            app.move(number, lang, version)
            self.held[number] = lang, version
        else:
            app.put(number, lang, version)
            self.held[number] = lang, version
        if roll >= 0.4 or roll < 0.15:
            self.unsure.discard(number)
        self.moves += before is not None and PLACES[before[0]] != PLACES[lang]

    def check(self, app: App) -> None:
        """What is answered is what was acknowledged."""
        found = app.held()
        assert {one: held for one, held in found.items() if one not in self.unsure} == {
            one: held for one, held in self.held.items() if one not in self.unsure
        }
        assert app.counted() == len(found)


def in_tables(dsn: str) -> dict[int, tuple[str | None, int]]:
    """What PostgreSQL holds, asked by itself: each record once, and in the table of its value."""
    found: dict[int, tuple[str | None, int]] = {}
    with psycopg.connect(dsn) as connection:
        for table in TABLES:
            columns = [
                one.name for one in connection.execute(f"select * from {table} limit 0").description or ()
            ]
            for row in connection.execute(f"select * from {table}"):
                record = dict(zip(columns, row, strict=True))
                payload = next(value for value in record.values() if isinstance(value, dict))
                number = int(record["id"])
                assert number not in found, (number, table)
                found[number] = _told(payload)
                assert PLACES[found[number][0]] == table, (number, table, found[number])
    return found


def turned(daemon: Daemon, verb: str, side: str) -> None:
    """The swap is done, however often it is refused before."""
    deadline = time.monotonic() + 120
    while daemon.ask("status", "split")["primary"] != side:
        assert time.monotonic() < deadline
        attempt(daemon, verb)


def attempt(daemon: Daemon, verb: str) -> None:
    words = command(verb, "split", "--yes", state=daemon.state)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 4), done.stderr
    if done.returncode:
        time.sleep(0.2)


@contextmanager
def served(folder: Path) -> Iterator[tuple[EmbeddedPostgres, QdrantServer, Daemon]]:
    folder.chmod(0o755)
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        postgres.start()
        stack.callback(postgres.stop)
        source = QdrantServer().start()
        stack.callback(source.stop)
        daemon = Daemon(folder, "--dialect", "qdrant", "--upstream", source.url)
        yield postgres, source, stack.enter_context(started(daemon))


@pytest.mark.timeout(600)
def test_a_collection_of_qdrant_is_split_into_tables(tmp_path: Path) -> None:
    with served(tmp_path) as (postgres, source, daemon):
        story(daemon, source.url, postgres.dsn)


def story(daemon: Daemon, behind: str, dsn: str) -> None:
    writers = Writers(daemon.url)
    with closing(App(behind)) as app:
        app.make()
        for number in range(0, WRITERS * IDS, 2):
            lang = LANGS[number % len(LANGS)]
            app.put(number, lang, 0)
            writers.held[number] = lang, 0
    made = daemon.ask(
        "migrate", "split", "--mode", "proxied", "--quarantine", "1", "--max-rate", "60",
        "--source-type", "qdrant", "--source-url", behind, "--source-index", "docs",
        "--target-type", "pgvector", "--target-url", dsn, "--target-index", "docs_{name}",
        "--each-value", "lang", "--into", "de=west", "--into", "fr=west", "--into", "xx=others", "--rest", "others",
    )  # fmt: skip
    assert made["parts"] == []
    writers.start()
    daemon.ask("attest", "split")
    wait(lambda: daemon.ask("status", "split")["copied"] > 40)
    daemon.kill()
    daemon.start()
    wait(lambda: daemon.ask("status", "split")["phase"] == "verified")
    turned(daemon, "cutover", "target")
    time.sleep(1)
    for _ in range(3):
        daemon.kill()
        daemon.start()
        time.sleep(1.5)
    writers.stop()
    wait(lambda: daemon.ask("status", "split")["live"]["debt"] == 0)
    with closing(App(daemon.url)) as app, closing(App(behind)) as source:
        assert daemon.ask("status", "split")["primary"] == "target"
        writers.check(app)
        assert in_tables(dsn) == app.held() == source.held()
        for lang in (None, "en", "fr", "xx"):
            assert app.nearest(9, lang) == source.nearest(9, lang), lang
    assert daemon.ask("validate", "split", "--full")["ok"]
    print(f"{writers.writes} writes, {writers.moves} moves, {len(writers.unsure)} unsure")
    turned(daemon, "revert", "source")
    with closing(App(daemon.url)) as app:
        writers.check(app)
    wait(lambda: daemon.ask("status", "split")["phase"] == "verified")
    undone = daemon.ask("rollback", "split", "--force")
    assert undone["left"] == 0
    with closing(psycopg.connect(dsn)) as connection:
        left = connection.execute("select tablename from pg_tables where schemaname = 'public'").fetchall()
    assert left == []
    assert writers.moves > 50


PARTITIONS = ("_default", "red", "blue")
"""Of the source; what is in `blue` is not to be moved in one of the stories."""


class MilvusApp:
    """The same of a Milvus, where a record is put into a partition."""

    def __init__(self, url: str) -> None:
        self._client = MilvusClient(url)

    def make(self) -> None:
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=True)
        schema.add_field("id", DataType.INT64, is_primary=True)
        schema.add_field("v", DataType.FLOAT_VECTOR, dim=4)
        index = self._client.prepare_index_params()
        index.add_index("v", index_type="FLAT", metric_type="L2")
        self._client.create_collection("docs", schema=schema, index_params=index)
        for name in PARTITIONS[1:]:
            self._client.create_partition("docs", name)
        self._client.load_collection("docs")

    def put(self, number: int, partition: str, version: int) -> None:
        row = {"id": number, "v": _vector(number, version), "version": version}
        self._client.insert("docs", [row], partition_name=partition)

    def remove(self, number: int) -> None:
        self._client.delete("docs", ids=[number])

    def held(self) -> dict[int, tuple[str | None, int]]:
        """Partition and version by number, each partition asked by itself."""
        found: dict[int, tuple[str | None, int]] = {}
        for name in PARTITIONS:
            rows = self._client.query(
                "docs",
                "id >= 0",
                ["id", "version"],
                partition_names=[name],
                limit=1000,
                consistency_level="Strong",
            )
            for row in rows:
                assert row["id"] not in found
                found[row["id"]] = name, row["version"]
        return found

    def nearest(self, version: int, *partitions: str) -> list[int]:
        found = self._client.search(
            "docs", [_vector(0, version)], limit=12, partition_names=list(partitions) or None, anns_field="v"
        )
        return [one["id"] for one in found[0]]

    def close(self) -> None:
        self._client.close()


class MilvusWriters(Writers):
    """A record is moved by taking it out and putting it in again. One whose last write was not answered is left alone: if that
    lands late, its key stands in two partitions, and no tool can say which of the two it is.
    """

    pause = 0.1

    def _open(self) -> Any:
        return MilvusApp(self._url)

    def _write_one(self, app: Any, chance: random.Random, number: int, version: int) -> None:
        before, partition = self.held.get(number), chance.choice(PARTITIONS)
        if number in self.unsure:
            return
        if before is not None:
            app.remove(number)
            self.held.pop(number, None)
        if chance.random() < 0.8:
            app.put(number, partition, version)
            self.held[number] = partition, version
            self.moves += before is not None and before[0] != partition


def by_partition(dsn: str, tables: dict[str, str]) -> dict[int, tuple[str | None, int]]:
    """What PostgreSQL holds, asked by itself: what stands beside each record says in which table it is."""
    found: dict[int, tuple[str | None, int]] = {}
    with psycopg.connect(dsn) as connection:
        for partition, table in tables.items():
            rows = connection.execute(f"select to_jsonb(held) - 'v' from {table} as held")
            for (row,) in rows:
                flat = {**row, **next((value for value in row.values() if isinstance(value, dict)), {})}
                assert (flat.get("_vm_partition") or "_default") == partition, (table, flat)
                assert flat["id"] not in found
                found[flat["id"]] = partition, flat["version"]
    return found


@pytest.mark.timeout(600)
@pytest.mark.parametrize("moved", [PARTITIONS, ("_default", "red")])
def test_partitions_of_milvus_become_tables(tmp_path: Path, moved: tuple[str, ...]) -> None:
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
        postgres.start()
        stack.callback(postgres.stop)
        source = LiteServer(tmp_path / "milvus").start()
        stack.callback(source.stop)
        daemon = Daemon(tmp_path, "--dialect", "milvus", "--upstream", source.url)
        stack.enter_context(started(daemon))
        partitions(daemon, source.url, postgres.dsn, moved)


def partitions(daemon: Daemon, behind: str, dsn: str, moved: tuple[str, ...]) -> None:
    tables = {name: "docs_" + name.strip("_") for name in moved}
    writers = MilvusWriters(daemon.url)
    with closing(MilvusApp(behind)) as app:
        app.make()
        for number in range(0, WRITERS * IDS, 2):
            partition = PARTITIONS[number % len(PARTITIONS)]
            app.put(number, partition, 0)
            writers.held[number] = partition, 0
    asked = ["--each-partition", "*"] if moved == PARTITIONS else []
    asked = asked or [word for name in moved for word in ("--each-partition", name)]
    daemon.ask(
        "migrate", "split", "--mode", "proxied", "--quarantine", "1", "--max-rate", "100",
        "--source-type", "milvus", "--source-url", behind, "--source-index", "docs",
        "--target-type", "pgvector", "--target-url", dsn, "--target-index", "docs_{name}",
        "--into", "_default=docs_default", *asked,
    )  # fmt: skip
    writers.start()
    daemon.ask("attest", "split")
    wait(lambda: daemon.ask("status", "split")["copied"] > 40)
    daemon.kill()
    daemon.start()
    wait(lambda: daemon.ask("status", "split")["phase"] == "verified")
    if moved != PARTITIONS:  # a choice of records has no way back, so it ends here
        writers.stop()
        wait(lambda: daemon.ask("status", "split")["live"]["debt"] == 0)
        assert by_partition(dsn, tables) == {
            one: held for one, held in writers.held.items() if held[0] in moved and one not in writers.unsure
        } | {one: held for one, held in by_partition(dsn, tables).items() if one in writers.unsure}
        assert daemon.ask("validate", "split", "--full")["ok"]
        return
    turned(daemon, "cutover", "target")
    time.sleep(1)
    daemon.kill()
    daemon.start()
    time.sleep(3)
    writers.stop()
    wait(lambda: daemon.ask("status", "split")["live"]["debt"] == 0)
    with closing(MilvusApp(daemon.url)) as app, closing(MilvusApp(behind)) as source:
        assert daemon.ask("status", "split")["primary"] == "target"
        found = app.held()
        sure = {one: held for one, held in writers.held.items() if one not in writers.unsure}
        assert {one: held for one, held in found.items() if one not in writers.unsure} == sure
        assert by_partition(dsn, tables) == found == source.held()
        for names in ((), ("red",), ("blue", "_default")):
            assert app.nearest(9, *names) == source.nearest(9, *names), names
    assert daemon.ask("validate", "split", "--full")["ok"]
    turned(daemon, "revert", "source")
    assert writers.moves > 20


def test_a_table_that_is_captured_is_split(tmp_path: Path) -> None:
    """Its own changes are what moves the records, and nobody stands in front of it; it is copied by processes beside the daemon."""
    old, new = tmp_path / "old.db", tmp_path / "new.db"
    table = apsw.Connection(str(old))
    table.set_busy_timeout(10_000)
    table.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, lang TEXT, embedding F32_BLOB(4))")
    for number in range(200):
        table.execute("INSERT INTO docs VALUES (?, ?, zeroblob(16))", (number, LANGS[number % len(LANGS)]))
    asked = (
        "--mode", "captured", "--source-type", "sqlite", "--source-url", str(old), "--source-index", "docs",
        "--target-type", "sqlite", "--target-url", str(new), "--target-index", "docs_{name}", "--quarantine", "1", "--workers", "2",
        "--each-value", "lang", "--into", "de=west", "--into", "fr=west", "--into", "xx=others", "--rest", "others",
    )  # fmt: skip
    daemon = Daemon(tmp_path, "--dialect", "neutral")  # which nobody speaks here
    run("capture", "install", "split", *asked, state=daemon.state)
    with started(daemon):
        daemon.ask("migrate", "split", *asked)
        chance = random.Random(5)
        deadline = time.monotonic() + 60
        while daemon.ask("status", "split")["phase"] != "verified":
            assert time.monotonic() < deadline
            for _ in range(50):
                _change(table, chance)
        for _ in range(200):
            _change(table, chance)
        time.sleep(0.5)
        wait(lambda: daemon.ask("status", "split")["live"]["debt"] == 0)
        assert daemon.ask("validate", "split", "--full")["ok"]
        told = {
            number: (lang, place)
            for place in TABLES
            for number, lang in apsw.Connection(str(new)).execute(f"SELECT id, lang FROM {place}")
        }
        assert told == {
            number: (lang, PLACES[lang]) for number, lang in table.execute("SELECT id, lang FROM docs")
        }
        run("cutover", "split", "--no-way-back", "--yes", state=daemon.state)
        assert daemon.ask("status", "split")["phase"] == "committed"
    table.close()


def _change(table: apsw.Connection, chance: random.Random) -> None:
    number = chance.randrange(220)
    if chance.random() < 0.2:
        table.execute("DELETE FROM docs WHERE id = ?", (number,))
        return
    statement = (
        "INSERT INTO docs VALUES (?, ?, zeroblob(16)) ON CONFLICT (id) DO UPDATE SET lang = excluded.lang"
    )
    table.execute(statement, (number, chance.choice(LANGS)))
