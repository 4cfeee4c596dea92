"""The door: what passes through untouched, what is marked before it leaves, what is answered from a store."""

from __future__ import annotations

import gzip
import json
import zlib
from asyncio import CancelledError

import numpy as np
import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.qdrant.facade.answering import A, Served, request
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.errors import (
    GateRefused,
    StateError,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
)
from vectormigrate.model.filter import And, Compare, Comparison, Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Whole
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.qdrant.facade.endpoints import ENDPOINTS
from vectormigrate.stores.raw import HttpRequest, HttpResponse

UPSERT = {"points": [{"id": 1, "vector": [1, 2], "payload": {"a": 0.5}}, {"id": A, "vector": [0, 1]}]}
DONE = b'{"result":{"operation_id":0,"status":"completed"},"status":"ok","time":0.1}'
SHAPE = CollectionShape("c", IdField("id", IdKind.MIXED), (VectorField("", dim=2, metric=Metric.DOT),))


@pytest.fixture
def upstream():
    return FakeUpstream(HttpResponse(200, ((b"x-from", b"qdrant"),), DONE))


@pytest.fixture
def front(upstream):
    return FakeFront(Access(upstream=upstream))


@pytest.fixture
def passing(front):
    return Served(front=front)


def concrete(path):
    return path.format(collection="c", id=1, field="f", vector="v", shard=0, snapshot="s", peer=1, key="k")


READS = [
    route
    for route in ENDPOINTS
    if route.method != "RPC" and route.decision in (Decision.FORWARD, Decision.SERVE)
]
WRITES = [
    route
    for route in ENDPOINTS
    if route.method != "RPC" and route.decision in (Decision.CAPTURE, Decision.REFUSE)
]


@pytest.mark.parametrize("route", READS, ids=lambda route: f"{route.method} {route.path}")
async def test_a_read_passes_as_it_came(passing, front, upstream, route):
    asked = HttpRequest(route.method, concrete(route.path), b"x=%20y", ((b"api-key", b"k"),), b"\x00not json")
    answered = await passing.facade.http(asked)
    assert upstream.requests == [asked]
    assert upstream.requests[0] is asked
    assert answered is upstream.response
    assert front.writes == []
    assert upstream.streamed == ["download" in route.operation or "stream" in route.operation]


@pytest.mark.parametrize("route", WRITES, ids=lambda route: f"{route.method} {route.path}")
async def test_a_write_is_marked_before_it_leaves(passing, front, upstream, route):
    bodies = {
        "upsert": UPSERT,
        "update_vectors": UPSERT,
        "delete": {"points": [1]},
        "clear_payload": {"points": [1]},
        "delete_vectors": {"points": [1], "vector": [""]},
        "set_payload": {"points": [1], "payload": {}},
        "overwrite_payload": {"points": [1], "payload": {}},
        "delete_payload": {"points": [1], "keys": []},
        "batch": {"operations": [{"delete": {"points": [1]}}]},
        "change_aliases": {"actions": [{"delete_alias": {"alias_name": "c"}}]},
    }
    body = bodies.get(route.operation, b"anything")
    asked = request(
        route.method, concrete(route.path), body, headers=((b"api-key", b"k"), (b"accept-encoding", b"br"))
    )
    answered = await passing.facade.http(asked)
    assert answered is upstream.response
    [sent] = upstream.requests
    assert (sent.method, sent.path, sent.query, sent.body) == (
        asked.method,
        asked.path,
        asked.query,
        asked.body,
    )
    assert list(sent.headers) == [(b"api-key", b"k")]
    [write] = front.writes
    assert set(write.touched) == {"c"}
    tunes = route.operation in {"create_collection", "update_collection", "create_index", "delete_index"}
    assert all(write.touched.values()) is not tunes
    if route.decision is Decision.REFUSE:
        assert [*write.touched.values()] == [(Whole(Scope.RESTORE),)]
    assert write.size == len(asked.body)


