"""The life of an application with Weaviate's client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

import numpy as np
import weaviate.classes as wvc
from weaviate import WeaviateClient
from weaviate.classes.config import VectorDistances
from weaviate.classes.query import MetadataQuery, Sort

from .answers import Call
from .weaviate_filters import FILTERS, P

COLLECTION = "Shelf"
ROWS = 24
GENRES = ["drama", "comedy", "épopée ☃"]
NEW = str(UUID(int=900))


@dataclass(frozen=True)
class Shape:
    """What the collection of a life is like."""

    vectors: dict[str, tuple[int, VectorDistances]]
    """Width and distance by name; "" for the one without."""
    tenant: str = ""

    @property
    def unnamed(self) -> bool:
        return "" in self.vectors


PROPERTIES = [
    {"name": "n", "dataType": ["int"]},
    {"name": "half", "dataType": ["number"]},
    {"name": "seen", "dataType": ["boolean"]},
    {"name": "title", "dataType": ["text"]},
    {"name": "genre", "dataType": ["text"], "tokenization": "field"},
    {"name": "at", "dataType": ["date"]},
    {"name": "owner", "dataType": ["uuid"]},
    {"name": "tags", "dataType": ["text[]"], "tokenization": "field"},
    {"name": "marks", "dataType": ["int[]"]},
    {"name": "place", "dataType": ["geoCoordinates"]},
    {"name": "raw", "dataType": ["blob"]},
    {
        "name": "deep",
        "dataType": ["object"],
        "nestedProperties": [
            {"name": "a", "dataType": ["int"]},
            {"name": "b", "dataType": ["text[]"]},
        ],
    },
]
D = VectorDistances
UNNAMED = {
    distance.value: Shape({"": (6, distance)}) for distance in (D.COSINE, D.DOT, D.L2_SQUARED, D.MANHATTAN)
}
DEFAULT = Shape({"default": (6, D.COSINE)})
"""What the client makes when it is told nothing."""
NAMED = Shape({"text": (8, D.COSINE), "place": (3, D.L2_SQUARED)})
TENANT = Shape({"default": (6, D.COSINE)}, tenant="one")


class Life:
    """All calls about one collection."""

    def __init__(self, shape: Shape, *, brief: bool = False, complete: bool = False) -> None:
        """`brief`: each filter is asked once instead of in every way. `complete`: every object has all vectors, as a
        database wants it that knows of no absent ones.
        """
        self.shape = shape
        self.brief = brief
        self.complete = complete
        self.ids = [str(UUID(int=0x1234567 * (row + 1))) for row in range(ROWS)]

    @property
    def source(self) -> str:
        """The collection, as a migration of it is told."""
        return f"{COLLECTION}/{self.shape.tenant}" if self.shape.tenant else COLLECTION

    def create(self, client: WeaviateClient) -> None:
        """Make the collection."""
        client.collections.delete(COLLECTION)
        client.collections.create_from_dict(self.definition())
        if self.shape.tenant:
            client.collections.use(COLLECTION).tenants.create([self.shape.tenant, "other"])

    def definition(self) -> dict[str, Any]:
        """The class as REST has it."""
        made: dict[str, Any] = {
            "class": COLLECTION,
            "properties": PROPERTIES,
            "invertedIndexConfig": {"indexNullState": True, "indexPropertyLength": True},
            "multiTenancyConfig": {"enabled": bool(self.shape.tenant)},
        }
        configs = {
            name: {"vectorIndexType": "hnsw", "vectorIndexConfig": {"distance": distance.value}}
            for name, (_, distance) in self.shape.vectors.items()
        }
        if self.shape.unnamed:
            return made | {"vectorizer": "none"} | configs[""]
        return made | {
            "vectorConfig": {name: {"vectorizer": {"none": {}}, **one} for name, one in configs.items()}
        }

    def of(self, client: WeaviateClient) -> Any:
        """The collection, or the tenant of it."""
        collection = client.collections.use(COLLECTION)
        return collection.with_tenant(self.shape.tenant) if self.shape.tenant else collection

    # Objects.

    def vector(self, row: int) -> Any:
        """The vectors of a row."""
        rng = np.random.default_rng(row)
        made = {
            name: rng.standard_normal(width).astype(np.float32).tolist()
            for name, (width, _) in self.shape.vectors.items()
        }
        if self.shape.unnamed:
            return made[""]
        if row % 6 == 5 and len(made) > 1 and not self.complete:
            del made["place"]
        return made

    def object(self, row: int) -> wvc.data.DataObject:
        """The object of a row."""
        return wvc.data.DataObject(properties=properties(row), uuid=self.ids[row], vector=self.vector(row))

    def target(self, using: str) -> list[float]:
        """What is searched."""
        width, _ = self.shape.vectors[using]
        return np.random.default_rng(77).standard_normal(width).astype(np.float32).tolist()

    # The life.

    def seed(self) -> list[Call]:
        """The collection as every part of the life finds it."""
        return [
            Call(
                "delete the others",
                lambda c: self.of(c).data.delete_many(_others(self.ids)).failed,
            ),
            Call(
                "insert many",
                lambda c: _many(self.of(c).data.insert_many([self.object(row) for row in range(ROWS)])),
            ),
        ]

    def reads(self) -> list[Call]:
        """All ways to look."""
        return [*self._objects(), *self._filters(), *self._searches(), *self._schema(), *self._wrong()]

    def _objects(self) -> Iterator[Call]:
        yield Call(
            "by id", lambda c: _found(self.of(c).query.fetch_object_by_id(self.ids[3], include_vector=True))
        )
        yield Call("by no id", lambda c: self.of(c).query.fetch_object_by_id(NEW))
        yield Call("exists", lambda c: [self.of(c).data.exists(one) for one in (self.ids[0], NEW)])
        yield Call(
            "by ids", lambda c: _all(self.of(c).query.fetch_objects_by_ids([*self.ids[2:5], NEW]).objects)
        )
        yield Call("all", lambda c: self.look(c))
        yield Call("page", lambda c: len(self.of(c).query.fetch_objects(limit=5, offset=20).objects))
        yield Call(
            "some properties",
            lambda c: _all(
                self.of(c).query.fetch_objects(limit=100, return_properties=["n", "tags", "raw"]).objects
            ),
        )
        yield Call(
            "no properties",
            lambda c: _all(self.of(c).query.fetch_objects(limit=100, return_properties=False).objects),
        )
        yield Call("iterator", lambda c: _all(self.of(c).iterator(cache_size=7)))
        yield Call(
            "sorted",
            lambda c: _in_order(
                self.of(c).query.fetch_objects(
                    limit=100, sort=Sort.by_property("genre").by_property("n", ascending=False)
                )
            ),
        )
        yield Call("count", lambda c: self.of(c).aggregate.over_all(total_count=True).total_count)

    def _filters(self) -> Iterator[Call]:
        for name, where in FILTERS.items():
            yield Call(
                f"where {name}",
                lambda c, where=where: _all(
                    self.of(c).query.fetch_objects(filters=where, limit=100, return_properties=["n"]).objects
                ),
            )
            if self.brief:
                continue
            yield Call(
                f"count where {name}",
                lambda c, where=where: (
                    self.of(c).aggregate.over_all(total_count=True, filters=where).total_count
                ),
            )
            yield Call(
                f"search where {name}",
                lambda c, where=where: _near(
                    self.of(c).query.near_vector(
                        filters=where, limit=30, **self._ask(next(iter(self.shape.vectors)))
                    )
                ),
            )

    def _ask(self, using: str) -> dict[str, Any]:
        ask: dict[str, Any] = {
            "near_vector": self.target(using),
            "return_metadata": MetadataQuery(distance=True),
            "return_properties": ["n"],
        }
        return ask | ({"target_vector": using} if using else {})

    def _searches(self) -> Iterator[Call]:
        for using in self.shape.vectors:
            ask = self._ask(using)
            furthest = {D.COSINE: 0.9, D.DOT: -0.5}.get(self.shape.vectors[using][1], 8.0)
            ways: dict[str, dict[str, Any]] = {
                "nearest": {"limit": 5},
                "all": {"limit": 100, "include_vector": True},
                "offset": {"limit": 4, "offset": 3},
                "distance": {"limit": 100, "distance": furthest},
                "metadata": {
                    "limit": 3,
                    "return_metadata": MetadataQuery(distance=True, certainty=True, is_consistent=False),
                },
            }
            for name, words in ways.items():
                yield Call(
                    f"search {using} {name}",
                    lambda c, words=words, ask=ask: _near(self.of(c).query.near_vector(**(ask | words))),
                )
            target = {"target_vector": using} if using else {}
            yield Call(
                f"search {using} like an object",
                lambda c, target=target: _near(
                    self.of(c).query.near_object(
                        self.ids[7], limit=4, return_metadata=MetadataQuery(distance=True), **target
                    )
                ),
            )
            if self.shape.vectors[using][1] is D.COSINE:
                yield Call(
                    f"search {using} certain",
                    lambda c, ask=ask: _near(self.of(c).query.near_vector(certainty=0.5, limit=50, **ask)),
                )

    def _schema(self) -> Iterator[Call]:
        yield Call("exists", lambda c: [c.collections.exists(COLLECTION), c.collections.exists("Nothing")])
        yield Call(
            "properties",
            lambda c: [_property(one) for one in c.collections.use(COLLECTION).config.get().properties],
        )
        yield Call("ready", lambda c: [c.is_ready(), c.is_live()])
        if self.shape.tenant:
            yield Call("tenants", lambda c: sorted(c.collections.use(COLLECTION).tenants.get()))
            yield Call("a tenant", lambda c: c.collections.use(COLLECTION).tenants.exists(self.shape.tenant))

    def _wrong(self) -> Iterator[Call]:
        """What is no call; read, and refused."""
        first = next(iter(self.shape.vectors))
        words = {"target_vector": first} if first else {}
        yield Call(
            "wrong: vector", lambda c: self.of(c).query.near_vector([1.0, 2.0], limit=3, **words).objects
        )
        yield Call("wrong: class", lambda c: c.collections.use("Nothing").query.fetch_objects().objects)
        yield Call(
            "wrong: like nothing", lambda c: self.of(c).query.near_object(NEW, limit=3, **words).objects
        )
        yield Call(
            "wrong: vector name",
            lambda c: self.of(c).query.near_vector([1.0], target_vector="nothing").objects,
        )

    def writes(self) -> list[Call]:
        """All ways to change, each looked at."""
        calls = []
        for call in self._changes():
            calls.append(call)
            calls.append(Call(f"after {call.name}", self.look))
        return calls

    def look(self, client: WeaviateClient) -> list[Any]:
        """Everything that can be read."""
        names = [*properties(0), "raw"]
        return _all(
            self.of(client)
            .query.fetch_objects(limit=100, include_vector=True, return_properties=names)
            .objects
        )

    def _changes(self) -> Iterator[Call]:
        few = self.ids[2:5]
        yield Call(
            "insert",
            lambda c: str(self.of(c).data.insert(properties(50), uuid=NEW, vector=self.vector(50))),
        )
        yield Call("insert again", lambda c: str(self.of(c).data.insert(properties(50), uuid=NEW)))
        yield Call(
            "update", lambda c: self.of(c).data.update(few[0], {"n": 2**40, "title": "changed", "tags": []})
        )
        yield Call("update to null", lambda c: self.of(c).data.update(few[1], {"genre": None}))
        yield Call("update vector", lambda c: self.of(c).data.update(few[2], vector=self.vector(60)))
        yield Call(
            "replace",
            lambda c: self.of(c).data.replace(self.ids[5], {"n": 1, "half": 2.0}, vector=self.vector(61)),
        )
        yield Call("replace nothing", lambda c: self.of(c).data.replace(str(UUID(int=901)), {"n": 1}))
        yield Call("update nothing", lambda c: self.of(c).data.update(str(UUID(int=901)), {"n": 1}))
        yield Call(
            "delete",
            lambda c: [self.of(c).data.delete_by_id(one) for one in (self.ids[13], str(UUID(int=901)))],
        )
        yield Call(
            "would delete", lambda c: _tally(self.of(c).data.delete_many(P("n").less_than(5), dry_run=True))
        )
        yield Call("delete where", lambda c: _tally(self.of(c).data.delete_many(P("genre").equal("comedy"))))
        yield Call("batch", self._batched)
        yield Call("batch with a wrong one", self._wrong_one)
        yield Call(
            "wrong: insert type", lambda c: str(self.of(c).data.insert({"n": "x"}, uuid=str(UUID(int=902))))
        )
        yield Call("create again", lambda c: c.collections.create(COLLECTION))

    def _batched(self, client: WeaviateClient) -> Any:
        collection = self.of(client)
        with collection.batch.fixed_size(batch_size=3) as batch:
            for row in range(30, 37):
                batch.add_object(properties(row), uuid=str(UUID(int=row)), vector=self.vector(row))
        return len(collection.batch.failed_objects)

    def _wrong_one(self, client: WeaviateClient) -> Any:
        wrong = wvc.data.DataObject(properties={"n": "x"}, uuid=str(UUID(int=903)), vector=self.vector(3))
        good = wvc.data.DataObject(properties={"n": 4}, uuid=str(UUID(int=904)), vector=self.vector(3))
        return _many(self.of(client).data.insert_many([wrong, good]))

    def beyond(self) -> list[Call]:
        """What only Weaviate can answer."""
        asks: dict[str, Any] = {
            "words": lambda c: self.of(c).query.bm25("film").objects,
            "both": lambda c: (
                self.of(c).query.hybrid("film", vector=self.target(next(iter(self.shape.vectors)))).objects
            ),
            "mean": lambda c: (
                self.of(c)
                .aggregate.over_all(return_metrics=wvc.query.Metrics("n").integer(mean=True))
                .properties
            ),
        }
        return [Call(f"beyond: {name}", ask) for name, ask in asks.items()]


def properties(row: int) -> dict[str, Any]:
    """The properties of a row."""
    made: dict[str, Any] = {
        "n": row,
        "half": row / 2,
        "seen": row % 3 == 0,
        "title": ["A small film", "The large book", "film, of a Book"][row % 3],
        "genre": GENRES[row % 4] if row % 4 < 3 else None,
        "at": datetime(2024, 5, 4, 12, tzinfo=UTC) + timedelta(hours=row - 8, microseconds=row),
        "owner": UUID(int=row % 7),
        "tags": [["a", "b"], ["b", "c"], ["d"]][row % 3],
        "marks": [row, row + 1],
        "place": wvc.data.GeoCoordinate(latitude=45.0 + row % 30, longitude=13.5),
        "deep": {"a": row, "b": ["x", str(row)]},
    }
    if row % 5 == 0:
        made["raw"] = "AAEC/w=="
    return {key: value for key, value in made.items() if value is not None}


def _others(ids: list[str]) -> Any:
    return wvc.query.Filter.by_id().contains_none(ids)


def _found(one: Any) -> Any:
    return one and {"id": str(one.uuid), "properties": one.properties, "vector": one.vector}


def _all(objects: Any) -> list[Any]:
    return sorted(map(_found, objects), key=lambda one: one["id"])


def _in_order(answer: Any) -> list[Any]:
    return [(one.properties.get("genre"), one.properties["n"]) for one in answer.objects]


def _near(answer: Any) -> list[Any]:
    return [
        {**_found(one), "score": one.metadata.distance, "certainty": round(one.metadata.certainty or 0, 5)}
        for one in answer.objects
    ]


def _many(answer: Any) -> Any:
    return {"errors": sorted(answer.errors), "uuids": [str(one) for _, one in sorted(answer.uuids.items())]}


def _tally(answer: Any) -> Any:
    return [answer.failed, answer.matches, answer.successful]


def _property(one: Any) -> Any:
    return [one.name, one.data_type, one.tokenization, one.index_filterable, one.index_searchable]
