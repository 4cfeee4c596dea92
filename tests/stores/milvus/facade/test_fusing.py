"""Hybrid searches: what Milvus makes of several rankings, and what it would refuse."""

from __future__ import annotations

import math
import re

import pytest

from tests.stores.milvus.facade.answering import T, pairs, put, schema, search
from vectormigrate.stores.milvus.facade.answering import REQUESTS
from vectormigrate.stores.milvus.pb import schema_pb2

BOTH = schema(more=[("w", T.FloatVector, {"params": {"dim": 2}}), ("n", T.Int64, {"nullable": True})])
ROWS = [{"id": row, "v": [row, 0], "w": [1, row], "n": row} for row in range(1, 7)]


@pytest.fixture
async def made(served):
    """By metrics of both vectors, records in a line."""

    async def make(first, second):
        await served.ok("CreateCollection", collection_name="c", schema=BOTH.SerializeToString())
        for name, metric in (("v", first), ("w", second)):
            await served.ok(
                "CreateIndex",
                collection_name="c",
                field_name=name,
                extra_params=pairs(index_type="FLAT", metric_type=metric),
            )
        await served.ok("LoadCollection", collection_name="c")
        await served.ok("Insert", put(ROWS, BOTH))
        return served

    return make


def hybrid(*parts, limit=10, output_fields=(), function=None, partition_names=(), **ranked):
    """A HybridSearchRequest."""
    message = REQUESTS["HybridSearch"](
        collection_name="c",
        requests=parts or [search((3, 0), BOTH, "v", 3), search((1, 6), BOTH, "w", 3)],
        rank_params=pairs(limit=limit, **ranked),
        output_fields=output_fields,
        partition_names=partition_names,
    )
    if function is not None:
        message.function_score.functions.add(
            name="f", type=schema_pb2.FunctionType.Rerank, params=pairs(**function)
        )
    return message


async def hits(served, message):
    results = (await served.ok("HybridSearch", message)).results
    return list(zip(results.ids.int_id.data, results.scores, strict=True))


def close(*expected):
    return [(one, pytest.approx(score, abs=1e-6)) for one, score in expected]


async def test_ranks_count_from_one_behind_sixty(made):
    served = await made("L2", "L2")  # 3 2 4, and 6 5 4
    one, two, three = 1 / 61, 1 / 62, 1 / 63
    expected = close((4, 2 * three), (3, one), (6, one), (2, two), (5, two))
    assert await hits(served, hybrid()) == expected
    assert await hits(served, hybrid(strategy="rrf", params={})) == expected
    assert await hits(served, hybrid(limit=2, offset=1)) == expected[1:3]


async def test_ranks_behind_another_constant(made):
    served = await made("L2", "L2")
    assert (await hits(served, hybrid(strategy="rrf", params={"k": 1})))[0] == (3, pytest.approx(0.5))
    by_function = hybrid(function={"reranker": "rrf", "k": 1})
    assert (await hits(served, by_function))[0] == (3, pytest.approx(0.5))


async def test_weighted_scores_are_brought_between_zero_and_one(made):
    served = await made("IP", "COSINE")  # 6 5 4 by 18 15 12
    parts = search((3, 0), BOTH, "v", 2), search((1, 1), BOTH, "w", 2)
    by_angle = [(1 + score) / 2 for score in (1.0, 3 / math.sqrt(10))]
    expected = close(
        (6, 0.5 * (0.5 + math.atan(18) / math.pi)),
        (5, 0.5 * (0.5 + math.atan(15) / math.pi)),
        (1, 0.25 * by_angle[0]),
        (2, 0.25 * by_angle[1]),
    )
    asked = hybrid(*parts, strategy="weighted", params={"weights": [0.5, 0.25], "norm_score": True})
    assert await hits(served, asked) == expected
    by_function = {"reranker": "weighted", "weights": "[0.5, 0.25]", "norm_score": "true"}
    assert await hits(served, hybrid(*parts, function=by_function)) == expected


