"""The same requests to a facade over the reference store and to an independent, strict Pinecone: the same answers."""

import random

import numpy as np
import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.pinecone import FakePinecone, Refused
from vectormigrate.engine.dualwrite.view import TargetView
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, KeyOrder, Metric, VectorField
from vectormigrate.model.planning import make_plan
from vectormigrate.model.specification import Existing
from vectormigrate.state.database import Database
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.pinecone.facade import PineconeFacade
from vectormigrate.stores.registry import open_store

from .conftest import HOST, SERVERLESS, Client

RANDOM = np.random.default_rng(5)
GENRES = ["drama", "comedy", "epic"]


def _metadata(row):
    held = {
        "row": row,
        "half": row / 2,
        "odd": row % 2 == 1,
        "genre": GENRES[row % 3],
        "tags": ["x", "y"][: row % 3],
    }
    return {key: value for place, (key, value) in enumerate(held.items()) if row % 7 != place}


def _vector(row, dim, *, sparse):
    vector = {"id": f"r{row:03}", "metadata": _metadata(row)}
    if dim:
        vector["values"] = RANDOM.standard_normal(dim).astype(np.float32).tolist()
    if sparse and (row % 4 or not dim):
        indices = RANDOM.permutation(40)[:6].tolist()
        vector["sparseValues"] = {"indices": indices, "values": RANDOM.uniform(0.1, 2, 6).tolist()}
    return vector


class Both:
    """A facade and the fake, told and asked the same."""

    def __init__(self, client, metric, dim):
        self.client, self.fake = client, FakePinecone()
        body = {"name": "demo", "metric": metric, "spec": SERVERLESS}
        self.body = body | ({"dimension": dim} if dim else {"vector_type": "sparse"})
        self.index = self.fake.create(self.body, "2025-10")
        self.dim, self.sparse = dim, metric == "dotproduct"

    async def fill(self, namespaces=("", "n")):
        await self.client.ask("POST", "/indexes", self.body, status=201)
        for namespace in namespaces:
            vectors = [_vector(row, self.dim, sparse=self.sparse) for row in range(60)]
            self.fake.upsert(self.index, {"vectors": vectors, "namespace": namespace}, 0)
            await self.client.upsert(*vectors, namespace=namespace)

    async def assert_same_matches(self, **body):
        body = {"topK": 10, "includeMetadata": True, "includeValues": True, **body}
        expected, _ = self.fake.query(self.index, body)
        got = await self.client.query(**body)
        assert [match["id"] for match in got["matches"]] == [match["id"] for match in expected["matches"]]
        assert got["namespace"] == expected["namespace"]
        for one, other in zip(got["matches"], expected["matches"], strict=True):
            assert one["score"] == pytest.approx(other["score"], abs=1e-4)
            assert one.get("metadata", {}) == other.get("metadata", {})
            assert one["values"] == list(other.get("values", []))
            assert _sparse(one) == _sparse(other)
        return expected["matches"]


def _sparse(vector):
    held = vector.get("sparseValues", {"indices": [], "values": []})
    return {
        index: pytest.approx(float(value))
        for index, value in zip(held["indices"], held["values"], strict=True)
    }


def _query(dim):
    return RANDOM.standard_normal(dim).astype(np.float32).tolist()


@pytest.mark.parametrize("metric", ["cosine", "dotproduct", "euclidean"])
async def test_dense_search(client, metric):
    both = Both(client, metric, 4)
    await both.fill()
    for namespace in ("", "n", "__default__"):
        assert await both.assert_same_matches(vector=_query(4), namespace=namespace)
    assert len(await both.assert_same_matches(vector=_query(4), topK=100)) == 60


async def test_sparse_search(client):
    both = Both(client, "dotproduct", 0)
    await both.fill()
    for size in (1, 3, 12):
        indices = RANDOM.permutation(40)[:size].tolist()
        asked = {"indices": indices, "values": RANDOM.uniform(0.1, 2, size).tolist()}
        assert await both.assert_same_matches(sparseVector=asked, topK=100)
    assert await both.assert_same_matches(sparseVector={"indices": [41], "values": [1.0]}) == []


