"""REST v2 over a store: the same answers as over gRPC, in its own shape."""

from __future__ import annotations

import json

import pytest

from tests.fakes.front import FakeFront, FakeUpstream
from tests.stores.milvus.facade.answering import Served, schema
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.errors import Unreachable
from vectormigrate.model.filter import Native
from vectormigrate.model.touch import Ids, Matching, Scope, Unknown, Unnamed, Whole
from vectormigrate.stores.front import Access, Outcome
from vectormigrate.stores.milvus.facade.rest import RestWay
from vectormigrate.stores.raw import HttpRequest, HttpResponse

C = {"collectionName": "c"}
SHAPE = CollectionShape(
    "c",
    IdField("id", IdKind.INT, KeyOrder.NUMERIC),
    (VectorField("v", dim=2, metric=Metric.COSINE),),
    dynamic=True,
)


@pytest.fixture
async def filled(served):
    await served.make(schema(), "L2")
    rows = [{"id": row, "v": [row, 0], "n": row, "name": f"é{row}"} for row in range(5)]
    told = await served.rest("entities/insert", {**C, "data": rows})
    assert told == {"code": 0, "data": {"insertCount": 5, "insertIds": [0, 1, 2, 3, 4]}}
    return served


async def test_records(filled):
    ask = filled.rest
    assert (await ask("entities/get", {**C, "id": [3, 1], "outputFields": ["name"]}))["data"] == [
        {"id": 1, "name": "é1"},
        {"id": 3, "name": "é3"},
    ]
    assert (await ask("entities/get", {**C, "id": "2"}))["data"] == [
        {"id": 2, "v": [2.0, 0.0], "n": 2, "name": "é2"}
    ]
    words = {
        "filter": "n > {least}",
        "exprParams": {"least": 1},
        "outputFields": ["n"],
        "limit": 2,
        "offset": 1,
    }
    assert (await ask("entities/query", {**C, **words}))["data"] == [{"id": 3, "n": 3}, {"id": 4, "n": 4}]
    count = {"filter": 'name in ["é1", "é4"]', "outputFields": ["count(*)"]}
    assert (await ask("entities/query", {**C, **count}))["data"] == [{"count(*)": 2}]


async def test_searches(filled):
    words = {"data": [[3, 0]], "limit": 2, "outputFields": ["name"], "searchParams": {"metricType": "L2"}}
    assert (await filled.rest("entities/search", {**C, **words}))["data"] == [
        {"id": 3, "distance": 0.0, "name": "é3"},
        {"id": 2, "distance": 1.0, "name": "é2"},
    ]
    ranged = {"data": [[3, 0]], "searchParams": {"params": {"radius": 5.0, "range_filter": 1.0}}}
    found = (await filled.rest("entities/search", {**C, **ranged}))["data"]
    assert found == [{"id": 2, "distance": 1.0}, {"id": 4, "distance": 1.0}, {"id": 1, "distance": 4.0}]


async def test_changes(filled):
    one = {"id": 3, "v": [9, 9], "n": 30}
    told = await filled.rest("entities/upsert", {**C, "data": one})
    assert told["data"] == {"upsertCount": 1, "upsertIds": [3]}
    part = {**C, "data": [{"id": 3, "name": "new"}], "partialUpdate": True}
    assert (await filled.rest("entities/upsert", part))["code"] == 0
    got = await filled.rest("entities/get", {**C, "id": 3})
    assert got["data"] == [{"id": 3, "v": [9.0, 9.0], "n": 30, "name": "new"}]
    assert await filled.rest("entities/delete", {**C, "filter": "n < 2"}) == {"code": 0, "data": {}}
    assert (await filled.rest("entities/delete", {**C, "id": [4]}))["code"] == 0
    left = await filled.rest("entities/query", {**C, "filter": "", "outputFields": ["n"]})
    assert left["data"] == [{"id": 2, "n": 2}, {"id": 3, "n": 30}]


