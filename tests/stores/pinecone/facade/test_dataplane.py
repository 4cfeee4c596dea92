"""What passes through to Pinecone, and what is marked before it does."""

import orjson
import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, VectorField
from vectormigrate.model.errors import GateRefused, StateFull, StoreDown, Unreachable, Unresolved
from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Whole
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.pinecone.facade import PineconeFacade
from vectormigrate.stores.raw import HttpResponse

from .conftest import HOST, SHAPE, Client


async def test_a_read_passes_as_it_came(through, front, upstream):
    upstream.response = HttpResponse(418, ((b"x-odd", b"1"),), b"not json")
    response = await through.send("POST", "/query", {"vector": [1, 2, 3], "topK": 2})
    assert response is upstream.response
    assert orjson.loads(upstream.requests[0].body) == {"vector": [1, 2, 3], "topK": 2}
    assert front.log == [("reading", "demo")]


@pytest.mark.parametrize(
    ("method", "path", "body", "query"),
    [
        ("POST", "/query", {"vector": [1, 2, 3], "topK": 2, "namespace": "n"}, b""),
        ("POST", "/vectors/fetch_by_metadata", {"filter": {"a": 1}, "namespace": "n"}, b""),
        ("GET", "/vectors/fetch", None, b"ids=a&namespace=n"),
        ("GET", "/vectors/list", None, b"prefix=a&namespace=n"),
        ("GET", "/namespaces/n", None, b""),
        ("POST", "/records/namespaces/n/search", {}, b""),
        ("POST", "/namespaces/n/documents/search", {}, b""),
    ],
)
async def test_a_read_is_asked_for_by_the_collection_of_its_namespace(
    through, front, upstream, method, path, body, query
):
    await through.send(method, path, body, query=query)
    assert front.log == [("reading", "demo/n")]
    assert len(upstream.requests) == 1


WRITES = [
    ("/vectors/upsert", {"vectors": [{"id": "b"}, {"id": "a"}, {"id": "b"}]}, [Ids(("b", "a"))]),
    ("/vectors/update", {"id": "a", "setMetadata": {}}, [Ids(("a",))]),
    ("/vectors/update", {"filter": {"x": 1}}, [Matching(Native("pinecone", {"x": 1}), removes=False)]),
    ("/vectors/delete", {"ids": ["a"]}, [Ids(("a",), removes=True)]),
    ("/vectors/delete", {"filter": {"x": 1}}, [Matching(Native("pinecone", {"x": 1}), removes=True)]),
    ("/vectors/delete", {"deleteAll": True}, [Whole(Scope.CLEAR)]),
    ("/vectors/delete", {"delete_all": True}, [Whole(Scope.CLEAR)]),
    ("/vectors/delete", {"new_way_to_say_which": 1}, [Unknown("a Pinecone delete that names no records")]),
]


@pytest.mark.parametrize(("path", "body", "touches"), WRITES)
@pytest.mark.parametrize(("namespace", "collection"), [({}, "demo"), ({"namespace": "n"}, "demo/n")])
async def test_a_write_is_marked_and_then_passes_as_it_came(
    through, front, upstream, path, body, touches, namespace, collection
):
    upstream.response = HttpResponse(200, ((b"x-pinecone-request-lsn", b"77"),), b'{"upsertedCount":2}')
    raw = orjson.dumps({**body, **namespace})
    response = await through.send("POST", path, raw)
    assert response is upstream.response
    assert upstream.requests[0].body == raw
    assert front.log == [("marked", {collection: touches}, len(raw)), ("left", Outcome.ANSWERED, "77")]


@pytest.mark.parametrize(
    ("query", "collection", "touch"),
    [
        (b"ids=a&ids=b&namespace=n", "demo/n", Ids(("a", "b"), removes=True)),
        (b"delete_all=true", "demo", Whole(Scope.CLEAR)),
        (b"filter=x", "demo", Unknown("a Pinecone delete that names no records")),
    ],
)
async def test_a_delete_by_its_other_method_is_marked_as_well(
    through, front, upstream, query, collection, touch
):
    await through.send("DELETE", "/vectors/delete", query=query)
    assert front.marks == [{collection: [touch]}]
    assert upstream.requests[0].query == query


