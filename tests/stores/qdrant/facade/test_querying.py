"""Queries of every kind as the official client's local mode answers them; what chance decides, by its rules."""

from __future__ import annotations

import random

import numpy as np
import pytest

from tests.fakes.qdrant import qdrant_server
from tests.stores.qdrant.facade.answering import Engine, Served, plain, settled
from tests.stores.qdrant.facade.local import LocalQdrant
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.qdrant import open_store
from vectormigrate.stores.qdrant.facade.querying import Place, answer
from vectormigrate.stores.qdrant.pb import points_pb2 as q
from vectormigrate.stores.qdrant.wire.questions import Sample, Search
from vectormigrate.stores.raw import RpcCall

__all__ = ["qdrant_server"]

SETTINGS = {
    "vectors": {
        "text": {"size": 4, "distance": "Cosine"},
        "late": {"size": 3, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    },
    "sparse_vectors": {"words": {}},
}


def point(row):
    rng = np.random.default_rng(row)
    return {
        "id": row,
        "vector": {
            "text": rng.standard_normal(4).round(3).tolist(),
            "late": rng.standard_normal((1 + row % 3, 3)).round(3).tolist(),
            "words": {"indices": [row % 5, 9], "values": rng.random(2).round(3).tolist()},
        },
        "payload": {"row": row},
    }


POINTS = [point(row) for row in range(1, 31)]
TEXT, LATE = {"using": "text", "limit": 8}, {"using": "late", "limit": 8}
WORDS = {"using": "words", "limit": 8}
HALF = {"must": [{"key": "row", "range": {"lt": 16}}]}
SPARSE = {"indices": [9, 2], "values": [1.0, 0.5]}


@pytest.fixture
async def both(served):
    """The facade and the vendor's local mode with the same points."""
    local = LocalQdrant()
    local.fill("c", SETTINGS, POINTS)
    await served.result("PUT", "/collections/c", SETTINGS)
    await served.result("PUT", "/collections/c/points", {"points": POINTS})
    yield served, local
    local.close()


@pytest.mark.parametrize(
    "body",
    [
        {**TEXT, "query": {"recommend": {"positive": [1, 2], "negative": [3]}}},
        {**LATE, "query": {"recommend": {"positive": [1, [[1, 0, 1]]], "negative": [3]}}, "filter": HALF},
        {**WORDS, "query": {"recommend": {"positive": [1, SPARSE], "negative": [4]}}, "limit": 5},
        {**LATE, "query": {"recommend": {"positive": [5], "negative": [6], "strategy": "sum_scores"}}},
        {**LATE, "query": {"discover": {"target": 7, "context": [{"positive": 1, "negative": 2}]}}},
        {**LATE, "query": {"nearest": 9, "mmr": {"diversity": 0.6, "candidates_limit": 20}}, "offset": 2},
        {**TEXT, "query": {"nearest": [1, 0, 0, 1]}, "score_threshold": 0.3, "with_payload": True},
        {**TEXT, "query": 3, "prefetch": [{**LATE, "query": 4}, {**WORDS, "query": SPARSE}]},
        {"query": {"fusion": "dbsf"}, "prefetch": [{**TEXT, "query": 4}, {**LATE, "query": 5}], "offset": 1},
        {
            "query": {"fusion": "dbsf"},
            "score_threshold": 0.55,
            "prefetch": [{**TEXT, "query": 4, "filter": HALF}, {**LATE, "query": 5, "prefetch": [{**TEXT, "query": 8}]}],
        },
        {"limit": 4, "offset": 2, "filter": HALF},
    ],
    ids=range(11),
)  # fmt: skip
async def test_as_the_vendor_answers(both, body):
    served, local = both
    wanted = local.ask("c", "points/query", body)["points"]
    found = (await served.result("POST", "/collections/c/points/query", body))["points"]
    assert wanted
    assert [(one["id"], one.get("payload")) for one in found] == [
        (one["id"], one.get("payload")) for one in wanted
    ]
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in wanted], abs=1e-4)


async def test_the_older_ways_to_recommend_and_discover(both):
    served, _ = both
    query = {"recommend": {"positive": [1], "negative": [3], "strategy": "best_score"}}
    wanted = (await served.result("POST", "/collections/c/points/query", {**TEXT, "query": query}))["points"]
    body = {**TEXT, **query["recommend"]}
    assert await served.result("POST", "/collections/c/points/recommend", body) == wanted
    batch = await served.result("POST", "/collections/c/points/recommend/batch", {"searches": [body, body]})
    assert batch == [wanted, wanted]
    query = {"discover": {"target": 7, "context": [{"positive": 1, "negative": 2}]}}
    wanted = (await served.result("POST", "/collections/c/points/query", {**TEXT, "query": query}))["points"]
    body = {**TEXT, **query["discover"]}
    assert await served.result("POST", "/collections/c/points/discover", body) == wanted
    assert await served.result("POST", "/collections/c/points/discover/batch", {"searches": [body]}) == [
        wanted
    ]


