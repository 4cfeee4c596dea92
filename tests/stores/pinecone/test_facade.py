"""The official SDK, unchanged but for its host, in front of a facade: over REST, asyncio and gRPC."""

import asyncio
from contextlib import AsyncExitStack, asynccontextmanager

import numpy as np
import orjson
import pytest
from pinecone import AsyncPinecone, Pinecone, ServerlessSpec
from pinecone.errors import NotFoundError
from pinecone.exceptions import PineconeApiException

from tests.fakes.clock import FakeClock
from tests.fakes.pinecone import serving
from vectormigrate.daemon.listeners import Address, Listener
from vectormigrate.daemon.upstream import DialledUpstream, Target
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access, Standing
from vectormigrate.stores.pinecone.facade import PineconeFacade
from vectormigrate.stores.raw import HttpRequest
from vectormigrate.stores.registry import open_store


@asynccontextmanager
async def emulated():
    """The URL of a facade over a memory store of its own."""
    async with asyncio.TaskGroup() as group:
        listener = Listener(group.create_task)
        try:
            address = listener.bind(Address(host="127.0.0.1"))
            url = f"http://127.0.0.1:{address.port}"
            front = Standing(open_store(Endpoint("memory")))
            await listener.start(PineconeFacade(front, index="demo", data_host=url, clock=FakeClock()))
            yield url
        finally:
            await listener.drain(1)


@pytest.fixture
async def url():
    async with emulated() as url:
        yield url


SERVERLESS = ServerlessSpec(cloud="aws", region="us-east-1")
RECORDS = [
    {"id": "a", "values": [1.0, 0.0, 0.0], "metadata": {"year": 2020, "genre": "drama", "tags": ["x", "y"]}},
    {"id": "b", "values": [0.0, 1.0, 0.0], "metadata": {"year": 2021, "genre": "comedy", "seen": True}},
    {"id": "c", "values": [0.6, 0.8, 0.0], "metadata": {"year": 2022.5}},
]


@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
async def test_the_ordinary_life_of_an_index(url, grpc, monkeypatch):
    monkeypatch.setenv("PINECONE_GRPC_SCHEME", "http")
    await asyncio.to_thread(_live, url, grpc)


def _live(url, grpc):
    with Pinecone(api_key="k", host=url) as client:
        client.create_index(
            "demo", dimension=3, metric="cosine", spec=ServerlessSpec(cloud="aws", region="us-east-1")
        )
        assert client.describe_index("demo").host == url
        assert [one.name for one in client.list_indexes()] == ["demo"]
        index = client.index(host=url, grpc=grpc) if grpc else client.index("demo")
        try:
            _records(index, grpc)
        finally:
            index.close()
        client.delete_index("demo")
        with pytest.raises(NotFoundError):
            client.describe_index("demo")


