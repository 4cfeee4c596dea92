"""The vendor's own client through the facade, by REST and by gRPC: an ordinary life, with the same answers everywhere.

Straight to Qdrant's engine; through the facade with the engine behind it, as before a cutover; and through the facade
with another store behind it, as after one.
"""

from __future__ import annotations

import asyncio
import warnings
from contextlib import asynccontextmanager, closing

import numpy as np
import psycopg
import pytest
from qdrant_client import QdrantClient, models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.fakes.clock import FakeClock
from tests.fakes.facades import listening
from tests.fakes.front import FakeFront
from tests.fakes.postgres import postgres_database, postgres_dsn, postgres_server
from tests.stores.qdrant.facade.answering import A, B, settled
from vectormigrate.daemon.upstream import DialledUpstream, Target
from vectormigrate.model.touch import Ids, Matching, Whole
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access, Outcome, Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.qdrant.facade.emulated import emulated
from vectormigrate.stores.qdrant.facade.port import QdrantFacade
from vectormigrate.stores.registry import open_store

__all__ = ["postgres_database", "postgres_dsn", "postgres_server"]

POINTS = [
    models.PointStruct(
        id=one,
        vector={
            "text": np.random.default_rng(row).standard_normal(6).tolist(),
            "words": models.SparseVector(indices=[row % 5, 11], values=[1.0, row + 0.5]),
        },
        payload={
            "n": row,
            "word": "even" if row % 2 == 0 else "odd",
            "deep": {"list": [row, None]},
            "at": [0.5, row],
        },
    )
    for row, one in enumerate([1, 2, 3, 4, 5, 6, A, B])
]
EVEN = models.Filter(must=[models.FieldCondition(key="word", match=models.MatchValue(value="even"))])


def life(client: QdrantClient, name: str):
    """What an application does, and everything that it is told."""
    client.create_collection(
        name,
        vectors_config={"text": models.VectorParams(size=6, distance=models.Distance.COSINE)},
        sparse_vectors_config={"words": models.SparseVectorParams()},
    )
    yield client.collection_exists(name), client.collection_exists("nothing")
    yield client.get_collection(name).config.params.vectors
    client.create_payload_index(name, "word", models.PayloadSchemaType.KEYWORD)
    client.upload_points(name, POINTS[:4], batch_size=2, wait=True)
    yield client.upsert(name, POINTS[4:]).status
    yield from looks(client, name)
    client.set_payload(name, {"new": {"a": 1}}, points=[1, A])
    client.set_payload(name, {"b": 2, "a": None}, points=EVEN, key="new")
    client.overwrite_payload(name, {"word": "odd", "only": True}, points=[2])
    client.delete_payload(name, ["n", "deep.list[]"], points=models.FilterSelector(filter=EVEN))
    client.clear_payload(name, [4])
    client.update_vectors(name, [models.PointVectors(id=3, vector={"text": [1, 2, 3, 4, 5, 6]})])
    client.delete_vectors(name, ["words"], points=[5])
    yield from looks(client, name)
    client.batch_update_points(
        name,
        [
            models.UpsertOperation(upsert=models.PointsList(points=[POINTS[0]])),
            models.DeleteOperation(delete=models.PointIdsList(points=[2])),
            models.SetPayloadOperation(set_payload=models.SetPayload(payload={"z": [1]}, points=[B])),
        ],
    )
    yield from looks(client, name)
    client.delete(name, points_selector=models.FilterSelector(filter=EVEN))
    yield client.count(name).count
    yield client.delete_collection(name)


def looks(client: QdrantClient, name: str):
    """All the ways to read."""
    offset, pages = None, []
    while True:
        found, offset = client.scroll(name, limit=3, offset=offset, with_vectors=True)
        pages.append(found)
        if offset is None:
            break
    yield pages
    yield client.scroll(name, scroll_filter=EVEN, with_payload=["n"])
    yield client.retrieve(name, [1, 99, B], with_vectors=["words"])
    yield client.count(name, EVEN).count, client.count(name).count
    query = [0.3, -1, 0.5, 2, 0, 0.1]
    yield client.query_points(name, query, using="text", limit=3, with_vectors=True)
    yield client.query_points(name, query, using="text", query_filter=EVEN, offset=1, score_threshold=-0.5)
    yield client.query_points(
        name, 3, using="text", limit=2, with_payload=models.PayloadSelectorExclude(exclude=["deep"])
    )
    sparse = models.SparseVector(indices=[11, 3], values=[1.0, 2.25])
    yield client.query_points(name, sparse, using="words", limit=4)
    requests = [
        models.QueryRequest(query=query, using="text", limit=2),
        models.QueryRequest(query=sparse, using="words", limit=1, with_payload=True),
    ]
    yield client.query_batch_points(name, requests)


