"""The door by gRPC, and its stream of batches."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.front import FakeFront, FakeUpstream
from vectormigrate.model.errors import GateRefused, Unreachable
from vectormigrate.model.filter import Compare, Comparison, Native
from vectormigrate.model.touch import Ids, Matching, Unknown
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.raw import RpcCall, RpcReply
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.facade.endpoints import BATCH_STREAM, ENDPOINTS
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade
from vectormigrate.stores.weaviate.wire.clauses import read_where
from vectormigrate.stores.weaviate.wire.shape import read_shape
from vectormigrate.stores.weaviate.wire.vectors import write_dense

SERVICE = "/weaviate.v1.Weaviate/"
A, B = UUID(int=10), UUID(int=11)
WHERE = read_where({"path": ["n"], "operator": "Equal", "valueInt": 1})
SHAPE = read_shape(
    {
        "class": "C",
        "vectorIndexType": "hnsw",
        "vectorIndexConfig": {"distance": "l2-squared"},
        "properties": [{"name": "n", "dataType": ["int"]}],
    }
)
VECTOR = write_dense(np.array([1, 2], np.float32))


@pytest.fixture
def upstream():
    return FakeUpstream(reply=RpcReply(b""))


@pytest.fixture
def front(upstream):
    return FakeFront(Access(upstream=upstream, shape=SHAPE), migrated=("C", "D/t"))


@pytest.fixture
def facade(front):
    return WeaviateFacade(front, FakeClock())


def sent(number=10, collection="C", **fields):
    message = pb.BatchObject(uuid=str(UUID(int=number)), collection=collection, vector_bytes=VECTOR, **fields)
    message.properties.non_ref_properties.update({"n": 5})
    return message


def call(method, message=b"", **more):
    return RpcCall(
        SERVICE + method, message if isinstance(message, bytes) else message.SerializeToString(), **more
    )


async def test_reads_pass_undecoded(facade, front, upstream):
    for method, message, name in (
        ("Search", pb.SearchRequest(collection="c"), "C"),
        ("Search", pb.SearchRequest(collection="D", tenant="t"), "D/t"),
        ("Aggregate", pb.AggregateRequest(collection="C"), "C"),
        ("TenantsGet", pb.TenantsGetRequest(collection="C"), "C"),
        ("BatchDelete", pb.BatchDeleteRequest(collection="C", dry_run=True), "C"),
    ):
        asked = call(method, message, metadata=(("authorization", "k"),))
        assert await facade.rpc(asked) is upstream.reply
        assert upstream.calls[-1] is asked
        assert front.reads[-1] == name
    health = RpcCall("/grpc.health.v1.Health/Check", b"\x0a\x01x")
    assert await facade.rpc(health) is upstream.reply
    assert front.writes == []


@pytest.mark.parametrize(
    ("method", "message", "touched"),
    [
        ("BatchObjects", pb.BatchObjectsRequest(objects=[sent(10), sent(11)]), {"C": [Ids((A, B))]}),
        (
            "BatchObjects",
            pb.BatchObjectsRequest(objects=[sent(10, "D", tenant="t"), sent(11, "D", tenant="u")]),
            {"D/t": [Ids((A,))], "D": [Ids((("u", B),))]},
        ),
        (
            "BatchReferences",
            pb.BatchReferencesRequest(references=[pb.BatchReference(from_collection="c", from_uuid=str(A))]),
            {"C": [Ids((A,))]},
        ),
        (
            "BatchDelete",
            pb.BatchDeleteRequest(collection="C", filters=WHERE),
            {"C": [Matching(Native("weaviate", WHERE.SerializeToString(deterministic=True)), removes=True)]},
        ),
        ("Frobnicate", b"x", {name: [Unknown(SERVICE + "Frobnicate")] for name in ("C", "D/t")}),
    ],
    ids=["objects", "tenants", "references", "delete", "unknown"],
)
async def test_a_write_is_marked_before_it_leaves(facade, front, upstream, method, message, touched):
    asked = call(method, message)
    await facade.rpc(asked)
    assert upstream.calls == [asked]
    [write] = front.writes
    assert {name: list(touches) for name, touches in write.touched.items()} == touched


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (RpcReply(b""), Outcome.ANSWERED),
        (RpcReply(pb.BatchObjectsReply(errors=[{"error": "invalid UUID"}]).SerializeToString()), Outcome.ANSWERED),
        (RpcReply(pb.BatchObjectsReply(errors=[{"error": "context deadline"}]).SerializeToString()), Outcome.UNRESOLVED),
        (RpcReply(code=16), Outcome.ANSWERED),
        (RpcReply(code=2, details="could not find class C in schema"), Outcome.ANSWERED),
        (RpcReply(code=2, details="shard went away"), Outcome.UNRESOLVED),
        (RpcReply(code=14), Outcome.UNRESOLVED),
    ],
)  # fmt: skip
async def test_what_came_of_a_batch(facade, front, upstream, reply, outcome):
    upstream.reply = reply
    await facade.rpc(call("BatchObjects", pb.BatchObjectsRequest(objects=[sent()])))
    assert front.writes[0].outcome is outcome
    assert bool(front.writes[0].hints) is (reply == RpcReply(b""))


async def test_a_delete_that_failed_in_part_is_unresolved(facade, front, upstream):
    upstream.reply = RpcReply(pb.BatchDeleteReply(failed=1).SerializeToString())
    await facade.rpc(call("BatchDelete", pb.BatchDeleteRequest(collection="C", filters=WHERE)))
    assert front.writes[0].outcome is Outcome.UNRESOLVED


async def test_what_was_put_whole_need_not_be_read_back(facade, front):
    await facade.rpc(call("BatchObjects", pb.BatchObjectsRequest(objects=[sent(10), sent(11)])))
    [(collection, records, _)] = front.writes[0].hints
    batch = records()
    assert (collection, batch.ids, batch.payload) == ("C", [A, B], [{"n": 5}] * 2)
    assert batch.vectors[""].values.tolist() == [[1, 2]] * 2


async def test_a_shadowed_search_is_told(facade, front, upstream):
    front.access = Access(upstream=upstream, shape=SHAPE, shadowed=True)
    result = pb.SearchResult()
    result.metadata.id_as_bytes, result.metadata.distance = A.bytes, 9.0
    upstream.reply = RpcReply(pb.SearchReply(results=[result]).SerializeToString())
    request = pb.SearchRequest(collection="C", limit=3, filters=WHERE)
    request.metadata.distance = True
    request.near_vector.vector_bytes = VECTOR
    await facade.rpc(call("Search", request))
    [(collection, _, found)] = front.searches
    query, [match] = found()
    assert (collection, query.using, query.limit) == ("C", "", 3)
    assert query.filter.items == (Compare(("n",), Comparison.EQ, 1),)
    assert (match.id, match.score) == (A, 3.0)
    request.offset = 1  # which has no neutral form
    await facade.rpc(call("Search", request))
    assert front.searches[-1][2]() is None
    request = pb.SearchRequest(collection="C", metadata=request.metadata)
    request.hybrid_search.CopyFrom(pb.Hybrid(alpha=1, vector_bytes=VECTOR))  # which tells no distance
    await facade.rpc(call("Search", request))
    assert front.searches[-1][2]() is None


async def test_errors_are_statuses(facade, front, upstream):
    front.refusal = GateRefused("not now")
    asked = call("BatchObjects", pb.BatchObjectsRequest(objects=[sent()]))
    assert await facade.rpc(asked) == RpcReply(code=7, details="not now")
    front.refusal = None
    upstream.reply = Unreachable("no route")
    assert await facade.rpc(asked) == RpcReply(code=14, details="no route")
    assert (await facade.rpc(call("Search", b"\xff\xff"))).code == 3


# Streams.


def said(**fields):
    return pb.BatchStreamRequest(**fields).SerializeToString()


def replies(messages):
    return [pb.BatchStreamReply.FromString(one) for one in messages]


async def test_a_stream_is_a_row_of_calls(facade, front, upstream):
    assert BATCH_STREAM in facade.streams
    assert [one.path for one in ENDPOINTS if one.path in facade.streams] == [BATCH_STREAM]
    stream = facade.conversation(RpcCall(BATCH_STREAM, b"", (("authorization", "k"),)))
    [started] = replies(await stream.heard(said(start=pb.BatchStreamRequest.Start(consistency_level=2))))
    assert started.HasField("started")
    upstream.reply = RpcReply(
        pb.BatchObjectsReply(errors=[{"index": 1, "error": "invalid"}]).SerializeToString()
    )
    data = pb.BatchStreamRequest.Data()
    data.objects.values.extend([sent(10), sent(11)])
    acks, results = replies(await stream.heard(said(data=data)))
    assert list(acks.acks.uuids) == [str(A), str(B)]
    assert [one.uuid for one in results.results.successes] == [str(A)]
    assert [(one.uuid, one.error) for one in results.results.errors] == [(str(B), "invalid")]
    [passed] = upstream.calls
    assert (passed.method, passed.metadata) == (SERVICE + "BatchObjects", (("authorization", "k"),))
    assert pb.BatchObjectsRequest.FromString(passed.request).consistency_level == 2
    assert front.writes[0].touched == {"C": [Ids((A, B))]}
    [leaving] = replies(stream.parting())
    assert leaving.HasField("shutting_down")
    assert await stream.heard(said(stop={})) == RpcReply()


async def test_references_of_a_stream_and_a_call_that_fails(facade, upstream):
    stream = facade.conversation(RpcCall(BATCH_STREAM, b""))
    await stream.heard(said(start={}))
    upstream.reply = RpcReply(code=2, details="broken")
    data = pb.BatchStreamRequest.Data()
    data.references.values.add(name="p", from_collection="C", from_uuid=str(A), to_uuid=str(B))
    acks, results = replies(await stream.heard(said(data=data)))
    beacon = f"weaviate://localhost/C/{A}/p"
    assert list(acks.acks.beacons) == [beacon]
    assert [(one.beacon, one.error) for one in results.results.errors] == [(beacon, "broken")]


async def test_a_stream_begins_at_its_beginning(facade):
    stream = facade.conversation(RpcCall(BATCH_STREAM, b""))
    assert (await stream.heard(said(data={}))).code == 3
    assert (await stream.heard(b"\xff\xff")).code == 3