async def test_a_write_that_may_not_happen_does_not_leave(passing, front, upstream):
    front.refusal = GateRefused("snapshots cannot be recovered while a migration is under way")
    status, said = await passing.ask("PUT", "/collections/c/snapshots/recover", {"location": "x"})
    assert (status, said) == (403, "Forbidden: snapshots cannot be recovered while a migration is under way")
    assert upstream.requests == []


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
async def test_an_error_on_the_way_is_told_in_qdrants_words(passing, front, upstream, error, status, retry):
    upstream.response = error
    for method, path, body in (("GET", "/collections", None), ("PUT", "/collections/c/points", UPSERT)):
        answered = await passing.facade.http(request(method, path, body))
        assert answered.status == status
        assert error.message in json.loads(answered.body)["status"]["error"]
        assert dict(answered.headers).get(b"retry-after") == retry
    assert front.writes[0].error is error


async def test_a_request_that_nobody_documents_is_passed_on_and_may_have_done_anything(passing, front):
    await passing.facade.http(request("POST", "/collections/c/points/frobnicate", {}))
    await passing.facade.http(request("PATCH", "/frobnicate", {}))
    touched = [write.touched for write in front.writes]
    assert [*touched[0]] == ["c"]
    assert touched[1] == {"c": (Unknown("PATCH /frobnicate"),)}
    assert isinstance(touched[0]["c"][0], Unknown)
    assert "POST /collections/c/points/frobnicate" in touched[0]["c"][0].what


async def test_where_a_write_goes_is_not_where_some_reads_go(passing, front, upstream, store):
    """While part of the reads is answered by the target already."""
    front.reading = lambda collection: Access(store=store)
    where = {"must": [{"has_id": [1]}]}
    await passing.facade.http(request("POST", "/collections/c/points/delete", {"filter": where}))
    await passing.facade.http(request("POST", "/collections/c/cluster", {}))
    assert len(upstream.requests) == 2
    assert front.writes[0].touched == {"c": (Matching(Native("qdrant", where), removes=True),)}


class TestOutcome:
    @pytest.mark.parametrize(
        ("query", "status", "body", "outcome"),
        [
            (b"wait=true", 200, DONE, Outcome.ANSWERED),
            (b"ordering=weak&wait=true", 200, DONE, Outcome.ANSWERED),
            (b"", 200, DONE, Outcome.LATE),
            (b"wait=false", 200, DONE.replace(b"completed", b"acknowledged"), Outcome.LATE),
            (b"wait=true", 200, DONE.replace(b"completed", b"acknowledged"), Outcome.LATE),
            (b"wait=true", 200, DONE.replace(b"completed", b"wait_timeout"), Outcome.UNRESOLVED),
            (b"wait=true", 400, b"", Outcome.ANSWERED),
            (b"", 400, b"", Outcome.LATE),
            (b"", 404, b"", Outcome.ANSWERED),
            (b"", 403, b"", Outcome.ANSWERED),
            (b"wait=true", 408, b"", Outcome.UNRESOLVED),
            (b"wait=true", 500, b"", Outcome.UNRESOLVED),
            (b"wait=true", 503, b"", Outcome.UNRESOLVED),
            (b"wait=true", 302, b"", Outcome.UNRESOLVED),
        ],
    )
    async def test_of_a_write_of_points(self, passing, front, upstream, query, status, body, outcome):
        upstream.response = HttpResponse(status, (), body)
        await passing.facade.http(request("PUT", "/collections/c/points", UPSERT, query))
        assert front.writes[0].outcome is outcome

    async def test_of_a_collection(self, passing, front, upstream):
        upstream.response = HttpResponse(200, (), b'{"result":true,"status":"ok","time":0}')
        await passing.facade.http(request("DELETE", "/collections/c", None, b""))
        assert front.writes[0].outcome is Outcome.ANSWERED

    async def test_of_one_that_was_cancelled(self, passing, front, upstream):
        error = CancelledError()
        upstream.send = lambda request: _raise(error)
        with pytest.raises(CancelledError):
            await passing.facade.http(request("PUT", "/collections/c/points", UPSERT))
        assert front.writes[0].error is error


async def _raise(error):
    raise error


