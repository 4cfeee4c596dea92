"""gRPC through the facade: bytes while Qdrant is the primary; what it answers from a store is in `test_rpc.py`."""

from __future__ import annotations

import numpy as np
import pytest
from qdrant_client import grpc as q

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.qdrant.facade.answering import A, Served
from tests.stores.qdrant.facade.speaking import COLLECTIONS, POINTS, RAW, WHERE, num, upsert
from tests.stores.qdrant.facade.test_port import SHAPE
from vectormigrate.model.errors import GateRefused, Unreachable, Unresolved
from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Whole
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.qdrant.facade.endpoints import ENDPOINTS
from vectormigrate.stores.raw import RpcCall, RpcReply


@pytest.fixture
def upstream():
    done = q.PointsOperationResponse(result=q.UpdateResult(operation_id=1, status=q.UpdateStatus.Completed))
    return FakeUpstream(reply=RpcReply(done.SerializeToString(), trailing_metadata=(("x", "y"),)))


@pytest.fixture
def front(upstream):
    return FakeFront(Access(upstream=upstream))


@pytest.fixture
def passing(front):
    return Served(front=front).facade


CALLS = [route for route in ENDPOINTS if route.method == "RPC" and route.operation != "change_aliases"]


@pytest.mark.parametrize("route", CALLS, ids=lambda route: route.path)
async def test_every_call_passes_as_bytes_and_writes_are_marked(passing, front, upstream, route):
    call = RpcCall(
        route.path,
        q.GetCollectionInfoRequest(collection_name="c").SerializeToString(),
        (("api-key", "k"),),
        3.5,
    )
    needs_points = {
        "Delete",
        "SetPayload",
        "OverwritePayload",
        "DeletePayload",
        "ClearPayload",
        "DeleteVectors",
    }
    if route.decision is Decision.CAPTURE and route.path.removeprefix(POINTS) in needs_points:
        assert (await passing.rpc(call)).code == 3
        return
    assert await passing.rpc(call) is upstream.reply
    assert upstream.calls == [call]
    assert len(front.writes) == (route.decision in (Decision.CAPTURE, Decision.REFUSE))
    if front.writes:
        assert [*front.writes[0].touched] == ["c"]


