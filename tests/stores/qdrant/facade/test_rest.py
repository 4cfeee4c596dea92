"""Whatever is asked over REST, the answer is one of Qdrant's: nothing that a client sends makes the facade stumble."""

from __future__ import annotations

import json
import random

import pytest

from tests.stores.qdrant.facade.answering import A, Served, request
from tests.stores.qdrant.facade.test_port import concrete
from vectormigrate.stores.qdrant.facade.endpoints import ENDPOINTS

ROUTES = [route for route in ENDPOINTS if route.method != "RPC"]
WORDS = [
    "points",
    "filter",
    "vector",
    "payload",
    "keys",
    "key",
    "ids",
    "query",
    "limit",
    "offset",
    "with_payload",
    "with_vector",
    "using",
    "must",
    "should",
    "must_not",
    "match",
    "range",
    "value",
    "any",
    "gte",
    "lt",
    "has_id",
    "id",
    "batch",
    "vectors",
    "payloads",
    "operations",
    "upsert",
    "delete",
    "set_payload",
    "nearest",
    "indices",
    "values",
    "searches",
    "score_threshold",
    "params",
    "exact",
    "size",
    "distance",
    "sparse_vectors",
    "nested",
    "is_null",
    "is_empty",
    "geo_radius",
    "center",
    "radius",
    "lon",
    "lat",
    "values_count",
    "min_should",
    "conditions",
    "min_count",
    "update_mode",
    "update_filter",
    "field_name",
    "field_schema",
    "type",
    "include",
    "exclude",
    "actions",
    "a",
    "text",
    "name",
    "hnsw_config",
    "m",
    "datatype",
    "multivector_config",
    "modifier",
    "has_vector",
    "except",
    "geo_polygon",
    "exterior",
    "top_left",
    "bottom_right",
    "geo_bounding_box",
    "interiors",
    "shard_key",
    "slice",
    "prefix",
]
SCALARS = [
    None,
    True,
    False,
    0,
    1,
    -1,
    5,
    2**64,
    2**70,
    1.5,
    1e300,
    "",
    "a",
    "Dot",
    "Cosine",
    "2024-01-01",
    A,
    "a.b[]",
]
LISTS = [[1, 2], [1.0, 2.0, 3.0], [[1, 2], [3, 4]], []]


class Nonsense:
    """Bodies that are nearly right."""

    def __init__(self, seed: int) -> None:
        self.chance = random.Random(seed)

    def value(self, depth: int = 0):
        share = self.chance.random()
        if depth > 4 or share < 0.45:
            return self.chance.choice([*SCALARS, *LISTS])
        if share < 0.6:
            return [self.value(depth + 1) for _ in range(self.chance.randint(0, 3))]
        return {self.chance.choice(WORDS): self.value(depth + 1) for _ in range(self.chance.randint(0, 4))}

    def body(self, operation: str):
        pick = self.chance.choice
        body = {pick(WORDS): self.value(1) for _ in range(self.chance.randint(0, 3))}
        if operation == "upsert":
            vectors = [[1, 2], {"": [1, 2]}, {"s": {"indices": [1], "values": [2]}}, self.value(2)]
            body["points"] = [
                {"id": pick([1, A, self.value(3)]), "vector": pick(vectors), "payload": self.value(2)}
            ]
        if operation in ("query", "search"):
            body |= {"query": pick([[1, 2], 1, A, self.value(2)]), "vector": pick([[1, 2], self.value(2)])}
        if operation == "create_collection":
            body["vectors"] = {"size": pick([1, 0, "x", None, 2.5]), "distance": pick(["Dot", "x", 5])}
        if self.chance.random() < 0.5:
            word = pick(["match", "range", "values_count", "is_null", "geo_radius", "geo_polygon"])
            body["filter"] = {
                pick(["must", "should", "must_not"]): [{"key": pick(["a", "x[]"]), word: self.value(2)}]
            }
        return body


@pytest.mark.parametrize("seed", range(4))
async def test_nothing_makes_it_stumble(store, seed):
    served, nonsense = Served(store), Nonsense(seed)
    seen = set()
    for number in range(1500):
        if number % 150 == 0:
            settings = {"vectors": {"size": 2, "distance": "Cosine"}, "sparse_vectors": {"s": {}}}
            await served.facade.http(request("PUT", "/collections/c", settings))
            points = [{"id": 1, "vector": [1, 2], "payload": {"a": 1}}, {"id": A, "vector": [1, 2]}]
            await served.facade.http(request("PUT", "/collections/c/points", {"points": points}))
        route = nonsense.chance.choice(ROUTES)
        path = concrete(route.path) if route.operation != "create_collection" else f"/collections/d{number}"
        answered = await served.facade.http(request(route.method, path, nonsense.body(route.operation)))
        if route.operation not in ("health", "version"):
            assert json.loads(answered.body).keys() >= {"status", "time"}
        seen.add(answered.status)
    assert seen <= {200, 400, 404, 409, 422}
    assert {200, 400, 404} <= seen