async def test_a_large_upsert_is_marked_by_its_ids(through, front):
    vectors = [
        {
            "id": f"doc[{row}]",
            "values": [0.5] * 768,
            "metadata": {"t": '"values":[1],"id":"no"', "values": ["x]"]},
        }
        for row in range(20)
    ]
    await through.send("POST", "/vectors/upsert", {"vectors": vectors})
    assert front.marks == [{"demo": [Ids(tuple(f"doc[{row}]" for row in range(20)))]}]


async def test_an_update_that_only_counts_is_a_read(through, front, upstream):
    await through.send("POST", "/vectors/update", {"filter": {"x": 1}, "dryRun": True})
    assert front.log == [("reading", "demo")]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    "body", [b"{", b"[]", b'{"vectors": [{"id": 5}]}', b'{"vectors": {}}', b"\xff\xfe", b"\x1f\x8b"]
)
async def test_a_write_that_cannot_be_read_never_leaves(through, front, upstream, body):
    answer = await through.ask("POST", "/vectors/upsert", body, status=400)
    assert answer["code"] == 3
    assert upstream.requests == []
    assert front.log == []


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Outcome.ANSWERED),
        (400, Outcome.ANSWERED),
        (404, Outcome.ANSWERED),
        (429, Outcome.ANSWERED),
        (202, Outcome.LATE),
        (408, Outcome.UNRESOLVED),
        (500, Outcome.UNRESOLVED),
        (502, Outcome.UNRESOLVED),
        (503, Outcome.UNRESOLVED),
        (504, Outcome.UNRESOLVED),
        (302, Outcome.UNRESOLVED),
    ],
)
async def test_the_status_says_what_became_of_a_write(through, front, upstream, status, outcome):
    upstream.response = HttpResponse(status, (), b"{}")
    response = await through.send("POST", "/vectors/delete", {"ids": ["a"]})
    assert response.status == status
    assert front.outcomes == [(outcome, "")]


@pytest.mark.parametrize(
    ("error", "status", "code"),
    [
        (Unreachable("no route"), 503, 14),
        (Unresolved("reset"), 504, 4),
        (StoreDown("held", retry_after=2.0), 503, 14),
    ],
)
async def test_no_answer_is_told_in_pinecones_words(through, upstream, error, status, code):
    upstream.error = error
    answer = await through.ask("POST", "/vectors/delete", {"ids": ["a"]}, status=status)
    assert answer["code"] == code
    assert answer["details"] == []


async def test_a_write_that_could_not_be_marked_never_leaves(through, front, upstream):
    front.refused = StateFull("the disk is full", retry_after=1.2)
    response = await through.send("POST", "/vectors/delete", {"ids": ["a"]})
    assert (response.status, dict(response.headers)[b"retry-after"]) == (503, b"1")
    assert upstream.requests == []


async def test_an_upsert_is_hinted_as_the_primary_stores_it(through, front):
    body = {
        "vectors": [
            {"id": "a", "values": [1, 2, 3]},
            {"id": "b", "values": [0.1, 0, 0], "metadata": {"n": 1}},
            {"id": "a", "values": [9, 9, 9]},
        ]
    }
    await through.send("POST", "/vectors/upsert", body)
    ((collection, records, size),) = front.hints
    batch = records()
    assert collection == "demo"
    assert size == len(orjson.dumps(body))
    assert batch.ids == ["a", "b"]
    assert batch.vectors["values"].values.tolist() == [[9, 9, 9], [pytest.approx(0.1), 0, 0]]
    assert batch.payload == [{}, {"n": 1.0}]


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("/vectors/upsert", {"vectors": [{"id": "a", "values": [1, 2, 3]}]}, 500),
        ("/vectors/update", {"id": "a", "values": [1, 2, 3]}, 200),
        ("/vectors/delete", {"ids": ["a"]}, 200),
        ("/records/namespaces/n/upsert", b'{"_id":"a","text":"x"}', 200),
    ],
)
async def test_nothing_else_is_hinted(through, front, upstream, path, body, status):
    upstream.response = HttpResponse(status, (), b"{}")
    await through.send("POST", path, body)
    assert front.hints == []


