"""The real vector-store classes of LangChain and LlamaIndex read after a migration what they read before, for every pair of stores.

An application of the framework, in an environment that this test makes from packages, writes into the source with the
class for that store; the real product moves the collection; the application reads the target with the class for that one:
documents, texts, metadata, ids, the order of searches, filters; then it deletes and overwrites by the ids that it knows.
Skipped where the packages cannot be had.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import psycopg
import pytest

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
