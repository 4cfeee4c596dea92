"""gRPC: bytes through, writes decoded and marked; the same answers as REST from a store."""

import pytest

from vectormigrate.model.errors import GateRefused, Unreachable
from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Whole
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.pinecone.pb import MESSAGES, METHODS
from vectormigrate.stores.pinecone.wire import messages
from vectormigrate.stores.raw import RpcCall, RpcReply


def _request(method, given):
    message = MESSAGES[METHODS[method][0]]()
    messages._fill(message, given)
    return message.SerializeToString()


def _call(method, given):
    return RpcCall(f"/VectorService/{method}", _request(method, given), (("api-key", "secret"),), 5.0)


async def _ask(client, method, given, code=0):
    reply = await client.facade.rpc(_call(method, given))
    assert reply.code == code, reply.details
    return messages.read_answer(method, reply.message) if code == 0 else reply


WRITES = [
    ("Upsert", {"vectors": [{"id": "a", "values": [1.0]}, {"id": "b"}]}, [Ids(("a", "b"))]),
    ("Update", {"id": "a", "setMetadata": {"x": 1}}, [Ids(("a",))]),
    (
        "Update",
        {"filter": {"x": {"$gt": 1}}},
        [Matching(Native("pinecone", {"x": {"$gt": 1}}), removes=False)],
    ),
    ("Delete", {"ids": ["a"]}, [Ids(("a",), removes=True)]),
    ("Delete", {"filter": {"x": "y"}}, [Matching(Native("pinecone", {"x": "y"}), removes=True)]),
    ("Delete", {"deleteAll": True}, [Whole(Scope.CLEAR)]),
    ("Delete", {}, [Unknown("a Pinecone delete that names no records")]),
    ("DeleteNamespace", {}, [Whole(Scope.DROP)]),
]


@pytest.mark.parametrize(("method", "given", "touches"), WRITES)
async def test_a_write_is_marked_and_then_passes_as_it_came(through, front, upstream, method, given, touches):
    upstream.reply = RpcReply(b"whatever", trailing_metadata=(("x-pinecone-request-lsn", "7"),))
    call = _call(method, {**given, "namespace": "n"})
    assert await through.facade.rpc(call) is upstream.reply
    assert upstream.calls == [call]
    assert front.log == [("marked", {"demo/n": touches}, len(call.request)), ("left", Outcome.ANSWERED, "7")]


async def test_namespaces_are_made_inside_a_mark(through, front):
    await through.facade.rpc(_call("CreateNamespace", {"name": "n"}))
    assert front.marks == [{"demo/n": []}]


@pytest.mark.parametrize(
    ("method", "given"),
    [
        ("Query", {"vector": [1.0], "topK": 3}),
        ("Fetch", {"ids": ["a"]}),
        ("List", {"prefix": "a"}),
        ("FetchByMetadata", {"filter": {"a": 1}}),
        ("DescribeNamespace", {}),
    ],
)
async def test_a_read_passes_as_it_came(through, front, upstream, method, given):
    call = _call(method, {**given, "namespace": "n"})
    assert await through.facade.rpc(call) is upstream.reply
    assert upstream.calls == [call]
    assert front.log == [("reading", "demo/n")]


async def test_an_update_that_only_counts_is_a_read(through, front):
    await through.facade.rpc(_call("Update", {"filter": {"x": 1}, "dryRun": True}))
    assert front.log == [("reading", "demo")]


@pytest.mark.parametrize(
    ("code", "outcome"),
    [
        (0, Outcome.ANSWERED), (3, Outcome.ANSWERED), (5, Outcome.ANSWERED), (8, Outcome.ANSWERED),
        (1, Outcome.UNRESOLVED), (2, Outcome.UNRESOLVED), (4, Outcome.UNRESOLVED), (10, Outcome.UNRESOLVED),
        (13, Outcome.UNRESOLVED), (14, Outcome.UNRESOLVED), (15, Outcome.UNRESOLVED),
    ],
)  # fmt: skip
async def test_the_code_says_what_became_of_a_write(through, front, upstream, code, outcome):
    upstream.reply = RpcReply(code=code, details="said")
    reply = await through.facade.rpc(_call("Delete", {"ids": ["a"]}))
    assert (reply.code, reply.details) == (code, "said")
    assert front.outcomes == [(outcome, "")]
    assert front.hints == []