async def test_collections_from_nothing(served):
    ask = served.rest
    fields = [
        {
            "fieldName": "key",
            "dataType": "VarChar",
            "isPrimary": True,
            "elementTypeParams": {"max_length": 9},
        },
        {"fieldName": "v", "dataType": "FloatVector", "elementTypeParams": {"dim": "2"}},
        {"fieldName": "sparse", "dataType": "SparseFloatVector"},
        {
            "fieldName": "tags",
            "dataType": "Array",
            "elementDataType": "Int64",
            "elementTypeParams": {"max_capacity": 4},
        },
    ]
    indexes = [
        {"fieldName": "v", "indexName": "by_v", "metricType": "IP", "params": {"index_type": "HNSW", "M": 8}},
        {"fieldName": "sparse", "metricType": "IP"},
    ]
    made = {**C, "schema": {"fields": fields, "enableDynamicField": False}, "indexParams": indexes}
    assert await ask("collections/create", made) == {"code": 0, "data": {}}
    assert (await ask("collections/list"))["data"] == ["c"]
    assert (await ask("collections/has", C))["data"] == {"has": True}
    told = (await ask("collections/describe", C))["data"]
    assert [field["name"] for field in told["fields"]] == ["key", "v", "sparse", "tags"]
    assert told["fields"][3]["elementType"] == "Int64"
    assert told["load"] == "LoadStateLoaded"
    assert told["indexes"][0] == {"fieldName": "v", "indexName": "by_v", "metricType": "IP"}
    assert (await ask("indexes/list", C))["data"] == ["by_v", "sparse"]
    assert (await ask("indexes/describe", {**C, "indexName": "by_v"}))["data"][0]["indexType"] == "HNSW"
    row = {"key": "a", "v": [1, 2], "sparse": {"indices": [3, 1], "values": [0.5, 2]}, "tags": [1, 2]}
    assert (await ask("entities/insert", {**C, "data": [row]}))["data"]["insertIds"] == ["a"]
    got = (await ask("entities/get", {**C, "id": ["a"]}))["data"]
    assert got == [{"key": "a", "v": [1.0, 2.0], "sparse": {"1": 2.0, "3": 0.5}, "tags": [1, 2]}]
    hits = await ask("entities/search", {**C, "data": [{"3": 2.0}], "annsField": "sparse"})
    assert hits["data"] == [{"key": "a", "distance": 1.0}]
    assert (await ask("collections/get_stats", C))["data"] == {"rowCount": 1}
    assert (await ask("collections/release", C))["code"] == 0
    assert (await ask("collections/get_load_state", C))["data"]["loadState"] == "LoadStateNotLoad"
    assert (await ask("entities/query", {**C, "filter": ""}))["code"] == 101
    assert (await ask("collections/load", C))["code"] == 0
    assert (await ask("collections/drop", C))["code"] == 0
    assert (await ask("collections/has", C))["data"] == {"has": False}


async def test_a_quick_collection_and_its_ids(served):
    made = {**C, "dimension": 2, "metricType": "L2", "autoID": True}
    assert (await served.rest("collections/create", made))["code"] == 0
    told = await served.rest(
        "entities/insert", {**C, "data": [{"vector": [1, 2], "a": 1}, {"vector": [1, 3]}]}
    )
    ids = told["data"]["insertIds"]
    assert len(set(ids)) == 2
    assert [row["id"] for row in (await served.rest("entities/query", {**C, "filter": ""}))["data"]] == ids
    request = HttpRequest(
        "POST",
        "/v2/vectordb/entities/get",
        headers=((b"accept-type-allow-int64", b"false"),),
        body=json.dumps({**C, "id": ids[:1]}).encode(),
    )
    answer = json.loads((await served.facade.http(request)).body)
    assert answer["data"][0]["id"] == str(ids[0])


async def test_partitions_and_aliases(filled):
    ask = filled.rest
    assert (await ask("partitions/create", {**C, "partitionName": "p"}))["code"] == 0
    assert (await ask("partitions/list", C))["data"] == ["_default", "p"]
    assert (await ask("partitions/has", {**C, "partitionName": "q"}))["data"] == {"has": False}
    row = {"id": 77, "v": [1, 1]}
    assert (await ask("entities/insert", {**C, "data": [row], "partitionName": "p"}))["code"] == 0
    assert (await ask("partitions/get_stats", {**C, "partitionName": "p"}))["data"] == {"rowCount": 1}
    some = {"filter": "", "outputFields": ["id"], "partitionNames": ["p"]}
    assert (await ask("entities/query", {**C, **some}))["data"] == [{"id": 77}]
    assert (await ask("partitions/release", {**C, "partitionNames": ["p"]}))["code"] == 0
    assert (await ask("partitions/drop", {**C, "partitionName": "p"}))["code"] == 0
    assert (await ask("collections/get_stats", C))["data"] == {"rowCount": 5}
    assert (await ask("aliases/create", {**C, "aliasName": "a"}))["code"] == 0
    assert (await ask("aliases/list", C))["data"] == ["a"]
    described = {"dbName": "default", "collectionName": "c", "aliasName": "a"}
    assert (await ask("aliases/describe", {"aliasName": "a"}))["data"] == described
    assert len((await ask("entities/get", {"collectionName": "a", "id": [1, 2]}))["data"]) == 2
    assert (await ask("aliases/drop", {"aliasName": "a"}))["code"] == 0