@pytest.mark.parametrize("limit", [1, 10, 100])
async def test_hybrid_search(client, limit):
    both = Both(client, "dotproduct", 4)
    await both.fill()
    for weight in (0.01, 1, 50):
        asked = {"indices": [1, 5, 9, 30], "values": [weight, weight, 2 * weight, weight]}
        assert await both.assert_same_matches(vector=_query(4), sparseVector=asked, topK=limit)


FILTERS = [
    {"row": 7},
    {"row": {"$eq": 7}},
    {"row": {"$ne": 7}},
    {"row": {"$gt": 20, "$lte": 30}},
    {"half": {"$gte": 10.5}},
    {"half": {"$lt": 3}},
    {"genre": "drama"},
    {"genre": {"$ne": "drama"}},
    {"genre": {"$in": ["drama", "epic"]}},
    {"genre": {"$nin": ["drama", "epic"]}},
    {"row": {"$in": [1, 2, 3]}},
    {"odd": True},
    {"odd": {"$eq": False}},
    {"odd": {"$ne": True}},
    {"row": {"$eq": True}},
    {"tags": "x"},
    {"tags": {"$in": ["y", "z"]}},
    {"tags": {"$ne": "x"}},
    {"tags": {"$nin": ["x"]}},
    {"tags": {"$exists": True}},
    {"tags": {"$exists": False}},
    {"nothing": {"$exists": True}},
    {"nothing": {"$ne": 1}},
    {"$and": [{"row": {"$gt": 10}}, {"genre": "comedy"}]},
    {"$or": [{"row": {"$lt": 5}}, {"$and": [{"odd": True}, {"half": {"$gt": 20}}]}]},
    {"genre": "comedy", "odd": False},
]


async def test_every_filter_operator(client):
    both = Both(client, "cosine", 4)
    await both.fill(("",))
    found = 0
    for condition in FILTERS:
        found += len(await both.assert_same_matches(vector=_query(4), filter=condition, topK=100))
        held = await client.ask("POST", "/vectors/fetch_by_metadata", {"filter": condition, "limit": 100})
        matches = await both.assert_same_matches(vector=_query(4), filter=condition, topK=100)
        assert sorted(held["vectors"]) == sorted(match["id"] for match in matches)
    assert found > 200


GOOD = {"id": "a", "values": [1, 2, 3]}
REFUSED = [
    ("upsert", {"vectors": []}),
    ("upsert", {}),
    ("upsert", {"vectors": [{**GOOD, "id": f"{row}"} for row in range(1001)]}),
    ("upsert", {"vectors": [{**GOOD, "id": ""}]}),
    ("upsert", {"vectors": [{**GOOD, "id": "x" * 513}]}),
    ("upsert", {"vectors": [{**GOOD, "id": "é"}]}),
    ("upsert", {"vectors": [{**GOOD, "id": "a\0"}]}),
    ("upsert", {"vectors": [{**GOOD, "id": 5}]}),
    ("upsert", {"vectors": [{"id": "a"}]}),
    ("upsert", {"vectors": [{"id": "a", "values": [1, 2]}]}),
    ("upsert", {"vectors": [{"id": "a", "values": [0, 0, 0]}]}),
    ("upsert", {"vectors": [{"id": "a", "values": [1, "2", 3]}]}),
    ("upsert", {"vectors": [{"id": "a", "values": [1, None, 3]}]}),
    ("upsert", {"vectors": [{"id": "a", "values": [[1], [2], [3]]}]}),
    ("upsert", {"vectors": [{**GOOD, "sparseValues": {"indices": [1], "values": [[]]}}]}),
    ("upsert", {"vectors": [{**GOOD, "sparseValues": {"indices": [1], "values": [[1, 2]]}}]}),
    ("upsert", {"vectors": [{"id": "a", "values": [1, 1e39, 3]}]}),
    ("upsert", {"vectors": [{**GOOD, "metadata": {"a": None}}]}),
    ("upsert", {"vectors": [{**GOOD, "metadata": {"a": {"b": 1}}}]}),
    ("upsert", {"vectors": [{**GOOD, "metadata": {"a": [1]}}]}),
    ("upsert", {"vectors": [{**GOOD, "metadata": {"$a": 1}}]}),
    ("upsert", {"vectors": [{**GOOD, "metadata": {"a": "x" * 41_000}}]}),
    ("upsert", {"vectors": [{**GOOD, "other": 1}]}),
    ("upsert", {"vectors": [{**GOOD, "sparseValues": {"indices": [1], "values": []}}]}),
    ("upsert", {"vectors": [{**GOOD, "sparseValues": {"indices": [1, 1], "values": [1, 2]}}]}),
    ("upsert", {"vectors": [{**GOOD, "sparseValues": {"indices": [-1], "values": [1]}}]}),
    ("upsert", {"vectors": [GOOD], "namespace": "x" * 513}),
    ("delete", {}),
    ("delete", {"ids": ["a"], "deleteAll": True}),
    ("delete", {"ids": [str(row) for row in range(1001)]}),
    ("delete", {"filter": {"a": {"$bad": 1}}}),
    ("query", {"vector": [1, 2, 3]}),
    ("query", {"vector": [1, 2, 3], "topK": 0}),
    ("query", {"vector": [1, 2, 3], "topK": 10_001}),
    ("query", {"vector": [1, 2], "topK": 1}),
    ("query", {"vector": [1, 2, 3], "topK": 1, "filter": {"a": {"$gt": "x"}}}),
    ("query", {"vector": [1, 2, 3], "topK": 1, "filter": {"$not_there": []}}),
    ("query", {"vector": [1, 2, 3], "topK": 1, "filter": {"a": {"$in": []}}}),
    ("query", {"vector": [1, 2, 3], "topK": 1, "filter": {"$or": []}}),
]


