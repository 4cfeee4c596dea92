"""Qdrant's side of it: the collection, every condition of its filters, and the ways to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from qdrant_client import QdrantClient, models

from tests.life.answers import Call

from .asked import Operators, Question, questions
from .records import DIM, Draw, Row, rows

COLLECTION = "synsets"
F, K = models.Filter, models.FieldCondition
_NOBODY = 10**15
_EXACT = models.SearchParams(exact=True)
_COMBINED, _FEW = 5, 8
"""Every so many-th question is more than one search, one of which finds at most so few."""


def create(client: QdrantClient) -> None:
    """Make the collection, and fill it."""
    client.delete_collection(COLLECTION)
    client.create_collection(
        COLLECTION,
        vectors_config={"": models.VectorParams(size=DIM, distance=models.Distance.COSINE)},
        sparse_vectors_config=None,
    )
    for start in range(0, len(rows()), 200):
        client.upsert(COLLECTION, [_point(row) for row in rows()[start : start + 200]], wait=True)


def point_id(row: Row) -> int | str:
    """Numbers and UUIDs, side by side."""
    return row.number * 7 if row.number % 2 else str(row.uuid)


def _point(row: Row) -> models.PointStruct:
    held = row.values
    payload: dict[str, Any] = {
        **{
            key: held[key] for key in ("lemma", "part", "gloss", "sense", "tagged", "big", "length", "proper")
        },
        **{key: held[key] for key in ("words", "counts", "owner", "kinds")},
        "seen": held["seen"].isoformat(),
        "place": {"lat": held["latitude"], "lon": held["longitude"]},
        "deep": {"relations": held["relations"], "names": {"de": held["german"]}},
    }
    if held["example"] or row.number % 2:
        payload["example"] = held["example"]
    if held["emoji"]:
        payload["emoji"] = [held["emoji"], None] if row.number % 4 == 0 else held["emoji"]
    if row.number % 10 == 0:
        payload["words"] = []
    if row.number % 6 == 0:
        payload["tagged"] = float(held["tagged"])
    return models.PointStruct(id=point_id(row), vector=row.vector, payload=payload)


def _is(key: str, value: Any) -> models.FieldCondition:
    return K(key=key, match=models.MatchValue(value=value))


def _within(key: str, **bounds: Any) -> models.FieldCondition:
    return K(key=key, range=models.Range(**bounds))


def _any(key: str, values: list[Any]) -> models.FieldCondition:
    return K(key=key, match=models.MatchAny(any=values))


def _except(key: str, values: list[Any]) -> models.FieldCondition:
    return K(key=key, match=models.MatchExcept(**{"except": values}))


def _some(draw: Draw) -> list[Any]:
    return [
        _is("part", draw.value("part", "none")),
        _within("sense", lt=-1 if draw.nothing else 3),
        _is("owner", draw.value("owner", "none")),
    ]


def _between(draw: Draw, key: str, width: float) -> dict[str, float]:
    middle = draw.value(key, _NOBODY)
    return {"gte": middle - width, "lt": middle + width}


def _center(draw: Draw) -> models.GeoPoint:
    return models.GeoPoint(lon=draw.row.values["longitude"], lat=draw.row.values["latitude"])


def _box(draw: Draw) -> models.GeoBoundingBox:
    lon, lat = draw.row.values["longitude"], draw.row.values["latitude"]
    high = 0.000_01 if draw.nothing else draw.rng.uniform(1, 15)
    return models.GeoBoundingBox(
        top_left=models.GeoPoint(lon=lon - high, lat=lat + high if not draw.nothing else lat + 2 * high),
        bottom_right=models.GeoPoint(lon=lon + high, lat=lat - high if not draw.nothing else lat + high),
    )


def _polygon(draw: Draw) -> models.GeoPolygon:
    """A triangle with a hole in it."""
    return models.GeoPolygon(exterior=_triangle(draw, 12.0), interiors=[_triangle(draw, 1.5)])


def _triangle(draw: Draw, size: float) -> models.GeoLineString:
    lon, lat = draw.row.values["longitude"] / 2, draw.row.values["latitude"] / 2
    corners = [
        (lon - size, lat - size),
        (lon + size, lat - size),
        (lon, lat + size),
        (lon - size, lat - size),
    ]
    return models.GeoLineString(points=[models.GeoPoint(lon=x, lat=y) for x, y in corners])


def _seen(draw: Draw) -> models.DatetimeRange:
    seen = draw.row.values["seen"]
    later = seen.replace(year=seen.year + 1, month=1, day=1)
    return (
        models.DatetimeRange(gt=later, lt=seen) if draw.nothing else models.DatetimeRange(gte=seen, lt=later)
    )


def _id(draw: Draw) -> list[int | str]:
    if draw.nothing:
        return [_NOBODY, str(rows()[0].uuid)[:-4] + "0000"]
    return [point_id(rows()[(draw.row.number + step) % len(rows())]) for step in range(20)]


OPERATORS: Operators = {
    "match a word": lambda d: F(must=[_is("part", d.value("part", "none"))]),
    "match unicode": lambda d: F(must=[_is("deep.names.de", d.held("german", "ßß"))]),
    "match an integer": lambda d: F(must=[_is("tagged", d.value("tagged", _NOBODY))]),
    "match beyond doubles": lambda d: F(must=[_is("big", d.value("big", _NOBODY))]),
    "match a truth": lambda d: F(must=[_is(d.key("proper"), d.row.values["proper"])]),
    "match in a list": lambda d: F(must=[_is("words", d.held("words", ["none"])[0])]),
    "match deep": lambda d: F(must=[_is("deep.relations", d.value("relations", _NOBODY))]),
    "match in objects of a list": lambda d: F(must=[_is("kinds[].kind", d.held("kinds", [{"kind": "no"}])[0]["kind"])]),
    "match any word": lambda d: F(must=[_any("lemma", [d.value("lemma", "-"), "none", "person"][: 3 - d.nothing])]),
    "match any integer": lambda d: F(must=[_any("counts", [d.value("sense", _NOBODY), _NOBODY])]),
    "match except words": lambda d: F(must=[_except(d.key("part"), ["noun", d.row.values["part"]])]),
    "match except integers": lambda d: F(must=[_except(d.key("counts"), [d.row.values["sense"], 5])]),
    "match a beginning": lambda d: F(must=[K(key="lemma", match=models.MatchPrefix(prefix=d.value("lemma", "##")[:2]))]),
    "match a part": lambda d: F(
        must=[K(key="gloss", match=models.MatchSubstring(substring=d.value("gloss", "#" * 9)[3:8]))]
    ),
    "range of integers": lambda d: F(must=[_within("sense", **_between(d, "sense", 1))]),
    "range of doubles": lambda d: F(must=[_within("length", gt=d.value("length", _NOBODY), lte=_NOBODY)]),
    "range in a list": lambda d: F(must=[_within("counts", gt=_NOBODY if d.nothing else 6 + d.row.number % 3, lt=9)]),
    "range deep": lambda d: F(must=[_within("deep.relations", lte=d.value("relations", -1))]),
    "range in objects of a list": lambda d: F(must=[_within("kinds[].size", gt=d.value("relations", _NOBODY) / 2)]),
    "range of moments": lambda d: F(must=[K(key="seen", range=_seen(d))]),
    "is empty": lambda d: F(
        must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="part" if d.nothing else "words"))]
    ),
    "is empty where missing": lambda d: F(
        must=[K(key="example", is_empty=True), _is("part", d.value("part", "none"))]
    ),
    "is not empty": lambda d: F(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key=d.key("example")))]),
    "is null": lambda d: F(must=[models.IsNullCondition(is_null=models.PayloadField(key=d.key("example")))]),
    "is null in a list": lambda d: F(must=[K(key=d.key("emoji"), is_null=True)]),
    "values count": lambda d: F(
        must=[K(key="counts", values_count=models.ValuesCount(gt=len(d.row.values["counts"]) if not d.nothing else 99))]
    ),
    "nested": lambda d: F(
        must=[
            models.NestedCondition(
                nested=models.Nested(
                    key="kinds", filter=F(must=[_is("kind", "hypernym"), _within("size", gt=_NOBODY if d.nothing else 1)])
                )
            )
        ]
    ),
    "geo radius": lambda d: F(
        must=[
            K(
                key=d.key("place"),
                geo_radius=models.GeoRadius(center=_center(d), radius=d.rng.uniform(100, 2_000_000)),
            )
        ]
    ),
    "geo box": lambda d: F(must=[K(key="place", geo_bounding_box=_box(d))]),
    "geo polygon": lambda d: F(must=[K(key=d.key("place"), geo_polygon=_polygon(d))]),
    "should": lambda d: F(should=_some(d)),
    "must not": lambda d: F(must_not=[*_some(d), *([_within("sense", gte=0)] if d.nothing else [])]),
    "must not in a list": lambda d: F(
        must_not=[_is("words", d.held("words", ["none"])[0]), *([_within("sense", gte=0)] if d.nothing else [])]
    ),
    "all clauses": lambda d: F(
        must=[_within("tagged", gte=0)], should=_some(d), must_not=[_is("lemma", d.value("lemma", "none"))]
    ),
    "min should": lambda d: F(min_should=models.MinShould(conditions=_some(d), min_count=2)),
    "filters in filters": lambda d: F(
        must=[F(should=[_is("sense", d.value("sense", -1)), F(must=[F(must_not=[_within("sense", gt=-1)])])])]
    ),
    "has id": lambda d: F(must=[models.HasIdCondition(has_id=_id(d))]),
    "has vector": lambda d: F(
        must=[models.HasVectorCondition(has_vector="" if not d.nothing else "none"), _is("part", d.row.values["part"])]
    ),
}  # fmt: skip


def _combined(client: QdrantClient, question: Question) -> Any:
    """As one of two searches of which one ranking is made, or as a recommendation."""
    vector, other = question.vector.vector, rows()[question.number % len(rows())].vector
    ways: list[Any] = [
        models.FusionQuery(fusion=models.Fusion.DBSF),
        models.RrfQuery(rrf=models.Rrf(k=9, weights=[1.5, 0.7])),
        models.FormulaQuery(
            formula=models.SumExpression(sum=["$score", models.MultExpression(mult=["sense", 0.01])])
        ),
        models.RecommendQuery(
            recommend=models.RecommendInput(
                positive=[vector], negative=[other], strategy=models.RecommendStrategy.BEST_SCORE
            )
        ),
    ]
    query = ways[question.number // _COMBINED % len(ways)]
    parts = [
        models.Prefetch(query=one, limit=limit, params=_EXACT)
        for one, limit in ((vector, question.limit), (other, _FEW))
    ]
    return client.query_points(
        COLLECTION,
        query=query,
        prefetch=None if isinstance(query, models.RecommendQuery) else parts,
        query_filter=question.where,
        limit=question.limit,
        search_params=_EXACT,
        with_payload=False,
    ).points


def ask(question: Question) -> Call:
    """The search; every so many-th in another way than by one vector."""

    def nearest(client: QdrantClient) -> Any:
        if question.number % _COMBINED == 0:
            return _combined(client, question)
        return client.query_points(
            COLLECTION,
            query=question.vector.vector,
            query_filter=question.where,
            limit=question.limit,
            search_params=_EXACT,
            with_payload=False,
        ).points

    return Call(question.name, nearest)


def reads() -> Iterator[Call]:
    """By id, in order, counted, and the rest that is no filter."""
    some = [point_id(row) for row in rows()[::97]]
    yield Call(
        "by ids",
        lambda c: sorted(
            (dict(one) for one in c.retrieve(COLLECTION, some, with_payload=True)),
            key=lambda one: str(one["id"]),
        ),
    )
    yield Call("count", lambda c: c.count(COLLECTION).count)
    for question in questions(OPERATORS, len(OPERATORS)):
        yield Call(
            f"count where {question.operator}",
            lambda c, where=question.where: c.count(COLLECTION, count_filter=where, exact=True).count,
        )
        yield Call(
            f"scroll where {question.operator}",
            lambda c, where=question.where: sorted(
                str(one.id) for one in c.scroll(COLLECTION, where, limit=3_000, with_payload=False)[0]
            ),
        )


def beyond() -> Iterator[Call]:
    """What plan says is refused, by its words there."""
    vector = rows()[0].vector
    text = F(must=[K(key="gloss", match=models.MatchText(text="of the"))])
    yield Call(
        "`match` of text by its words (`text`, `text_any`, `phrase`)",
        lambda c: c.count(COLLECTION, count_filter=text),
    )
    marked = [models.FeedbackItem(example=vector, score=0.5)]
    feedback = models.RelevanceFeedbackQuery(
        relevance_feedback=models.RelevanceFeedbackInput(
            target=vector,
            feedback=marked,
            strategy=models.NaiveFeedbackStrategy(naive=models.NaiveFeedbackStrategyParams(a=1, b=1, c=1)),
        )
    )
    yield Call("feedback (`relevance_feedback`)", lambda c: c.query_points(COLLECTION, query=feedback))
    yield Call(
        "groups of what prefetches find, and what is looked up in another collection (`lookup_from`, `with_lookup`)",
        lambda c: c.query_points_groups(COLLECTION, query=vector, group_by="part", with_lookup="elsewhere"),
    )


def page(client: QdrantClient, token: Any, size: int) -> tuple[list[str], Any]:
    """The next records in the order of paging, and the token behind them."""
    points, token = client.scroll(COLLECTION, limit=size, offset=token, with_payload=False)
    return [str(point.id) for point in points], token
