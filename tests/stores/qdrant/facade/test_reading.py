"""Reads by id and in order, as Qdrant's own engine answers them."""

from __future__ import annotations

import asyncio

import pytest

from tests.stores.qdrant.facade.answering import A, B, C, comparing

POINTS = [
    {
        "id": 7,
        "vector": [1, 0, 0],
        "payload": {"word": "one", "n": 1, "tags": ["x", "y"], "at": {"b": [1, 2]}},
    },
    {"id": 2**64 - 1, "vector": [0, 2, 0], "payload": {"word": "two", "n": 2.5, "tags": []}},
    {"id": 40, "vector": [1, 1, 0], "payload": {"word": "three", "n": 3, "flag": True, "void": None}},
    {"id": B, "vector": [-1, 0.5, 2], "payload": {"word": "four", "n": -4, "tags": ["y"]}},
    {"id": A.upper(), "vector": [0, 0, 1], "payload": {}},
    {"id": C, "vector": [3, -2, 1]},
]


@pytest.fixture(scope="module")
def filled():
    """Both with the same points; the tests here only read."""

    async def fill(both):
        await both.ask("PUT", "/collections/c", {"vectors": {"size": 3, "distance": "Dot"}})
        await both.ask("PUT", "/collections/c/points", {"points": POINTS})

    with comparing() as both:
        asyncio.run(fill(both))
        yield both


@pytest.mark.parametrize(
    "body",
    [
        {"ids": [A, 7, 999, C]},
        {"ids": [7, 7, 40], "with_vector": True},
        {"ids": [], "with_vector": True},
        {"ids": [7, 40, A], "with_payload": False, "with_vector": True},
        {"ids": [7], "with_payload": ["word", "at.b"]},
        {"ids": [7, B], "with_payload": {"exclude": ["word", "at.b", "tags[]"]}},
        {"ids": [7, B], "with_payload": {"include": ["tags[]", "missing"]}},
        {"ids": [B.replace("-", "")]},
    ],
)
async def test_points_by_id(filled, body):
    answer = await filled.ask("POST", "/collections/c/points", body)
    assert len(answer) <= len(body["ids"])


@pytest.mark.parametrize("one", [7, A, 999, 2**64 - 1])
async def test_one_point(filled, one):
    await filled.ask("GET", f"/collections/c/points/{one}")


async def test_no_id(filled):
    status, said = await filled.served.ask("GET", "/collections/c/points/abc")
    assert (status, said) == (400, 'Wrong input: Can not recognize "abc" as point id')


@pytest.mark.parametrize("limit", [1, 2, 5, 6, 7, 100])
@pytest.mark.parametrize("where", [None, {"must": [{"key": "n", "range": {"gte": -10}}]}])
async def test_a_scroll_to_the_end(filled, limit, where):
    seen, offset = [], None
    while True:
        body = {"limit": limit, "offset": offset, "filter": where, "with_vector": True}
        page = await filled.ask("POST", "/collections/c/points/scroll", body)
        seen += [point["id"] for point in page["points"]]
        offset = page["next_page_offset"]
        if offset is None:
            break
    assert len(seen) == len({*seen}) == (6 if where is None else 4)


@pytest.mark.parametrize("offset", [0, 8, 2**64 - 2, "00000000-0000-0000-0000-000000000000", C, "f" * 32])
async def test_a_scroll_from_where_there_may_be_nothing(filled, offset):
    await filled.ask("POST", "/collections/c/points/scroll", {"offset": offset})


async def test_a_scroll_from_a_point_that_does_not_match(filled):
    where = {"must": [{"key": "n", "range": {"gt": 1}}]}
    page = await filled.ask("POST", "/collections/c/points/scroll", {"offset": 7, "filter": where})
    assert [point["id"] for point in page["points"]] == [40, 2**64 - 1]


@pytest.mark.parametrize(
    ("order", "status", "said"),
    [
        ({"key": "n", "direction": "up"}, 400, "unknown variant `up`"),
        ({"key": "n", "start_from": "monday"}, 400, "neither a number nor a moment"),
        ("a[", 400, "Invalid json path"),
    ],
)
async def test_an_order_that_is_none(filled, order, status, said):
    found, told = await filled.served.ask("POST", "/collections/c/points/scroll", {"order_by": order})
    assert found == status
    assert said in told