async def test_texts_to_embed_are_marked_by_their_ids(through, front, upstream):
    body = b'{"_id":"a","text":"x"}\n{"id":"b","text":"y"}\n\n'
    await through.send("POST", "/records/namespaces/__default__/upsert", body)
    assert front.marks == [{"demo": [Ids(("a", "b"))]}]
    assert upstream.requests[0].body == body


@pytest.mark.parametrize(
    ("verb", "body", "touch"),
    [
        ("upsert", {"documents": [{"_id": "a", "t": 1}]}, Ids(("a",))),
        ("update", {"documents": [{"_id": "a", "t": 1}]}, Ids(("a",))),
        ("update", {"filter": {"x": 1}, "set_fields": {"a": 1}}, Matching(None, removes=False)),
        ("delete", {"ids": ["a", "b"]}, Ids(("a", "b"), removes=True)),
        ("delete", {"filter": {"x": 1}}, Matching(None, removes=True)),
        ("delete", {"delete_all": True}, Whole(Scope.CLEAR)),
        ("delete", {}, Unknown("documents delete")),
    ],
)
async def test_documents_are_marked(through, front, upstream, verb, body, touch):
    await through.send("POST", f"/namespaces/n/documents/{verb}", body)
    assert front.marks == [{"demo/n": [touch]}]
    assert len(upstream.requests) == 1


async def test_namespaces_are_marked(through, front):
    await through.send("DELETE", "/namespaces/n")
    await through.send("DELETE", "/namespaces/__default__")
    await through.send("POST", "/namespaces", {"name": "n"})
    assert front.marks == [{"demo/n": [Whole(Scope.DROP)]}, {"demo": [Whole(Scope.CLEAR)]}, {"demo/n": []}]


async def test_what_concerns_a_whole_index_is_marked_in_all_of_its_collections(through, front, upstream):
    front.under_migration = ["demo/n", "demolition", "demo", "other"]
    await through.send("POST", "/bulk/imports", {"uri": "s3://x"})
    await through.send("DELETE", "/indexes/demo")
    await through.send("PATCH", "/indexes/demo", {"embed": {"model": "m"}})
    await through.send("POST", "/backups/b/create-index", {"name": "other"})
    await through.send("PUT", "/vectors/something_new", {})
    both = lambda touch: {"demo": [touch], "demo/n": [touch]}  # noqa: E731
    assert front.marks == [
        both(Whole(Scope.RESTORE)),
        both(Whole(Scope.DROP)),
        both(Whole(Scope.SHAPE)),
        {"other": [Whole(Scope.RESTORE)]},
        both(Unknown("PUT /vectors/something_new")),
    ]
    assert len(upstream.requests) == 5


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PATCH", "/indexes/demo", {"tags": {"a": "b"}, "deletion_protection": "enabled"}),
        ("PATCH", "/indexes/demo", {"spec": {"pod": {"replicas": 2}}}),
        ("POST", "/indexes", {"name": "demo"}),
    ],
)
async def test_what_changes_no_record_is_not_marked(through, front, upstream, method, path, body):
    await through.send(method, path, body)
    assert front.marks == [{"demo": []}]
    assert len(upstream.requests) == 1


@pytest.mark.parametrize("body", [b"[]", b"5", b'{"indexes":[1,null]}', b'{"indexes":{}}', b"not json"])
async def test_a_description_that_is_none_passes(through, upstream, body):
    upstream.response = HttpResponse(200, (), body)
    response = await through.send("GET", "/indexes")
    assert response.status == 200
    assert response.body.replace(b" ", b"") == body.replace(b" ", b"")


