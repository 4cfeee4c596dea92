"""The life of an application with Pinecone's client: the same calls by REST, by asyncio and by gRPC."""

from __future__ import annotations

import asyncio
import inspect
import json
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import numpy as np
from pinecone import AsyncPinecone, Pinecone, ServerlessSpec

from .answers import Call

INDEX = "shelf"
KEY = "key"
ROWS = 24
DIM = 5
OTHER = "other"
GENRES = ["drama", "comedy", "épopée ☃"]


@dataclass(frozen=True, slots=True)
class Client:
    """The two halves of the SDK."""

    control: Any
    index: Any


@dataclass(frozen=True, slots=True)
class Hosts:
    """Where they find theirs."""

    control: str
    index: str
    grpc: str


@contextmanager
def rest(hosts: Hosts) -> Iterator[Client]:
    """The client that blocks."""
    with Pinecone(api_key=KEY, host=hosts.control) as control, control.index(host=hosts.index) as index:
        yield Client(control, index)


@contextmanager
def grpc(hosts: Hosts) -> Iterator[Client]:
    """`GrpcIndex`; wants PINECONE_GRPC_SCHEME to be http."""
    with (
        Pinecone(api_key=KEY, host=hosts.control) as control,
        control.index(host=hosts.grpc, grpc=True) as index,
    ):
        yield Client(control, index)


@contextmanager
def awaited(hosts: Hosts) -> Iterator[Client]:
    """The client of asyncio in a loop of its own, so that the same calls can be asked of it."""
    with ExitStack() as stack:
        runner = stack.enter_context(asyncio.Runner())

        async def entered() -> tuple[Any, Any]:
            control = await AsyncPinecone(api_key=KEY, host=hosts.control).__aenter__()
            return control, await (await control.index(host=hosts.index)).__aenter__()

        control, index = runner.run(entered())
        for one in (control, index):
            stack.callback(lambda one=one: runner.run(one.__aexit__(None, None, None)))
        yield Client(_Blocking(control, runner), _Blocking(index, runner))


CLIENTS: dict[str, Callable[[Hosts], Any]] = {"rest": rest, "asyncio": awaited, "grpc": grpc}
"""Each of them, by name."""


class _Blocking:
    """An object whose coroutines are run to their end."""

    def __init__(self, inner: Any, runner: asyncio.Runner) -> None:
        self._inner = inner
        self._runner = runner

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._inner, name)
        return self._call(found) if callable(found) else _Blocking(found, self._runner)

    def _call(self, method: Any) -> Any:
        def call(*words: Any, **named: Any) -> Any:
            given = method(*words, **named)
            if inspect.isawaitable(given):
                given = self._runner.run(_of(given))
            return self._runner.run(_all(given)) if hasattr(given, "__aiter__") else given

        return call


async def _of(given: Any) -> Any:
    return await given


async def _all(pages: Any) -> list[Any]:
    return [page async for page in pages]