@pytest.mark.parametrize(
    ("path", "body", "code"),
    [
        ("entities/insert", b"no json", 1801),
        ("entities/insert", {**C}, 1802),
        ("entities/insert", {"data": []}, 1802),
        ("entities/insert", {**C, "data": [7]}, 1100),
        ("entities/insert", {**C, "data": [{"id": 1, "v": [1]}]}, 1100),
        ("entities/insert", {**C, "data": [{"id": 1, "v": "no base64!"}]}, 1100),
        ("entities/insert", {**C, "data": [{"id": "x", "v": [1, 2]}]}, 1100),
        ("entities/search", {**C, "data": [[1, 2, 3]]}, 1100),
        ("entities/search", {**C, "data": [[1, 2]], "annsField": "w"}, 1100),
        ("entities/search", {**C, "data": [[1, 2]], "groupingField": "n"}, 1100),
        ("entities/query", {**C, "filter": "n >"}, 1100),
        ("entities/query", {**C, "filter": "n ** 1 > 2"}, 10),
        ("entities/query", {**C, "filter": "n > {a}", "exprParams": {"a": None}}, 1100),
        ("entities/query", {**C, "outputFields": "n"}, 1100),
        ("entities/query", {"collectionName": "x", "filter": ""}, 100),
        ("entities/query", {**C, "dbName": "other", "filter": ""}, 800),
        ("entities/hybrid_search", {**C}, 1802),
        ("jobs/import/create", {**C}, 10),
        ("users/list", {}, 10),
        ("collections/create", {"collectionName": "d", "schema": {"fields": [{"dataType": "Int64"}]}}, 1100),
        ("collections/create", {"collectionName": "d"}, 1802),
        ("partitions/create", {**C, "partitionName": 7}, 1100),
    ],
)
async def test_what_is_refused(filled, path, body, code):
    told = await filled.rest(path, body)
    assert told["code"] == code, told
    assert told["message"]


async def test_an_unknown_path(filled):
    response = await filled.facade.http(HttpRequest("POST", "/v2/vectordb/entities/frobnicate", body=b"{}"))
    assert response.status == 404


# Before a cutover.


def passing(data=None, code=0, status=200):
    told = {"code": code, "data": data} if not code else {"code": code, "message": "no"}
    upstream = FakeUpstream(response=HttpResponse(status, (), json.dumps(told).encode()))
    front = FakeFront(Access(upstream=upstream, shape=SHAPE))
    return Served(front=front), front, upstream


@pytest.mark.parametrize(
    ("path", "body", "touches"),
    [
        ("entities/insert", {"data": [{"id": 1, "v": [1, 2]}, {"id": "2", "v": [1, 2]}]}, (Ids((1, 2)),)),
        ("entities/insert", {"data": [{"v": [1, 2]}]}, (Unnamed(),)),
        ("entities/upsert", {"data": {"id": 7, "v": [1, 2]}}, (Ids((7,)),)),
        ("entities/delete", {"id": [5, 6]}, (Ids((5, 6), removes=True),)),
        ("entities/delete", {"filter": "id in [5]"}, (Ids((5,), removes=True),)),
        ("entities/delete", {"filter": "n > 3"}, (Matching(Native("milvus", ("n > 3", {})), removes=True),)),
        ("collections/drop", {}, (Whole(Scope.DROP),)),
        ("collections/truncate", {}, (Whole(Scope.CLEAR),)),
        ("collections/alter_properties", {}, (Whole(Scope.SHAPE),)),
        ("partitions/drop", {"partitionName": "p"}, (Whole(Scope.SHAPE),)),
        ("jobs/import/create", {}, (Whole(Scope.RESTORE),)),
        ("indexes/create", {"indexParams": [{"fieldName": "v"}]}, ()),
    ],
)  # fmt: skip
async def test_what_a_write_touches(path, body, touches):
    served, front, upstream = passing({"insertIds": ["41"]})
    await served.rest(path, {**C, **body})
    [write] = front.writes
    assert write.touched == {"c": touches}
    assert len(upstream.requests) == 1
    assert write.ids == ([("c", [41])] if touches == (Unnamed(),) else [])