def _records(index, grpc):
    assert index.upsert(vectors=RECORDS).upserted_count == 3
    assert index.upsert(vectors=RECORDS[:1], namespace="n").upserted_count == 1

    found = index.query(vector=[1, 0, 0], top_k=2, include_metadata=True, include_values=True)
    assert [match.id for match in found.matches] == ["a", "c"]
    assert [match.score for match in found.matches] == pytest.approx([1.0, 0.6], abs=1e-4)
    assert found.matches[0].values == [1.0, 0.0, 0.0]
    assert found.matches[0].metadata == {"year": 2020, "genre": "drama", "tags": ["x", "y"]}
    assert [match.id for match in index.query(id="b", top_k=1).matches] == ["b"]
    assert index.query(vector=[1, 0, 0], top_k=2, namespace="nowhere").matches == []
    narrowed = index.query(vector=[1, 0, 0], top_k=9, filter={"year": {"$gte": 2021}})
    assert [match.id for match in narrowed.matches] == ["c", "b"]

    fetched = index.fetch(ids=["b", "zz"]).vectors
    assert {one: vector.metadata for one, vector in fetched.items()} == {"b": RECORDS[1]["metadata"]}
    by_metadata = index.fetch_by_metadata(filter={"tags": "y"})
    assert list(by_metadata.vectors) == ["a"]
    assert [item.id for page in index.list(prefix="") for item in page.vectors] == ["a", "b", "c"]
    first = index.list_paginated(limit=2)
    assert [item.id for item in first.vectors] == ["a", "b"]
    rest = index.list_paginated(limit=2, pagination_token=first.pagination.next)
    assert [item.id for item in rest.vectors] == ["c"]
    assert rest.pagination is None

    index.update(id="a", values=[0, 0, 1], set_metadata={"genre": "epic"})
    changed = index.fetch(ids=["a"]).vectors["a"]
    assert changed.values == [0, 0, 1]
    assert changed.metadata == {"year": 2020, "genre": "epic", "tags": ["x", "y"]}
    counted = index.update(filter={"year": {"$gt": 2020}}, set_metadata={"late": True}, dry_run=True)
    assert counted.matched_records == 2
    assert index.update(filter={"year": {"$gt": 2020}}, set_metadata={"late": True}).matched_records == 2
    assert index.fetch(ids=["c"]).vectors["c"].metadata == {"year": 2022.5, "late": True}

    stats = index.describe_index_stats()
    assert {name: one.vector_count for name, one in stats.namespaces.items()} == {"__default__": 3, "n": 1}
    assert (stats.dimension, stats.total_vector_count, stats.metric) == (3, 4, "cosine")
    assert index.create_namespace(name="made").record_count == 0
    assert index.describe_namespace(name="n").record_count == 1
    assert [one.name for page in index.list_namespaces() for one in _namespaces(page)] == [
        "__default__",
        "made",
        "n",
    ]
    index.delete_namespace(name="made")

    index.delete(ids=["a", "zz"])
    index.delete(filter={"genre": {"$in": ["comedy"]}})
    assert [item.id for page in index.list() for item in page.vectors] == ["c"]
    index.delete(delete_all=True, namespace="n")
    assert index.describe_index_stats().total_vector_count == 1
    with pytest.raises(NotFoundError, match="Namespace not found"):
        index.delete(delete_all=True, namespace="nowhere")
    with pytest.raises(PineconeApiException, match="dimension 2 does not match"):
        index.upsert(vectors=[{"id": "d", "values": [1, 2]}])


def _namespaces(page):
    return getattr(page, "namespaces", [page])


async def test_the_asyncio_client(url):
    async with AsyncPinecone(api_key="k", host=url) as client:
        await client.indexes.create(name="demo", dimension=3, metric="euclidean", spec=SERVERLESS)
        async with await client.index(host=url) as index:
            await index.upsert(vectors=RECORDS)
            found = await index.query(vector=[1, 0, 0], top_k=2, include_metadata=True)
            assert [match.id for match in found.matches] == ["a", "c"]
            assert [match.score for match in found.matches] == pytest.approx([0.0, 0.8], abs=1e-4)
            assert (await index.fetch(ids=["a"])).vectors["a"].metadata == RECORDS[0]["metadata"]
            await index.delete(ids=["a"])
            assert (await index.describe_index_stats()).total_vector_count == 2


# An application that uses the SDK, before and after a cutover.


class Switched(Standing):
    """A front with everything on one side, which a test changes."""

    def to(self, access):
        self._access = access


@asynccontextmanager
async def in_front_of(fake):
    """A facade over the fake's index `demo`: its URL, and its front."""
    async with AsyncExitStack() as stack:
        upstream, control = [
            await stack.enter_async_context(DialledUpstream(Target.parse(one, "test")))
            for one in (f"http://127.0.0.1:{fake.service.indexes['demo'].port}", fake.url)
        ]
        front = Switched(upstream=upstream)
        group = await stack.enter_async_context(asyncio.TaskGroup())
        listener = Listener(group.create_task)
        stack.push_async_callback(listener.drain, 1)
        url = f"http://127.0.0.1:{listener.bind(Address(host='127.0.0.1')).port}"
        facade = PineconeFacade(front, index="demo", data_host=url, clock=FakeClock(), control=control)
        await listener.start(facade)
        yield url, front


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
async def test_an_application_notices_no_cutover(metric, tmp_path):
    async with serving() as fake:
        with Pinecone(api_key="key", host=fake.url) as direct:
            await asyncio.to_thread(direct.create_index, "demo", dimension=3, metric=metric, spec=SERVERLESS)
        async with (
            in_front_of(fake) as (url, front),
            open_store(Endpoint("sqlite", str(tmp_path / "a.db"))) as store,
        ):
            with Pinecone(api_key="key", host=url) as client:
                index = await asyncio.to_thread(client.index, "demo")
                before = await asyncio.to_thread(_life, index)
                await _copy(fake.service.indexes["demo"], store)
                front.to(Access(store=store))
                after = await asyncio.to_thread(_reads, index)
                assert after == before
                await asyncio.to_thread(_writes, index)
                stats = await asyncio.to_thread(index.describe_index_stats)
                assert {name: one.vector_count for name, one in stats.namespaces.items()} == {
                    "__default__": 20,
                    "n": 9,
                }
                index.close()