async def test_an_order_begins_at_a_value_and_at_no_point(filled):
    body = {"order_by": "n", "offset": 3}
    status, told = await filled.served.ask("POST", "/collections/c/points/scroll", body)
    assert (status, told) == (
        422,
        "Validation error in JSON body: Cannot use an `offset` when using `order_by`",
    )


@pytest.mark.parametrize(
    "where",
    [
        None,
        {},
        {"must": [{"key": "word", "match": {"value": "one"}}]},
        {"must": {"key": "n", "match": {"value": 3}}},
        {"must": [{"key": "tags", "match": {"value": "y"}}]},
        {"must": [{"key": "word", "match": {"any": ["one", "two", "ten"]}}]},
        {"must": [{"key": "n", "range": {"gt": 1, "lte": 3}}]},
        {"must_not": [{"key": "word", "match": {"value": "one"}}]},
        {"should": [{"key": "n", "range": {"lt": 0}}, {"key": "word", "match": {"value": "two"}}]},
        {"must": [{"has_id": [7, B, 12345]}]},
        {"must": [{"is_empty": {"key": "tags"}}]},
        {"must": [{"is_null": {"key": "void"}}]},
        {"must_not": [{"is_empty": {"key": "tags"}}]},
        {"must": [{"should": [{"has_id": [7]}, {"must_not": [{"key": "n", "range": {"gte": 0}}]}]}]},
        {"min_should": {"conditions": [{"has_id": [7]}, {"has_id": [40]}], "min_count": 1}},
    ],
)
async def test_a_count(filled, where):
    body = {} if where is None else {"filter": where, "exact": True}
    assert set(await filled.ask("POST", "/collections/c/points/count", body)) == {"count"}


@pytest.mark.parametrize(("value", "count"), [(True, 1), (False, 0), (1, 1)])
async def test_true_is_not_one(filled, value, count):
    """Not compared: the engine's Python takes True for 1."""
    where = {"should": [{"key": "flag", "match": {"value": value}}, {"key": "n", "match": {"value": value}}]}
    found = await filled.served.result("POST", "/collections/c/points/count", {"filter": where})
    assert found == {"count": count}


async def test_a_filter_that_only_qdrant_knows_is_refused(filled):
    where = {"must": [{"slice": {"total": 2, "index": 0}}]}
    status, said = await filled.served.ask("POST", "/collections/c/points/count", {"filter": where})
    assert (status, said) == (400, "Bad request: only Qdrant knows which slice a point is in")


@pytest.mark.parametrize(
    "where", [{"must": 5}, {"must": [{"key": "a"}]}, {"have": []}, {"must": [{"has_id": 5}]}]
)
async def test_what_is_no_filter_is_wrong(filled, where):
    status, said = await filled.served.ask("POST", "/collections/c/points/count", {"filter": where})
    assert status == 400
    assert said.startswith("Wrong input: the filter cannot be read")


@pytest.mark.parametrize(
    ("path", "body"),
    [
        ("points/scroll", b"{"),
        ("points/scroll", b'{"limit": NaN}'),
        ("points/scroll", {"limit": "many"}),
        ("points/scroll", {"offset": -1}),
        ("points", {}),
        ("points", {"ids": ["abc"]}),
        ("points", {"ids": [1.0]}),
        ("points", {"ids": [7], "with_payload": {"both": []}}),
    ],
)
async def test_a_body_that_cannot_be_read(filled, path, body):
    status, said = await filled.served.ask("POST", f"/collections/c/{path}", body)
    assert status == 400
    assert said.startswith("Format error in JSON body")


@pytest.mark.parametrize("path", ["points", "points/scroll", "points/count", "points/query"])
async def test_of_a_collection_that_is_not_there(filled, path):
    status, said = await filled.served.ask("POST", f"/collections/d/{path}", {"ids": [1]})
    assert (status, said) == (404, "Not found: Collection `d` doesn't exist!")
