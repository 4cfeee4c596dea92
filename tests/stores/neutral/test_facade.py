"""Our own API, request by request; end to end with its client in `tests/api/test_client.py`."""

from __future__ import annotations

import json

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.front import FakeFront
from tests.fakes.world import SOURCE, records, shape
from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionMissing,
    GateRefused,
    PermissionDenied,
    RecordRefused,
    ShapeMismatch,
    StateFull,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.filter import Compare, Comparison
from vectormigrate.model.touch import Ids, Matching
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Access
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.neutral import NeutralFacade
from vectormigrate.stores.raw import HttpRequest


@pytest.fixture
async def store():
    made = MemoryStore(Endpoint("memory"), Database())
    await made.create(shape())
    await made.upsert(SOURCE, records([1, 2, 3]))
    return made


@pytest.fixture
def front(store):
    return FakeFront(Access(store=store), migrated=(SOURCE,))


@pytest.fixture
def ask(front):
    """(method, path, body) to (status, document)."""
    facade = NeutralFacade(front, FakeClock())

    async def ask(method, path, body=None, **headers):
        told = tuple((name.replace("_", "-").encode(), value.encode()) for name, value in headers.items())
        data = body if isinstance(body, bytes) else b"" if body is None else json.dumps(body).encode()
        answer = await facade.http(HttpRequest(method, path, headers=told, body=data))
        ask.headers = dict(answer.headers)
        return answer.status, json.loads(answer.body)

    return ask


RECORDS = f"/collections/{SOURCE}/records"
VECTOR = [1.0, 0.0, 1.0, 2.0]


async def test_what_there_is(ask, front):
    assert await ask("GET", "/collections") == (200, {"collections": [SOURCE]})
    front.migrated = ()
    assert await ask("GET", "/collections/") == (200, {"collections": [SOURCE]})
    status, document = await ask("GET", f"/collections/{SOURCE}")
    assert (status, document["name"], document["id"]["kind"]) == (200, SOURCE, "int")
    assert await ask("GET", f"/collections/{SOURCE}/count") == (200, {"count": 3})


async def test_records_by_id(ask):
    status, document = await ask("POST", f"{RECORDS}/fetch", {"ids": [2, 9, 2]})
    assert status == 200
    (record,) = document["records"]
    assert (record["id"], record["payload"]["title"], record["vectors"]["v"]) == (2, "title 2", VECTOR)


async def test_a_search(ask, front):
    body = {"vector": VECTOR, "limit": 2, "filter": {"field": "title", "ne": "title 1"}, "with_record": True}
    status, document = await ask("POST", f"/collections/{SOURCE}/query", body)
    assert (status, [match["id"] for match in document["matches"]]) == (200, [2, 3])
    assert document["matches"][0]["record"]["payload"]["title"] == "title 2"
    assert front.searches == []


async def test_a_shadowed_search_is_told(ask, front, store):
    front.access = Access(store=store, shadowed=True)
    await ask("POST", f"/collections/{SOURCE}/query", {"vector": VECTOR, "limit": 1})
    ((collection, seconds, found),) = front.searches
    query, matches = found()
    assert (collection, seconds, query.limit, len(matches)) == (SOURCE, 0.0, 1, 1)


async def test_an_upsert_is_marked_by_its_ids_and_answered_item_by_item(ask, front, store):
    store.database.faults.refused_ids = frozenset({8})
    body = {"records": [{"id": one, "vectors": {"v": VECTOR}, "payload": {"n": one}} for one in (7, 8)]}
    status, document = await ask("PUT", RECORDS, body)
    assert (status, document["acknowledged"]) == (200, 1)
    ((refused,),) = [document["refused"]]
    assert (refused["id"], refused["code"]) == (8, RecordRefused.code)
    (write,) = front.writes
    assert (write.touched, write.size) == ({SOURCE: [Ids((7, 8))]}, len(json.dumps(body)))
    (held,) = (await store.fetch(SOURCE, [7])).records()
    assert (held.payload, held.dense["v"].dtype) == ({"n": 7}, np.float32)


