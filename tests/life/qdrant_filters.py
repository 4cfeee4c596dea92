"""A filter for every condition that Qdrant has, over the payloads of `qdrant.payload`."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from qdrant_client import models

F, K = models.Filter, models.FieldCondition


def _is(key: str, value: Any) -> models.FieldCondition:
    return K(key=key, match=models.MatchValue(value=value))


def _within(key: str, **bounds: Any) -> models.FieldCondition:
    return K(key=key, range=models.Range(**bounds))


_BERLIN = models.GeoPoint(lon=13.4, lat=52.4)
_SOME = [_is("flag", True), _within("n", lt=9), _is("word", "drama")]
FILTERS: dict[str, models.Filter] = {
    "nothing is asked": F(),
    "match a word": F(must=[_is("word", "drama")]),
    "match unicode": F(must=[_is("word", "épopée ☃")]),
    "match an integer": F(must=[_is("n", 7)]),
    "match beyond doubles": F(must=[_is("big", 2**53 + 1)]),
    "match a truth": F(must=[_is("flag", True)]),
    "match in a list": F(must=[_is("tags", "green")]),
    "match deep": F(must=[_is("deep.a.b", 4)]),
    "match in objects of a list": F(must=[_is("items[].k", 2)]),
    "match any word": F(must=[K(key="word", match=models.MatchAny(any=["drama", "comedy"]))]),
    "match any integer": F(must=[K(key="n", match=models.MatchAny(any=[1, 5, 99]))]),
    "match except": F(must=[K(key="word", match=models.MatchExcept(**{"except": ["drama"]}))]),
    "match except integers": F(must=[K(key="rare", match=models.MatchExcept(**{"except": [4, 8]}))]),
    "match text": F(must=[K(key="story", match=models.MatchText(text="fox 7"))]),
    "range": F(must=[_within("n", gte=3, lt=8)]),
    "range of halves": F(must=[_within("half", gt=1.5, lte=4)]),
    "range below zero": F(must=[_within("less", lt=-10)]),
    "range in a list": F(must=[_within("nums", gt=22.5)]),
    "range deep": F(must=[_within("deep.a.b", lte=2)]),
    "range of moments": F(
        must=[
            K(
                key="at",
                range=models.DatetimeRange(
                    gte=datetime(2024, 1, 5, tzinfo=UTC), lt=datetime(2024, 1, 9, 10, tzinfo=UTC)
                ),
            )
        ]
    ),
    "is empty": F(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="tags"))]),
    "is empty when missing": F(must=[models.IsEmptyCondition(is_empty=models.PayloadField(key="rare"))]),
    "is not empty": F(must_not=[models.IsEmptyCondition(is_empty=models.PayloadField(key="none"))]),
    "is null": F(must=[models.IsNullCondition(is_null=models.PayloadField(key="none"))]),
    "values count": F(must=[K(key="tags", values_count=models.ValuesCount(gt=1))]),
    "values count of all": F(must=[K(key="nums", values_count=models.ValuesCount(lte=3))]),
    "nested": F(
        must=[
            models.NestedCondition(
                nested=models.Nested(key="items", filter=F(must=[_is("k", 1), _is("v", 0)]))
            )
        ]
    ),
    "geo radius": F(must=[K(key="where", geo_radius=models.GeoRadius(center=_BERLIN, radius=40_000.0))]),
    "geo box": F(
        must=[
            K(
                key="where",
                geo_bounding_box=models.GeoBoundingBox(
                    top_left=models.GeoPoint(lon=13.25, lat=53.0),
                    bottom_right=models.GeoPoint(lon=14.0, lat=52.05),
                ),
            )
        ]
    ),
    "should": F(should=[_is("n", 1), _is("word", "comedy")]),
    "must not": F(must_not=[_is("word", "drama"), _within("n", gte=20)]),
    "must not in a list": F(must_not=[_is("tags", "red")]),
    "must not rare": F(must_not=[_within("rare", gte=8)]),
    "all clauses": F(
        must=[_within("n", gte=2)], should=[_is("flag", True), _is("word", "drama")], must_not=[_is("n", 6)]
    ),
    "min should": F(min_should=models.MinShould(conditions=_SOME, min_count=2)),
    "filters in filters": F(must=[F(should=[_is("n", 3), F(must_not=[_within("n", gt=1)])])]),
    "no such field": F(must=[_is("nothing", 1)]),
    "uuid": F(must=[_is("uid", "00000000-0000-0000-0000-000000000005")]),
}
"""By name."""