async def test_what_the_front_refuses_never_leaves(through, front, upstream):
    front.refused = GateRefused("a migration is under way")
    data = await through.ask("POST", "/bulk/imports", {"uri": "s3://x"}, status=412)
    assert (data["code"], data["message"]) == (9, "a migration is under way")
    control = await through.ask("DELETE", "/indexes/demo", status=412)
    assert control["error"]["code"] == "FAILED_PRECONDITION"
    assert upstream.requests == []


async def test_a_write_that_waited_for_a_cutover_is_applied_where_it_belongs_then(
    through, front, upstream, store
):
    await store.create(SHAPE)
    front.after_fence = Access(store=store)
    await through.upsert({"id": "a", "values": [1, 2, 3]})
    assert upstream.requests == []
    assert (await store.fetch("demo", ["a"])).ids == ["a"]


@pytest.mark.parametrize(
    ("vector", "status"), [({"id": "a", "values": [1, 2]}, 400), ({"id": "a", "values": [1, 2, 3]}, 404)]
)
async def test_what_a_store_refuses_has_a_definite_outcome(through, front, store, vector, status):
    if status == 400:
        await store.create(SHAPE)
    front.access = Access(store=store)
    await through.upsert(vector, status=status)
    assert front.outcomes == [(Outcome.ANSWERED, "")]


async def test_what_a_store_may_have_applied_has_none(through, front, store):
    await store.create(SHAPE)
    front.access = Access(store=store)
    store.database.faults.unresolved_next = 1
    answer = await through.upsert({"id": "a", "values": [1, 2, 3]}, status=504)
    assert (answer["code"], front.outcomes) == (4, [])


# Namespaces inside one collection.


@pytest.fixture
def shared(front):
    parts = (IdField("ns", IdKind.TEXT, KeyOrder.BYTES), IdField("id", IdKind.TEXT, KeyOrder.BYTES))
    shape = CollectionShape("demo", IdField("key", IdKind.COMPOUND, parts=parts), (VectorField("v", dim=2),))
    return Client(PineconeFacade(front, index="demo", data_host=HOST, clock=FakeClock(), shape=shape))


async def test_ids_carry_their_namespace_where_namespaces_share_a_collection(shared, front):
    await shared.send("POST", "/vectors/upsert", {"vectors": [{"id": "a"}], "namespace": "n"})
    await shared.send("POST", "/vectors/delete", {"ids": ["a"]})
    await shared.send("POST", "/vectors/delete", {"deleteAll": True, "namespace": "n"})
    await shared.send("POST", "/query", {"id": "a", "topK": 1, "namespace": "n"})
    assert front.marks == [
        {"demo": [Ids((("n", "a"),))]},
        {"demo": [Ids((("__default__", "a"),), removes=True)]},
        {"demo": [Matching(None, removes=True)]},
    ]
    assert front.log[-1] == ("reading", "demo")


async def test_how_namespaces_are_told_apart_is_asked_of_the_front(front, upstream):
    facade = PineconeFacade(front, index="demo", data_host=HOST, clock=FakeClock())
    parts = (IdField("ns", IdKind.TEXT, KeyOrder.BYTES), IdField("id", IdKind.TEXT, KeyOrder.BYTES))
    shape = CollectionShape("demo", IdField("key", IdKind.COMPOUND, parts=parts), (VectorField("v", dim=2),))
    body = {"vectors": [{"id": "a", "values": [1, 2]}], "namespace": "n"}
    await Client(facade).send("POST", "/vectors/upsert", body)
    assert (front.marks, front.hints) == ([{"demo/n": [Ids(("a",))]}], [])
    front.access = Access(upstream=upstream, shape=shape)
    await Client(facade).send("POST", "/vectors/upsert", body)
    assert front.marks[1] == {"demo": [Ids((("n", "a"),))]}
    ((collection, records, _),) = front.hints
    assert (collection, records().ids) == ("demo", [("n", "a")])


# The control plane.