class TestTouched:
    async def touched(self, served, method, path, body):
        await served.facade.http(request(method, f"/collections/c/{path}", body))
        return served.front.writes[-1].touched["c"]

    async def test_by_filter_in_qdrants_own_words_while_qdrant_is_asked(self, passing):
        where = {"must": [{"key": "a", "match": {"text": "b"}}]}
        [touch] = await self.touched(passing, "POST", "points/delete", {"filter": where})
        assert touch == Matching(Native("qdrant", where), removes=True)

    async def test_by_filter_in_neutral_words_once_a_store_is_asked(self, store, front):
        front.access = Access(store=store)
        served = Served(front=front)
        where = {"must": [{"key": "a", "match": {"value": "b"}}]}
        [touch] = await self.touched(served, "POST", "points/delete", {"filter": where})
        assert touch == Matching(Compare(("a",), Comparison.EQ, "b"), removes=True)
        where = {"must": [{"key": "a", "match": {"text": "b"}}]}
        [touch] = await self.touched(served, "POST", "points/delete", {"filter": where})
        assert touch == Matching(None, removes=True)

    async def test_of_a_batch_is_the_union(self, passing):
        where = {"must": [{"has_id": [5]}]}
        operations = [
            {"upsert": UPSERT},
            {"upsert": {"points": [{"id": 1, "vector": []}], "update_filter": where}},
            {"delete": {"points": [7, 8]}},
            {"set_payload": {"payload": {}, "filter": where, "points": [9]}},
            {"delete": {"filter": {}}},
            {"frobnicate": {}},
        ]
        touches = await self.touched(passing, "POST", "points/batch", {"operations": operations})
        from uuid import UUID

        assert touches == (
            Ids((1, UUID(A), 9)),
            Ids((7, 8), removes=True),
            Matching(Native("qdrant", where), removes=False),
            Matching(Native("qdrant", {}), removes=True),
            Unknown("batch operation frobnicate"),
        )

    async def test_aliases_concern_every_name(self, passing):
        actions = [
            {"create_alias": {"collection_name": "c", "alias_name": "live"}},
            {"rename_alias": {"old_alias_name": "old", "new_alias_name": "new"}},
            {"delete_alias": {"alias_name": "gone"}},
        ]
        await passing.facade.http(request("POST", "/collections/aliases", {"actions": actions}))
        assert passing.front.writes[0].touched == dict.fromkeys(
            ("c", "live", "old", "new", "gone"), (Whole(Scope.ALIAS),)
        )

    @pytest.mark.parametrize(
        ("method", "path", "scope"),
        [
            ("DELETE", "", Scope.DROP),
            ("PUT", "vectors/v", Scope.SHAPE),
            ("POST", "cluster", Scope.RESTORE),
        ],
    )
    async def test_of_the_whole_collection(self, passing, method, path, scope):
        assert await self.touched(passing, method, path, {}) == (Whole(scope),)

    @pytest.mark.parametrize(
        ("method", "path"), [("PUT", ""), ("PATCH", ""), ("PUT", "index"), ("DELETE", "index/f")]
    )
    async def test_what_only_tunes_changes_no_record(self, passing, method, path):
        """An application that makes its collection and its indexes at every start is answered as ever."""
        assert await self.touched(passing, method, path, {}) == ()


