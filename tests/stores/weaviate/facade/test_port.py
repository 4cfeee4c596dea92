"""The door by REST: what passes through untouched, what is marked before it leaves, what is answered from a store."""

from __future__ import annotations

import json
from uuid import UUID

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.front import FakeFront, FakeUpstream
from vectormigrate.model.errors import GateRefused, StateError, StoreDown, Throttled, Unreachable, Unresolved
from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Unnamed, Whole
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply
from vectormigrate.stores.weaviate.facade.emulated import emulated
from vectormigrate.stores.weaviate.facade.endpoints import ENDPOINTS
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade
from vectormigrate.stores.weaviate.wire.clauses import read_where

A, B = UUID(int=10), UUID(int=11)
WHERE = {"path": ["n"], "operator": "Equal", "valueInt": 1}
MARK = Native("weaviate", read_where(WHERE).SerializeToString(deterministic=True))


@pytest.fixture
def upstream():
    return FakeUpstream(HttpResponse(200, ((b"x-from", b"weaviate"),), b"{}"))


@pytest.fixture
def front(upstream):
    return FakeFront(Access(upstream=upstream), migrated=("C", "D/t"), known={"Also": "D"})


@pytest.fixture
def facade(front):
    return WeaviateFacade(front, FakeClock())


def request(method, path, body=None, query=b"", **more):
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method, "/v1" + path, query, body=text, **more)


def concrete(path):
    return path.format(**VALUES)


VALUES = {
    "class": "c",
    "id": A,
    "property": "p",
    "tenant": "t",
    "index": "i",
    "vector": "v",
    "shard": "s",
    "alias": "C",
    "backend": "s3",
    "namespace": "n",
    "user": "u",
    "role": "r",
    "kind": "k",
    "group": "g",
}
READS = [
    route
    for route in ENDPOINTS
    if route.method != "RPC" and route.decision in (Decision.FORWARD, Decision.SERVE)
]


@pytest.mark.parametrize("route", READS, ids=lambda route: f"{route.method} {route.path}")
async def test_a_read_passes_as_it_came(facade, front, upstream, route):
    body = b'{"class": "C"}' if "validate" in route.path else b"\x00not json"
    asked = HttpRequest(route.method, concrete(route.path), b"x=%20y", ((b"authorization", b"k"),), body)
    answered = await facade.http(asked)
    assert upstream.requests[0] is asked
    assert answered is upstream.response
    assert front.writes == []


OBJECT = {"class": "c", "id": str(A), "properties": {}, "vector": [1]}


@pytest.mark.parametrize(
    ("method", "path", "body", "query", "touched"),
    [
        ("POST", "/objects", OBJECT, b"", {"C": [Ids((A,))]}),
        ("POST", "/objects", {"class": "C"}, b"", {"C": [Unnamed()]}),
        ("POST", "/objects", {"class": "d", "tenant": "t", "id": str(A)}, b"", {"D/t": [Ids((A,))]}),
        ("POST", "/objects", {"class": "c", "tenant": "t", "id": str(A)}, b"", {"C": [Ids((("t", A),))]}),
        ("POST", "/objects", {"class": "also", "tenant": "t", "id": str(A)}, b"", {"D/t": [Ids((A,))]}),
        ("POST", "/objects", {"class": "also", "tenant": "u", "id": str(A)}, b"", {"Also": [Ids((("u", A),))]}),
        ("POST", "/objects", {"class": "c", "id": "no uuid"}, b"", {"C": []}),
        ("PUT", f"/objects/c/{A}", OBJECT, b"", {"C": [Ids((A,))]}),
        ("PUT", f"/objects/{A}", OBJECT, b"", {"C": [Ids((A,))]}),
        ("PATCH", f"/objects/D/{A}", {"tenant": "t"}, b"", {"D/t": [Ids((A,))]}),
        ("DELETE", f"/objects/c/{A}", None, b"", {"C": [Ids((A,), removes=True)]}),
        ("DELETE", f"/objects/D/{A}", None, b"tenant=t", {"D/t": [Ids((A,), removes=True)]}),
        ("DELETE", f"/objects/{A}", None, b"", {"C": [Ids((A,), removes=True)]}),
        ("DELETE", f"/objects/{A}", None, b"tenant=t", {"C": [Ids((("t", A),), True)], "D/t": [Ids((A,), True)]}),
        ("POST", f"/objects/c/{A}/references/p", {"beacon": "x"}, b"", {"C": [Ids((A,))]}),
        ("DELETE", f"/objects/c/{A}/references/p", {"beacon": "x"}, b"", {"C": [Ids((A,))]}),
        ("POST", "/batch/objects", {"objects": [OBJECT, {"class": "E", "id": str(B)}]}, b"", {"C": [Ids((A,))], "E": [Ids((B,))]}),
        ("DELETE", "/batch/objects", {"match": {"class": "c", "where": WHERE}}, b"", {"C": [Matching(MARK, removes=True)]}),
        ("DELETE", "/batch/objects", {"match": {"class": "c"}}, b"", {"C": []}),
        ("POST", "/batch/references", [{"from": f"weaviate://localhost/C/{A}/p", "to": "x"}], b"", {"C": [Ids((A,))]}),
        ("POST", "/schema", {"class": "c"}, b"", {"C": []}),
        ("PUT", "/schema/c", {}, b"", {"C": []}),
        ("DELETE", "/schema/d", None, b"", {"D": [Whole(Scope.DROP)], "D/t": [Whole(Scope.DROP)]}),
        ("POST", "/schema/c/properties", {}, b"", {"C": [Whole(Scope.SHAPE)]}),
        ("DELETE", "/schema/c/vectors/v/index", None, b"", {"C": [Whole(Scope.SHAPE)]}),
        ("POST", "/schema/c/tenants", [{"name": "t"}], b"", {"C": []}),
        ("PUT", "/schema/d/tenants", [{"name": "t", "activityStatus": "COLD"}], b"", {"D/t": [Whole(Scope.SHAPE)]}),
        ("PUT", "/schema/d/tenants", [{"name": "t", "activityStatus": "HOT"}], b"", {"D/t": []}),
        ("DELETE", "/schema/d/tenants", ["t", "u"], b"", {"D/t": [Whole(Scope.DROP)], "D": [Matching(None, removes=True)]}),
        ("POST", "/aliases", {"alias": "c", "class": "X"}, b"", {"C": [Whole(Scope.ALIAS)], "X": [Whole(Scope.ALIAS)]}),
        ("DELETE", "/aliases/also", None, b"", {"Also": [Whole(Scope.ALIAS)], "D/t": [Whole(Scope.ALIAS)]}),
        ("POST", "/backups/s3/x/restore", {}, b"", {"C": [Whole(Scope.RESTORE)], "D/t": [Whole(Scope.RESTORE)]}),
        ("POST", "/frobnicate", {}, b"", {name: [Unknown("POST /v1/frobnicate")] for name in ("C", "D/t")}),
    ],
)  # fmt: skip
async def test_a_write_is_marked_before_it_leaves(
    facade, front, upstream, method, path, body, query, touched
):
    asked = request(method, path, body, query, headers=((b"a", b"b"), (b"accept-encoding", b"br")))
    answered = await facade.http(asked)
    assert answered is upstream.response
    [write] = front.writes
    assert {name: list(touches) for name, touches in write.touched.items()} == touched
    assert write.size == len(asked.body)
    [sent] = upstream.requests
    assert (sent.body, sent.query, list(sent.headers)) == (asked.body, asked.query, [(b"a", b"b")])


