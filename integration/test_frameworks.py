"""The real vector-store classes of LangChain and LlamaIndex read after a migration what they read before, for every pair of stores.

An application of the framework, in an environment that this test makes from packages, writes into the source with the
class for that store; the real product moves the collection; the application reads the target with the class for that one:
documents, texts, metadata, ids, the order of searches, filters; then it deletes and overwrites by the ids that it knows.
Skipped where the packages cannot be had.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any

import apsw
import psycopg
import pytest
import sqlite_vec

from integration.frameworks.environments import PACKAGES, Application, Unavailable, application
from integration.frameworks.stores import KEYS, Server, servers
from integration.harness.runs import run

KINDS = ("qdrant", "pinecone", "weaviate", "milvus", "pgvector")
PAIRS = [(source, target) for source in KINDS for target in KINDS]
"""Moves from a store into another collection of the same one, too."""
SQLITE = [("sqlite", kind) for kind in (*KINDS, "sqlite")] + [(kind, "sqlite") for kind in KINDS]
"""Of LangChain alone: LlamaIndex has no class for SQLite."""


class World:
    """Servers, applications, and what was written into which store."""

    def __init__(self, folder: Path, running: dict[str, Server], stack: ExitStack) -> None:
        self.folder = folder
        self.servers = running
        self._stack = stack
        self._applications: dict[str, Application] = {}
        self._before: dict[tuple[str, str], Any] = {}

    def application(self, framework: str) -> Application:
        """The one of a framework, started when it is first asked for."""
        if framework not in self._applications:
            started = application(framework, self.folder / f"{framework}.log")
            try:
                self._applications[framework] = self._stack.enter_context(started)
            except Unavailable as reason:
                pytest.skip(f"the packages of {framework} cannot be installed: {reason}")
        return self._applications[framework]

    def at(self, kind: str, collection: str, **more: Any) -> dict[str, Any]:
        """Where a collection is, as an application is told."""
        return self.servers[kind].at(name_in(kind, collection), **more)

    def _keyed(self, table: str) -> None:
        """As docs/layouts.md tells users of LlamaIndex: the nodes' ids are the key, and not the number that is counted."""
        with psycopg.connect(self.servers["pgvector"].url, autocommit=True) as connection:
            connection.execute(f"create unique index on {table} (node_id)")
            connection.execute(f"alter table {table} alter node_id set not null")
            connection.execute(f"comment on column {table}.node_id is 'vectormigrate: key instead of id'")

    def before(self, framework: str, source: str) -> Any:
        """What the application reads from the source that it has written."""
        if (framework, source) not in self._before:
            at = self.at(
                source, f"{framework}source", metric=METRICS.get((framework, source), "cosine"), dynamic=False
            )
            self.application(framework).do("write", at)
            if (framework, source) == ("llamaindex", "pgvector"):
                self._keyed(at["collection"])
            self._before[framework, source] = self.application(framework).do("look", at)
        return self._before[framework, source]


METRICS = {
    ("langchain", "milvus"): "euclid",
    ("langchain", "sqlite"): "euclid",
    ("llamaindex", "milvus"): "dot",
}
"""What a class takes when nobody says anything; cosine elsewhere."""
FLOATS = ("pinecone", "weaviate")
"""Where an integer has become a float, which Qdrant's filters for integers do not find: only the user knows better. Nodes of
LlamaIndex say it themselves.
"""


