"""Requests and answers of REST as Weaviate 1.38 has them: statuses, bodies, and what it says when something is wrong."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.stores.weaviate.facade.serving import IDS, Served
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.weaviate.wire.shape import read_shape

CLASS = {
    "class": "article",
    "properties": [{"name": "title", "dataType": ["text"]}, {"name": "n", "dataType": ["int"]}],
}
FIRST = {"class": "Article", "id": IDS[1], "properties": {"title": "Hello World", "n": 5}, "vector": [1, 2.5]}


@pytest.fixture
async def served():
    served = Served()
    await served.ask("POST", "/schema", CLASS)
    await served.ask("POST", "/objects", FIRST)
    return served


async def test_an_object_as_it_is_told(served):
    times = {"creationTimeUnix": 0, "lastUpdateTimeUnix": 0}
    status, told = await served.ask("GET", f"/objects/article/{IDS[1]}?include=vector")
    assert status == 200
    assert told | times == FIRST | times | {"vectorWeights": None}
    _, listed = await served.ask("GET", "/objects?class=Article")
    assert [one["id"] for one in listed["objects"]] == [IDS[1]]
    assert "vector" not in listed["objects"][0]


@pytest.mark.parametrize(
    ("method", "path", "body", "status", "said"),
    [
        ("GET", "/meta", None, 200, None),
        ("GET", "/.well-known/ready", None, 200, None),
        ("GET", "/.well-known/openid-configuration", None, 404, None),
        ("GET", "/nodes", None, 200, None),
        ("GET", "/nodes?output=verbose", None, 422, "not served here"),
        ("POST", "/objects", FIRST, 422, f"id '{IDS[1]}' already exists"),
        ("POST", "/objects", {"class": "Article", "properties": {"title": 5}}, 422, "invalid text property 'title' on class 'Article'"),
        ("POST", "/objects", {"class": "Article", "properties": {"n": 5.5}}, 422, "invalid int property 'n' on class 'Article'"),
        ("POST", "/objects", {"class": "Article", "vector": [1, 2, 3]}, 500, "vector dimensions do not match"),
        ("POST", "/objects", {"class": "Article", "vector": ["a"]}, 422, "a vector cannot be read"),
        ("POST", "/objects", {"class": "Article", "vectors": {"x": [1]}}, 422, "does not have configuration for vector x"),
        ("POST", "/objects", {"class": "Article", "id": "abc"}, 422, 'id in body must be of type uuid: "abc"'),
        ("POST", "/objects", {"properties": {}}, 422, "the given class is empty"),
        ("POST", "/objects", {"class": "Article", "tenant": "t"}, 422, "has multi-tenancy disabled"),
        ("GET", f"/objects/{IDS[1]}", None, 200, None),
        ("GET", f"/objects/{IDS[2]}", None, 404, None),
        ("GET", f"/objects/Article/{IDS[2]}", None, 404, None),
        ("GET", f"/objects/Nope/{IDS[1]}", None, 404, None),
        ("GET", "/objects/Article/abc", None, 422, 'id in path must be of type uuid: "abc"'),
        ("GET", f"/objects/Article/{IDS[1]}?include=interpretation", None, 400, "unrecognized property 'interpretation'"),
        ("HEAD", f"/objects/Article/{IDS[1]}", None, 204, None),
        ("HEAD", f"/objects/Article/{IDS[2]}", None, 404, None),
        ("PUT", f"/objects/Article/{IDS[2]}", {"class": "Article", "id": IDS[2]}, 404, None),
        ("PATCH", f"/objects/Article/{IDS[2]}", {"class": "Article"}, 404, None),
        ("DELETE", f"/objects/Article/{IDS[2]}", None, 204, None),
        ("POST", "/objects/validate", {"class": "Article", "id": IDS[3], "properties": {"n": 4}}, 200, None),
        ("POST", "/objects/validate", {"class": "Article", "id": IDS[3], "properties": {"n": "x"}}, 422, "invalid int property"),
        ("GET", "/objects?class=Nope", None, 404, None),
        ("GET", f"/objects?class=Article&after={IDS[1]}&offset=1", None, 422, "offset cannot be set with after"),
        ("GET", "/objects?class=Article&after=x", None, 422, "invalid UUID"),
        ("GET", "/objects?class=Article&sort=nothing", None, 422, "no such prop with name 'nothing'"),
        ("GET", "/objects?class=Article&limit=x", None, 422, "must be of type int64"),
        ("GET", "/objects?class=Article&limit=10000&offset=1", None, 422, "query maximum results exceeded"),
        ("POST", "/batch/objects", {"objects": []}, 422, "cannot be empty"),
        ("DELETE", "/batch/objects", {"match": {"class": "Article"}}, 500, "empty match.where clause"),
        ("DELETE", "/batch/objects", {"match": {"class": "Article", "where": {"path": ["zz"], "operator": "Equal", "valueInt": 1}}}, 422, "no such prop with name 'zz'"),
        ("GET", "/schema/Nope", None, 404, None),
        ("DELETE", "/schema/Nope", None, 200, None),
        ("POST", "/schema", CLASS, 422, "class name Article already exists"),
        ("POST", "/schema/Article/properties", {"name": "n", "dataType": ["int"]}, 422, "already in use"),
        ("GET", "/schema/Article/tenants", None, 422, "multi-tenancy is not enabled"),
        ("GET", "/schema/Article/shards", None, 200, None),
        ("GET", "/aliases", None, 200, None),
        ("GET", "/aliases/A", None, 404, None),
        ("POST", "/aliases", {"alias": "A", "class": "Article"}, 422, "no store but Weaviate has aliases"),
        ("POST", "/search/Article/bm25", {}, 422, "only Weaviate knows how it ranks texts"),
        ("PATCH", "/nothing", {}, 404, "not found"),
    ],
)  # fmt: skip
async def test_what_is_answered(served, method, path, body, status, said):
    answered = await served.ask(method, path, body)
    assert answered[0] == status, answered
    assert said is None or said in answered[1]


async def test_what_a_change_leaves(served):
    where = f"/objects/Article/{IDS[1]}"

    async def now():
        _, told = await served.ask("GET", where + "?include=vector")
        return told["properties"], told.get("vector")

    await served.ask("PATCH", where, {"class": "Article", "properties": {"n": 7}, "vector": [5, 6]})
    assert await now() == ({"title": "Hello World", "n": 7}, [5, 6])
    await served.ask("PATCH", where, {"class": "Article", "properties": {"title": None}})
    assert await now() == ({"n": 7}, [5, 6])
    await served.ask("PUT", where, {"class": "Article", "properties": {"title": "new"}})
    assert await now() == ({"title": "new"}, None)


async def test_what_nobody_declared_is_declared_by_its_first_value(served):
    values = {
        "text": "a",
        "day": "2020-01-01T00:00:00Z",
        "number": 3,
        "list": ["a"],
        "empty": [],
        "nothing": None,
    }
    deep = {"inner": {"a": 1.5}, "owner": IDS[7], "place": {"latitude": 1, "longitude": 2}}
    status, _ = await served.ask("POST", "/objects", {"class": "fresh", "properties": values | deep})
    assert status == 200
    _, told = await served.ask("GET", "/schema/Fresh")
    assert {one["name"]: one["dataType"][0] for one in told["properties"]} == {
        "text": "text",
        "day": "date",
        "number": "number",
        "list": "text[]",
        "empty": "text[]",
        "nothing": "text",
        "inner": "object",
        "owner": "uuid",
        "place": "geoCoordinates",
    }


async def test_a_batch_is_answered_by_object(served):
    body = [
        FIRST | {"id": IDS[2]},
        {"class": "Article", "properties": {"title": 7}},
        {"class": "Article", "vector": [1, 2, 3]},
    ]
    status, told = await served.ask("POST", "/batch/objects", {"objects": body})
    assert status == 200
    assert [one["result"]["status"] for one in told] == ["SUCCESS", "FAILED", "FAILED"]
    assert "invalid text property" in told[1]["result"]["errors"]["error"][0]["message"]
    assert len(told[1]["id"]) == 36


async def test_references(served):
    prop = {"name": "about", "dataType": ["Article"]}
    await served.ask("POST", "/schema", {"class": "Note", "properties": [prop]})
    await served.ask("POST", "/objects", {"class": "Note", "id": IDS[3]})
    where = f"/objects/Note/{IDS[3]}/references/about"
    short, full = (
        {"beacon": f"weaviate://localhost/{IDS[1]}"},
        {"beacon": f"weaviate://localhost/Article/{IDS[1]}"},
    )
    assert await served.ask("POST", where, short) == (200, None)
    _, told = await served.ask("GET", f"/objects/Note/{IDS[3]}")
    assert told["properties"]["about"] == [full | {"href": f"/v1/objects/Article/{IDS[1]}"}]
    await served.ask("PATCH", f"/objects/Note/{IDS[3]}", {"class": "Note", "properties": {"about": [full]}})
    _, told = await served.ask("GET", f"/objects/Note/{IDS[3]}")
    assert len(told["properties"]["about"]) == 2
    assert await served.ask("DELETE", where, full) == (204, None)
    assert await served.ask("PUT", where, [full]) == (200, None)
    assert (await served.ask("POST", where, {"beacon": "x"}))[0] == 422
    assert (await served.ask("POST", where.replace("about", "nope"), full))[0] == 422
    assert (await served.ask("POST", where.replace(IDS[3], IDS[4]), full))[0] == 404
    source = f"weaviate://localhost/Note/{IDS[3]}"
    pairs = [
        {"from": f"{source}/about", "to": full["beacon"]},
        {"from": f"{source}/nope", "to": full["beacon"]},
    ]
    _, told = await served.ask("POST", "/batch/references", pairs)
    assert [one["result"]["status"] for one in told] == ["SUCCESS", "FAILED"]


async def test_an_object_whose_vector_weaviate_would_make_is_refused():
    config = {"vectorizer": {"text2vec-x": {}}, "vectorIndexType": "hnsw"}
    described = {"class": "Made", "vectorConfig": {"v": config}, "properties": CLASS["properties"]}
    shape = read_shape(described)
    inner = MemoryStore(Endpoint("memory"), Database())
    await inner.create(replace(shape, vectors=tuple(replace(one, dim=2) for one in shape.vectors)))
    served = Served(inner)
    given = {"class": "Made", "id": IDS[1], "properties": {"title": "a"}}
    status, said = await served.ask("POST", "/objects", given)
    assert (status, "which text2vec-x would make" in said) == (422, True)
    assert (await served.ask("POST", "/objects", given | {"vectors": {"v": [1, 2]}}))[0] == 200
    new = given | {"id": IDS[2], "vectors": {"v": [1, 2]}, "properties": {"strange": 1}}
    status, said = await served.ask("POST", "/objects", new)
    assert (status, "under migration" in said) == (422, True)
    for method, path, body in (
        ("POST", "/schema", {"class": "More"}),
        ("POST", "/schema/Made/properties", {"name": "x", "dataType": ["int"]}),
    ):
        status, said = await served.ask(method, path, body)
        assert (status, "not served here" in said) == (422, True)
    _, told = await served.ask("GET", "/schema/Made")
    assert told["vectorConfig"]["v"]["vectorizer"] == {"text2vec-x": {}}
    assert told["shardingConfig"]["actualCount"] == 1