async def test_a_row_that_only_milvus_can_read_is_marked_by_its_key_and_passes():
    served, front, upstream = passing({"upsertIds": [1]})
    told = await served.rest("entities/upsert", {**C, "data": [{"id": 1, "v": "of a kind to come"}]})
    assert told["code"] == 0
    assert front.writes[0].touched == {"c": (Ids((1,)),)}
    assert front.writes[0].hints == []
    assert len(upstream.requests) == 1


async def test_an_alias_touches_both_names():
    served, front, _ = passing()
    await served.rest("aliases/alter", {**C, "aliasName": "a"})
    assert front.writes[0].touched == dict.fromkeys(("a", "c"), (Whole(Scope.ALIAS),))


async def test_an_unknown_path_may_have_done_anything():
    served, front, upstream = passing()
    await served.rest("entities/frobnicate", C)
    assert front.writes[0].touched == {"c": (Unknown("an unknown request"),)}
    assert upstream.requests[0].body == json.dumps(C).encode()


async def test_reads_pass_as_they_came():
    served, front, upstream = passing()
    request = HttpRequest(
        "POST", "/v2/vectordb/entities/query", headers=((b"a", b"b"),), body=b'{"collectionName":"c"}'
    )
    assert await served.facade.http(request) is upstream.response
    assert upstream.requests == [request]
    assert front.reads == ["c"]


@pytest.mark.parametrize(
    ("code", "status", "outcome"),
    [
        (0, 200, Outcome.ANSWERED),
        (1100, 200, Outcome.ANSWERED),
        (5, 200, Outcome.UNRESOLVED),
        (0, 503, Outcome.UNRESOLVED),
        (0, 401, Outcome.ANSWERED),
    ],
)
async def test_what_an_answer_says(code, status, outcome):
    served, front, _ = passing({}, code, status)
    await served.rest("entities/delete", {**C, "id": [1]})
    assert front.writes[0].outcome is outcome


async def test_another_database_is_never_marked():
    served, front, upstream = passing()
    await served.rest("entities/delete", {**C, "id": [1], "dbName": "other"})
    assert front.writes[0].touched == {}
    assert len(upstream.requests) == 1


@pytest.mark.parametrize(
    ("named", "touched"),
    [
        ({}, {}),
        ({"dbName": ""}, {}),
        ({"dbName": "default"}, {"c": (Ids((1,), removes=True),)}),
        ({"dbName": "third"}, {}),
    ],
)
async def test_the_header_names_the_database_where_the_body_does_not(named, touched):
    served, front, upstream = passing()
    body = json.dumps({**C, "id": [1], **named}).encode()
    request = HttpRequest(
        "POST", "/v2/vectordb/entities/delete", headers=((b"db-name", b"other"),), body=body
    )
    await served.facade.http(request)
    assert front.writes[0].touched == touched
    assert len(upstream.requests) == 1


async def test_a_collection_of_the_same_name_in_the_database_of_a_header_is_another(filled):
    body = json.dumps({**C, "filter": "id >= 0"}).encode()
    headers = ((b"db-name", b"other"),)
    told = await filled.facade.http(HttpRequest("POST", "/v2/vectordb/entities/delete", b"", headers, body))
    assert json.loads(told.body)["code"] == 800
    counted = await filled.rest("entities/query", {**C, "filter": "", "outputFields": ["count(*)"]})
    assert counted["data"][0]["count(*)"] > 0


async def test_a_server_that_is_down():
    served, _, upstream = passing()
    upstream.response = Unreachable("nobody there")
    assert await served.rest("entities/query", C) == {"code": 2, "message": "nobody there"}


def test_a_request_that_is_no_object_has_no_collection():
    assert RestWay(HttpRequest("POST", "/v2/vectordb/collections/list")).collection() is None