def name_in(kind: str, collection: str) -> str:
    """A name that the store allows, and the class makes: tables of LlamaIndex begin with `data_`."""
    if kind == "pgvector" and collection.startswith("llamaindex"):
        return f"data_{collection}"
    return collection.capitalize() if kind == "weaviate" else collection


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything, until the last test has ended."""
    folder = tmp_path_factory.mktemp("frameworks")
    with pytest.MonkeyPatch.context() as patch, ExitStack() as stack:
        for name, value in KEYS.items():
            patch.setenv(name, value)
        yield World(folder, stack.enter_context(servers(folder)), stack)


@pytest.mark.parametrize("framework", PACKAGES)
@pytest.mark.parametrize(("source", "target"), PAIRS, ids=map("-".join, PAIRS))
def test_an_application_reads_what_it_read_before(
    world: World, framework: str, source: str, target: str
) -> None:
    before = world.before(framework, source)
    at = _moved(world, framework, source, target)
    one = world.application(framework)
    after = one.do("look", at)
    assert after == before
    _writes(one, at, before["documents"])


@pytest.mark.parametrize(("source", "target"), SQLITE, ids=map("-".join, SQLITE))
def test_langchains_class_for_sqlite_knows_no_ids_and_all_else_is_what_it_was(
    world: World, source: str, target: str
) -> None:
    before = world.before("langchain", source)
    at = _moved(world, "langchain", source, target)
    one = world.application("langchain")
    after = one.do("look", at)
    assert _by_page(after)["documents"] == _by_page(before)["documents"]
    assert _by_page(after)["order"] == _by_page(before)["order"]
    if target == "sqlite":
        one.do("add", at, text="Added later.")
        later = one.do("look", at)
        assert [kept for kept in later["documents"] if kept["metadata"]["page"] != 500] == after["documents"]
        assert "Added later." in {kept["text"] for kept in later["documents"]}
        return
    everything = [document["metadata"] for document in before["documents"]]
    for name, wanted in FILTERS.items():
        assert _by_page(after)["filtered"][name] == [one["page"] for one in everything if wanted(one)]
    _writes(one, at, after["documents"])


FILTERS: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    "page = 7": lambda metadata: metadata["page"] == 7,
    "page >= 20": lambda metadata: metadata["page"] >= 20,
    "draft": lambda metadata: metadata["draft"],
    "source and score": lambda metadata: (
        metadata["source"] == "folder/file 1.txt" and metadata["score"] >= 1.0
    ),
}
"""What an application's filters say, by their names."""


def _by_page(told: dict[str, Any]) -> dict[str, Any]:
    """What an application read, without ids: each document is the one of its page."""
    pages = {one["id"]: one["metadata"]["page"] for one in told["documents"]}
    return {
        "documents": [{**one, "id": pages[one["id"]]} for one in told["documents"]],
        "order": {query: [pages[record] for record in found] for query, found in told["order"].items()},
        "filtered": {
            name: sorted(pages[record] for record in found) for name, found in told["filtered"].items()
        },
    }


def _moved(world: World, framework: str, source: str, target: str) -> dict[str, Any]:
    """Migrate, and say where it is now."""
    metric = METRICS.get((framework, source), "cosine")
    there = f"{framework}from{source}"
    flags = [*world.servers[source].flags("source", name_in(source, f"{framework}source"))]
    flags += world.servers[target].flags("target", name_in(target, there))
    flags += [] if source == "sqlite" else ["--source-layout", framework]  # its table is known by itself
    flags += ["--metric", metric] if source == "pgvector" else []
    if framework == "langchain" and source in FLOATS and target != source:
        casts = world.folder / "casts.toml"
        casts.write_text('[fields.page]\ncast = "int"\n')
        flags += ["--mapping", str(casts)]
    run("migrate", f"{there}-{target}", *flags, state=world.folder / "state.db")
    return world.at(target, there, metric=metric, dynamic=True)


@pytest.mark.parametrize("target", ["qdrant", "sqlite"])
def test_documents_that_langchain_goes_on_writing_into_sqlite_move_and_are_read_elsewhere(
    world: World, target: str
) -> None:
    """The daemon follows the class's tables by triggers; what the class cannot do, to change and delete, is done by SQL."""
    folder = world.folder / f"live-{target}"
    folder.mkdir()
    one = world.application("langchain")
    source = Server("sqlite", str(folder / "documents.db"))
    there = Server("sqlite", str(folder / "moved.db")) if target == "sqlite" else world.servers[target]
    at = source.at("live", metric="euclid", dynamic=False)
    one.do("write", at)
    flags = [*source.flags("source", "live"), *there.flags("target", "live"), "--mode", "captured"]
    with _moving(folder, *flags) as state:
        for number in range(12):
            one.do("add", at, text=f"Added while it moves, {number}.")
        _by_sql(source.url, "update live set text = 'Changed by SQL.' where rowid = 5")
        _by_sql(source.url, "delete from live where rowid in (1, 2)")
        _by_sql(source.url, "delete from live_vec where rowid in (1, 2)")
        run("status", "live", "--follow", state=state)
        one.do("add", at, text="Added behind.")
        _by_sql(source.url, "delete from live where rowid = 3")
        _by_sql(source.url, "delete from live_vec where rowid = 3")
        before = one.do("look", at, added=20)
        texts = sorted(document["text"] for document in before["documents"])
        assert len(texts) == 30 + 12 + 1 - 3
        assert {"Changed by SQL.", "Added while it moves, 11.", "Added behind."} <= set(texts)
        gates = run("cutover", "live", "--dry-run", state=state, exit_code=4)
        assert "way back" in str(gates)
        run("cutover", "live", "--no-way-back", "--yes", state=state)
        moved = there.at("live", metric="euclid", dynamic=True)
        after = one.do("look", moved, added=20)
        assert sorted(document["text"] for document in after["documents"]) == texts
        assert _metadata(after) == _metadata(before)
        refused = run("revert", "live", "--yes", state=state, exit_code=4)
        assert "is in phase committed" in refused["error"]["message"]
        one.do("add", moved, text="Added there.")
    later = one.do("look", moved, added=20)
    assert sorted(document["text"] for document in later["documents"]) == sorted([*texts, "Added there."])
    run("capture", "remove", "live", *flags, state=state)
    left = _by_sql(source.url, "select name from sqlite_schema where name like 'vectormigrate%'")
    assert left == []