async def test_what_only_looks_is_not_marked(facade, front, upstream):
    await facade.http(
        request("DELETE", "/batch/objects", {"match": {"class": "c", "where": WHERE}, "dryRun": True})
    )
    assert (front.writes, len(upstream.requests)) == ([], 1)


async def test_a_body_that_is_none_does_not_leave(facade, upstream):
    for body in (b"{", b"[1]", b'{"objects": 1}'):
        answered = await facade.http(request("POST", "/batch/objects", body))
        assert answered.status == 400
        assert "parsing body" in json.loads(answered.body)["error"][0]["message"]
    assert upstream.requests == []


async def test_ids_that_weaviate_gave_are_named(facade, front, upstream):
    told = [
        {"class": "C", "id": str(A), "result": {"status": "SUCCESS"}},
        {"class": "D", "tenant": "t", "id": str(B)},
    ]
    upstream.response = HttpResponse(200, (), json.dumps(told).encode())
    body = {"objects": [{"class": "C"}, {"class": "D", "tenant": "t"}]}
    await facade.http(request("POST", "/batch/objects", body))
    assert front.writes[0].ids == [("C", [A]), ("D/t", [B])]


@pytest.mark.parametrize(
    ("path", "status", "body", "outcome"),
    [
        ("/objects", 200, {}, Outcome.ANSWERED),
        ("/objects", 422, {}, Outcome.ANSWERED),
        ("/objects", 404, {}, Outcome.ANSWERED),
        ("/objects", 408, {}, Outcome.UNRESOLVED),
        ("/objects", 500, {}, Outcome.UNRESOLVED),
        ("/objects", 503, {}, Outcome.UNRESOLVED),
        ("/batch/objects", 200, [{"result": {"status": "SUCCESS"}}, {}], Outcome.ANSWERED),
        ("/batch/objects", 200, [{"result": {"errors": {"error": [{"message": "invalid text property"}]}}}], Outcome.ANSWERED),
        ("/batch/objects", 200, [{"result": {"errors": {"error": [{"message": "replica: deadline"}]}}}], Outcome.UNRESOLVED),
        ("/batch/objects", 200, {}, Outcome.UNRESOLVED),
    ],
)  # fmt: skip
async def test_what_came_of_a_write(facade, front, upstream, path, status, body, outcome):
    upstream.response = HttpResponse(status, (), json.dumps(body).encode())
    await facade.http(request("POST", path, OBJECT if path == "/objects" else {"objects": [OBJECT]}))
    assert front.writes[0].outcome is outcome


