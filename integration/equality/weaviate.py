"""Weaviate's side of it: the class, every operator of its filters, and the ways to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any
from uuid import UUID

import weaviate.classes as wvc
from weaviate import WeaviateClient
from weaviate.classes.query import Filter, GeoCoordinate, MetadataQuery, Sort

from tests.life.answers import Call

from .asked import Operators, Question, questions
from .records import Draw, Row, rows

COLLECTION = "Synset"
_NOBODY = 10**12
_TEXT = {"dataType": ["text"]}
_KEYWORD = {**_TEXT, "tokenization": "field"}
_PROPERTIES = {
    "lemma": _KEYWORD,
    "part": _KEYWORD,
    "gloss": _TEXT,
    "example": {**_TEXT, "tokenization": "lowercase"},
    "emoji": {**_TEXT, "tokenization": "whitespace"},
    "german": {**_TEXT, "tokenization": "trigram"},
    "sense": {"dataType": ["int"]},
    "tagged": {"dataType": ["int"]},
    "length": {"dataType": ["number"]},
    "proper": {"dataType": ["boolean"]},
    "seen": {"dataType": ["date"]},
    "owner": {"dataType": ["uuid"]},
    "words": {"dataType": ["text[]"], "tokenization": "field"},
    "counts": {"dataType": ["int[]"]},
    "sizes": {"dataType": ["number[]"]},
    "flags": {"dataType": ["boolean[]"]},
    "days": {"dataType": ["date[]"]},
    "owners": {"dataType": ["uuid[]"]},
    "place": {"dataType": ["geoCoordinates"]},
    "deep": {"dataType": ["object"], "nestedProperties": [{"name": "relations", "dataType": ["int"]}]},
}


def create(client: WeaviateClient) -> None:
    """Make the class, and fill it."""
    client.collections.delete(COLLECTION)
    client.collections.create_from_dict(
        {
            "class": COLLECTION,
            "vectorizer": "none",
            "vectorIndexType": "flat",
            "vectorIndexConfig": {"distance": "cosine"},
            "properties": [{"name": name, **kind} for name, kind in _PROPERTIES.items()],
            "invertedIndexConfig": {"indexNullState": True, "indexPropertyLength": True},
        }
    )
    collection = client.collections.use(COLLECTION)
    for start in range(0, len(rows()), 250):
        told = collection.data.insert_many([_object(row) for row in rows()[start : start + 250]])
        assert not told.has_errors, told.errors


def _object(row: Row) -> wvc.data.DataObject:
    held = row.values
    names = (
        "lemma",
        "part",
        "gloss",
        "example",
        "emoji",
        "german",
        "sense",
        "tagged",
        "length",
        "proper",
        "seen",
    )
    made: dict[str, Any] = {key: held[key] for key in (*names, "words", "counts")}
    made["owner"] = UUID(held["owner"])
    made["sizes"] = [size / 4 for size in held["counts"]]
    made["flags"] = [held["proper"], held["sense"] > 1]
    made["days"] = [held["seen"].replace(hour=0, minute=0, second=0, microsecond=0)]
    made["owners"] = [UUID(held["owner"]), UUID(int=held["sense"])]
    made["place"] = GeoCoordinate(latitude=held["latitude"], longitude=held["longitude"])
    made["deep"] = {"relations": held["relations"]}
    if row.number % 10 == 0:
        made["words"] = []
    if row.number % 12 == 0:
        del made["seen"], made["place"], made["proper"]
    kept = {key: value for key, value in made.items() if value is not None}
    return wvc.data.DataObject(properties=kept, uuid=str(row.uuid), vector=row.vector)


P = Filter.by_property


def _word(draw: Draw) -> str:
    """A word of a gloss that no list of words to ignore has."""
    words = [word for word in draw.row.values["gloss"].split() if word.isalpha() and len(word) > 6]
    return "xqzzy" if draw.nothing else draw.rng.choice(words or ["something"])


def _never(draw: Draw, *some: Any) -> Any:
    """The filters, and none of all objects beside them when nothing is to be found."""
    never = P("tagged").greater_than(_NOBODY)
    return (
        Filter.all_of([*some, never])
        if draw.nothing
        else Filter.all_of([*some, P("tagged").greater_or_equal(0)])
    )


def _ids(draw: Draw) -> list[str]:
    if draw.nothing:
        return [str(UUID(int=1)), str(UUID(int=2))]
    return [str(rows()[(draw.row.number + step) % len(rows())].uuid) for step in range(15)]


def _around(draw: Draw) -> GeoCoordinate:
    return GeoCoordinate(latitude=draw.row.values["latitude"], longitude=draw.row.values["longitude"])


OPERATORS: Operators = {
    "Equal a keyword": lambda d: P("part").equal(d.value("part", "none")),
    "Equal a word": lambda d: P("gloss").equal(_word(d)),
    "Equal words": lambda d: P("gloss").equal(f"{_word(d)} {_word(d)}"),
    "Equal a text in lower case": lambda d: P("example").equal(d.held("example", "xqzzy").split()[0].upper()),
    "Equal unicode": lambda d: P("emoji").equal(d.held("emoji", "xqzzy")),
    "Equal trigrams": lambda d: P("german").equal(d.held("german", "xqzzy")[:6].ljust(3, "x")),
    "Equal int": lambda d: P("sense").equal(d.value("sense", _NOBODY)),
    "Equal number": lambda d: P("length").equal(d.value("length", 0.123)),
    "Equal boolean": lambda d: _never(d, P("proper").equal(d.row.values["proper"])),
    "Equal date": lambda d: P("seen").equal(d.row.values["seen"].replace(year=1990 if d.nothing else d.row.values["seen"].year)),
    "Equal uuid": lambda d: P("owner").equal(d.value("owner", str(UUID(int=999)))),
    "Equal in a list": lambda d: P("words").equal(d.held("words", ["none"])[0]),
    "NotEqual a keyword": lambda d: _never(d, P("part").not_equal(d.row.values["part"])),
    "NotEqual a word": lambda d: _never(d, P("gloss").not_equal(_word(d))),
    "NotEqual int": lambda d: _never(d, P("sense").not_equal(d.row.values["sense"])),
    "NotEqual where missing": lambda d: _never(d, P("proper").not_equal(d.row.values["proper"])),
    "NotEqual in a list": lambda d: _never(d, P("words").not_equal(d.row.values["words"][0])),
    "GreaterThan int": lambda d: P("tagged").greater_than(d.value("tagged", _NOBODY)),
    "GreaterThanEqual number": lambda d: P("length").greater_or_equal(d.value("length", _NOBODY)),
    "LessThan int": lambda d: P("sense").less_than(d.value("sense", -1)),
    "LessThanEqual date": lambda d: P("seen").less_or_equal(d.row.values["seen"].replace(year=1990 if d.nothing else d.row.values["seen"].year)),
    "GreaterThan a keyword": lambda d: P("lemma").greater_than(d.value("lemma", "~~~")),
    "GreaterThan in a list": lambda d: P("counts").greater_than(d.value("sense", _NOBODY)),
    "LessThan in a list": lambda d: P("sizes").less_than(d.value("length", -1)),
    "Like a beginning": lambda d: P("gloss").like(f"{_word(d)[:4]}*"),
    "Like one letter": lambda d: P("gloss").like(f"{_word(d)[:-1]}?"),
    "Like a keyword": lambda d: P("lemma").like(f"*{d.value('lemma', 'xqzzy')[1:4]}*"),
    "Like in a list": lambda d: P("words").like(f"{d.held('words', ['xqzzy'])[0][:2]}*"),
    "IsNull": lambda d: P("part" if d.nothing else "example").is_none(True),
    "IsNull not": lambda d: _never(d, P("example").is_none(False)),
    "IsNull of a list": lambda d: _never(d, P("words").is_none(True)),
    "ContainsAny texts": lambda d: P("words").contains_any([d.held("words", ["none"])[0], "nobody"]),
    "ContainsAny ints": lambda d: P("counts").contains_any([d.value("sense", _NOBODY), _NOBODY]),
    "ContainsAny of no list": lambda d: P("part").contains_any([d.value("part", "none"), "nobody"]),
    "ContainsAll texts": lambda d: P("words").contains_all(d.held("words", ["none"])),
    "ContainsAll words": lambda d: P("gloss").contains_all([_word(d), _word(d)]),
    "ContainsAny dates": lambda d: P("days").contains_any([d.row.values["seen"].replace(hour=0, minute=0, second=0, microsecond=0 if not d.nothing else 7)]),
    "ContainsAny uuids": lambda d: P("owners").contains_any([UUID(d.value("owner", str(UUID(int=999))))]),
    "ContainsAny booleans": lambda d: _never(d, P("flags").contains_any([True])),
    "ContainsNone": lambda d: _never(d, P("words").contains_none(d.held("words", ["none"]))),
    "length of a text": lambda d: P("lemma", length=True).greater_than(99 if d.nothing else len(d.row.values["lemma"])),
    "length of a list": lambda d: P("words", length=True).equal(99 if d.nothing else len(d.row.values["words"])),
    "WithinGeoRange": lambda d: P("place").within_geo_range(_around(d), 0.0001 if d.nothing else d.rng.uniform(100, 2_000_000)),
    "id": lambda d: Filter.by_id().contains_any(_ids(d)),
    "And": lambda d: P("sense").greater_than(0) & P("part").equal(d.value("part", "none")),
    "Or": lambda d: P("part").equal(d.value("part", "none")) | P("owner").equal(d.value("owner", str(UUID(int=999)))),
    "Not": lambda d: _never(d, Filter.not_(P("part").equal(d.row.values["part"]))),
    "And of Or": lambda d: _never(d, P("part").equal(d.row.values["part"]) | P("gloss").equal(_word(d)), P("sense").less_than(4)),
}  # fmt: skip


def ask(question: Question) -> Call:
    """The search."""

    def nearest(client: WeaviateClient) -> Any:
        found = client.collections.use(COLLECTION).query.near_vector(
            question.vector.vector,
            filters=question.where,
            limit=question.limit,
            return_metadata=MetadataQuery(distance=True),
            return_properties=False,
        )
        return [{"id": str(one.uuid), "score": one.metadata.distance} for one in found.objects]

    return Call(question.name, nearest)


def reads() -> Iterator[Call]:
    """By id, in order, counted, and the rest that is no filter."""
    some = [str(row.uuid) for row in rows()[::97]]
    yield Call(
        "by ids", lambda c: _found(c.collections.use(COLLECTION).query.fetch_objects_by_ids(some, limit=100))
    )
    yield Call(
        "count", lambda c: c.collections.use(COLLECTION).aggregate.over_all(total_count=True).total_count
    )
    order = Sort.by_property("sense").by_property("lemma", ascending=False)
    yield Call(
        "sorted",
        lambda c: [
            one.properties["lemma"]
            for one in c.collections.use(COLLECTION).query.fetch_objects(limit=500, sort=order).objects
        ],
    )
    for question in questions(OPERATORS, len(OPERATORS)):
        yield Call(
            f"count where {question.operator}",
            lambda c, where=question.where: (
                c.collections.use(COLLECTION).aggregate.over_all(filters=where, total_count=True).total_count
            ),
        )
        yield Call(
            f"fetch where {question.operator}",
            lambda c, where=question.where: sorted(
                str(one.uuid)
                for one in c.collections.use(COLLECTION)
                .query.fetch_objects(filters=where, limit=5_000, return_properties=False)
                .objects
            ),
        )


def beyond() -> Iterator[Call]:
    """What plan says is refused, by its words there."""
    for name, ask in _words().items():
        phrase = f"searches for words, and hybrid ones in which words count: {name}"
        yield Call(phrase, lambda c, ask=ask: _ranked(ask(c.collections.use(COLLECTION).query)))
    group = wvc.query.GroupBy(prop="part", objects_per_group=2, number_of_groups=2)
    yield Call(
        "groups, and several vectors in one search",
        lambda c: c.collections.use(COLLECTION).query.near_vector(rows()[0].vector, group_by=group).objects,
    )
    yield Call(
        "metrics of properties",
        lambda c: (
            c.collections.use(COLLECTION)
            .aggregate.over_all(return_metrics=wvc.query.Metrics("sense").integer(mean=True))
            .properties
        ),
    )


def _words() -> dict[str, Any]:
    """Ways to ask for words, as functions of a query."""
    scored, vector = MetadataQuery(score=True), rows()[3].vector
    noun = Filter.by_property("part").equal("noun") & Filter.by_property("sense").greater_than(1)
    text = "a person who is not the member of a large group"
    ranked = wvc.query.HybridFusion.RANKED
    both = wvc.query.BM25Operator.and_()
    asked: dict[str, dict[str, Any]] = {
        "hybrid": {"query": text, "vector": vector},
        "hybrid, few": {"query": text, "vector": vector, "alpha": 0.3, "limit": 7, "offset": 4},
        "hybrid, some": {"query": text, "vector": vector, "filters": noun, "limit": 40},
        "hybrid, ranks": {"query": text, "vector": vector, "fusion_type": ranked, "limit": 30},
        "hybrid, words alone": {"query": text, "alpha": 0, "query_properties": ["gloss^2", "example"]},
        "hybrid, near": {"query": text, "vector": vector, "alpha": 0.8, "max_vector_distance": 0.9},
    }
    words: dict[str, dict[str, Any]] = {
        "bm25": {"query": text},
        "bm25, properties": {"query": text, "query_properties": ["gloss^3", "lemma"], "limit": 50},
        "bm25, some": {"query": text, "filters": noun, "limit": 200, "offset": 3},
        "bm25, all words": {"query": "person group", "operator": both, "limit": 100},
        "bm25, nothing": {"query": "xyzzyx"},
    }
    found: dict[str, Any] = {
        name: (lambda query, words=words: query.hybrid(**{"limit": 12, **words}, return_metadata=scored))
        for name, words in asked.items()
    }
    return found | {
        name: (lambda query, words=words: query.bm25(**{"limit": 12, **words}, return_metadata=scored))
        for name, words in words.items()
    }


def _ranked(answer: Any) -> list[Any]:
    return [
        {"id": str(one.uuid), "score": one.metadata.score, "properties": one.properties}
        for one in answer.objects
    ]


def page(client: WeaviateClient, token: Any, size: int) -> tuple[list[str], Any]:
    """The next records in the order of paging, and the token behind them."""
    found = client.collections.use(COLLECTION).query.fetch_objects(
        limit=size, after=token or str(UUID(int=0)), return_properties=False
    )
    ids = [str(one.uuid) for one in found.objects]
    return ids, ids[-1] if len(ids) == size else None


def _found(answer: Any) -> list[Any]:
    return sorted(
        ({"id": str(one.uuid), "properties": one.properties} for one in answer.objects),
        key=lambda one: one["id"],
    )