async def test_a_patch(ask, front, store):
    assert (await ask("PATCH", RECORDS, {"ids": [1], "payload": {"n": 5}}))[0] == 200
    assert (front.writes[0].touched, front.writes[0].size > 0) == ({SOURCE: [Ids((1,))]}, True)
    assert (await store.fetch(SOURCE, [1])).payload[0]["n"] == 5


async def test_a_delete_by_id(ask, front, store):
    assert await ask("POST", f"{RECORDS}/delete", {"ids": [1, 9]}) == (
        200,
        {"acknowledged": 2, "refused": []},
    )
    assert (front.writes[0].touched, front.writes[0].size > 0) == (
        {SOURCE: [Ids((1, 9), removes=True)]},
        True,
    )
    assert await store.count(SOURCE) == 2


async def test_a_delete_by_filter_says_what_it_did(ask, front, store):
    store.database.faults.refused_ids = frozenset({3})
    where = {"field": "title", "gt": "title 1"}
    status, document = await ask("POST", f"{RECORDS}/delete", {"filter": where})
    assert (status, document["acknowledged"], [one["id"] for one in document["refused"]]) == (200, 1, [3])
    matching = Matching(Compare(("title",), Comparison.GT, "title 1"), removes=True)
    assert (front.writes[0].touched, front.writes[0].size > 0) == ({SOURCE: [matching]}, True)
    assert await store.count(SOURCE) == 2


async def test_a_write_goes_where_it_may_go_when_it_is_marked(ask, front, store):
    elsewhere = MemoryStore(Endpoint("memory"), Database())
    await elsewhere.create(shape())
    front.afterwards = Access(store=elsewhere)
    await ask("PUT", RECORDS, {"records": [{"id": 7}]})
    assert (await elsewhere.count(SOURCE), await store.count(SOURCE)) == (1, 3)


async def test_a_key_makes_it_once(ask, front):
    for _ in range(2):
        status, _ = await ask("PATCH", RECORDS, {"ids": [1], "payload": {"n": 5}}, idempotency_key="k")
        assert status == 200
    assert len(front.writes) == 1
    status, document = await ask("PATCH", RECORDS, {"ids": [2], "payload": {"n": 5}}, idempotency_key="k")
    assert (status, document["error"]["code"]) == (400, "usage")


async def test_a_look_is_had_anew_under_any_key(ask, store):
    asked = [
        ("GET", f"/collections/{SOURCE}/count", None, lambda found: found["count"]),
        ("POST", f"{RECORDS}/fetch", {"ids": [1, 9]}, lambda found: len(found["records"])),
        (
            "POST",
            f"/collections/{SOURCE}/query",
            {"vector": VECTOR, "using": "v"},
            lambda found: len(found["matches"]),
        ),
    ]
    for method, path, body, size in asked:
        _, before = await ask(method, path, body, idempotency_key=path)
        await store.upsert(SOURCE, records([9]))
        _, after = await ask(method, path, body, idempotency_key=path)
        assert size(after) == size(before) + 1
        await store.delete(SOURCE, [9])


async def test_a_look_that_the_secondary_cannot_have_the_primary_has(ask, front):
    front.elsewhere = Access(store=MemoryStore(Endpoint("memory"), Database()))
    for method, path, body in (
        ("GET", f"/collections/{SOURCE}", None),
        ("GET", f"/collections/{SOURCE}/count", None),
        ("POST", f"{RECORDS}/fetch", {"ids": [1]}),
        ("POST", f"/collections/{SOURCE}/query", {"vector": VECTOR, "using": "v"}),
    ):
        assert (await ask(method, path, body))[0] == 200


