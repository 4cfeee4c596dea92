"""gRPC through the facade: bytes while Milvus is the primary, marks for what writes, and errors as clients expect them."""

from __future__ import annotations

import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.milvus.facade.answering import Served, put, rows, schema, search
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
)
from vectormigrate.model.errors import (
    CollectionMissing,
    GateRefused,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
)
from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Unnamed, Whole
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.milvus.facade.answering import REPLIES, REQUESTS
from vectormigrate.stores.milvus.facade.endpoints import ENDPOINTS, SERVICE
from vectormigrate.stores.milvus.facade.port import MilvusFacade
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2
from vectormigrate.stores.raw import RpcCall, RpcReply

SHAPE = CollectionShape(
    "c",
    IdField("id", IdKind.INT, KeyOrder.NUMERIC),
    (VectorField("v", dim=2, metric=Metric.COSINE),),
    (Field("n", FieldType.INT, nullable=False),),
)
FIXED = schema(dynamic=False, more=[("n", 5, {})])


@pytest.fixture
def upstream():
    return FakeUpstream(reply=RpcReply(b"", trailing_metadata=(("x", "y"),)))


@pytest.fixture
def front(upstream):
    return FakeFront(Access(upstream=upstream, shape=SHAPE))


@pytest.fixture
def passing(front):
    return Served(front=front).facade


def call(name, message=None, metadata=(), **words):
    message = REQUESTS[name](**words) if message is None else message
    return RpcCall(SERVICE + name, message.SerializeToString(), metadata, 3.5)


def one_about_c(name):
    """A request about collection c, as far as its message can say that."""
    message = REQUESTS[name]()
    fields = message.DESCRIPTOR.fields_by_name
    for field_name in ("collection_name", "collection_names", "oldName", "alias"):
        if field_name in fields:
            held = getattr(message, field_name)
            if isinstance(held, str):
                setattr(message, field_name, "c")
            else:
                held.append("c")
    return message


@pytest.mark.parametrize("route", [one for one in ENDPOINTS if one.method == "RPC"], ids=lambda one: one.rpc)
async def test_every_call_passes_as_bytes_and_writes_are_marked(passing, front, upstream, route):
    asked = call(route.rpc, one_about_c(route.rpc), (("authorization", "k"),))
    assert await passing.rpc(asked) is upstream.reply
    assert upstream.calls == [asked]
    assert len(front.writes) == (route.decision in (Decision.CAPTURE, Decision.REFUSE))
    assert len(front.reads) == (route.decision in (Decision.FORWARD, Decision.SERVE))
    if front.writes:
        assert [*front.writes[0].touched] == ["c"]


@pytest.mark.parametrize(
    ("name", "message", "touches"),
    [
        ("Insert", put(rows(2), FIXED), (Ids((0, 1)),)),
        ("Insert", put([{"v": [1, 2], "n": 1}], FIXED), (Unnamed(),)),
        ("Upsert", put([*rows(2), *rows(1)], FIXED, "Upsert"), (Ids((0, 1)),)),
        ("Delete", REQUESTS["Delete"](collection_name="c", expr="id in [4, 5]"), (Ids((4, 5), removes=True),)),
        ("Delete", REQUESTS["Delete"](collection_name="c", expr="id == 4"), (Ids((4,), removes=True),)),
        ("Delete", REQUESTS["Delete"](collection_name="c", expr="n > 1"), (Matching(Native("milvus", ("n > 1", {})), removes=True),)),
        ("Delete", REQUESTS["Delete"](collection_name="c", expr="n +"), (Matching(Native("milvus", ("n +", {})), removes=True),)),
        ("DropCollection", one_about_c("DropCollection"), (Whole(Scope.DROP),)),
        ("RenameCollection", one_about_c("RenameCollection"), (Whole(Scope.DROP),)),
        ("TruncateCollection", one_about_c("TruncateCollection"), (Whole(Scope.CLEAR),)),
        ("DropPartition", one_about_c("DropPartition"), (Whole(Scope.SHAPE),)),
        ("AddCollectionField", one_about_c("AddCollectionField"), (Whole(Scope.SHAPE),)),
        ("DropIndex", one_about_c("DropIndex"), (Whole(Scope.SHAPE),)),
        ("CreateIndex", one_about_c("CreateIndex"), ()),
        ("CreateCollection", one_about_c("CreateCollection"), ()),
        ("Import", one_about_c("Import"), (Whole(Scope.RESTORE),)),
        ("ReplicateMessage", one_about_c("ReplicateMessage"), (Whole(Scope.RESTORE),)),
    ],
)  # fmt: skip
async def test_what_a_write_touches(passing, front, name, message, touches):
    asked = call(name, message)
    await passing.rpc(asked)
    [write] = front.writes
    assert write.touched == {"c": touches}
    assert write.size == len(asked.request)