async def test_distances_alone_are_added_up_and_the_smallest_sum_is_first(made):
    served = await made("L2", "L2")
    asked = hybrid(strategy="weighted", params={"weights": [1.0, 0.5]})
    assert await hits(served, asked) == close((3, 0), (6, 0), (5, 0.5), (2, 1), (4, 1 + 0.5 * 4))
    normed = hybrid(strategy="weighted", params={"weights": [1.0, 0.5], "norm_score": True})
    assert (await hits(served, normed))[:2] == close(
        (3, 1), (4, 0.5 + 0.5 * (1 - 2 * math.atan(4) / math.pi))
    )


async def test_distances_beside_similarities_become_similarities(made):
    served = await made("IP", "L2")
    parts = search((1, 0), BOTH, "v", 1), search((1, 2), BOTH, "w", 2)
    asked = hybrid(*parts, strategy="weighted", params={"weights": [0.25, 1.0]})
    assert await hits(served, asked) == close((6, 1.5), (2, 1), (1, 0.5))


async def test_scores_are_rounded_and_records_come_along(made):
    served = await made("L2", "L2")
    asked = hybrid(limit=1, round_decimal=3, output_fields=["n"])
    found = (await served.ok("HybridSearch", asked)).results
    assert list(found.scores) == [pytest.approx(0.032)]
    assert list(found.fields_data[0].scalars.long_data.data) == [4]
    assert (found.topks, found.top_k) == ([1], 1)


async def test_each_search_has_its_filter_and_limit(made):
    served = await made("L2", "L2")
    parts = search((3, 0), BOTH, "v", 1, dsl="n > 4"), search((1, 1), BOTH, "w", 1)
    assert [one for one, _ in await hits(served, hybrid(*parts))] == [1, 5]


async def test_partitions_of_the_whole(made):
    served = await made("L2", "L2")
    await served.ok("CreatePartition", collection_name="c", partition_name="p")
    await served.ok("Insert", put([ROWS[0] | {"id": 9}], BOTH, partition_name="p"))
    assert [one for one, _ in await hits(served, hybrid(partition_names=["p"]))] == [9]


@pytest.mark.parametrize(
    ("ranked", "word"),
    [
        ({"strategy": "weighted", "params": {"weights": [0.5]}}, "mismatch"),
        ({"strategy": "weighted", "params": {"weights": [0.5, 2]}}, r"\[0, 1\]"),
        ({"strategy": "weighted", "params": {}}, "weights"),
        ({"strategy": "rrf", "params": {"k": 0}}, "params k"),
        ({"strategy": "other"}, "other"),
        ({"group_by_field": "n"}, "group_by_field"),
        ({"limit": 0}, "limit"),
        ({"function": {"reranker": "decay"}}, "decay"),
    ],
)
async def test_what_milvus_or_we_refuse(made, ranked, word):
    served = await made("L2", "L2")
    _, said = await served.refused("HybridSearch", hybrid(**ranked))
    assert re.search(word, said)


async def test_by_rest(made):
    served = await made("L2", "L2")
    body = {
        "collectionName": "c",
        "search": [
            {"data": [[3, 0]], "annsField": "v", "limit": 3},
            {"data": [[1, 6]], "annsField": "w", "limit": 3},
        ],
        "rerank": {"strategy": "rrf", "params": {"k": 1}},
        "limit": 2,
        "outputFields": ["n"],
    }
    told = await served.rest("entities/hybrid_search", body)
    assert told["data"] == [
        {"id": 3, "distance": pytest.approx(0.5), "n": 3},
        {"id": 4, "distance": pytest.approx(0.5), "n": 4},
    ]
    assert (await served.rest("entities/hybrid_search", body | {"functionScore": {"a": 1}}))["code"] == 10
    assert (await served.rest("entities/advanced_search", body | {"search": []}))["code"] == 1802
