"""Groups, counts of values and distances between points, as the official client's local mode has them."""

from __future__ import annotations

import pytest

from tests.stores.qdrant.facade.answering import A, B
from tests.stores.qdrant.facade.local import LocalQdrant
from vectormigrate.stores.qdrant.pb import points_pb2 as q
from vectormigrate.stores.qdrant.pb import qdrant_common_pb2 as common
from vectormigrate.stores.raw import RpcCall

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


def near(number):
    return q.VectorExample(vector=q.Vector(data=[number, 1]))


FIVE = {"limit": 5}
BY_GRPC = [
    (
        "QueryGroups",
        q.QueryPointGroups(
            query=q.Query(nearest=q.VectorInput(dense=q.DenseVector(data=[3, 1]))), group_by="g"
        ),
        ("points/query/groups", {"query": [3, 1], "group_by": "g"}),
    ),
    (
        "SearchGroups",
        q.SearchPointGroups(vector=[3, 1], group_by="g", group_size=2, limit=5),
        ("points/search/groups", {"vector": [3, 1], "group_by": "g", "group_size": 2, **FIVE}),
    ),
    (
        "RecommendGroups",
        q.RecommendPointGroups(positive=[common.PointId(num=103)], group_by="g", group_size=2, limit=5),
        ("points/recommend/groups", {"positive": [103], "group_by": "g", "group_size": 2, **FIVE}),
    ),
    (
        "Recommend",
        q.RecommendPoints(
            positive=[common.PointId(num=103)],
            negative_vectors=[q.Vector(data=[9, 9])],
            strategy=q.RecommendStrategy.BestScore,
            limit=5,
        ),
        ("points/recommend", {"positive": [103], "negative": [[9, 9]], "strategy": "best_score", **FIVE}),
    ),
    (
        "Discover",
        q.DiscoverPoints(
            target=q.TargetVector(single=near(4)),
            context=[
                q.ContextExamplePair(positive=near(2), negative=q.VectorExample(id=common.PointId(num=120)))
            ],
            limit=5,
        ),
        (
            "points/discover",
            {"target": [4, 1], "context": [{"positive": [2, 1], "negative": 120}], **FIVE},
        ),
    ),
    ("Facet", q.FacetCounts(key="g", limit=5), ("facet", {"key": "g", **FIVE})),
    ("SearchMatrixPairs", q.SearchMatrixPoints(sample=100), ("points/search/matrix/pairs", {"sample": 100})),
    (
        "SearchMatrixOffsets",
        q.SearchMatrixPoints(sample=100),
        ("points/search/matrix/offsets", {"sample": 100}),
    ),
]


def number(value):
    """An id or a value of a message, as JSON has it."""
    name = value.WhichOneof(value.DESCRIPTOR.oneofs[0].name)
    return getattr(value, name)


def told_by(reply):
    """A reply of gRPC as the result of REST, ids and scores alone."""
    if hasattr(reply, "hits"):
        return {"hits": [{"value": number(hit.value), "count": hit.count} for hit in reply.hits]}
    if hasattr(reply.result, "pairs"):
        return [(number(one.a), number(one.b), one.score) for one in reply.result.pairs]
    if hasattr(reply.result, "ids"):
        return [*map(number, reply.result.ids)], list(reply.result.offsets_col), list(reply.result.scores)
    if hasattr(reply.result, "groups"):
        return [(number(one.id), [number(hit.id) for hit in one.hits]) for one in reply.result.groups]
    return [(number(one.id), one.score) for one in reply.result]


def told_of(result):
    """The same of a result of REST."""
    match result:
        case {"pairs": pairs}:
            return [(one["a"], one["b"], pytest.approx(one["score"])) for one in pairs]
        case {"ids": ids}:
            return ids, result["offsets_col"], pytest.approx(result["scores"])
        case {"groups": groups}:
            return [(one["id"], [hit["id"] for hit in one["hits"]]) for one in groups]
        case list():
            return [(one["id"], pytest.approx(one["score"])) for one in result]
        case _:
            return result


@pytest.mark.parametrize(("name", "message", "rest"), BY_GRPC, ids=[one[0] for one in BY_GRPC])
async def test_the_same_over_grpc(served, both, name, message, rest):
    message.collection_name = "c"
    call = RpcCall(f"/qdrant.Points/{name}", message.SerializeToString())
    reply = await served.facade.rpc(call)
    assert reply.details == ""
    path, body = rest
    wanted = await served.result("POST", f"/collections/c/{path}", body)
    assert wanted
    assert told_by(getattr(q, f"{name}Response").FromString(reply.message)) == told_of(wanted)
