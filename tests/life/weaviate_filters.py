"""Every operator of Weaviate's filters, over the properties that `weaviate.properties` has."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from weaviate.classes.query import Filter, GeoCoordinate

P = Filter.by_property
SOME_IDS = [str(UUID(int=0x1234567 * (row + 1))) for row in (0, 3, 8)]
NOON = datetime(2024, 5, 4, 12, tzinfo=UTC)

FILTERS: dict[str, Any] = {
    "equal int": P("n").equal(7),
    "not equal int": P("n").not_equal(7),
    "greater": P("n").greater_than(15),
    "greater or equal": P("half").greater_or_equal(6.5),
    "less": P("half").less_than(3),
    "less or equal": P("n").less_or_equal(3),
    "equal number": P("half").equal(2.5),
    "equal bool": P("seen").equal(True),
    "not equal bool": P("seen").not_equal(True),
    "equal a word": P("title").equal("FILM"),
    "equal words": P("title").equal("small, film"),
    "not equal words": P("title").not_equal("small film"),
    "equal a keyword": P("genre").equal("drama"),
    "not equal a keyword": P("genre").not_equal("drama"),
    "greater keyword": P("genre").greater_than("comedy"),
    "like": P("title").like("fil*"),
    "like one letter": P("title").like("sm?ll"),
    "like a keyword": P("genre").like("*m*"),
    "equal date": P("at").equal(NOON),
    "later": P("at").greater_than(NOON),
    "equal uuid": P("owner").equal(UUID(int=5)),
    "any of ints": P("n").contains_any([1, 4, 99]),
    "any of a list": P("tags").contains_any(["a", "c"]),
    "all of a list": P("tags").contains_all(["a", "b"]),
    "none of a list": P("tags").contains_none(["a", "b"]),
    "any of numbers in a list": P("marks").contains_any([2, 5]),
    "greater in a list": P("marks").greater_than(20),
    "null": P("genre").is_none(True),
    "not null": P("genre").is_none(False),
    "null list": P("tags").is_none(True),
    "length": P("title", length=True).greater_than(10),
    "length of a list": P("tags", length=True).equal(2),
    "near": P("place").within_geo_range(GeoCoordinate(latitude=52.5, longitude=13.4), 300_000),
    "id": Filter.by_id().equal(SOME_IDS[1]),
    "not id": Filter.by_id().not_equal(SOME_IDS[1]),
    "ids": Filter.by_id().contains_any(SOME_IDS),
    "and": P("n").greater_than(5) & P("genre").equal("drama"),
    "or": P("n").less_than(2) | P("genre").equal("comedy"),
    "not": Filter.not_(P("genre").equal("drama")),
    "deep": (P("n").greater_than(2) & (P("seen").equal(True) | P("title").equal("film")))
    & P("half").less_than(9),
    "stop words": P("title").equal("the film"),
    "wrong: only stop words": P("title").equal("the"),
    "wrong: property": P("nothing").equal(1),
}