class TestBodies:
    @pytest.mark.parametrize(
        ("encoding", "pack"),
        [(b"gzip", gzip.compress), (b"GZIP", gzip.compress), (b"deflate", zlib.compress)],
    )
    async def test_a_compressed_one_is_read_and_passed_as_it_came(
        self, passing, front, upstream, encoding, pack
    ):
        packed = pack(json.dumps(UPSERT).encode())
        asked = request("PUT", "/collections/c/points", packed, headers=((b"content-encoding", encoding),))
        await passing.facade.http(asked)
        assert upstream.requests[0].body == packed
        assert len(front.writes[0].touched["c"][0].ids) == 2

    @pytest.mark.parametrize(
        ("encoding", "body", "status"),
        [
            (b"br", b"x", 415),
            (b"gzip", b"no gzip at all", 400),
            (b"gzip", gzip.compress(b"{}", mtime=0)[:-9], 413),
            (b"gzip", gzip.compress(b"{}", mtime=0) * 2, 413),
        ],
    )
    async def test_one_that_cannot_be_read_does_not_leave(
        self, passing, front, upstream, encoding, body, status
    ):
        asked = request("PUT", "/collections/c/points", body, headers=((b"content-encoding", encoding),))
        assert (await passing.facade.http(asked)).status == status
        assert (front.writes, upstream.requests) == ([], [])

    @pytest.mark.parametrize(
        "body", [b"{", b'{"points": [{"id": 1.5, "vector": []}]}', b'{"points": 5}', b""]
    )
    async def test_one_that_no_server_would_take_is_refused_here(self, passing, front, upstream, body):
        answered = await passing.facade.http(request("PUT", "/collections/c/points", body))
        assert answered.status == 400
        assert (front.writes, upstream.requests) == ([], [])

    async def test_a_compressed_one_is_answered_from_a_store(self, served):
        await served.result("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})
        packed = gzip.compress(json.dumps(UPSERT).encode())
        asked = request("PUT", "/collections/c/points", packed, headers=((b"content-encoding", b"gzip"),))
        assert (await served.facade.http(asked)).status == 200
        assert await served.result("POST", "/collections/c/points/count", {}) == {"count": 2}


class TestHints:
    async def hints(self, served, body, shape=SHAPE, query=b"wait=true", path="points"):
        served.front.access = Access(upstream=served.front.access.upstream, shape=shape)
        await served.facade.http(request("PUT", f"/collections/c/{path}", body, query))
        return served.front.writes[-1].hints

    async def test_whole_points_need_not_be_read_back(self, passing):
        [(collection, records, size)] = await self.hints(passing, UPSERT)
        batch = records()
        assert (collection, size) == ("c", len(json.dumps(UPSERT)))
        assert batch.ids[0] == 1
        assert np.array_equal(batch.vectors[""].values, [[1, 2], [0, 1]])
        assert batch.payload == [{"a": 0.5}, {}]

    @pytest.mark.parametrize("wrong", ["late", "cosine", "unknown", "conditional", "part", "refused"])
    async def test_anything_else_must_be(self, passing, upstream, wrong):
        body, more = UPSERT, {}
        if wrong == "late":
            more = {"query": b""}
        if wrong == "cosine":
            more = {"shape": CollectionShape("c", SHAPE.id, (VectorField("", dim=2, metric=Metric.COSINE),))}
        if wrong == "unknown":
            more = {"shape": None}
        if wrong == "conditional":
            body = {**UPSERT, "update_mode": "insert_only"}
        if wrong == "part":
            more = {"path": "points/vectors"}
        if wrong == "refused":
            upstream.response = HttpResponse(400)
        assert await self.hints(passing, body, **more) == []

    async def test_a_vector_that_the_server_makes_is_not_known(self, passing):
        body = {"points": [{"id": 1, "vector": {"text": "a", "model": "b"}}]}
        [(_, records, _)] = await self.hints(passing, body)
        assert records().ids == []


class TestShadow:
    HITS = b'{"result":{"points":[{"id":7,"version":1,"score":0.5},{"id":2,"score":0.25}]},"status":"ok","time":0}'

    @pytest.fixture
    def watched(self, front, upstream):
        upstream.response = HttpResponse(200, (), self.HITS)
        front.access = Access(upstream=upstream, shadowed=True, shape=SHAPE)
        return Served(front=front)

    async def test_a_search_is_told(self, watched, front):
        body = {"query": [1, 0], "limit": 2, "filter": {"must": [{"has_id": [2, 7]}]}}
        await watched.facade.http(request("POST", "/collections/c/points/query", body))
        [(collection, seconds, found)] = front.searches
        query, matches = found()
        assert (collection, seconds) == ("c", 0)
        assert (query.using, query.limit, query.vector.tolist()) == ("", 2, [1, 0])
        assert [(match.id, match.score) for match in matches] == [(7, 0.5), (2, 0.25)]

    async def test_the_older_way_too(self, watched, front, upstream):
        upstream.response = HttpResponse(200, (), b'{"result":[{"id":7,"score":0.5}]}')
        await watched.facade.http(
            request("POST", "/collections/c/points/search", {"vector": [1, 0], "limit": 1})
        )
        assert [match.id for match in front.searches[0][2]()[1]] == [7]

    @pytest.mark.parametrize(
        "body",
        [
            {"query": 5},
            {"query": [1, 0], "offset": 1},
            {"query": [1, 0], "score_threshold": 1},
            {"query": [1, 0], "using": "other"},
            {"query": {"fusion": "rrf"}},
            {"query": [1, 0], "filter": {"must": [{"key": "a", "match": {"text": "b"}}]}},
            {"query": [1, 0], "filter": {"must": 5}},
            {},
        ],
    )
    async def test_one_without_a_neutral_form_is_not(self, watched, front, body):
        await watched.facade.http(request("POST", "/collections/c/points/query", body))
        assert front.searches[0][2]() is None

    async def test_nothing_else_is(self, watched, front, upstream):
        await watched.facade.http(request("POST", "/collections/c/points/scroll", {}))
        upstream.response = HttpResponse(404)
        await watched.facade.http(request("POST", "/collections/c/points/query", {"query": [1, 0]}))
        assert front.searches == []


class TestStore:
    async def test_what_only_qdrant_can_answer_is_refused(self, served):
        for route in READS:
            if route.decision is Decision.FORWARD:
                status, said = await served.ask(route.method, concrete(route.path), {})
                assert (status, said) == (
                    400,
                    f"Bad request: {route.method} {route.path} is not served here: {route.why}",
                )

    async def test_what_cannot_be_followed_is_refused_before_anything_is_marked(self, store, front):
        front.access = Access(store=store)
        served = Served(front=front)
        assert (await served.ask("POST", "/collections/c/cluster", {}))[0] == 400
        assert (await served.ask("POST", "/collections/c/frobnicate", {}))[0] == 404
        assert (await served.ask("GET", "/collections/c/frobnicate"))[0] == 404
        assert front.writes == []

    async def test_what_a_store_refuses_is_settled(self, store, front):
        front.access = Access(store=store)
        served = Served(front=front)
        await served.result("PUT", "/collections/c", {"vectors": {"a": {"size": 2, "distance": "Dot"}}})
        body = {"points": [{"id": 1, "vector": {"a": [1]}}]}
        assert (await served.ask("PUT", "/collections/c/points", body))[0] == 400
        assert (await served.ask("PUT", "/collections/d/points", body))[0] == 404
        assert [write.error for write in front.writes] == [None] * 3

    @pytest.mark.parametrize("error", [Unresolved("lost"), StoreDown("starting")])
    async def test_what_nobody_knows_is_not(self, store, front, error):
        front.access = Access(store=store)
        served = Served(front=front)
        await served.result("PUT", "/collections/c", {"vectors": {"a": {"size": 1, "distance": "Dot"}}})
        store.database.faults.next_errors.append(error)
        body = {"points": [{"id": 1, "vector": {"a": [1]}}]}
        assert (await served.ask("PUT", "/collections/c/points", body))[0] in (503, 504)
        assert front.writes[-1].error is error

    async def test_a_write_that_waited_goes_where_it_is_told(self, passing, front, upstream, store):
        served = Served(store)
        await served.result("PUT", "/collections/c", {"vectors": {"a": {"size": 2, "distance": "Dot"}}})
        front.afterwards = Access(store=store)
        body = {"points": [{"id": 1, "vector": {"a": [1, 2]}}]}
        assert await passing.result("PUT", "/collections/c/points", body) == {
            "operation_id": 0,
            "status": "completed",
        }
        assert upstream.requests == []
        assert await store.count("c") == 1
        assert front.writes[0].touched == {"c": (Ids((1,)),)}
        assert (await passing.ask("POST", "/collections/c/frobnicate", {}))[0] == 404

    @pytest.mark.parametrize(
        ("path", "body"),
        [
            ("/healthz", b"healthz check passed"),
            ("/livez", b"healthz check passed"),
            ("/readyz", b"all shards are ready"),
        ],
    )
    async def test_it_is_well(self, served, path, body):
        answered = await served.facade.http(HttpRequest("GET", path))
        assert (answered.status, answered.body) == (200, body)
        assert dict(answered.headers)[b"content-type"].startswith(b"text/plain")

    async def test_its_version_and_its_telemetry_can_be_read(self, served):
        from qdrant_client.http.models import TelemetryData, VersionInfo

        answered = await served.facade.http(HttpRequest("GET", "/"))
        assert VersionInfo.model_validate_json(answered.body).version == "1.19.0"
        TelemetryData.model_validate(await served.result("GET", "/telemetry"))

    async def test_how_long_it_took(self, served, store):
        count = store.count

        async def slowly(collection):
            served.clock.advance(0.5)
            return await count(collection)

        await served.result("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})
        store.count = slowly
        answered = await served.facade.http(request("POST", "/collections/c/points/count", {}))
        assert json.loads(answered.body)["time"] == 0.5


def test_an_empty_filter_is_neutral_too():
    from vectormigrate.stores.qdrant.facade.capture import touches_of
    from vectormigrate.stores.qdrant.wire.changes import Delete, Selected

    assert touches_of([Delete(Selected(filter={}))], native=False) == (Matching(And(()), removes=True),)