def _metadata(told: dict[str, Any]) -> list[str]:
    return sorted(json.dumps(document["metadata"], sort_keys=True) for document in told["documents"])


def _by_sql(file: str, statement: str) -> list[Any]:
    """As another program writes into an application's file."""
    connection = apsw.Connection(file)
    try:
        connection.set_busy_timeout(5000)
        connection.enable_load_extension(True)
        connection.load_extension(sqlite_vec.loadable_path())
        return list(connection.execute(statement))
    finally:
        connection.close()


@contextmanager
def _moving(folder: Path, *flags: str) -> Iterator[Path]:
    """A daemon that moves a collection of an application that goes on writing; the daemon's state file."""
    state, log = folder / "state.db", folder / "serve.log"
    run("capture", "install", "live", *flags, state=state)
    command = [sys.executable, "-m", "vectormigrate", "serve", "--addr", "off", "--state", str(state)]
    with log.open("wb") as told:
        daemon = subprocess.Popen(command, stdout=told, stderr=told)
    try:
        deadline = time.monotonic() + 60
        while "no listener" not in log.read_text() and time.monotonic() < deadline:
            assert daemon.poll() is None, log.read_text()
            time.sleep(0.05)
        run("migrate", "live", *flags, "--quarantine", "1", state=state)
        yield state
    finally:
        daemon.terminate()
        daemon.wait(30)
    assert "Traceback" not in log.read_text(), log.read_text()


def test_the_older_tables_of_langchain_are_a_target_and_a_source(world: World) -> None:
    before = world.before("langchain", "qdrant")
    one = world.application("langchain")
    older = {**world.at("pgvector", "docs", metric="cosine", dynamic=False), "kind": "pgvector-v1"}
    one.do("prepare", older)
    with psycopg.connect(world.servers["pgvector"].url) as connection:
        [[collection]] = connection.execute("select uuid from langchain_pg_collection").fetchall()
    mapping = world.folder / "collection.toml"
    mapping.write_text(f'[fields.collection_id]\ndefault = "{collection}"\ncast = "uuid"\n')
    flags = world.servers["qdrant"].flags("source", "langchainsource")
    flags += world.servers["pgvector"].flags("target", "langchain_pg_embedding")
    run("migrate", "into-older", *flags, "--mapping", str(mapping), state=world.folder / "state.db")
    assert one.do("look", older) == before
    flags = world.servers["pgvector"].flags("source", "langchain_pg_embedding")
    flags += [*world.servers["qdrant"].flags("target", "older"), "--metric", "cosine"]
    run("migrate", "from-older", *flags, state=world.folder / "state.db")
    there = world.at("qdrant", "older", metric="cosine", dynamic=True)
    assert one.do("look", there) == before
    _writes(one, older, before["documents"])


def _writes(one: Application, at: dict[str, Any], before: list[dict[str, Any]]) -> None:
    """Take some away by id, one whole document if there are documents of several parts, and write one anew."""
    every = [document["id"] for document in before]
    gone = set(every[:3])
    keys = one.do("keys", at) if one.framework == "llamaindex" else dict(zip(every, every, strict=True))
    one.do("delete", at, ids=[keys[record] for record in every[:3]])
    if one.framework == "llamaindex":
        document = before[10]["document"]
        one.do("delete_document", at, document=document)
        gone |= {part["id"] for part in before if part["document"] == document}
    anew = next(record for record in every if record not in gone)
    one.do("replace", at, record=keys[anew], text="Written anew.")
    left = {document["id"]: document["text"] for document in one.do("look", at)["documents"]}
    assert left.keys() == (set(every) - gone - {anew}) | {keys[anew]}
    assert left[keys[anew]] == "Written anew."
