"""Searches as Qdrant's own engine answers them: ids, order, scores."""

from __future__ import annotations

import asyncio

import numpy as np
import pytest

from tests.stores.qdrant.facade.answering import A, B, comparing

ONE = {"size": 8, "distance": "Cosine"}
NAMED = {
    "vectors": {
        "text": {"size": 8, "distance": "Cosine"},
        "image": {"size": 4, "distance": "Euclid", "datatype": "float16"},
        "small": {"size": 4, "distance": "Manhattan", "datatype": "uint8"},
        "late": {"size": 4, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
        "warm": {"size": 4, "distance": "Cosine", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"words": {}},
}
IDS = [*range(1, 40), A, B]


def numbers(*shape):
    return np.random.default_rng(shape[0]).standard_normal(shape).astype(np.float32).astype(float)


def named(row, one):
    rng = np.random.default_rng(1000 + row)
    vectors = {
        "text": rng.standard_normal(8).round(3).tolist(),
        "image": rng.standard_normal(4).round(3).tolist(),
        "small": rng.integers(0, 256, 4).tolist(),
        "late": rng.standard_normal((1 + row % 3, 4)).round(3).tolist(),
        "warm": rng.standard_normal((1 + row % 2, 4)).round(3).tolist(),
        "words": {"indices": [row % 7, 50, 9], "values": rng.random(3).round(3).tolist()},
    }
    for name in ("text", "late", "words")[: row % 4]:
        del vectors[name]
    return {"id": one, "vector": vectors, "payload": {"row": row}}


@pytest.fixture(scope="module")
def filled():
    """Both with the same points in two collections; the tests here only read."""

    async def fill(both):
        points = [
            {"id": one, "vector": vector.tolist(), "payload": {"row": row, "even": row % 2}}
            for row, (one, vector) in enumerate(zip(IDS, numbers(len(IDS), 8), strict=True))
        ]
        for distance in ("Cosine", "Dot", "Euclid", "Manhattan"):
            settings = {"vectors": {"size": 8, "distance": distance}}
            await both.ask("PUT", f"/collections/{distance}", settings)
            await both.ask("PUT", f"/collections/{distance}/points", {"points": points})
        await both.ask("PUT", "/collections/named", NAMED)
        points = [named(row, one) for row, one in enumerate(IDS)]
        await both.ask("PUT", "/collections/named/points", {"points": points})

    with comparing() as both:
        asyncio.run(fill(both))
        yield both


QUERY = numbers(5, 8)[0].tolist()
DENSE = {"query": QUERY, "using": "text"}
SPARSE = {"query": {"indices": [1, 9, 50], "values": [2.0, 0.1, 0.7]}, "using": "words"}
ODD = {"must": [{"key": "row", "range": {"gte": 9}}]}


@pytest.mark.parametrize(
    "body",
    [
        {"prefetch": [DENSE, SPARSE]},
        {"prefetch": [{**DENSE, "limit": 30}, {**SPARSE, "limit": 7}], "limit": 20, "with_payload": True},
        {"prefetch": [DENSE, SPARSE], "limit": 4, "offset": 3},
        {"prefetch": [DENSE, {**SPARSE, "filter": ODD}], "limit": 30},
        {"prefetch": [DENSE, SPARSE], "filter": ODD, "limit": 30},
        {"prefetch": [{**DENSE, "score_threshold": 0.5}, SPARSE], "limit": 30},
        {"prefetch": [DENSE, SPARSE], "query": {"rrf": {"k": 60}}, "limit": 30},
        {"prefetch": DENSE, "limit": 5, "with_vector": ["image"]},
        {"prefetch": [DENSE, SPARSE], "score_threshold": 0.3},
    ],
    ids=range(9),
)
async def test_rankings_added_up(filled, body):
    """A point's place among those of the same sum is anybody's."""
    asked = {"query": {"fusion": "rrf"}, "params": {"exact": True}, **body}
    wanted = filled.engine.ask("POST", "/collections/named/points/query", asked)
    found = await filled.served.ask("POST", "/collections/named/points/query", asked)
    cut = 1 + ("offset" in body)
    told = [(status, ranked(result["points"], cut)) for status, result in (wanted, found)]
    assert told[0] == told[1]
    assert told[0][1]


BY = {"limit": 9, "using": "text"}
PAIRS = [
    {"positive": numbers(6, 8)[0].tolist(), "negative": numbers(6, 8)[1].tolist()},
    {"positive": numbers(6, 8)[2].tolist(), "negative": 5},
]
TREE = {
    "query": {"nearest": QUERY},
    "using": "text",
    "prefetch": [
        {"query": [1, 1, 0, 0], "using": "image", "limit": 20},
        {"query": {"rrf": {"k": 3, "weights": [2, 1]}}, "prefetch": [DENSE, SPARSE], "limit": 12},
    ],
}


@pytest.mark.parametrize(
    "body",
    [
        {"prefetch": [DENSE, {**DENSE, "query": PAIRS[0]["positive"]}], "query": {"fusion": "dbsf"}},
        {"prefetch": [DENSE, {**DENSE, "query": 9}], "query": {"rrf": {"k": 4, "weights": [0.3, 2]}}},
        {**BY, "query": {"recommend": {"positive": [QUERY, 9], "negative": [5], "strategy": "best_score"}}},
        {**BY, "query": {"recommend": {"positive": [QUERY, 9], "negative": [5], "strategy": "sum_scores"}}},
        {**BY, "query": {"recommend": {"negative": [5], "strategy": "best_score"}}, "filter": ODD},
        {**BY, "query": {"discover": {"target": QUERY, "context": PAIRS}}},
        {**BY, "query": {"context": PAIRS[0]}, "limit": 30},
        {"prefetch": [DENSE, SPARSE], "query": {"formula": {"sum": ["$score[1]", {"mult": ["$score", 2, "row"]}]}}},
        {"prefetch": TREE, "query": {"formula": {"max": ["row", 20]}}, "score_threshold": 25, "limit": 30},
        {**BY, "query": {"nearest": QUERY, "mmr": {"diversity": 0.7, "candidates_limit": 20}}},
        {**BY, "query": {"nearest": [1, 2, 0, 1], "mmr": {}}, "using": "image", "limit": 4},
        TREE,
        {**TREE, "query": 13, "score_threshold": 0.1},
        {"query": {"fusion": "dbsf"}, "prefetch": [TREE, DENSE], "limit": 5},
    ],
    ids=range(14),
)  # fmt: skip
async def test_a_query_of_another_kind(filled, body):
    wanted = filled.engine.ask("POST", "/collections/named/points/query", body)
    found = await filled.served.ask("POST", "/collections/named/points/query", body)
    told = [(status, close(ranked(result["points"], 1))) for status, result in (found, wanted)]
    assert told[0] == told[1]
    assert told[0][1]


def close(points):
    """The scores to four digits."""
    return {round(score, 4): ids for score, ids in points.items()}


def ranked(points, cut):
    """By score, and the points of each; of those that may be cut off, the last and with `cut` 2 the first, how many."""
    found = {}
    for point in points:
        found.setdefault(round(point["score"], 6), []).append([point["id"], point.get("payload")])
    ends = (min(found), max(found))[:cut]
    return {
        score: len(ids) if score in ends else sorted(ids, key=lambda one: str(one[0]))
        for score, ids in found.items()
    }


@pytest.mark.parametrize("distance", ["Cosine", "Dot", "Euclid", "Manhattan"])
@pytest.mark.parametrize(
    "more",
    [
        {},
        {"limit": 3, "offset": 2, "with_vector": True, "with_payload": True},
        {"limit": 100, "score_threshold": 0.5},
        {"limit": 100, "score_threshold": 3.5},
        {"filter": {"must": [{"key": "even", "match": {"value": 1}}]}, "with_payload": ["row"]},
        {"filter": {"must_not": [{"has_id": [1, 2, 3, A]}]}, "params": {"exact": True, "hnsw_ef": 12}},
        {"filter": {"must": [{"key": "row", "range": {"gt": 1000}}]}},
        {"limit": 100, "offset": 40},
        {"offset": 100},
    ],
)
async def test_a_search(filled, distance, more):
    await filled.ask("POST", f"/collections/{distance}/points/query", {"query": QUERY, **more})


@pytest.mark.parametrize("distance", ["Cosine", "Euclid"])
async def test_the_older_way_to_search(filled, distance):
    found = await filled.ask("POST", f"/collections/{distance}/points/query", {"query": QUERY, "limit": 4})
    body = {"vector": QUERY, "limit": 4}
    assert (
        await filled.served.result("POST", f"/collections/{distance}/points/search", body) == found["points"]
    )
    body = {"searches": [body, {**body, "limit": 1}]}
    batch = await filled.served.result("POST", f"/collections/{distance}/points/search/batch", body)
    assert batch == [found["points"], found["points"][:1]]


async def test_several_searches_at_once(filled):
    one = {"query": QUERY, "limit": 2}
    found = await filled.ask("POST", "/collections/Dot/points/query", one)
    batch = await filled.served.result(
        "POST",
        "/collections/Dot/points/query/batch",
        {"searches": [one, {"query": {"nearest": QUERY}, "limit": 2}]},
    )
    assert batch == [found, found]


@pytest.mark.parametrize(
    ("using", "query"),
    [
        ("text", QUERY),
        ("image", QUERY[:4]),
        ("small", [1, 200, 3, 40]),
        ("late", numbers(2, 4).tolist()),
        ("warm", numbers(3, 4).tolist()),
        ("words", {"indices": [50, 3, 9], "values": [0.5, 2, 1]}),
        ("words", {"indices": [777], "values": [1]}),
    ],
)
@pytest.mark.parametrize("more", [{}, {"with_vector": ["image", "words"], "limit": 3}, {"with_vector": True}])
async def test_a_search_by_name(filled, using, query, more):
    await filled.ask("POST", "/collections/named/points/query", {"query": query, "using": using, **more})


async def test_the_older_way_by_name(filled):
    found = await filled.ask("POST", "/collections/named/points/query", {"query": QUERY, "using": "text"})
    body = {"vector": {"name": "text", "vector": QUERY}, "limit": 10}
    assert await filled.served.result("POST", "/collections/named/points/search", body) == found["points"]


@pytest.mark.parametrize("where", [None, {"must": [{"key": "even", "match": {"value": 1}}]}])
async def test_a_search_for_what_is_like_a_point_leaves_it_out(filled, where):
    for query in (5, {"nearest": A}):
        body = {"query": query, "limit": 3, "filter": where}
        found = await filled.ask("POST", "/collections/Cosine/points/query", body)
        assert query not in [point["id"] for point in found["points"]]


async def test_a_search_for_nothing_gives_points_in_order(filled):
    found = await filled.served.result("POST", "/collections/Dot/points/query", {"limit": 3, "offset": 38})
    assert [point["id"] for point in found["points"]] == [39, A, B]


@pytest.mark.parametrize(
    ("body", "status", "said"),
    [
        ({"query": [1, 2]}, 400, "Wrong input: Vector dimension error: expected dim: 8, got 2"),
        ({"query": QUERY, "using": "none"}, 400, "Wrong input: Not existing vector name error: none"),
        (
            {"query": {"indices": [1], "values": [1]}},
            400,
            "Wrong input: Vector '' is dense, and the query is not",
        ),
        ({"query": [QUERY]}, 400, "Wrong input: Vector '' is dense, and the query has several vectors"),
        ({"query": 12345}, 404, "Not found: No point with id 12345 found"),
        ({"query": [1e39] * 8}, 400, "Wrong input: a vector holds a number beyond 32-bit floats"),
        (
            {"query": QUERY, "limit": 0},
            422,
            "Validation error in JSON body: [limit: value 0 invalid, must be 1 or larger]",
        ),
        (
            {"query": QUERY, "offset": -1},
            400,
            "Format error in JSON body: offset: value must be an unsigned integer",
        ),
        (
            {"prefetch": {"query": QUERY}},
            422,
            "Validation error in JSON body: A query is needed to merge the prefetches",
        ),
        (
            {"query": {"rrf": {"weights": [1, 2]}}, "prefetch": {"query": QUERY}},
            422,
            "Validation error in JSON body: there must be as many weights as prefetches",
        ),
        (
            {"query": {"fusion": "max"}},
            400,
            "Format error in JSON body: unknown variant `max`, expected `rrf` or `dbsf`",
        ),
        (
            {"query": QUERY, "lookup_from": {"collection": "d"}},
            400,
            "Bad request: a vector cannot be looked up in another collection",
        ),
        ({"query": QUERY, "params": {"idf": {}}}, 400, "Bad request: scores cannot be weighted by frequency"),
        ({"query": QUERY, "shard_key": "a"}, 400, "Bad request: there are no shard keys here"),
        (
            {"query": {"recommend": {"negative": [1]}}},
            422,
            "Validation error in JSON body: At least one positive vector ID required",
        ),
        (
            {"query": {"fusion": "rrf"}},
            422,
            "Validation error in JSON body: cannot combine searches without prefetches",
        ),
        ({"query": {"context": []}}, 422, "Validation error in JSON body: No target or context given"),
        (
            {"query": {"text": "a", "model": "b"}},
            400,
            "Bad request: a query by text, model is answered by Qdrant alone",
        ),
        (
            {"query": {"relevance_feedback": {"target": 1}}, "prefetch": {"query": QUERY}},
            400,
            "Bad request: a query by relevance_feedback is answered by Qdrant alone",
        ),
        (
            {"query": {"formula": {"sum": ["even", "nothing"]}}, "prefetch": {"query": QUERY}},
            400,
            "Wrong input: No value found for nothing in the payload nor the formula defaults",
        ),
        (
            {"query": {"formula": "$score"}},
            422,
            "Validation error in JSON body: cannot combine searches without prefetches",
        ),
        ({"query": ["a"] * 8}, 400, "Format error in JSON body: a vector holds something that is no number"),
    ],
)
async def test_what_cannot_be_answered_is_refused(filled, body, status, said):
    assert await filled.served.ask("POST", "/collections/Dot/points/query", body) == (status, said)


async def test_a_point_without_that_vector_is_like_nothing(filled):
    status, said = await filled.served.ask(
        "POST", "/collections/named/points/query", {"query": 2, "using": "text"}
    )
    assert (status, said) == (400, "Wrong input: Point 2 has no vector 'text'")
