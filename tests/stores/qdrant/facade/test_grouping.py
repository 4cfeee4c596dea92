"""Groups, counts of values and distances between points, as the official client's local mode has them."""

from __future__ import annotations

import pytest

from tests.stores.qdrant.facade.answering import A, B
from tests.stores.qdrant.facade.local import LocalQdrant

SETTINGS = {"vectors": {"size": 2, "distance": "Euclid"}, "sparse_vectors": {"words": {}}}
VALUES = ["a", "b", 3, ["a", "c", "a"], -3, True, 2.5, None, [1, True], [], "b", "b", {"x": 1}]
POINTS = [
    {
        "id": (row if row % 4 else (A if row else B)) or 77,
        "vector": {"": [row * 1.5, row % 5]} if row != 9 else {"words": {"indices": [1], "values": [1]}},
        "payload": {"g": VALUES[row % len(VALUES)], "row": row, "deep": {"g": row % 3}},
    }
    for row in range(8)
] + [
    {
        "id": 100 + row,
        "vector": {"": [row * 0.711 + 0.013, -row % 7]},
        "payload": {"g": VALUES[row % len(VALUES)]},
    }
    for row in range(26)
]
ODD = {"must": [{"key": "deep.g", "match": {"any": [0, 1]}}]}


@pytest.fixture
async def both(served):
    """The facade and the vendor's local mode with the same points."""
    local = LocalQdrant()
    local.fill("c", SETTINGS, POINTS)
    await served.result("PUT", "/collections/c", SETTINGS)
    await served.result("PUT", "/collections/c/points", {"points": POINTS})

    async def ask(path, body):
        mine = await served.result("POST", f"/collections/c/{path}", body)
        return mine, local.ask("c", path, body)

    yield ask
    local.close()


def told(groups):
    return [
        (one["id"], [(hit["id"], pytest.approx(hit["score"], abs=1e-4), hit.get("payload")) for hit in one["hits"]])
        for one in groups["groups"]
    ]  # fmt: skip


@pytest.mark.parametrize(
    "body",
    [
        {"group_by": "g", "query": [3, 1]},
        {"group_by": "g", "query": [3, 1], "limit": 3, "group_size": 1, "with_payload": ["row"]},
        {"group_by": "deep.g", "query": [0, 0], "limit": 2, "group_size": 9, "filter": ODD},
        {"group_by": "g", "query": 103, "limit": 100, "group_size": 100, "with_payload": True},
        {"group_by": "nothing", "query": [3, 1]},
        {"group_by": "g", "query": {"recommend": {"positive": [[1, 2]], "strategy": "best_score"}}},
    ],
    ids=range(6),
)
async def test_groups(both, body):
    mine, theirs = await both("points/query/groups", body)
    assert told(mine) == told(theirs)


async def test_groups_by_the_older_ways(both, served):
    mine, _ = await both("points/query/groups", {"group_by": "g", "query": [3, 1], "group_size": 2})
    body = {"group_by": "g", "vector": [3, 1], "group_size": 2, "limit": 10}
    assert await served.result("POST", "/collections/c/points/search/groups", body) == mine
    given = {"group_by": "g", "positive": [[3, 1]], "group_size": 2, "limit": 10}
    assert await served.result("POST", "/collections/c/points/recommend/groups", given) == mine


@pytest.mark.parametrize(
    "body",
    [
        {"key": "g"},
        {"key": "g", "limit": 2},
        {"key": "deep.g", "filter": ODD},
        {"key": "g[]"},
        {"key": "nothing"},
    ],
    ids=str,
)
async def test_how_often_values_are_there(both, body):
    mine, theirs = await both("facet", body)
    counts = [[(hit["count"], str(hit["value"])) for hit in told["hits"]] for told in (mine, theirs)]
    assert sorted(counts[0]) == sorted(counts[1])


@pytest.mark.parametrize("more", [{}, {"limit": 5}, {"filter": ODD}])
async def test_distances_between_points(both, served, more):
    body = {"sample": 100, **more}
    mine, theirs = await both("points/search/matrix/offsets", body)
    assert (mine["ids"], mine["offsets_row"]) == (theirs["ids"], theirs["offsets_row"])
    assert mine["scores"] == pytest.approx(theirs["scores"], abs=1e-4)
    pairs = (await served.result("POST", "/collections/c/points/search/matrix/pairs", body))["pairs"]
    assert [one["score"] for one in pairs] == mine["scores"]
    places = {one: place for place, one in enumerate(mine["ids"])}
    assert [(places[one["a"]], places[one["b"]]) for one in pairs] == list(
        zip(mine["offsets_row"], mine["offsets_col"], strict=True)
    )


async def test_fewer_points_by_chance(served, both):
    found = await served.result("POST", "/collections/c/points/search/matrix/offsets", {"sample": 4})
    assert len(set(found["ids"])) == 4
    assert found["offsets_row"] == [0, 0, 0, 1, 1, 1, 2, 2, 2, 3, 3, 3]
    alone = {"sample": 4, "filter": {"must": [{"has_id": [101]}]}}
    assert (await served.result("POST", "/collections/c/points/search/matrix/pairs", alone)) == {"pairs": []}


@pytest.mark.parametrize(
    ("path", "body", "status"),
    [
        ("points/query/groups", {"query": [1, 1]}, 400),
        ("points/query/groups", {"query": [1, 1], "group_by": "a["}, 400),
        ("points/query/groups", {"query": [1, 1], "group_by": "g", "with_lookup": "d"}, 400),
        ("points/query/groups", {"group_by": "g", "query": {"fusion": "rrf"}, "prefetch": {"query": [1, 1]}}, 400),
        ("points/search/groups", {"vector": [1, 1], "group_by": "g"}, 400),
        ("facet", {}, 400),
        ("facet", {"key": "a["}, 400),
        ("points/search/matrix/pairs", {"sample": 1}, 422),
        ("points/search/matrix/pairs", {"using": "none"}, 400),
    ],
)  # fmt: skip
async def test_what_is_no_such_question(served, both, path, body, status):
    assert (await served.ask("POST", f"/collections/c/{path}", body))[0] == status
