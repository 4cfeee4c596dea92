"""The front of a store that nobody migrates: everything goes to the store, nothing is marked."""

from __future__ import annotations

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.front import FakeFront, FakeUpstream
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.touch import Ids
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.facade import Reached
from vectormigrate.stores.front import Access, Outcome, Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.raw import HttpRequest, RpcCall, RpcReply
from vectormigrate.stores.registry import build_facade


async def test_reads_and_writes_go_to_the_store():
    store = MemoryStore(Endpoint("memory"), Database())
    front = Standing(store)
    assert front.reading("c").store is store
    assert front.reading(None).upstream is None
    async with front.writing({"c": [Ids(("a",))]}, size=10) as write:
        assert write.access.store is store
        write.answered(Outcome.UNRESOLVED)
        await write.named("c", ["a"])


PRIMARY, SECONDARY = (MemoryStore(Endpoint("memory"), Database()) for _ in range(2))


@pytest.fixture
def front():
    """Reads go to the secondary where they may."""
    return FakeFront(Access(store=PRIMARY), elsewhere=Access(store=SECONDARY))


async def test_a_read_is_answered_by_whoevers_turn_it_is(front):
    async def ask(access):
        return access.store

    assert await front.read("c", ask) is SECONDARY
    assert await front.read("c", ask, anywhere=False) is PRIMARY


async def test_what_the_secondary_cannot_answer_the_primary_is_asked(front):
    async def ask(access):
        if access.store is SECONDARY:
            raise RuntimeError
        return access.store

    assert await front.read("c", ask) is PRIMARY


async def test_what_the_primary_cannot_answer_nobody_can(front):
    asked = []

    async def ask(access):
        asked.append(access.store)
        raise Unsupported("no")

    with pytest.raises(Unsupported):
        await front.read("c", ask)
    front.elsewhere = None
    with pytest.raises(Unsupported):
        await front.read("c", ask)
    assert asked == [SECONDARY, PRIMARY, PRIMARY]


RPC = "RPC"
READS = [
    ("qdrant", "GET", "/collections/c/cluster", b"", False),
    ("qdrant", "POST", "/collections/c/points/count", b"{}", True),
    ("qdrant", RPC, "/qdrant.Collections/CollectionClusterInfo", b"\x0a\x01c", False),
    ("qdrant", RPC, "/qdrant.Points/Count", b"\x0a\x01c", True),
    ("pinecone", "GET", "/bulk/imports", b"", False),
    ("pinecone", "GET", "/not/documented", b"", False),
    ("pinecone", "GET", "/vectors/list", b"", True),
    ("milvus", "POST", "/v2/vectordb/entities/query", b'{"collectionName": "c"}', True),
    ("milvus", RPC, "/milvus.proto.milvus.MilvusService/CreateSnapshot", b"", False),
    ("milvus", RPC, "/milvus.proto.milvus.MilvusService/Query", b"\x1a\x01c", True),
    ("weaviate", "GET", "/v1/cluster/statistics", b"", False),
    ("weaviate", "GET", "/v1/objects/C/00000000-0000-0000-0000-000000000001", b"", True),
    ("weaviate", RPC, "/weaviate.v1.Weaviate/Search", b"\x0a\x01C", True),
]


@pytest.mark.parametrize(("dialect", "method", "path", "body", "anywhere"), READS)
async def test_no_application_notices_what_a_secondary_cannot_answer(dialect, method, path, body, anywhere):
    """The store has no collection at all."""
    upstream, asked = FakeUpstream(reply=RpcReply(b"")), []

    class Empty(MemoryStore):
        async def describe(self, collection):
            asked.append(collection)
            return await super().describe(collection)

        async def count(self, collection):
            asked.append(collection)
            return await super().count(collection)

    store = Empty(Endpoint("memory"), Database())
    front = FakeFront(Access(upstream=upstream), elsewhere=Access(store=store), migrated=())
    facade = build_facade(dialect, front, FakeClock(), Reached("http://here", "c"))
    if method == RPC:
        assert (await facade.rpc(RpcCall(path, body))).code == 0
        assert [call.method for call in upstream.calls] == [path]
    else:
        assert (await facade.http(HttpRequest(method, path, body=body))).status == 200
        assert [request.path for request in upstream.requests] == [path]
    assert bool(asked) is anywhere
