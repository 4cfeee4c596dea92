"""Every condition that Qdrant has, as its own engine means it, over a store that knows none of them."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.stores.qdrant.facade.answering import A, B, comparing
from vectormigrate.model.filter import Native
from vectormigrate.stores.base import Content, Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore
from vectormigrate.stores.qdrant.facade import matching
from vectormigrate.stores.qdrant.facade.matching import condition

BERLIN, MOSCOW = {"lon": 13.4, "lat": 52.5}, {"lon": 37.6, "lat": 55.75}
PAYLOADS = [
    {"word": "one two", "n": 1, "f": 1.0, "at": "2024-05-01T12:00:00Z", "place": BERLIN},
    {"word": ["two", "three"], "n": [1, 5], "f": 2.5, "at": "2024-05-01 14:30", "place": [BERLIN, MOSCOW]},
    {"word": None, "n": None, "f": -3, "at": ["2023-01-01", "never"], "place": {"lon": 179.9, "lat": 0}},
    {"word": [], "n": 2**53 + 1, "at": "2024-05-01T12:00:00.5+02:00", "place": "Berlin"},
    {"word": ["x", None], "n": 3.0, "f": True, "at": 5, "place": {"lon": "13", "lat": 52}},
    {"deep": [{"a": 1, "b": "x"}, {"a": 2, "b": "y"}, 5], "n": True},
    {"deep": {"a": [1, None], "b": {}}, "word": {"one": 1}},
    {},
]
IDS = [1, 2, 3, 4, 5, 6, A, B]


@pytest.fixture(scope="module")
def filled():
    """Both with the same points; the tests here only read."""

    async def fill(both):
        settings = {"vectors": {"v": {"size": 1, "distance": "Dot"}, "w": {"size": 1, "distance": "Dot"}}}
        await both.ask("PUT", "/collections/c", settings)
        points = [
            {"id": one, "vector": {"v": [row]} | ({"w": [1]} if row % 3 else {}), "payload": payload}
            for row, (one, payload) in enumerate(zip(IDS, PAYLOADS, strict=True))
        ]
        await both.ask("PUT", "/collections/c/points", {"points": points})

    with comparing() as both:
        asyncio.run(fill(both))
        yield both


def key(name, **asked):
    return {"key": name, **asked}


POLYGON = {
    "points": [{"lon": lon, "lat": lat} for lon, lat in ((10, 50), (20, 50), (20, 60), (10, 60), (10, 50))]
}
HOLE = {
    "points": [{"lon": lon, "lat": lat} for lon, lat in ((13, 52), (14, 52), (14, 53), (13, 53), (13, 52))]
}

CONDITIONS = [
    *[key("word", match={"except": some}) for some in (["one two"], ["two"], ["two", "three"], ["x", "zz"])],
    *[key("n", match={"except": some}) for some in ([1], [1, 5], [3])],
    *[key("word", values_count=bounds) for bounds in ({"gte": 2}, {"lt": 1}, {"gt": 0, "lte": 1}, {})],
    *[key("deep", values_count={"gte": count}) for count in (0, 1, 3)],
    *[key(name, is_empty=wanted) for name in ("word", "n", "deep.a", "none") for wanted in (True, False)],
    *[key(name, is_null=wanted) for name in ("word", "n", "deep.a", "none") for wanted in (True, False)],
    *[{"is_empty": {"key": name}} for name in ("word", "deep[].a", "deep.a[]", "none")],
    *[{"is_null": {"key": name}} for name in ("word", "word[]", "deep[].a", "deep.a[]")],
    key("at", range={"gte": "2024-05-01T12:00:00Z"}),
    key("at", range={"lt": "2024-05-01T10:00:00.6Z"}),
    key("at", range={"gt": "2024-05-01", "lte": "2024-05-01T14:30:00"}),
    key("at", range={"lte": "2023-06-01 00:00:00+0000"}),
    *[key("place", geo_radius={"center": BERLIN, "radius": radius}) for radius in (0.0, 1.0, 1_609_000.0, 2_000_000.0, 1e8)],
    key("place", geo_bounding_box={"top_left": {"lon": 10, "lat": 60}, "bottom_right": {"lon": 20, "lat": 50}}),
    key("place", geo_bounding_box={"top_left": {"lon": 170, "lat": 10}, "bottom_right": {"lon": 20, "lat": -10}}),
    key("place", geo_polygon={"exterior": POLYGON}),
    key("place", geo_polygon={"exterior": POLYGON, "interiors": [HOLE]}),
    *[key("word", match={word: some}) for word in ("prefix", "substring") for some in ("t", "wo", "T", "two", "e ")],
    *[key("n", match=some) for some in ({"value": 3}, {"value": 1}, {"any": [3, 5]}, {"any": [2**53 + 1]})],
    *[key("n", range=bounds) for bounds in ({"gt": 1, "lt": 5}, {"gte": 1, "lte": 1}, {"gte": 3, "lt": 5})],
    key("deep[].a", match={"value": 2}),
    key("deep[0].a", match={"value": 1}),
    key("deep[].b", match={"any": ["y", "z"]}),
    key("n[1]", range={"gte": 5}),
    {"nested": {"key": "deep", "filter": {"must": [key("a", match={"value": 1}), key("b", match={"value": "x"})]}}},
    {"nested": {"key": "deep", "filter": {"must": [key("a", match={"value": 2}), key("b", match={"value": "x"})]}}},
    {"nested": {"key": "deep[]", "filter": {"must_not": [key("a", match={"value": 1})]}}},
    {"nested": {"key": "deep", "filter": {"must": [{"has_id": [6]}]}}},
    {"has_vector": "w"},
    {"has_vector": "none"},
]  # fmt: skip


@pytest.mark.parametrize("clause", ["must", "must_not", "should"])
@pytest.mark.parametrize("one", CONDITIONS, ids=str)
async def test_a_condition(filled, one, clause):
    await scrolled(filled, {clause: [one]})


async def scrolled(both, where):
    return await both.ask(
        "POST", "/collections/c/points/scroll", {"filter": where, "limit": 100, "with_payload": False}
    )


SOME = [
    key("word", match={"except": ["two"]}),
    key("n", match={"value": 1}),
    {"has_id": [1, A]},
    {"has_vector": "w"},
]


@pytest.mark.parametrize("least", [0, 1, 2, 3, 4, 5])
async def test_at_least_so_many(filled, least):
    await scrolled(filled, {"min_should": {"conditions": SOME, "min_count": least}})


@pytest.mark.parametrize(
    "where",
    [
        {"must": SOME},
        {"must": [{"should": SOME[:2]}, {"must_not": [SOME[3]]}], "should": [SOME[3], SOME[2]]},
        {"must": SOME[0], "should": []},
        {"must": [SOME[0], key("n", range={"gte": 1}), {"must": [SOME[3]]}], "must_not": SOME[2]},
    ],
)
async def test_conditions_together(filled, where):
    await scrolled(filled, where)


async def test_a_search_with_one(filled):
    for body in (
        {"query": [1], "using": "v", "filter": {"must": [SOME[3]]}, "limit": 3},
        {"query": [1], "using": "v", "filter": {"must_not": [SOME[0]]}, "score_threshold": 1},
        {"filter": {"must": [SOME[3]]}, "exact": True},
    ):
        path = "count" if "exact" in body else "query"
        await filled.ask("POST", f"/collections/c/points/{path}", body)


async def test_writes_with_one(both):
    await both.ask("PUT", "/collections/c", {"vectors": {"v": {"size": 1, "distance": "Dot"}}})
    points = [
        {"id": one, "vector": {"v": [1]}, "payload": payload}
        for one, payload in zip(IDS, PAYLOADS, strict=True)
    ]
    await both.ask("PUT", "/collections/c/points", {"points": points})
    where = {"must": [key("word", match={"except": ["x"]})]}
    await both.ask("POST", "/collections/c/points/payload", {"payload": {"seen": True}, "filter": where})
    await both.ask(
        "PUT",
        "/collections/c/points",
        {
            "points": [{"id": 1, "vector": {"v": [2]}}, {"id": 4, "vector": {"v": [2]}}],
            "update_filter": where,
        },
    )
    await both.ask("POST", "/collections/c/points/delete", {"filter": where})
    await both.ask("POST", "/collections/c/points/scroll", {"limit": 100, "with_vector": True})


@pytest.mark.parametrize(
    "one",
    [
        key("word", match={"like": "x"}),
        key("word", likes=1),
        key("a b", match={"text": "x"}),
        key("at", range={"gt": "yesterday"}),
        key("place", geo_radius={"radius": 5}),
        {"nested": {"key": "deep"}},
    ],
)
async def test_what_is_no_condition(filled, one):
    body = {"filter": {"must_not": [one]}}
    status, said = await filled.served.ask("POST", "/collections/c/points/count", body)
    assert (status, said[:36]) == (400, "Wrong input: the filter cannot be re")


async def test_too_many_to_be_looked_for(filled, monkeypatch):
    monkeypatch.setattr(matching, "MOST", 3)
    body = {"query": [1], "using": "v", "filter": {"must_not": [{"has_vector": "none"}]}}
    status, said = await filled.served.ask("POST", "/collections/c/points/query", body)
    assert (status, said) == (400, "Bad request: more than 3 points match a filter that has to be looked for")


class TestFullText:
    @pytest.mark.parametrize("word", ["text", "phrase", "text_any"])
    async def test_only_qdrant_knows_it(self, filled, word):
        where = {"should": [key("n", match={"value": 7}), key("word", match={word: "x"})]}
        status, said = await filled.served.ask("POST", "/collections/c/points/count", {"filter": where})
        assert (status, said) == (400, "Bad request: only Qdrant knows how it takes a text apart")

    @pytest.mark.parametrize("schema", ["text", {"type": "text", "tokenizer": "word"}])
    async def test_no_index_is_made_for_it(self, served, schema):
        await served.result("PUT", "/collections/c", {"vectors": {"size": 1, "distance": "Dot"}})
        body = {"field_name": "a", "field_schema": schema}
        status, said = await served.ask("PUT", "/collections/c/index", body)
        assert (status, said) == (
            400,
            "Bad request: a full-text index cannot be made here: only Qdrant knows how it takes a text apart",
        )


@pytest.mark.parametrize(
    ("one", "wanted", "read"),
    [
        ({"has_id": [1]}, Content.IDS, Content.IDS),
        (key("n", values_count={"gt": 1}), Content.IDS, Content.PAYLOAD),
        (key("n", values_count={"gt": 1}), Content.PAYLOAD, Content.PAYLOAD),
        (key("n", values_count={"gt": 1}), Content.FULL, Content.FULL),
        ({"should": [{"has_vector": "w"}]}, Content.IDS, Content.FULL),
    ],
)
def test_vectors_are_read_where_they_are_wanted_or_looked_at(one, wanted, read):
    store = MemoryStore(Endpoint("memory"), Database())
    assert condition(store, {"must": [one]}).content(wanted) is read


def test_a_store_of_qdrants_own_is_asked_in_its_own_words():
    store = MemoryStore(Endpoint("memory"), Database(replace(CAPABILITIES, kind="qdrant")))
    where = {"must": [{"has_vector": "w"}]}
    assert condition(store, where).native == Native("qdrant", where)


async def test_a_store_of_qdrants_own_under_other_names_is_looked_at(filled, monkeypatch):
    """As behind a migration that renamed a field: whoever translates names cannot read Qdrant's words."""
    body = {"query": [1], "using": "v", "filter": {"must": [key("n", match={"value": 1})]}, "limit": 8}
    wanted = await filled.served.ask("POST", "/collections/c/points/query", body)
    monkeypatch.setattr(matching, "DIALECT", "memory")  # which does not know that it is one
    assert await filled.served.ask("POST", "/collections/c/points/query", body) == wanted
    assert (await filled.served.result("POST", "/collections/c/points/count", body))["count"] == 2
