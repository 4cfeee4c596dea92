"""The life of an application with Qdrant's client: the same calls by REST and by gRPC."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import QdrantClient, models

from .answers import Call
from .qdrant_filters import FILTERS

COLLECTION = "shelf"
ROWS = 24
A_NEW_ONE = 900
GENRES = ["drama", "comedy", "épopée ☃"]
D = models.Distance


@dataclass(frozen=True)
class Shape:
    """What the collection of a life is like."""

    vectors: Any
    sparse: bool = False
    mixed_ids: bool = False
    """Numbers and UUIDs; else numbers."""

    @property
    def dense(self) -> dict[str, models.VectorParams]:
        """By name; "" for the one without."""
        return self.vectors if isinstance(self.vectors, dict) else {"": self.vectors}


UNNAMED = {
    distance.value.lower(): Shape(models.VectorParams(size=6, distance=distance))
    for distance in (D.COSINE, D.DOT, D.EUCLID, D.MANHATTAN)
}
"""One vector, by metric."""
NAMED = Shape(
    {
        "text": models.VectorParams(size=8, distance=D.COSINE),
        "image": models.VectorParams(size=4, distance=D.DOT),
        "place": models.VectorParams(size=3, distance=D.EUCLID),
    },
    sparse=True,
    mixed_ids=True,
)


class Life:
    """All calls about one collection."""

    def __init__(self, shape: Shape, *, brief: bool = False, complete: bool = False) -> None:
        """`brief`: each filter is asked once instead of in every way. `complete`: every point has all vectors, as a
        database wants it that knows of no absent ones.
        """
        self.shape = shape
        self.brief = brief
        self.complete = complete
        self.ids: list[Any] = [*range(ROWS)]
        if shape.mixed_ids:
            self.ids[::4] = [str(UUID(int=0x1234567 * (row + 1))) for row in range(0, ROWS, 4)]
            self.ids[1] = 2**64 - 1

    def create(self, client: QdrantClient) -> None:
        """Make the collection."""
        sparse = {"words": models.SparseVectorParams()} if self.shape.sparse else None
        client.create_collection(COLLECTION, vectors_config=self.shape.vectors, sparse_vectors_config=sparse)

    # Records.

    def vector(self, row: int) -> Any:
        """The vectors of a row."""
        rng = np.random.default_rng(row)
        made: dict[str, Any] = {
            name: rng.standard_normal(params.size).astype(np.float32).tolist()
            for name, params in self.shape.dense.items()
        }
        if not isinstance(self.shape.vectors, dict):
            return made[""]
        if row % 6 == 5 and not self.complete:
            del made["image"]
        if self.shape.sparse and (self.complete or row % 5 != 4):
            values = rng.uniform(0.1, 2, 4).astype(np.float32).tolist()
            made["words"] = models.SparseVector(indices=rng.permutation(9)[:4].tolist(), values=values)
        return made

    def point(self, row: int) -> models.PointStruct:
        """The point of a row."""
        return models.PointStruct(id=self.ids[row], vector=self.vector(row), payload=payload(row))

    def target(self, using: str) -> list[float]:
        """What is searched."""
        size = self.shape.dense[using].size
        return np.random.default_rng(77).standard_normal(size).astype(np.float32).tolist()

    # The life.

    def seed(self) -> list[Call]:
        """The collection as every part of the life finds it: every other point goes, these are as they were."""
        batches = [self.ids[start : start + 10] for start in range(0, ROWS, 10)]
        puts = [
            Call(
                f"upsert batch {number}",
                lambda c, ids=ids: (
                    c.upsert(COLLECTION, [self.point(self.ids.index(one)) for one in ids], wait=True).status
                ),
            )
            for number, ids in enumerate(batches)
        ]
        others = models.Filter(must_not=[models.HasIdCondition(has_id=self.ids)])
        return [*puts, Call("delete the others", lambda c: c.delete(COLLECTION, others, wait=True).status)]

    def reads(self) -> list[Call]:
        """All ways to look."""
        return [*self._points(), *self._filters(), *self._searches(), *self._collections(), *self._wrong()]

    def _points(self) -> Iterator[Call]:
        some = [self.ids[3], 10**6, self.ids[8], self.ids[0]]
        yield Call("retrieve", lambda c: c.retrieve(COLLECTION, some, with_vectors=True))
        yield Call("retrieve ids", lambda c: c.retrieve(COLLECTION, some, with_payload=False))
        yield Call("retrieve keys", lambda c: c.retrieve(COLLECTION, some, with_payload=["n", "deep.a"]))
        without = models.PayloadSelectorExclude(exclude=["deep", "items[].k", "tags"])
        yield Call("retrieve without keys", lambda c: c.retrieve(COLLECTION, some, with_payload=without))
        for name in self.shape.dense if isinstance(self.shape.vectors, dict) else ():
            yield Call(
                f"retrieve vector {name}",
                lambda c, name=name: c.retrieve(COLLECTION, self.ids[:7], with_vectors=[name]),
            )
        yield Call("count", lambda c: c.count(COLLECTION).count)
        for size in (5, 24, 100):
            yield Call(
                f"scroll by {size}", lambda c, size=size: self.scrolled(c, limit=size, with_vectors=True)
            )
        yield Call("scroll ids", lambda c: self.scrolled(c, limit=7, with_payload=False))

    def scrolled(self, client: QdrantClient, **words: Any) -> list[Any]:
        """All pages of a scroll, each as long as was asked; points stand in the order in which a database keeps ids."""
        found, offset = [], None
        while True:
            page, offset = client.scroll(COLLECTION, offset=offset, **words)
            assert len(page) == words["limit"] or offset is None
            found += page
            if offset is None:
                break
        return sorted(found, key=lambda point: str(point.id))

    def _filters(self) -> Iterator[Call]:
        using = next(iter(self.shape.dense))
        filters = {
            **FILTERS,
            "has_id": models.Filter(must=[models.HasIdCondition(has_id=[self.ids[1], self.ids[4], 10**6])]),
            "not has_id": models.Filter(must_not=[models.HasIdCondition(has_id=self.ids[2:])]),
        }
        if self.shape.sparse:
            filters["has_vector"] = models.Filter(must=[models.HasVectorCondition(has_vector="words")])
        for name, where in filters.items():
            yield Call(f"count where {name}", lambda c, where=where: c.count(COLLECTION, where).count)
            if self.brief:
                continue
            yield Call(
                f"scroll where {name}",
                lambda c, where=where: self.scrolled(c, scroll_filter=where, limit=7, with_payload=["n"]),
            )
            yield Call(
                f"search where {name}",
                lambda c, where=where: c.query_points(
                    COLLECTION, self.target(using), using=using or None, query_filter=where, limit=30
                ),
            )

    def _searches(self) -> Iterator[Call]:
        for using in self.shape.dense:
            query, named = self.target(using), using or None
            ask = {"query": query, "using": named}
            threshold = 1.5 if self.shape.dense[using].distance in (D.EUCLID, D.MANHATTAN) else 0.2
            ways: dict[str, dict[str, Any]] = {
                "nearest": {**ask, "limit": 5},
                "all": {**ask, "limit": 100, "with_payload": True, "with_vectors": True},
                "by default": ask,
                "exact": {**ask, "search_params": models.SearchParams(exact=True), "limit": 3},
                "offset": {**ask, "limit": 4, "offset": 3},
                "threshold": {**ask, "limit": 100, "score_threshold": threshold},
                "keys": {**ask, "limit": 3, "with_payload": ["n", "deep"]},
                "like a point": {"query": self.ids[7], "using": named, "limit": 4},
            }
            for name, words in ways.items():
                yield Call(
                    f"search {using} {name}", lambda c, words=words: c.query_points(COLLECTION, **words)
                )
        first, *_ = self.shape.dense
        requests = [
            models.QueryRequest(query=self.target(using), using=using or None, limit=2, with_payload=True)
            for using in [first, *self.shape.dense]
        ]
        yield Call("search batch", lambda c: c.query_batch_points(COLLECTION, requests))
        yield from self._combined()
        if self.shape.sparse:
            words = models.SparseVector(indices=[2, 7, 3], values=[1.0, 0.5, 2.25])
            yield Call(
                "search sparse",
                lambda c: c.query_points(COLLECTION, words, using="words", limit=100, with_vectors=["words"]),
            )
            yield Call(
                "search sparse, some",
                lambda c: c.query_points(
                    COLLECTION, words, using="words", limit=4, query_filter=FILTERS["match a word"]
                ),
            )

    def _combined(self) -> Iterator[Call]:
        """Several searches in one, and searches by several examples."""
        using = self._first() or ""
        one, other = self.target(using), self.vector(61)[using] if using else self.vector(61)
        parts = [models.Prefetch(query=query, using=using or None, limit=9) for query in (one, other)]
        fused = models.Prefetch(query=models.FusionQuery(fusion=models.Fusion.DBSF), prefetch=parts, limit=12)
        liked = models.RecommendInput(
            positive=[one, self.ids[3]],
            negative=[self.ids[8]],
            strategy=models.RecommendStrategy.BEST_SCORE,
        )
        pair = models.ContextPair(positive=self.ids[5], negative=self.ids[6])
        mmr = models.Mmr(diversity=0.4, candidates_limit=15)
        ways: dict[str, dict[str, Any]] = {
            "dbsf": {"query": models.FusionQuery(fusion=models.Fusion.DBSF), "prefetch": parts},
            "weights": {"query": models.RrfQuery(rrf=models.Rrf(k=5, weights=[1.7, 0.4])), "prefetch": parts},
            "again": {
                "query": one,
                "using": using or None,
                "prefetch": [fused],
                "query_filter": FILTERS["range"],
            },
            "computed": {
                "query": models.FormulaQuery(formula=models.SumExpression(sum=["$score", "$score[1]"])),
                "prefetch": parts,
            },
            "recommended": {"query": models.RecommendQuery(recommend=liked), "using": using or None},
            "discovered": {
                "query": models.DiscoverQuery(discover=models.DiscoverInput(target=one, context=[pair])),
                "using": using or None,
            },
            "diverse": {
                "query": models.NearestQuery(nearest=one, mmr=mmr),
                "using": using or None,
                "limit": 5,
            },
        }
        for name, words in ways.items():
            yield Call(f"search {name}", lambda c, words=words: c.query_points(COLLECTION, **words))

    def _collections(self) -> Iterator[Call]:
        yield Call("list", lambda c: [one.name for one in c.get_collections().collections])
        yield Call("exists", lambda c: [c.collection_exists(COLLECTION), c.collection_exists("nothing")])
        yield Call("vectors", lambda c: c.get_collection(COLLECTION).config.params.vectors)
        yield Call("sparse vectors", lambda c: c.get_collection(COLLECTION).config.params.sparse_vectors)
        yield Call("points of it", lambda c: c.get_collection(COLLECTION).points_count)
        yield Call("status of it", lambda c: c.get_collection(COLLECTION).status)
        yield Call("aliases", lambda c: c.get_aliases().aliases)
        yield Call("aliases of it", lambda c: c.get_collection_aliases(COLLECTION).aliases)

    def _wrong(self) -> Iterator[Call]:
        """What is no call; read, and refused."""
        first, *_ = self.shape.dense
        using = first or None
        yield Call("wrong: query size", lambda c: c.query_points(COLLECTION, [1.0, 2.0], using=using))
        yield Call("wrong: vector name", lambda c: c.query_points(COLLECTION, [1.0, 2.0], using="nothing"))
        yield Call("wrong: no such collection", lambda c: c.query_points("nothing", [1.0, 2.0]))
        yield Call("wrong: scroll nothing", lambda c: c.scroll("nothing"))
        yield Call("wrong: count nothing", lambda c: c.count("nothing"))
        yield Call("wrong: retrieve nothing", lambda c: c.retrieve("nothing", [1]))
        yield Call("wrong: describe nothing", lambda c: c.get_collection("nothing"))
        yield Call("wrong: like no point", lambda c: c.query_points(COLLECTION, 10**6, using=using))
        yield Call("wrong: id", lambda c: c.retrieve(COLLECTION, ["no uuid"]))

    def writes(self) -> list[Call]:
        """All ways to change, each looked at."""
        calls = []
        for call in self._changes():
            calls.append(call)
            calls.append(Call(f"after {call.name}", self.look))
        return calls

    def look(self, client: QdrantClient) -> list[Any]:
        """Everything that can be read."""
        return self.scrolled(client, limit=100, with_vectors=True)

    def _changes(self) -> Iterator[Call]:
        def did(name: str, ask: Any) -> Call:
            return Call(name, lambda c: ask(c).status)

        few = self.ids[2:5]
        drama = FILTERS["match a word"]
        new = models.PointStruct(id=A_NEW_ONE, vector=self.vector(50), payload={"n": 900, "new": [None, {}]})
        yield did("upsert a new one", lambda c: c.upsert(COLLECTION, [new]))
        yield did("upsert without payload", lambda c: c.upsert(COLLECTION, [self._bare(6)]))
        columns = models.Batch(
            ids=[901, 902], vectors=self._columns([51, 52]), payloads=[{"n": 1.0}, {"n": -1}]
        )
        yield did("upsert columns", lambda c: c.upsert(COLLECTION, columns))
        yield did("set payload", lambda c: c.set_payload(COLLECTION, {"n": 2**53 + 1, "x": {"y": None}}, few))
        yield did(
            "set payload at a key", lambda c: c.set_payload(COLLECTION, {"z": [1.5]}, few, key="deep.a")
        )
        yield did("set payload where", lambda c: c.set_payload(COLLECTION, {"seen": True}, drama))
        yield did(
            "overwrite payload", lambda c: c.overwrite_payload(COLLECTION, {"only": "é"}, self.ids[5:7])
        )
        yield did(
            "delete keys", lambda c: c.delete_payload(COLLECTION, ["tags", "deep.list"], self.ids[8:10])
        )
        yield did("delete keys where", lambda c: c.delete_payload(COLLECTION, ["half"], drama))
        yield did("clear payload", lambda c: c.clear_payload(COLLECTION, [self.ids[10]]))
        vectors = [models.PointVectors(id=self.ids[11], vector=self.vector(60))]
        yield did("update vectors", lambda c: c.update_vectors(COLLECTION, vectors))
        if self.shape.sparse and not self.complete:
            yield did("delete vectors", lambda c: c.delete_vectors(COLLECTION, ["words", "place"], few))
        yield Call(
            "batch", lambda c: [one.status for one in c.batch_update_points(COLLECTION, self._batch())]
        )
        yield did("delete by id", lambda c: c.delete(COLLECTION, [self.ids[13], 10**6]))
        yield did("delete where", lambda c: c.delete(COLLECTION, FILTERS["range"]))
        yield Call("wrong: upsert size", lambda c: c.upsert(COLLECTION, [self._short()]))
        yield Call("wrong: upsert nowhere", lambda c: c.upsert("nothing", [self._bare(1)]))
        yield Call("wrong: upsert id", lambda c: c.upsert(COLLECTION, [self._bare(1, "no uuid")]))
        yield Call("wrong: upsert a name", lambda c: c.upsert(COLLECTION, [self._misnamed()]))
        yield Call("wrong: payload of nobody", lambda c: c.set_payload(COLLECTION, {"a": 1}, [10**6]).status)
        yield Call("wrong: create again", self.create)
        for key, kind in (("n", "integer"), ("word", "keyword"), ("at", "datetime")):
            yield did(
                f"index {key}",
                lambda c, key=key, kind=kind: c.create_payload_index(COLLECTION, key, field_schema=kind),
            )
        tuned = models.OptimizersConfigDiff(indexing_threshold=20_000)
        yield Call("tune", lambda c: c.update_collection(COLLECTION, optimizers_config=tuned))
        everything = models.Filter()
        yield did(
            "delete everything", lambda c: c.delete(COLLECTION, models.FilterSelector(filter=everything))
        )
        yield Call("search nothing", lambda c: c.query_points(COLLECTION, self._any(), using=self._first()))

    def beyond(self) -> list[Call]:
        """What only Qdrant can answer."""
        using = self._first()
        return [
            Call(
                "beyond: groups looked up",
                lambda c: c.query_points_groups(COLLECTION, "word", self._any(), using, with_lookup="else"),
            ),
            Call("beyond: drop", lambda c: c.delete_collection(COLLECTION)),
            Call("beyond: alias", lambda c: c.update_collection_aliases([self._alias()])),
            Call(
                "beyond: text index",
                lambda c: c.create_payload_index(COLLECTION, "story", field_schema="text"),
            ),
        ]

    @staticmethod
    def _alias() -> Any:
        made = models.CreateAlias(collection_name=COLLECTION, alias_name="else")
        return models.CreateAliasOperation(create_alias=made)

    def _first(self) -> str | None:
        return next(iter(self.shape.dense)) or None

    def _any(self) -> list[float]:
        return self.target(self._first() or "")

    def _bare(self, row: int, point_id: Any = None) -> models.PointStruct:
        return models.PointStruct(
            id=self.ids[row] if point_id is None else point_id, vector=self.vector(70 + row)
        )

    def _short(self) -> models.PointStruct:
        vector = {"text": [1.0]} if isinstance(self.shape.vectors, dict) else [1.0]
        return models.PointStruct(id=5, vector=vector)

    def _misnamed(self) -> models.PointStruct:
        return models.PointStruct(id=5, vector={"nothing": [1.0]})

    def _columns(self, rows: list[int]) -> Any:
        made = [self.vector(row) for row in rows]
        if not isinstance(self.shape.vectors, dict):
            return made
        names = [*self.shape.dense, "words"] if self.complete else self.shape.dense
        return {name: [one[name] for one in made] for name in names}

    def _batch(self) -> list[Any]:
        return [
            models.UpsertOperation(upsert=models.PointsList(points=[self.point(12)])),
            models.SetPayloadOperation(
                set_payload=models.SetPayload(payload={"b": [1, 2.0]}, points=[self.ids[12]])
            ),
            models.DeleteOperation(delete=models.PointIdsList(points=[self.ids[14]])),
        ]


def payload(row: int) -> dict[str, Any]:
    """A payload of everything that Qdrant holds."""
    held: dict[str, Any] = {
        "n": row,
        "big": 2**53 + row,
        "huge": 2**62 + row,
        "less": -row,
        "half": row / 2,
        "tiny": float(f"{row}e-9"),
        "flag": row % 2 == 0,
        "word": GENRES[row % 3],
        "prefix": f"v1.{row % 4}.{row}",
        "tags": ["red", "green", "blue"][: row % 4],
        "nums": [row, row + 1, row / 4],
        "deep": {"a": {"b": row, "ü.x": 1}, "list": [row % 3, None, "x"]},
        "items": [{"k": row % 3, "v": row % 4}, {"k": (row + 1) % 3, "v": 0}],
        "mixed": [1, 1.0, "1", True, None, {"one": 1}, [1]],
        "at": datetime(2024, 1, 1 + row, 10, tzinfo=UTC).isoformat().replace("+00:00", "Z"),
        "where": {"lon": 13.0 + row / 10, "lat": 52.0 + row / 10},
        "uid": str(UUID(int=row)),
        "story": f"The quick brown fox {row} jumps: “naïve” 🦊\n\ttab",
        "empty": [],
        "void": {},
    }
    if row % 3 == 0:
        held["none"] = None
    if row % 4 == 0:
        held["rare"] = row
    return held