async def test_keys_given_apart_from_the_expression_are_keys(passing, front):
    message = REQUESTS["Delete"](collection_name="c", expr="id in {keys}")
    message.expr_template_values["keys"].array_val.long_data.data.extend([7, 8])
    await passing.rpc(call("Delete", message))
    assert front.writes[0].touched == {"c": (Ids((7, 8), removes=True),)}
    message.expr = "n in {keys}"
    await passing.rpc(call("Delete", message))
    [touch] = front.writes[1].touched["c"]
    text, values = touch.filter.value
    assert text == "n in {keys}"
    assert schema_pb2.TemplateValue.FromString(values["keys"]) == message.expr_template_values["keys"]


async def test_keys_that_milvus_makes_are_named_by_its_answer(passing, front, upstream):
    reply = milvus_pb2.MutationResult(IDs=schema_pb2.IDs(int_id=schema_pb2.LongArray(data=[5, 6])))
    upstream.reply = RpcReply(reply.SerializeToString())
    await passing.rpc(call("Insert", put([{"v": [1, 2], "n": 1}], FIXED)))
    assert front.writes[0].ids == [("c", [5, 6])]


async def test_an_upsert_may_be_given_other_keys(front, upstream):
    made = schema(auto=True)
    from vectormigrate.stores.milvus.wire.native import native_of

    native = native_of(milvus_pb2.DescribeCollectionResponse(schema=made), ())
    front.access = Access(
        upstream=upstream, shape=CollectionShape("c", SHAPE.id, SHAPE.vectors, native=native)
    )
    await Served(front=front).facade.rpc(call("Upsert", put(rows(1), made, "Upsert")))
    assert front.writes[0].touched == {"c": (Ids((0,)), Unnamed())}


async def test_nothing_is_marked_where_nothing_is_migrated(front, upstream):
    front.access = Access(upstream=upstream)
    await Served(front=front).facade.rpc(call("Insert", put(rows(1), FIXED)))
    assert front.writes[0].touched == {"c": ()}


@pytest.mark.parametrize("metadata", [True, False])
async def test_another_database_passes_unmarked(passing, front, metadata):
    named = {} if metadata else {"db_name": "other"}
    asked = call(
        "Delete",
        metadata=(("dbname", "other"),) if metadata else (),
        collection_name="c",
        expr="id in [1]",
        **named,
    )
    await passing.rpc(asked)
    assert front.writes[0].touched == {}
    await passing.rpc(call("Query", metadata=(("dbname", "other"),), collection_name="c"))
    assert front.reads == [None]


async def test_a_method_that_nobody_knows_may_have_done_anything(passing, front, upstream):
    await passing.rpc(RpcCall(SERVICE + "Frobnicate", b"?"))
    assert front.writes[0].touched == {"c": (Unknown("an unknown request"),)}
    assert len(upstream.calls) == 1


def status(code, legacy=1):
    return milvus_pb2.MutationResult(status=common_pb2.Status(code=code, error_code=legacy, reason="no"))


@pytest.mark.parametrize(
    ("reply", "outcome"),
    [
        (RpcReply(milvus_pb2.MutationResult().SerializeToString()), Outcome.ANSWERED),
        (RpcReply(status(1100).SerializeToString()), Outcome.ANSWERED),
        (RpcReply(status(6, 6).SerializeToString()), Outcome.ANSWERED),
        (RpcReply(status(100, 4).SerializeToString()), Outcome.ANSWERED),
        (RpcReply(status(5).SerializeToString()), Outcome.UNRESOLVED),
        (RpcReply(status(0, 1).SerializeToString()), Outcome.UNRESOLVED),
        (RpcReply(b"\xff"), Outcome.UNRESOLVED),
        (RpcReply(code=8), Outcome.ANSWERED),
        (RpcReply(code=12), Outcome.ANSWERED),
        (RpcReply(code=14), Outcome.UNRESOLVED),
        (RpcReply(code=13), Outcome.UNRESOLVED),
    ],
)
async def test_what_an_answer_says(passing, front, upstream, reply, outcome):
    upstream.reply = reply
    assert await passing.rpc(call("Delete", collection_name="c", expr="id in [1]")) is reply
    assert front.writes[0].outcome is outcome


async def test_what_an_upsert_put_there_is_offered(passing, front):
    await passing.rpc(call("Upsert", put([*rows(2), {**rows(1)[0], "n": 9}], FIXED, "Upsert")))
    [(collection, records, size)] = front.writes[0].hints
    batch = records()
    assert (collection, batch.ids) == ("c", [1, 0])
    assert batch.record(1).payload == {"n": 9}
    assert size == front.writes[0].size


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("Insert", put(rows(1), FIXED)),
        ("Upsert", put([{"id": 1, "n": 2}], FIXED, "Upsert", partial_update=True)),
        ("Upsert", put([{"id": 1, "v": [1, 2]}], FIXED, "Upsert")),
        ("Upsert", put(rows(1), FIXED, "Upsert", partition_name="p")),
    ],
)
async def test_nothing_is_offered_that_may_read_back_otherwise(passing, front, name, message):
    await passing.rpc(call(name, message))
    assert front.writes[0].hints == []


async def test_nothing_is_offered_of_what_was_refused(passing, front, upstream):
    upstream.reply = RpcReply(status(1100).SerializeToString())
    await passing.rpc(call("Upsert", put(rows(1), FIXED, "Upsert")))
    assert front.writes[0].hints == []