async def test_the_control_plane_may_have_a_server_of_its_own(front, upstream):
    control = type(upstream)()
    facade = PineconeFacade(front, index="demo", data_host=HOST, clock=FakeClock(), control=control)
    for method, path in (("GET", "/indexes"), ("POST", "/embed"), ("PATCH", "/indexes/demo")):
        await Client(facade).send(method, path, {})
    assert [one.path for one in control.requests] == ["/indexes", "/embed", "/indexes/demo"]
    assert upstream.requests == []


async def test_the_address_of_the_index_is_ours_in_every_description(through, upstream):
    mine = {"name": "demo", "host": "demo-x.svc.pinecone.io", "private_host": "p.pinecone.io", "dimension": 3}
    other = {"name": "other", "host": "other-x.svc.pinecone.io"}
    headers = ((b"content-type", b"application/json"), (b"content-length", b"999"), (b"x-kept", b"1"))
    upstream.response = HttpResponse(200, headers, orjson.dumps({"indexes": [mine, other]}))
    response = await through.send("GET", "/indexes", headers=[(b"accept-encoding", b"gzip")])
    assert orjson.loads(response.body) == {"indexes": [{**mine, "host": HOST, "private_host": HOST}, other]}
    assert response.headers == [(b"content-type", b"application/json"), (b"x-kept", b"1")]
    assert dict(upstream.requests[0].headers)[b"accept-encoding"] == b"identity"
    upstream.response = HttpResponse(200, (), orjson.dumps(mine))
    assert (await through.ask("GET", "/indexes/demo"))["host"] == HOST
    assert (await through.ask("PATCH", "/indexes/demo", {"tags": {"a": "b"}}))["host"] == HOST
    upstream.response = HttpResponse(201, (), orjson.dumps(mine))
    assert (await through.ask("POST", "/indexes", {"name": "demo"}, status=201))["host"] == HOST


async def test_errors_of_the_control_plane_pass_as_they_came(through, upstream):
    upstream.response = HttpResponse(404, ((b"content-length", b"9"),), b"not there")
    assert await through.send("GET", "/indexes/demo") is upstream.response


async def test_the_key_of_the_client_reaches_pinecone_and_nothing_else(through, upstream):
    await through.send("POST", "/vectors/delete", {"ids": ["a"]}, headers=[(b"api-key", b"secret")])
    assert upstream.requests[0].header(b"api-key") == b"secret"
    upstream.error = Unreachable("no route")
    response = await through.send(
        "POST", "/vectors/delete", {"ids": ["a"]}, headers=[(b"api-key", b"secret")]
    )
    assert b"secret" not in response.body


# Shadows.


async def test_a_shadowed_search_is_told_with_both_sides(through, front, upstream):
    front.access = Access(upstream=upstream, shadowed=True)
    answer = {"matches": [{"id": "a", "score": 0.5}], "namespace": ""}
    upstream.response = HttpResponse(200, (), orjson.dumps(answer))
    await through.send("POST", "/query", {"vector": [1, 2, 3], "topK": 2, "filter": {"x": {"$gt": 1}}})
    assert ("observed", "demo") in front.log
    query, matches = front.found[0]()
    assert (query.using, query.limit, query.vector.tolist()) == ("values", 2, [1, 2, 3])
    assert query.filter is not None
    assert [(match.id, match.score) for match in matches] == [("a", 0.5)]


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        ({"id": "a", "topK": 2}, ()),
        ({"vector": [1, 2, 3], "sparseVector": {"indices": [1], "values": [1]}, "topK": 2}, ()),
        ({"vector": [1, 2, 3], "filter": {"x": {"$new": 1}}, "topK": 2}, ()),
        ({"vector": [1, 2, 3], "topK": 2}, ((b"content-encoding", b"gzip"),)),
    ],
)
async def test_a_search_without_a_neutral_form_is_not_compared(through, front, upstream, body, headers):
    front.access = Access(upstream=upstream, shadowed=True)
    upstream.response = HttpResponse(200, headers, b'{"matches":[]}')
    await through.send("POST", "/query", body)
    assert front.found[0]() is None
