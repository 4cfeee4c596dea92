"""Weights by frequency, as the official client's local mode and Qdrant's own engine compute them."""

from __future__ import annotations

import pytest

from tests.stores.qdrant.facade.answering import comparing
from tests.stores.qdrant.facade.local import LocalQdrant
from vectormigrate.stores.qdrant.facade import frequencies

SETTINGS = {"vectors": {}, "sparse_vectors": {"rare": {"modifier": "idf"}, "words": {}}}
POINTS = [
    {
        "id": row,
        "vector": {
            name: {"indices": [row % 3, 10 + row % 5, 99], "values": [1 + row / 10, 0.5, 2 / row]}
            for name in ("rare", "words")[: 1 + row % 4]
            if name != "rare" or row % 6
        },
        "payload": {"row": row},
    }
    for row in range(1, 31)
]
ASKED = {"indices": [2, 11, 99, 7_777], "values": [0.5, 1.0, 0.25, 3.0]}
RARE = {"using": "rare", "limit": 12}
HALF = {"must": [{"key": "row", "range": {"lt": 16}}]}
LIKED = {"positive": [7, ASKED], "negative": [8]}


@pytest.mark.parametrize(
    "body",
    [
        {**RARE, "query": ASKED},
        {**RARE, "query": ASKED, "filter": HALF, "score_threshold": 0.6},
        {**RARE, "query": 5},
        {**RARE, "query": {"recommend": LIKED}},
        {**RARE, "query": {"recommend": {**LIKED, "strategy": "sum_scores"}}},
        {"query": {"fusion": "dbsf"}, "prefetch": [{**RARE, "query": ASKED}, {**RARE, "using": "words", "query": 5}]},
    ],
    ids=range(6),
)  # fmt: skip
async def test_as_the_vendor_weights(body):
    local = LocalQdrant()
    local.fill("c", SETTINGS, POINTS)
    wanted = local.ask("c", "points/query", body)["points"]
    local.close()
    with comparing() as both:
        await both.ask("PUT", "/collections/c", SETTINGS)
        await both.ask("PUT", "/collections/c/points", {"points": POINTS})
        found = (await both.served.result("POST", "/collections/c/points/query", body))["points"]
        _, engine = both.engine.ask("POST", "/collections/c/points/query", {**RARE, "query": ASKED})
        plain = (await both.served.result("POST", "/collections/c/points/query", {**RARE, "query": ASKED}))[
            "points"
        ]
    assert wanted
    assert [one["score"] for one in found] == pytest.approx([one["score"] for one in wanted], abs=1e-4)
    assert {one["id"] for one in found[:-1]} <= {one["id"] for one in wanted}
    assert [one["score"] for one in plain] == pytest.approx(
        [one["score"] for one in engine["points"]], abs=1e-4
    )


async def test_what_is_not_counted_is_refused(served, monkeypatch):
    await served.result("PUT", "/collections/c", SETTINGS)
    await served.result("PUT", "/collections/c/points", {"points": POINTS})
    for more in ({"params": {"idf": {}}}, {"query": {"nearest": ASKED, "mmr": {}}}):
        status, _ = await served.ask("POST", "/collections/c/points/query", {**RARE, "query": ASKED, **more})
        assert status == 400
    status, said = await served.ask("POST", "/collections/c/points/search/matrix/pairs", {"using": "rare"})
    assert (status, "by frequency" in said) == (400, True)
    monkeypatch.setattr(frequencies, "MOST", 10)
    status, said = await served.ask("POST", "/collections/c/points/query", {**RARE, "query": ASKED})
    assert (status, "more than 10 points" in said) == (400, True)