def client_of(url: str, grpc_port: int, *, grpc: bool) -> QdrantClient:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return QdrantClient(url, grpc_port=grpc_port, prefer_grpc=grpc, check_compatibility=False)


def lived(url: str, grpc_port: int, name: str, *, grpc: bool) -> list[object]:
    with closing(client_of(url, grpc_port, grpc=grpc)) as client:
        return [plain(told) for told in life(client, name)]


def plain(told):
    if hasattr(told, "model_dump"):
        return plain(told.model_dump(exclude_none=True))
    if isinstance(told, dict):
        return {key: plain(item) for key, item in told.items() if key != "version" and item != {}}
    return [plain(item) for item in told] if isinstance(told, list | tuple) else told


@asynccontextmanager
async def served(front):
    async with listening(QdrantFacade(front, FakeClock())) as (_, address, *_):
        yield f"http://127.0.0.1:{address.port}", address.port


@pytest.fixture(scope="module")
def straight(qdrant_server):
    """What the client is told by the engine itself."""
    return lived(qdrant_server.url, qdrant_server.grpc_port, "straight", grpc=False)


@asynccontextmanager
async def before(qdrant_server):
    async with DialledUpstream(
        Target.parse(qdrant_server.url, "test"),
        Target.parse(f"http://127.0.0.1:{qdrant_server.grpc_port}", "test"),
    ) as upstream:
        yield FakeFront(Access(upstream=upstream))


async def test_before_a_cutover_by_rest(qdrant_server, straight):
    async with before(qdrant_server) as front, served(front) as (url, port):
        assert await asyncio.to_thread(lived, url, port, "before", grpc=False) == settled(straight)
    kinds = {type(touch) for write in front.writes for touch in write.touched["before"]}
    assert kinds == {Ids, Matching, Whole}
    assert {write.outcome for write in front.writes} == {Outcome.ANSWERED}


async def test_before_a_cutover_by_grpc(qdrant_server):
    """As far as the server of the tests speaks it."""
    name = "calls"

    def some(url, port):
        with closing(client_of(url, port, grpc=True)) as client:
            client.upsert(name, POINTS)
            client.delete(name, points_selector=[1])
            return client.count(name).count, [point.id for point in client.scroll(name, limit=2)[0]]

    with closing(client_of(qdrant_server.url, qdrant_server.grpc_port, grpc=False)) as client:
        client.create_collection(
            name,
            vectors_config={"text": models.VectorParams(size=6, distance=models.Distance.COSINE)},
            sparse_vectors_config={"words": models.SparseVectorParams()},
        )
    async with before(qdrant_server) as front, served(front) as (url, port):
        assert await asyncio.to_thread(some, url, port) == (7, [2, 3])
    assert [type(write.touched[name][0]) for write in front.writes] == [Ids, Ids]
    assert {write.outcome for write in front.writes} == {Outcome.ANSWERED}


@pytest.fixture
def postgres_with_vectors(postgres_dsn):
    with psycopg.connect(postgres_dsn, autocommit=True) as connection:
        connection.execute("create extension if not exists vector")
    return postgres_dsn


@pytest.fixture(params=["memory", "sqlite", "pgvector"])
async def other(request, tmp_path):
    """A store that is no Qdrant."""
    urls = {"memory": lambda: str(tmp_path), "sqlite": lambda: str(tmp_path / "qdrant.db")}
    url = urls.get(request.param, lambda: request.getfixturevalue("postgres_with_vectors"))()
    async with open_store(Endpoint(request.param, url)) as store:
        yield store


@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
async def test_after_a_cutover(straight, other, grpc):
    async with served(Standing(emulated(other))) as (url, port):
        told = await asyncio.to_thread(lived, url, port, "after", grpc=grpc)
    for mine, theirs in zip(told, straight, strict=True):
        assert mine == settled(theirs)


async def test_the_client_is_told_what_cannot_be(qdrant_server):
    def wrong(url, port):
        with closing(client_of(url, port, grpc=False)) as client:
            for ask in (
                lambda: client.get_collection("nothing"),
                lambda: client.query_points("c", query=models.FusionQuery(fusion=models.Fusion.RRF)),
                lambda: client.facet("c", "word"),
            ):
                with pytest.raises(UnexpectedResponse) as caught:
                    ask()
                yield caught.value.status_code

    async with served(Standing(emulated(MemoryStore(Endpoint("memory"), Database())))) as (url, port):
        assert await asyncio.to_thread(lambda: list(wrong(url, port))) == [404, 422, 404]