async def test_chance_picks_some_of_what_matches(both):
    served, _ = both
    store = served.front.reading("c").store
    place = Place(store, await store.describe("c"), random.Random(7))
    found = await answer(place, Search(Sample(), limit=5, filter=HALF))
    again = await answer(place, Search(Sample(), limit=5, filter=HALF))
    assert len(set(found.batches[0].ids)) == 5
    assert set(found.batches[0].ids) <= set(range(1, 16))
    assert set(found.batches[0].ids) != set(again.batches[0].ids)
    everything = await served.result(
        "POST", "/collections/c/points/query", {"query": {"sample": "random"}, "limit": 99}
    )
    assert {one["id"] for one in everything["points"]} == set(range(1, 31))
    assert {one["score"] for one in everything["points"]} == {1.0}


async def test_examples_take_no_places_in_what_is_judged_again(both):
    served, _ = both
    body = {"query": 4, **TEXT, "prefetch": [{**TEXT, "query": 4, "limit": 3}]}
    found = (await served.result("POST", "/collections/c/points/query", body))["points"]
    assert len(found) == 3
    nothing = {
        "query": 4,
        **TEXT,
        "prefetch": [{**TEXT, "query": 5, "filter": {"must": [{"has_id": [999]}]}}],
    }
    assert (await served.result("POST", "/collections/c/points/query", nothing))["points"] == []


WEIGHTED = {**SETTINGS, "sparse_vectors": {"words": {"modifier": "idf"}}}


@pytest.fixture
async def another(qdrant_server):
    """The facade over another Qdrant, and that one."""
    async with open_store(
        Endpoint("qdrant", qdrant_server.url, options={"grpc_port": str(qdrant_server.grpc_port)})
    ) as store:
        await store.drop("c")
        served = Served(front=Standing(store))
        qdrant = Engine(qdrant_server.database)
        qdrant.ask("PUT", "/collections/c", WEIGHTED)
        qdrant.ask("PUT", "/collections/c/points", {"points": POINTS})
        yield served, qdrant
        await store.drop("c")


@pytest.mark.parametrize(
    "body",
    [
        {**WORDS, "query": SPARSE},
        {**WORDS, "query": SPARSE, "offset": 3, "limit": 4, "with_payload": ["row"], "filter": HALF},
        {"query": {"fusion": "rrf"}, "prefetch": [{**WORDS, "query": SPARSE}, {**TEXT, "query": 3}], "limit": 3},
        {**TEXT, "query": {"recommend": {"positive": [1], "strategy": "best_score"}}, "with_vector": ["late"]},
        {**TEXT, "query": {"nearest": 5}},
    ],
    ids=range(5),
)  # fmt: skip
async def test_another_qdrant_answers_in_the_words_of_the_client(another, body):
    served, qdrant = another
    _, wanted = qdrant.ask("POST", "/collections/c/points/query", body)
    found = await served.result("POST", "/collections/c/points/query", body)
    assert wanted["points"]
    assert plain(found) == settled(wanted)


async def test_another_qdrant_answers_over_grpc_as_well(another):
    served, qdrant = another
    words = q.VectorInput(sparse=q.SparseVector(indices=SPARSE["indices"], values=SPARSE["values"]))
    asked = q.QueryPoints(collection_name="c", query=q.Query(nearest=words), using="words", limit=5)
    asked.with_payload.enable = True
    reply = await served.facade.rpc(RpcCall("/qdrant.Points/Query", asked.SerializeToString()))
    assert reply.details == ""
    found = q.QueryResponse.FromString(reply.message).result
    body = {**WORDS, "query": SPARSE, "limit": 5}
    wanted = qdrant.ask("POST", "/collections/c/points/query", body)[1]["points"]
    assert [(one.id.num, one.payload["row"].integer_value) for one in found] == [
        (one["id"],) * 2 for one in wanted
    ]
    assert [one.score for one in found] == pytest.approx([one["score"] for one in wanted], abs=1e-5)


async def test_what_only_qdrant_answers_is_refused_over_another_store(both, another):
    memory, _ = both
    qdrant, _ = another
    corpus = {**WORDS, "query": SPARSE, "params": {"idf": {"corpus": HALF}}}
    status, said = await memory.ask("POST", "/collections/c/points/query", corpus)
    assert (status, said) == (400, "Bad request: scores cannot be weighted by frequency")
    assert (await qdrant.result("POST", "/collections/c/points/query", corpus))["points"]
    wrong = {"query": {"formula": "nowhere"}, "prefetch": {**TEXT, "query": 3}}
    status, said = await qdrant.ask("POST", "/collections/c/points/query", wrong)
    assert (status, said[:12]) == (400, "Wrong input:")