@pytest.mark.parametrize(("action", "body"), REFUSED)
async def test_what_pinecone_refuses_is_refused_and_nothing_is_applied(client, action, body):
    both = Both(client, "dotproduct", 3)
    await both.client.ask("POST", "/indexes", both.body, status=201)
    both.fake.upsert(both.index, {"vectors": [{"id": "kept", "values": [1, 1, 1]}]}, 0)
    await client.upsert({"id": "kept", "values": [1, 1, 1]})
    arguments = (both.index, body, 0) if action == "upsert" else (both.index, body)
    with pytest.raises(Refused) as refused:
        getattr(both.fake, action)(*arguments)
    path = "/query" if action == "query" else f"/vectors/{action}"
    answer = await client.ask("POST", path, body, status=refused.value.status)
    assert answer["code"] == refused.value.code
    assert answer["message"]
    listed = await client.ask("GET", "/vectors/list")
    assert [one["id"] for one in listed["vectors"]] == ["kept"]


async def test_a_request_beyond_two_megabytes_is_refused(client):
    await client.create(dimension=3)
    vectors = [{**GOOD, "id": f"{row}", "metadata": {"t": "x" * 30_000}} for row in range(80)]
    answer = await client.upsert(*vectors, status=400)
    assert "length too large" in answer["message"]
    assert await client.ids(vector=[1, 1, 1]) == []


@pytest.mark.parametrize("seed", range(4))
async def test_any_sequence_of_writes_leaves_the_same(client, seed):
    chance = random.Random(seed)
    both = Both(client, ["cosine", "dotproduct"][seed % 2], 3)
    await client.ask("POST", "/indexes", both.body, status=201)
    for space in ("", "n"):
        await client.upsert({"id": "seed", "values": [1, 1, 1]}, namespace=space)
        both.fake.upsert(
            both.index, {"vectors": [{"id": "seed", "values": [1, 1, 1]}], "namespace": space}, 0
        )
    for _ in range(150):
        action, body = _any_write(chance, sparse=both.sparse)
        given = {**body, "namespace": chance.choice(["", "n"])}
        await client.ask("POST", f"/vectors/{action}", given)
        arguments = (both.index, given, 0) if action == "upsert" else (both.index, given)
        getattr(both.fake, action)(*arguments)
    for space in ("", "n"):
        ids = [f"r{row}" for row in range(12)] + ["seed"]
        expected = both.fake.fetch(both.index, space, ids)[0]["vectors"]
        held = await client.fetch(*ids, namespace=space)
        assert held.keys() == expected.keys()
        for one, vector in held.items():
            assert np.array_equal(np.array(vector["values"], np.float32), expected[one]["values"])
            assert vector.get("metadata", {}) == expected[one].get("metadata", {})
            assert _sparse(vector) == _sparse(expected[one])
        listed = await client.ask("GET", "/vectors/list", query=f"namespace={space}".encode())
        assert listed["vectors"] == both.fake.list(both.index, space, "", 100, "")[0]["vectors"]
    stats = await client.ask("POST", "/describe_index_stats", {})
    expected = both.fake.stats(both.index)
    shown = {name: one for name, one in stats["namespaces"].items() if one["vectorCount"]}
    assert (shown, stats["totalVectorCount"]) == (expected["namespaces"], expected["totalVectorCount"])