@pytest.mark.parametrize(
    ("error", "code"),
    [(Unreachable("gone"), 14), (StoreDown("held", retry_after=1), 14), (Unresolved("lost"), 4)],
)
async def test_what_may_be_sent_again_is_told_by_grpc(passing, upstream, error, code):
    upstream.reply = error
    reply = await passing.rpc(call("Query", collection_name="c"))
    assert (reply.code, reply.details) == (code, error.message)


@pytest.mark.parametrize(
    ("error", "code"),
    [(GateRefused("not now"), 9), (Throttled("slowly"), 8), (CollectionMissing("?", collection="c"), 100)],
)
async def test_what_is_refused_is_a_status(passing, front, error, code):
    front.refusal = error
    reply = await passing.rpc(call("Delete", collection_name="c", expr="id in [1]"))
    told = REPLIES["Delete"].FromString(reply.message).status
    assert (reply.code, told.code) == (0, code)
    assert told.error_code
    assert told.reason == told.detail


# Over a store.


async def test_what_no_store_can_answer_is_refused_before_anything_is_marked():
    front = FakeFront(Access(store=MemoryStore(Endpoint("memory"), Database())))
    served = Served(front=front)
    for route in ENDPOINTS:
        if route.method == "RPC" and route.decision is Decision.REFUSE and "Stream" not in route.rpc:
            assert (await served.refused(route.rpc, one_about_c(route.rpc)))[0] == 10
    assert front.writes == []


@pytest.mark.parametrize(
    "route",
    [one for one in ENDPOINTS if one.method == "RPC" and one.decision is Decision.FORWARD],
    ids=lambda one: one.rpc,
)
async def test_what_only_milvus_knows_is_refused_in_its_own_shape(served, route):
    message = one_about_c(route.rpc)
    reply = await served.facade.rpc(call(route.rpc, message))
    if reply.code:
        assert (reply.code, bool(reply.details)) == (12, True)
        return
    told = REPLIES[route.rpc].FromString(reply.message)
    told = told if told.DESCRIPTOR.name == "Status" else told.status
    assert told.code == 10
    assert route.why in told.reason


async def test_a_method_that_nobody_knows_is_unimplemented(served):
    assert (await served.facade.rpc(RpcCall(SERVICE + "Frobnicate", b""))).code == 12


async def test_a_request_that_is_none(served):
    reply = await served.facade.rpc(RpcCall(SERVICE + "Query", b"\xff\xff"))
    assert REPLIES["Query"].FromString(reply.message).status.code == 1100


async def test_other_databases_are_not_there(served):
    await served.make()
    assert (await served.refused("Query", collection_name="c", db_name="other", expr="id > 0"))[0] == 800


async def test_after_a_cutover_an_alias_leads_to_the_collection(served, store):
    await served.make(FIXED)
    await served.ok("Insert", put(rows(3), FIXED))
    inner = served.front.reading("c").store
    shape = await inner.describe("c")
    front = FakeFront(Access(store=inner, shape=shape))
    after = Served(front=front)
    found = await after.ok("Query", collection_name="an_alias", expr="n >= 1", output_fields=["n"])
    assert list(found.fields_data[0].scalars.long_data.data) == [1, 2]
    assert (await after.ok("HasCollection", collection_name="an_alias")).value
    assert (await after.ok("GetLoadState", collection_name="an_alias")).state == 3
    await after.ok("Delete", collection_name="an_alias", expr="n >= 1")
    [write] = front.writes
    [touch] = write.touched["an_alias"]
    assert isinstance(touch, Matching)
    assert touch.filter is not None
    assert await served.ids("id >= 0") == [0]


async def test_a_write_that_nobody_knows_the_end_of_is_not_settled(served):
    class Losing(MemoryStore):
        async def upsert(self, collection, batch, *, fresh=False):
            raise Unresolved("the line broke")

    store = Losing(Endpoint("memory"), Database())
    await store.create(SHAPE)
    front = FakeFront(Access(store=store, shape=SHAPE))
    reply = await MilvusFacade(front, served.clock).rpc(call("Upsert", put(rows(1), FIXED, "Upsert")))
    assert reply.code == 4
    assert isinstance(front.writes[0].error, Unresolved)


async def test_a_search_is_not_a_write(passing, front, upstream):
    await passing.rpc(call("Search", search(of=FIXED)))
    assert front.writes == []


@pytest.mark.parametrize("moved", [True, False])
async def test_a_client_connects_when_the_old_server_is_gone_for_good(moved):
    down = FakeUpstream(reply=Unreachable("gone"))
    store = MemoryStore(Endpoint("memory"), Database())

    class Moved(FakeFront):
        def primary(self, collection):
            return Access(store=store) if collection and moved else self.access

    served = Served(front=Moved(Access(upstream=down), away=("c",) if moved else ()))
    for name in ("Connect", "GetVersion", "CheckHealth", "AllocTimestamp", "ListDatabases"):
        reply = await served.facade.rpc(call(name))
        assert reply.code == (0 if moved else 14)
    assert (await served.facade.rpc(call("ShowCollections"))).code == 14