@pytest.mark.parametrize(
    ("method", "message", "touches"),
    [
        ("Upsert", upsert(num(1), q.PointId(uuid=A)), None),
        ("Delete", q.DeletePoints(collection_name="c", points=q.PointsSelector(points=q.PointsIdsList(ids=[num(3)]))), (Ids((3,), removes=True),)),
        ("Delete", q.DeletePoints(collection_name="c", points=q.PointsSelector(filter=WHERE)), (Matching(Native("qdrant", RAW), removes=True),)),
        ("SetPayload", q.SetPayloadPoints(collection_name="c", points_selector=q.PointsSelector(filter=WHERE)), (Matching(Native("qdrant", RAW), removes=False),)),
        ("UpdateVectors", q.UpdatePointVectors(collection_name="c", points=[q.PointVectors(id=num(5))]), (Ids((5,)),)),
        ("CreateFieldIndex", q.CreateFieldIndexCollection(collection_name="c", field_name="a"), ()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)  # fmt: skip
async def test_what_a_write_touches(passing, front, method, message, touches):
    from uuid import UUID

    call = RpcCall(POINTS + method, message.SerializeToString())
    await passing.rpc(call)
    [write] = front.writes
    assert write.touched == {"c": (Ids((1, UUID(A))),) if touches is None else touches}
    assert write.size == len(call.request)


async def test_what_collections_and_aliases_touch(passing, front):
    actions = [
        q.AliasOperations(create_alias=q.CreateAlias(collection_name="c", alias_name="live")),
        q.AliasOperations(rename_alias=q.RenameAlias(old_alias_name="old", new_alias_name="new")),
    ]
    await passing.rpc(
        RpcCall(COLLECTIONS + "UpdateAliases", q.ChangeAliases(actions=actions).SerializeToString())
    )
    assert front.writes[0].touched == dict.fromkeys(("c", "live", "old", "new"), (Whole(Scope.ALIAS),))
    drop = q.DeleteCollection(collection_name="c").SerializeToString()
    await passing.rpc(RpcCall(COLLECTIONS + "Delete", drop))
    assert front.writes[1].touched == {"c": (Whole(Scope.DROP),)}
    await passing.rpc(RpcCall("/qdrant.Points/Frobnicate", drop))
    assert front.writes[2].touched == {"c": (Unknown("/qdrant.Points/Frobnicate"),)}


async def test_a_batch_touches_the_union(passing, front):
    one_of = q.PointsUpdateOperation
    ids = q.PointsSelector(points=q.PointsIdsList(ids=[num(7)]))
    operations = [
        one_of(upsert=one_of.PointStructList(points=upsert(num(1)).points)),
        one_of(delete_points=one_of.DeletePoints(points=ids)),
        one_of(delete_deprecated=q.PointsSelector(filter=WHERE)),
        one_of(clear_payload_deprecated=q.PointsSelector(points=q.PointsIdsList(ids=[num(8)]))),
        one_of(clear_payload=one_of.ClearPayload(points=q.PointsSelector(filter=WHERE))),
        one_of(),
    ]
    message = q.UpdateBatchPoints(collection_name="c", operations=operations)
    await passing.rpc(RpcCall(POINTS + "UpdateBatch", message.SerializeToString()))
    assert front.writes[0].touched["c"] == (
        Ids((1, 8)),
        Ids((7,), removes=True),
        Matching(Native("qdrant", RAW), removes=True),
        Matching(Native("qdrant", RAW), removes=False),
        Unknown("batch operation that is not known here"),
    )


@pytest.mark.parametrize(
    ("wait", "code", "status", "outcome"),
    [
        (True, 0, "Completed", Outcome.ANSWERED),
        (False, 0, "Acknowledged", Outcome.LATE),
        (True, 0, "Acknowledged", Outcome.LATE),
        (True, 0, "WaitTimeout", Outcome.UNRESOLVED),
        (True, 0, "ClockRejected", Outcome.UNRESOLVED),
        (True, 3, "", Outcome.ANSWERED),
        (False, 3, "", Outcome.LATE),
        (True, 5, "", Outcome.ANSWERED),
        (True, 4, "", Outcome.UNRESOLVED),
        (True, 13, "", Outcome.UNRESOLVED),
        (True, 14, "", Outcome.UNRESOLVED),
        (True, 1, "", Outcome.UNRESOLVED),
    ],
)
@pytest.mark.parametrize("batch", [False, True])
async def test_what_came_of_it(passing, front, upstream, wait, code, status, outcome, batch):
    result = q.UpdateResult(status=q.UpdateStatus.Value(status or "Completed"))
    done = q.UpdateBatchResponse(result=[result]) if batch else q.PointsOperationResponse(result=result)
    upstream.reply = RpcReply(done.SerializeToString(), code)
    message = q.UpdateBatchPoints(collection_name="c", wait=wait) if batch else upsert(num(1), wait=wait)
    method = "UpdateBatch" if batch else "Upsert"
    await passing.rpc(RpcCall(POINTS + method, message.SerializeToString()))
    assert front.writes[0].outcome is outcome


async def test_whole_points_need_not_be_read_back(passing, front, upstream):
    front.access = Access(upstream=upstream, shape=SHAPE)
    request = upsert(num(1), num(2)).SerializeToString()
    await passing.rpc(RpcCall(POINTS + "Upsert", request))
    [(collection, records, size)] = front.writes[0].hints
    assert (collection, size, records().ids) == ("c", len(request), [1, 2])
    assert np.array_equal(records().vectors[""].values, [[1, 2], [1, 2]])
    for message in (upsert(num(1), wait=False), upsert(num(1), update_filter=WHERE)):
        await passing.rpc(RpcCall(POINTS + "Upsert", message.SerializeToString()))
        assert front.writes[-1].hints == []


async def test_errors_have_grpcs_codes(passing, front, upstream):
    request = upsert(num(1)).SerializeToString()
    for error, code in ((Unreachable("gone"), 14), (Unresolved("lost"), 4)):
        upstream.reply = error
        reply = await passing.rpc(RpcCall(POINTS + "Upsert", request))
        assert (reply.code, error.message in reply.details) == (code, True)
    front.refusal = GateRefused("not now")
    assert (await passing.rpc(RpcCall(POINTS + "Upsert", request))).code == 9
    assert (await passing.rpc(RpcCall(POINTS + "Upsert", b"\xff"))).code == 3


async def test_whose_call_it_is_is_found_wherever_its_name_stands(passing, front):
    name = q.GetCollectionInfoRequest(collection_name="a long name" * 20).SerializeToString()
    limit = q.ScrollPoints(limit=5).SerializeToString()
    for request in (
        name,
        name + limit,
        limit + name,
        limit,
        b"",
        b"\x0a\xff\xff\xff\xff\xff",
        b"\x0a\x01\xff",
    ):
        await passing.rpc(RpcCall(POINTS + "Scroll", request))
    assert front.reads == ["a long name" * 20] * 3 + [None] * 4


@pytest.fixture
def watched(front, upstream):
    """Searches are shadowed, and find points 7 and 2."""
    front.access = Access(upstream=upstream, shadowed=True, shape=SHAPE)
    hits = [q.ScoredPoint(id=num(7), score=0.5), q.ScoredPoint(id=num(2), score=0.25)]
    upstream.reply = RpcReply(q.SearchResponse(result=hits).SerializeToString())
    return Served(front=front).facade


NEAREST = q.Query(nearest=q.VectorInput(dense=q.DenseVector(data=[1, 0])))
SEARCHES = {
    "Query": q.QueryPoints(collection_name="c", query=NEAREST, limit=2),
    "Search": q.SearchPoints(collection_name="c", vector=[1, 0], limit=2),
}


@pytest.mark.parametrize("method", SEARCHES)
async def test_a_search_is_told(watched, front, upstream, method):
    assert await watched.rpc(RpcCall(POINTS + method, SEARCHES[method].SerializeToString())) is upstream.reply
    [(collection, seconds, found)] = front.searches
    query, matches = found()
    assert (collection, seconds) == ("c", 0)
    assert (query.using, query.limit, query.vector.tolist()) == ("", 2, [1, 0])
    assert [(match.id, match.score) for match in matches] == [(7, 0.5), (2, 0.25)]


async def test_nothing_else_is_told(watched, front, upstream):
    for method, message in (("Scroll", q.ScrollPoints(collection_name="c")), ("Query", b"\xff")):
        data = message if isinstance(message, bytes) else message.SerializeToString()
        await watched.rpc(RpcCall(POINTS + method, data))
    assert [found() for _, _, found in front.searches] == [None]
    offset = q.QueryPoints(collection_name="c", query=NEAREST, offset=1).SerializeToString()
    await watched.rpc(RpcCall(POINTS + "Query", offset))
    upstream.reply = RpcReply(code=5)
    await watched.rpc(RpcCall(POINTS + "Query", offset))
    assert [found() for _, _, found in front.searches] == [None, None]