POINTS = np.random.default_rng(7).normal(size=(30, 3)).astype(np.float32).tolist()


def _life(index):
    vectors = [
        {
            "id": f"r{row:02}",
            "values": POINTS[row],
            "metadata": {"row": row, "odd": row % 2 == 1},
        }
        for row in range(30)
    ]
    index.upsert(vectors=vectors, batch_size=7)
    index.upsert(vectors=vectors[:10], namespace="n")
    index.update(id="r03", set_metadata={"genre": "epic"})
    index.update(id="r04", values=[9, 9, 9])
    index.delete(ids=["r05", "r06"])
    index.delete(filter={"row": {"$gte": 22}})
    index.delete(ids=["r00"], namespace="n")
    with pytest.raises(PineconeApiException, match="dimension 2"):
        index.upsert(vectors=[{"id": "bad", "values": [1, 2]}])
    return _reads(index, lambda score: pytest.approx(score, abs=1e-4))


def _reads(index, like=float):
    """What an application sees."""
    seen = []
    for asked in (
        {"vector": [1, 2, 3], "top_k": 5, "include_values": True, "include_metadata": True},
        {"vector": [3, 2, 1], "top_k": 30, "filter": {"odd": True, "row": {"$lt": 15}}},
        {"vector": [3, 2, 1], "top_k": 3, "namespace": "n"},
        {"vector": [3, 2, 1], "top_k": 3, "filter": {"genre": {"$in": ["epic"]}}, "include_metadata": True},
    ):
        found = index.query(**asked)
        seen.append([(one.id, like(one.score), one.values, one.metadata) for one in found.matches])
    fetched = index.fetch(ids=["r03", "r04", "r05"]).vectors
    seen.append({one: (vector.values, vector.metadata) for one, vector in fetched.items()})
    seen.append([item.id for page in index.list(prefix="r1", limit=4) for item in page.vectors])
    stats = index.describe_index_stats()
    seen.append(
        (stats.dimension, stats.metric, {name: one.vector_count for name, one in stats.namespaces.items()})
    )
    return seen


def _writes(index):
    index.upsert(vectors=[{"id": "new", "values": [1, 1, 1]}])
    index.update(id="r03", values=[1, 0, 0], set_metadata={"genre": "other"})
    index.delete(filter={"genre": "other"})


async def _copy(source, store):
    """Everything of the fake's index into a store, each namespace as the facade expects it."""
    facade = PineconeFacade(Standing(store), index="demo", data_host="http://x", clock=FakeClock())
    body = {"name": "demo", "dimension": 3, "metric": source.metric, "spec": {"serverless": {}}}
    response = await facade.http(HttpRequest("POST", "/indexes", body=orjson.dumps(body)))
    assert response.status == 201, response.body
    for namespace, held in source.namespaces.items():
        vectors = [{"id": one, **record} for one, record in held.records().items()]
        body = orjson.dumps({"vectors": vectors, "namespace": namespace}, option=orjson.OPT_SERIALIZE_NUMPY)
        response = await facade.http(HttpRequest("POST", "/vectors/upsert", body=body))
        assert response.status == 200, response.body


async def test_grpc_passes_through(url, monkeypatch):
    """The SDK, a facade that passes on, and behind it another one that stands for Pinecone."""
    monkeypatch.setenv("PINECONE_GRPC_SCHEME", "http")
    async with asyncio.TaskGroup() as group, DialledUpstream(Target.parse(url, "test")) as upstream:
        listener = Listener(group.create_task)
        try:
            near = f"http://127.0.0.1:{listener.bind(Address(host='127.0.0.1')).port}"
            front = Standing(upstream=upstream)
            await listener.start(PineconeFacade(front, index="demo", data_host=near, clock=FakeClock()))
            await asyncio.to_thread(_live, near, True)
        finally:
            await listener.drain(1)