async def test_an_upsert_is_hinted(through, front):
    vectors = [{"id": "a", "values": [1.0, 2.0, 3.0], "metadata": {"n": 1, "t": ["x"]}}]
    call = _call("Upsert", {"vectors": vectors})
    await through.facade.rpc(call)
    ((collection, records, size),) = front.hints
    batch = records()
    assert (collection, size, batch.ids) == ("demo", len(call.request), ["a"])
    assert batch.vectors["values"].values.tolist() == [[1, 2, 3]]
    assert batch.payload == [{"n": 1.0, "t": ["x"]}]


async def test_a_shadowed_search_is_told(through, front, upstream):
    front.access = Access(upstream=upstream, shadowed=True)
    answer = {"matches": [{"id": "a", "score": 0.5}]}
    upstream.reply = RpcReply(messages.write_answer("Query", answer))
    await through.facade.rpc(_call("Query", {"vector": [1.0, 2.0, 3.0], "topK": 2}))
    query, matches = front.found[0]()
    assert (query.limit, query.vector.tolist()) == (2, [1, 2, 3])
    assert [(match.id, match.score) for match in matches] == [("a", 0.5)]


async def test_a_method_that_nobody_described_may_change_anything(through, front, upstream):
    front.under_migration = ["demo/n"]
    await through.facade.rpc(RpcCall("/VectorService/Upserted", b"\x01"))
    unknown = [Unknown("/VectorService/Upserted")]
    assert front.marks == [{"demo/n": unknown}]
    assert len(upstream.calls) == 1


async def test_what_cannot_be_read_never_leaves(through, front, upstream):
    reply = await through.facade.rpc(RpcCall("/VectorService/Upsert", b"\xff\xff"))
    assert (reply.code, reply.message) == (3, b"")
    assert (front.log, upstream.calls) == ([], [])


@pytest.mark.parametrize(("error", "code"), [(Unreachable("no route"), 14), (GateRefused("not now"), 9)])
async def test_an_error_is_a_status(through, upstream, error, code):
    upstream.error = error
    reply = await through.facade.rpc(_call("Delete", {"ids": ["a"]}))
    assert (reply.code, reply.details) == (code, error.message)


# From a store.


async def test_answers_are_those_of_rest(client):
    await client.create(dimension=2, metric="dotproduct")
    vectors = [
        {"id": "a", "values": [1.0, 0.0], "metadata": {"n": 1, "t": ["x"], "b": True}},
        {"id": "b", "values": [0.0, 1.0], "sparseValues": {"indices": [3, 1], "values": [0.5, 2.0]}},
    ]
    assert await _ask(client, "Upsert", {"vectors": vectors}) == {"upsertedCount": 2}
    asked = {"vector": [1.0, 0.5], "topK": 5, "includeValues": True, "includeMetadata": True}
    for method, path, given in (
        ("Query", "/query", asked),
        ("Query", "/query", {**asked, "sparseVector": {"indices": [1], "values": [4.0]}}),
        ("Query", "/query", {"id": "a", "topK": 1}),
        ("FetchByMetadata", "/vectors/fetch_by_metadata", {"filter": {"n": {"$gte": 1}}}),
        ("DescribeIndexStats", "/describe_index_stats", {}),
    ):
        by_rest = await client.ask("POST", path, given)
        assert _bare(await _ask(client, method, given)) == _bare(by_rest)
    fetched = await _ask(client, "Fetch", {"ids": ["b"]})
    assert fetched["vectors"] == await client.fetch("b")


def _bare(answer):
    """What JSON shows and protobuf does not send: empty lists and texts, zeros."""
    if isinstance(answer, dict):
        return {key: _bare(value) for key, value in answer.items() if value not in ([], "", 0, {})}
    return [_bare(one) for one in answer] if isinstance(answer, list) else answer


async def test_errors_of_a_store_are_statuses(client):
    reply = await _ask(client, "Query", {"vector": [1.0], "topK": 1}, code=5)
    assert "demo" in reply.details
    await client.create(dimension=2)
    await _ask(client, "Query", {"vector": [1.0], "topK": 1}, code=3)
    await _ask(client, "DescribeNamespace", {"namespace": "nowhere"}, code=5)
    reply = await client.facade.rpc(RpcCall("/VectorService/Unheard", b""))
    assert reply.code == 12


async def test_a_write_says_its_position(client):
    await client.create(dimension=2)
    reply = await client.facade.rpc(_call("Upsert", {"vectors": [{"id": "a", "values": [1.0, 1.0]}]}))
    ((name, position),) = reply.initial_metadata
    assert name == "x-pinecone-request-lsn"
    assert int(position) > 0