class Life:
    """All calls about one index."""

    def __init__(
        self,
        metric: str,
        *,
        sparse: bool = False,
        namespaces: bool = False,
        brief: bool = False,
        complete: bool = False,
    ) -> None:
        """`namespaces`: there is another one beside the default, and it moves too. `brief`: each filter is asked once
        instead of in every way. `complete`: every record has both vectors, as a database wants it that knows of no
        absent ones.
        """
        self.brief = brief
        self.complete = complete
        self.metric = metric
        self.sparse = sparse
        self.namespaces = namespaces
        self.spaces = ("", OTHER) if namespaces else ("",)
        self.source = f"{INDEX}/*" if namespaces else INDEX

    def create(self, control: Pinecone) -> None:
        """Make the index."""
        place = ServerlessSpec(cloud="aws", region="us-east-1")
        control.create_index(INDEX, dimension=DIM, metric=self.metric, spec=place)

    # Records.

    def vector(self, row: int) -> dict[str, Any]:
        """The record of a row."""
        rng = np.random.default_rng(row)
        made: dict[str, Any] = {"id": f"r{row:02}", "values": _numbers(rng, DIM), "metadata": metadata(row)}
        if self.sparse and (self.complete or row % 4):
            values = rng.uniform(0.1, 2, 4).astype(np.float32).tolist()
            made["sparse_values"] = {"indices": sorted(rng.permutation(9)[:4].tolist()), "values": values}
        if row == ROWS - 1:
            del made["metadata"]
        return made

    # The life.

    def seed(self) -> list[Call]:
        """The index as every part of the life finds it: what else there may be goes, these are as they were."""
        calls = []
        for space in self.spaces:
            rows = [self.vector(row) for row in range(ROWS if space == "" else ROWS // 2)]
            calls += [
                Call(
                    f"upsert batch {start} {space}",
                    lambda c, some=rows[start : start + 10], space=space: (
                        c.index.upsert(vectors=some, namespace=space).upserted_count
                    ),
                )
                for start in range(0, len(rows), 10)
            ]
            calls.append(
                Call(
                    f"delete the others {space}",
                    lambda c, space=space: c.index.delete(ids=_NEW, namespace=space),
                )
            )
        return calls

    def reads(self) -> list[Call]:
        """All ways to look."""
        return [*self._records(), *self._filters(), *self._searches(), *self._indexes(), *self._wrong()]

    def _records(self) -> Iterator[Call]:
        some = ["r03", "nobody", "r08", "r00", "r23"]
        for space in self.spaces:
            yield Call(
                f"fetch {space}", lambda c, space=space: c.index.fetch(ids=some, namespace=space).vectors
            )
            for limit in (5, 100):
                yield Call(
                    f"list by {limit} {space}",
                    lambda c, space=space, limit=limit: _listed(c.index.list(limit=limit, namespace=space)),
                )
            yield Call(
                f"list prefix {space}",
                lambda c, space=space: _listed(c.index.list(prefix="r1", namespace=space)),
            )
            yield Call(f"list pages {space}", lambda c, space=space: _paged(c, limit=7, namespace=space))
        yield Call("list no prefix", lambda c: _listed(c.index.list(prefix="nobody")))
        yield Call("stats", lambda c: c.index.describe_index_stats())
        if self.namespaces:
            yield Call("namespaces", lambda c: _named(c.index.list_namespaces()))
            yield Call("a namespace", lambda c: c.index.describe_namespace(name=OTHER))

    def _filters(self) -> Iterator[Call]:
        for number, where in enumerate(FILTERS):
            name = json.dumps(where, ensure_ascii=False)
            space = self.spaces[number % len(self.spaces)]
            yield Call(
                f"search where {name}",
                lambda c, where=where, space=space: (
                    c.index.query(vector=self.target(), top_k=30, filter=where, namespace=space).matches
                ),
            )
            if self.brief:
                continue
            yield Call(
                f"fetch where {name}",
                lambda c, where=where, space=space: (
                    c.index.fetch_by_metadata(filter=where, namespace=space, limit=50).vectors
                ),
            )

    def target(self) -> list[float]:
        """What is searched."""
        return _numbers(np.random.default_rng(77), DIM)

    def _searches(self) -> Iterator[Call]:
        dense = {"vector": self.target()}
        ways: dict[str, dict[str, Any]] = {
            "nearest": {**dense, "top_k": 4},
            "all": {**dense, "top_k": 100, "include_values": True, "include_metadata": True},
            "metadata": {**dense, "top_k": 5, "include_metadata": True},
            "some": {**dense, "top_k": 3, "filter": {"genre": "drama"}, "include_metadata": True},
            "most": {**dense, "top_k": 10_000},
        }
        if not self.sparse:
            ways["like a record"] = {"id": "r07", "top_k": 4}
        if self.sparse:
            sparse = {"sparse_vector": {"indices": [2, 7, 3], "values": [1.0, 0.5, 2.25]}}
            ways["hybrid"] = {**dense, **sparse, "top_k": 7}
            ways["hybrid, all"] = {**dense, **sparse, "top_k": 100, "include_values": True}
            ways["hybrid, some"] = {**dense, **sparse, "top_k": 5, "filter": {"year": {"$gte": 2010}}}
        for name, words in ways.items():
            for space in self.spaces:
                yield Call(
                    f"search {name} {space}",
                    lambda c, words=words, space=space: c.index.query(**words, namespace=space).matches,
                )

    def _indexes(self) -> Iterator[Call]:
        yield Call("indexes", lambda c: [one.name for one in c.control.indexes.list()])
        yield Call("exists", lambda c: [c.control.indexes.exists(INDEX), c.control.indexes.exists("nothing")])
        yield Call("describe", lambda c: _described(c.control.indexes.describe(INDEX)))

    def _wrong(self) -> Iterator[Call]:
        """What is no call; read, and refused."""
        yield Call("wrong: query size", lambda c: c.index.query(vector=[1.0, 2.0], top_k=1))
        yield Call("wrong: top k", lambda c: c.index.query(vector=self.target(), top_k=10_001))
        for where in (
            {"year": {"$near": 1}},
            {"year": {"$gt": "2000"}},
            {"$and": []},
            {"year": {"$in": 3}},
            {"$nor": {}},
        ):
            yield Call(
                f"wrong: filter {where}",
                lambda c, where=where: c.index.query(vector=self.target(), top_k=1, filter=where).matches,
            )
        yield Call("wrong: fetch nothing", lambda c: c.index.fetch(ids=[]))
        yield Call("wrong: token", lambda c: c.index.list_paginated(pagination_token="no token"))
        yield Call("wrong: describe nothing", lambda c: c.control.indexes.describe("nothing"))
        if not self.sparse:
            sparse = {"indices": [1], "values": [1.0]}
            yield Call(
                "wrong: sparse",
                lambda c: c.index.query(vector=self.target(), sparse_vector=sparse, top_k=1).matches,
            )

    def writes(self) -> list[Call]:
        """All ways to change, each looked at."""
        calls = []
        for call in self._changes():
            calls += [call, Call(f"after {call.name}", self.look)]
        return calls

    def look(self, client: Client) -> dict[str, Any]:
        """Everything that can be read."""
        found = {}
        for space in self.spaces:
            ids = _listed(client.index.list(namespace=space))
            held = client.index.fetch(ids=ids, namespace=space).vectors if ids else {}
            found[space or "default"] = held
        return {**found, "stats": client.index.describe_index_stats()}

    def _changes(self) -> Iterator[Call]:
        new = [{**self.vector(50 + row), "id": one, "metadata": {}} for row, one in enumerate(_NEW[:2])]
        space = self.spaces[-1]
        yield Call("upsert new ones", lambda c: c.index.upsert(vectors=new).upserted_count)
        tuples = [
            ("t1", self.vector(51)["values"], {"n": 2**53, "x": "ü"}),
            ("t2", self.vector(52)["values"]),
        ]
        if not (self.sparse and self.complete):
            yield Call(
                "upsert tuples", lambda c: c.index.upsert(vectors=tuples, namespace=space).upserted_count
            )
        yield Call(
            "upsert anew",
            lambda c: c.index.upsert(vectors=[{**self.vector(3), "metadata": {}}]).upserted_count,
        )
        yield Call("update values", lambda c: c.index.update(id="r04", values=self.vector(60)["values"]))
        yield Call(
            "update metadata",
            lambda c: c.index.update(
                id="r05", set_metadata={"genre": "new", "more": ["a", "é"]}, namespace=space
            ),
        )
        yield Call(
            "update both",
            lambda c: c.index.update(id="r06", values=self.vector(61)["values"], set_metadata={"year": 1.5}),
        )
        yield Call("update nobody", lambda c: c.index.update(id="nobody", set_metadata={"a": 1}))
        yield Call(
            "update where, dry",
            lambda c: (
                c.index.update(
                    filter={"genre": "drama"}, set_metadata={"seen": True}, dry_run=True
                ).matched_records
            ),
        )
        yield Call(
            "update where",
            lambda c: c.index.update(filter={"genre": "drama"}, set_metadata={"seen": True}).matched_records,
        )
        if self.sparse:
            changed = {"indices": [0, 8], "values": [0.5, 3.0]}
            yield Call("update sparse", lambda c: c.index.update(id="r07", sparse_values=changed))
        yield Call("delete ids", lambda c: c.index.delete(ids=["r08", "nobody"], namespace=space))
        yield Call("delete where", lambda c: c.index.delete(filter={"year": {"$lt": 2005}}))
        yield Call("wrong: upsert size", lambda c: c.index.upsert(vectors=[{"id": "x", "values": [1.0]}]))
        yield Call(
            "wrong: upsert zeros", lambda c: c.index.upsert(vectors=[{"id": "x", "values": [0.0] * DIM}])
        )
        yield Call(
            "wrong: upsert id", lambda c: c.index.upsert(vectors=[{"id": "ü", "values": self.target()}])
        )
        for value in ({"deep": 1}, [1, 2], ["a", 1]):
            record = {"id": "x", "values": self.target(), "metadata": {"a": value}}
            yield Call(f"wrong: metadata {value}", lambda c, record=record: c.index.upsert(vectors=[record]))
        dollar = {"id": "x", "values": self.target(), "metadata": {"$a": 1}}
        yield Call("wrong: key of metadata", lambda c: c.index.upsert(vectors=[dollar]))
        big = {"id": "x", "values": self.target(), "metadata": {"a": "x" * 41_000}}
        yield Call("wrong: size of metadata", lambda c: c.index.upsert(vectors=[big]))
        yield Call("wrong: create again", lambda c: _created(c, self.metric))
        if self.namespaces:
            yield Call("make a namespace", lambda c: c.index.create_namespace(name=OTHER))
        yield Call("delete all", lambda c: c.index.delete(delete_all=True, namespace=space))
        yield Call(
            "search nothing", lambda c: c.index.query(vector=self.target(), top_k=3, namespace=space).matches
        )

    def beyond(self) -> list[Call]:
        """What only Pinecone can answer."""
        asked = {"inputs": {"text": "anything"}, "top_k": 3}
        record = {"_id": "x", "text": "anything"}
        return [
            Call("beyond: search by text", lambda c: c.index.search(namespace="__default__", **asked)),
            Call(
                "beyond: upsert texts",
                lambda c: c.index.upsert_records(namespace="__default__", records=[record]),
            ),
            Call("beyond: delete the index", lambda c: c.control.indexes.delete(INDEX)),
        ]


_NEW = ["new1", "new/é".replace("é", "e"), "t1", "t2", "x"]


def _numbers(rng: np.random.Generator, size: int) -> list[float]:
    return rng.standard_normal(size).astype(np.float32).tolist()


def _listed(pages: Any) -> list[str]:
    return [item.id for page in pages for item in page.vectors]


def _named(pages: Any) -> list[Any]:
    return [one for page in pages for one in getattr(page, "namespaces", [page])]


def _paged(client: Client, **words: Any) -> list[str]:
    """Page after page by token, each as long as was asked."""
    found, token = [], None
    while True:
        page = client.index.list_paginated(pagination_token=token, **words)
        found += [item.id for item in page.vectors]
        token = page.pagination.next if page.pagination else None
        assert token is None or len(page.vectors) == words["limit"]
        if token is None:
            return found


def _described(index: Any) -> dict[str, Any]:
    return {
        "name": index.name,
        "ready": index.status.ready,
        "dimension": index.dimension,
        "metric": index.metric,
    }


def _created(client: Client, metric: str) -> Any:
    place = ServerlessSpec(cloud="aws", region="us-east-1")
    return client.control.indexes.create(name=INDEX, dimension=DIM, metric=metric, spec=place)


def metadata(row: int) -> dict[str, Any]:
    """Metadata of everything that Pinecone holds."""
    held: dict[str, Any] = {
        "row": row,
        "year": 2000 + row,
        "half": row / 2,
        "tiny": float(f"{row}e-9"),
        "big": float(2**53 - row),
        "less": -row,
        "odd": row % 2 == 1,
        "genre": GENRES[row % 3],
        "tags": ["red", "green", "blue"][: row % 4],
        "text": f"naïve “fox” {row} 🦊\n\ttab",
        "ключ.with dots": "v",
        "at": f"2024-01-{1 + row:02}T10:00:00Z",
        "": "no name",
    }
    if row % 4 == 0:
        held["rare"] = row
    return held


FILTERS: list[dict[str, Any]] = [
    {"row": 7},
    {"row": {"$eq": 7.0}},
    {"genre": {"$eq": "épopée ☃"}},
    {"odd": True},
    {"odd": {"$ne": True}},
    {"tags": "green"},
    {"tags": {"$eq": "red"}},
    {"tags": {"$ne": "red"}},
    {"rare": {"$ne": 4}},
    {"genre": {"$ne": "drama"}},
    {"year": {"$gt": 2010}},
    {"year": {"$gte": 2010}},
    {"half": {"$lt": 2.5}},
    {"half": {"$lte": 2.5}},
    {"year": {"$gte": 2003, "$lt": 2009}},
    {"less": {"$lt": -20}},
    {"genre": {"$in": ["drama", "comedy"]}},
    {"row": {"$in": [1, 5, 99]}},
    {"tags": {"$in": ["blue", "none"]}},
    {"genre": {"$nin": ["drama"]}},
    {"tags": {"$nin": ["blue"]}},
    {"rare": {"$nin": [4, 8]}},
    {"rare": {"$exists": True}},
    {"rare": {"$exists": False}},
    {"$and": [{"odd": True}, {"year": {"$lt": 2010}}]},
    {"$or": [{"row": 3}, {"genre": "comedy"}]},
    {
        "$or": [{"$and": [{"odd": True}, {"row": {"$gt": 20}}]}, {"row": {"$in": [0]}}],
        "genre": {"$ne": "comedy"},
    },
    {"genre": "drama", "odd": False},
    {"ключ.with dots": "v"},
    {"big": float(2**53 - 3)},
    {"nothing": 1},
    {"nothing": {"$ne": 1}},
]
"""Every operator."""