@pytest.mark.parametrize(
    ("error", "status", "retry"),
    [
        (Unreachable("no route"), 503, None),
        (Unresolved("no answer"), 504, None),
        (StoreDown("held", retry_after=2.4), 503, b"2"),
        (Throttled("slower", retry_after=0.1), 429, b"1"),
        (StateError("the disk is full"), 503, None),
    ],
)
async def test_an_error_on_the_way_is_told_in_weaviates_shape(facade, front, upstream, error, status, retry):
    upstream.response = error
    for method, path, body in (("GET", "/schema", None), ("POST", "/objects", OBJECT)):
        answered = await facade.http(request(method, path, body))
        assert answered.status == status
        assert json.loads(answered.body)["error"][0]["message"] == error.message
        assert dict(answered.headers).get(b"retry-after") == retry
    assert front.writes[0].error is error


async def test_before_a_cutover_nobody_stands_in(facade, upstream):
    upstream.response = upstream.reply = Unreachable("gone")
    assert (await facade.http(request("GET", "/meta"))).status == 503
    assert (await facade.rpc(RpcCall("/grpc.health.v1.Health/Check", b""))).code == 14


async def test_a_write_that_may_not_happen_does_not_leave(facade, front, upstream):
    front.refusal = GateRefused("not while a migration is under way")
    answered = await facade.http(request("POST", "/backups/s3/x/restore", {}))
    assert (answered.status, upstream.requests) == (403, [])


class TestAfterACutover:
    """Class C is answered from a store, everything else by Weaviate."""

    @pytest.fixture
    async def store(self):
        return emulated(MemoryStore(Endpoint("memory"), Database()))

    @pytest.fixture
    async def moved(self, front, store, upstream):
        front.reading = front.primary = lambda name: (
            Access(store=store) if name == "C" else Access(upstream=upstream)
        )
        front.afterwards = Access(store=store)
        front.away = ("C",)
        facade = WeaviateFacade(front, FakeClock())
        made = await facade.http(request("POST", "/objects", OBJECT))
        assert made.status == 200
        return facade

    async def test_where_a_read_goes_is_said_by_its_class(self, moved, upstream):
        assert (await moved.http(request("GET", f"/objects/c/{A}"))).status == 200
        assert upstream.requests == []
        await moved.http(request("GET", f"/objects/Other/{A}"))
        await moved.http(request("GET", "/schema"))
        assert len(upstream.requests) == 2

    @pytest.mark.parametrize("path", [f"/objects/{A}", "/objects"])
    async def test_a_read_that_names_no_class_is_refused(self, moved, upstream, path):
        answered = await moved.http(request("GET", path))
        assert answered.status == 422
        assert b"one class at a time" in answered.body
        assert upstream.requests == []

    async def test_a_client_can_connect_when_weaviate_is_gone(self, moved, upstream):
        upstream.response = upstream.reply = Unreachable("gone")
        for path, status in (
            ("/meta", 200),
            ("/.well-known/ready", 200),
            ("/.well-known/openid-configuration", 404),
        ):
            assert (await moved.http(request("GET", path))).status == status
        assert (await moved.http(request("GET", "/schema"))).status == 503
        health = RpcCall("/grpc.health.v1.Health/Check", b"")
        assert await moved.rpc(health) == RpcReply(b"\x08\x01")

    async def test_a_query_goes_where_its_classes_are(self, moved, upstream):
        def query(text):
            return moved.http(request("POST", "/graphql", {"query": text}))

        answered = json.loads((await query("{Get{C{_additional{id}}}}")).body)
        assert answered == {"data": {"Get": {"C": [{"_additional": {"id": str(A)}}]}}}
        await query("{Get{Other{a}}}")
        await query("{Get{")
        assert len(upstream.requests) == 2
        assert (await query("{Get{C{a} Other{a}}}")).status == 422

    async def test_a_delete_by_a_filter_marks_what_matches(self, moved, front):
        where = {"path": ["id"], "operator": "Equal", "valueText": str(A)}
        body = {"match": {"class": "C", "where": where}}
        answered = json.loads((await moved.http(request("DELETE", "/batch/objects", body))).body)
        assert front.writes[-1].touched == {"C": (Ids((A,), removes=True),)}
        assert answered["results"]["successful"] == 1

    async def test_ids_that_are_picked_here_are_named(self, moved, front):
        told = json.loads((await moved.http(request("POST", "/objects", {"class": "c"}))).body)
        batch = {"objects": [{"class": "c"}, {"class": "c", "id": "no uuid"}]}
        first, second = json.loads((await moved.http(request("POST", "/batch/objects", batch))).body)
        assert front.writes[-2].ids == [("C", [UUID(told["id"])])]
        assert front.writes[-1].ids == [("C", [UUID(first["id"])])]
        assert (second["id"], second["result"]["status"]) == ("no uuid", "FAILED")

    async def test_what_no_store_can_do_is_not_even_marked(self, moved, front):
        before = len(front.writes)
        answered = await moved.http(request("POST", "/schema/C/frobnicate", {}))
        assert (answered.status, len(front.writes)) == (404, before)