# What goes wrong.


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("GET", "/", None, 404),
        ("GET", "/points", None, 404),
        ("GET", "/collections/none/count", None, 404),
        ("DELETE", RECORDS, None, 400),
        ("POST", "/collections", None, 400),
        ("POST", f"{RECORDS}/other", {}, 400),
        ("PUT", RECORDS, b"{", 400),
        ("PUT", RECORDS, [], 400),
        ("PUT", RECORDS, {}, 400),
        ("PUT", RECORDS, {"records": [{"id": "x"}]}, 400),
        ("PATCH", RECORDS, {"ids": [1]}, 400),
        ("PATCH", RECORDS, {"ids": 1, "payload": {}}, 400),
        ("POST", f"{RECORDS}/delete", {}, 400),
        ("POST", f"{RECORDS}/delete", {"filter": {}}, 400),
        ("POST", f"{RECORDS}/fetch", {"ids": ["x"]}, 400),
        ("POST", f"/collections/{SOURCE}/query", {}, 400),
    ],
)
async def test_what_cannot_be_meant(ask, front, method, path, body, status):
    found, document = await ask(method, path, body)
    assert (found, set(document), document["error"]["retryable"]) == (status, {"error"}, False)
    assert front.writes == []


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (CollectionMissing("x"), 404),
        (Unsupported("x"), 422),
        (AuthenticationFailed("x"), 401),
        (PermissionDenied("x"), 403),
        (GateRefused("x"), 409),
        (Throttled("x"), 429),
        (Unreachable("x"), 502),
        (Unresolved("x"), 504),
        (StoreDown("x"), 503),
        (StateFull("x"), 503),
        (ShapeMismatch("x"), 422),
    ],
    ids=lambda value: value.code if isinstance(value, Exception) else "",
)
async def test_an_error_has_its_status_and_its_words(ask, front, error, status):
    front.refusal = error
    found, document = await ask("PATCH", RECORDS, {"ids": [1], "payload": {}})
    assert (found, document) == (status, {"error": error.as_dict()})


@pytest.mark.parametrize(("seconds", "told"), [(7.0, b"7"), (0.2, b"1")])
async def test_how_long_to_wait_is_told(ask, front, seconds, told):
    front.refusal = StoreDown("held", retry_after=seconds)
    await ask("PATCH", RECORDS, {"ids": [1], "payload": {}})
    assert ask.headers[b"retry-after"] == told


async def test_what_is_not_under_migration_is_not_there_when_nothing_stands_behind(ask, front):
    front.access = Access()
    assert (await ask("GET", "/collections/else/count"))[0] == 404
    front.migrated = ()
    assert (await ask("GET", "/collections"))[0] == 404


async def test_names_are_as_they_were_before_they_were_encoded(ask, store):
    await store.create(shape("a/b c"))
    assert await ask("GET", "/collections/a%2Fb%20c/count") == (200, {"count": 0})


def test_every_endpoint_is_answered():
    answered = {("GET", "/collections")} | {
        (method, "/collections/{name}" + (f"/{rest}" if rest else ""))
        for method, rest in NeutralFacade(FakeFront(Access()), FakeClock())._handlers
    }
    assert {(one.method, one.path) for one in NeutralFacade.endpoints} == answered


async def test_a_delete_by_ids_and_filter_at_once_deletes_nothing(ask, store):
    where = {"field": "n", "exists": False}
    status, told = await ask(
        "POST", f"/collections/{SOURCE}/records/delete", {"ids": [1], "filter": {"not": where}}
    )
    assert (status, told["error"]["code"]) == (400, "usage")
    assert await store.count(SOURCE) == 3


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "records", {"records": [], "upsert": True}),
        ("PATCH", "records", {"ids": [1], "payload": {"n": 1}, "filter": {"ids": [1]}}),
        ("POST", "records/delete", {"ids": [1], "dry_run": True}),
        ("POST", "records/fetch", {"ids": [1], "fields": ["n"]}),
        ("POST", "query", {"vector": [1.0], "top_k": 1}),
    ],
)
async def test_a_word_that_nobody_knows_is_told_and_nothing_is_done(ask, front, method, path, body):
    status, told = await ask(method, f"/collections/{SOURCE}/{path}", body)
    assert (status, told["error"]["code"]) == (400, "usage")
    assert next(reversed(body)) in told["error"]["message"]
    assert not front.writes