def _any_write(chance, *, sparse):
    ids = chance.sample([f"r{row}" for row in range(12)], 3)
    values = [chance.uniform(-1, 1) for _ in range(3)]
    metadata = {"n": chance.randrange(5), "t": chance.choice("xyz")}
    weights = {"sparseValues": {"indices": [chance.randrange(9)], "values": [chance.uniform(0.1, 1)]}}
    beside = weights if sparse and chance.random() < 0.5 else {}
    return chance.choice(
        [
            (
                "upsert",
                {"vectors": [{"id": one, "values": values, "metadata": metadata, **beside} for one in ids]},
            ),
            ("upsert", {"vectors": [{"id": ids[0], "values": values}]}),
            ("update", {"id": ids[0], "values": values, **beside}),
            ("update", {"id": ids[0], "setMetadata": {"k": chance.random(), "t": "w"}}),
            ("update", {"id": ids[0], "values": values, "setMetadata": metadata}),
            ("delete", {"ids": ids}),
            ("delete", {"filter": {"n": {"$gt": chance.randrange(2, 5)}}}),
            ("delete", {"filter": {"t": {"$ne": chance.choice("xyz")}, "n": chance.randrange(5)}}),
            ("delete", {"deleteAll": True} if chance.random() < 0.1 else {"ids": ids[:1]}),
        ]
    )


# Behind a migration: the target in the source's terms.

PARTS = tuple(IdField(name, IdKind.TEXT, KeyOrder.BYTES) for name in ("ns", "id"))
KEYS = {
    "demo": IdField("id", IdKind.TEXT, KeyOrder.BYTES, 512),
    "demo/*": IdField("key", IdKind.COMPOUND, parts=PARTS),
}


@pytest.mark.parametrize("kind", ["memory", "sqlite"])
@pytest.mark.parametrize("name", ["demo", "demo/*"])
async def test_the_target_of_a_migration_answers_as_pinecone_does(name, kind, tmp_path):
    vectors = (VectorField("values", dim=4, metric=Metric.COSINE, nullable=False),)
    source = CollectionShape(name, KEYS[name], vectors, dynamic=True)
    database = Database.open(tmp_path / "state.db")
    async with open_store(Endpoint(kind, str(tmp_path / "target.db") if kind == "sqlite" else "")) as target:
        plan = make_plan(source, target.capabilities, "target")
        await target.finish_load(await target.create(plan.target))
        view = TargetView(database, "m", target, source, plan, Existing.FAIL)
        front = Standing(view)
        client = Client(PineconeFacade(front, index=name, data_host=HOST, clock=FakeClock(), shape=source))
        both = Both(client, "cosine", 4)
        for space in ["", "n"] if name == "demo/*" else [""]:
            records = [_vector(row, 4, sparse=False) for row in range(60)]
            both.fake.upsert(both.index, {"vectors": records, "namespace": space}, 0)
            await client.upsert(*records, namespace=space)
            gone = {"filter": {"row": {"$gt": 50}}, "namespace": space}
            both.fake.delete(both.index, gone)
            await client.ask("POST", "/vectors/delete", gone)
            for condition in [None, *FILTERS]:
                await both.assert_same_matches(vector=_query(4), filter=condition, namespace=space)
            listed = await client.ask(
                "GET", "/vectors/list", query=f"limit=9&prefix=r01&namespace={space}".encode()
            )
            expected, _ = both.fake.list(both.index, space, "r01", 9, "")
            assert listed["vectors"] == expected["vectors"]
        stats = await client.ask("POST", "/describe_index_stats", {})
        assert stats["namespaces"] == both.fake.stats(both.index)["namespaces"]
    database.close()
