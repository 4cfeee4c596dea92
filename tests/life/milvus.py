"""The life of an application with Milvus' client."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from pymilvus import (
    AnnSearchRequest,
    DataType,
    Function,
    FunctionType,
    MilvusClient,
    RRFRanker,
    WeightedRanker,
)

from .answers import Call

COLLECTION = "shelf"
ROWS = 24
GENRES = ["drama", "comedy", "épopée ☃"]
OURS = ("collection_id", "schema_version", "enable_namespace", "consistency_level", "consistency_level_name")
"""What servers say of themselves and not of a collection: Milvus Lite leaves it out."""

NEW = frozenset(
    (
        "null",
        "not null",
        "more than null",
        "not more than null",
        "an end",
        "deep is there",
        "undeclared is not",
    )
)
"""Filters that Milvus 2.3 does not know."""
FILTERS = {
    "a number": "n == 3",
    "not a number": "n != 3",
    "a range": "n > 5 and n <= 11",
    "a half": "half >= 2.5 and half < 9.75",
    "a word": 'word == "drama"',
    "words": 'word in ["comedy", "épopée ☃", "none"]',
    "not words": 'word not in ["comedy", "none"]',
    "a beginning": 'word like "dr%"',
    "an end": 'word like "%☃"',
    "true": "flag == true",
    "null": "maybe is null",
    "not null": "maybe is not null",
    "more than null": "maybe > 4",
    "not more than null": "not (maybe > 4)",
    "in an array": "array_contains(tags, 3)",
    "all in an array": "array_contains_all(tags, [1, 2])",
    "any in an array": "array_contains_any(tags, [0, 7, 9])",
    "a long array": "array_length(tags) == 3",
    "deep": 'deep["a"]["b"] == 4',
    "deep range": 'deep["a"]["b"] > 4 and deep["a"]["b"] < 12',
    "deep word": 'deep["kind"] == "odd"',
    "deep list": 'json_contains(deep["list"], 2)',
    "deep lists": 'json_contains_any(deep["list"], [0, 5])',
    "deep element": 'deep["list"][0] == 1',
    "deep is there": 'exists deep["rare"]',
    "a sum": "n + 3 == 9",
    "a difference of halves": "half - 0.5 > 4",
    "a product in JSON": 'deep["a"]["b"] * 2 <= 8',
    "undeclared": "colour == 2",
    "undeclared word": 'note like "note 1%"',
    "undeclared is not": "rare is null",
    "all together": '(n > 3 and word == "drama") or (flag == false and not (n in [1, 3, 5]))',
    "everything": "",
}


@dataclass(frozen=True)
class Life:
    """All calls about one collection."""

    metric: str = "COSINE"
    text_keys: bool = False
    sparse: bool = False
    brief: bool = False
    """Each filter is asked once instead of in every way."""
    plain: bool = False
    """As much as Milvus 2.3 holds: no nulls, and no parts of records."""
    at_home: bool = False
    """It moves to another Milvus, which answers what only Milvus can."""

    def key(self, row: int) -> Any:
        return f"doc-{row:03}" if self.text_keys else row * 1000 - 3000

    @property
    def keys(self) -> list[Any]:
        return [self.key(row) for row in range(ROWS)]

    def create(self, client: MilvusClient) -> None:
        """Make the collection."""
        schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
        if self.text_keys:
            schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=40)
        else:
            schema.add_field("key", DataType.INT64, is_primary=True)
        schema.add_field("vector", DataType.FLOAT_VECTOR, dim=6)
        schema.add_field("n", DataType.INT64)
        schema.add_field("small", DataType.INT8)
        schema.add_field("half", DataType.DOUBLE)
        schema.add_field("single", DataType.FLOAT)
        schema.add_field("word", DataType.VARCHAR, max_length=30)
        schema.add_field("flag", DataType.BOOL)
        if not self.plain:
            schema.add_field("maybe", DataType.INT64, nullable=True)
        schema.add_field("tags", DataType.ARRAY, element_type=DataType.INT64, max_capacity=8)
        schema.add_field("deep", DataType.JSON)
        indexes = client.prepare_index_params()
        indexes.add_index("vector", index_type="FLAT", metric_type=self.metric)
        if self.sparse:
            schema.add_field("words", DataType.SPARSE_FLOAT_VECTOR)
            indexes.add_index("words", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
        client.create_collection(COLLECTION, schema=schema, index_params=indexes, consistency_level="Strong")

    # Records.

    def vector(self, row: int) -> list[float]:
        found: list[float] = np.random.default_rng(row).standard_normal(6).astype(np.float32).tolist()
        return found

    def row(self, row: int, *, vector: int | None = None) -> dict[str, Any]:
        """A record with everything that Milvus Lite holds."""
        made: dict[str, Any] = {
            "key": self.key(row),
            "vector": self.vector(row if vector is None else vector),
            "n": row,
            "small": row - 12,
            "half": row / 2 + 0.25,
            "single": float(np.float32(row / 3)),
            "word": GENRES[row % 3],
            "flag": row % 2 == 0,
            "maybe": None if row % 4 == 0 else row,
            "tags": [row % 5, row % 3, 9][: 1 + row % 3],
            "deep": {
                "a": {"b": row, "ü.x": 1.5},
                "kind": "odd" if row % 2 else "even",
                "list": [row % 6, "x", None],
            },
            "colour": row % 5,
            "note": f"note {row}: “naïve” 🦊",
            "big": 2**62 + row,
        }
        if row % 6 == 0 and not self.plain:
            made["rare"] = [1, {"two": None}]
            made["deep"]["rare"] = row
        if self.plain:
            del made["maybe"]
            made["deep"]["list"] = [row % 6, "x"]
        if self.sparse:
            made["words"] = {1 + row % 4: 0.5 + row, 7: 0.25}
        return made

    def target(self, seed: int = 77) -> list[float]:
        return self.vector(seed)

    # The life.

    def seed(self) -> list[Call]:
        """The collection as every part of the life finds it."""
        others = f"key not in {self.keys!r}"
        return [
            Call("clear", lambda c: bool(c.delete(COLLECTION, ids=self.keys))),
            Call(
                "insert",
                lambda c: c.insert(COLLECTION, [self.row(row) for row in range(ROWS)])["insert_count"],
            ),
            Call("delete the others", lambda c: isinstance(c.delete(COLLECTION, filter=others), dict | list)),
        ]

    def reads(self) -> list[Call]:
        """All ways to look."""
        own = self._own() if self.at_home else ()
        return [
            *self._records(),
            *self._filters(),
            *self._searches(),
            *own,
            *self._collections(),
            *self._wrong(),
        ]

    def _records(self) -> Iterator[Call]:
        some = [self.key(3), self.key(1), self.key(ROWS + 5), self.key(8)]
        yield Call("get", lambda c: c.get(COLLECTION, some))
        yield Call("get fields", lambda c: c.get(COLLECTION, some, output_fields=["n", "colour", "rare"]))
        yield Call("get vectors", lambda c: c.get(COLLECTION, some, output_fields=["vector"]))
        yield Call("count", lambda c: c.query(COLLECTION, "", output_fields=["count(*)"]))
        yield Call("everything", self.look)
        for size in (5, 24, 100):
            yield Call(f"iterate by {size}", lambda c, size=size: _drained(self.iterator(c, size)))
        yield Call("iterate some", lambda c: _drained(self.iterator(c, 4, filter='word == "drama"')))
        if not self.plain:  # a server counts what it has sealed
            yield Call("statistics", lambda c: c.get_collection_stats(COLLECTION)["row_count"])

    def iterator(self, client: MilvusClient, size: int, filter: str = "") -> Any:
        return client.query_iterator(COLLECTION, batch_size=size, filter=filter, output_fields=["*"])

    def look(self, client: MilvusClient) -> list[Any]:
        """Everything that can be read."""
        return [dict(row) for row in _drained(self.iterator(client, 100))]

    def _filters(self) -> Iterator[Call]:
        for name, where in FILTERS.items():
            if self.plain and name in NEW:
                continue
            yield Call(
                f"count where {name}",
                lambda c, where=where: c.query(COLLECTION, where, output_fields=["count(*)"]),
            )
            if self.brief or not where:
                continue
            yield Call(
                f"query where {name}",
                lambda c, where=where: _sorted(c.query(COLLECTION, where, output_fields=["n", "note"])),
            )
            yield Call(
                f"search where {name}",
                lambda c, where=where: _hits(
                    c.search(
                        COLLECTION,
                        [self.target()],
                        filter=where,
                        limit=30,
                        anns_field="vector",
                        output_fields=["n"],
                    )
                ),
            )

    def _searches(self) -> Iterator[Call]:
        radius = {"COSINE": (0.1, 0.9), "IP": (0.2, 4.0), "L2": (14.0, 2.0)}[self.metric]
        ranged = {"params": {"radius": radius[0], "range_filter": radius[1]}}
        ways: dict[str, dict[str, Any]] = {
            "nearest": {"limit": 5, "output_fields": ["n"]},
            "all": {"limit": 100, "output_fields": ["*"]},
            "offset": {"limit": 4, "search_params": {"offset": 3}, "output_fields": ["key"]},
            "fields": {"limit": 3, "output_fields": ["word", "deep", "colour"]},
            "metric": {"limit": 3, "search_params": {"metric_type": self.metric}, "output_fields": ["n"]},
            "inside": {
                "limit": 100,
                "search_params": {"params": {"radius": radius[0]}},
                "output_fields": ["n"],
            },
            "between": {"limit": 100, "search_params": ranged, "output_fields": ["n"]},
            "rounded": {"limit": 5, "round_decimal": 2, "output_fields": ["n"]},
        }
        for name, words in ways.items():
            yield Call(
                f"search {name}",
                lambda c, words=words: _hits(
                    c.search(COLLECTION, [self.target()], anns_field="vector", **words)
                ),
            )
        several = [self.target(1), self.target(2), self.target(3)]
        yield Call(
            "search several",
            lambda c: [
                _hits([hits])
                for hits in c.search(COLLECTION, several, anns_field="vector", limit=3, output_fields=["n"])
            ],
        )
        yield Call("search, iterating", self._iterated)
        yield from self._hybrid()
        for limit, size in ((2, 1), (3, 2), (9, 30)):
            yield Call(
                f"search by {limit} groups of {size}",
                lambda c, limit=limit, size=size: _hits(
                    c.search(
                        COLLECTION,
                        [self.target()],
                        anns_field="vector",
                        group_by_field="word",
                        group_size=size,
                        limit=limit,
                        output_fields=["n"],
                    )
                ),
            )
        if self.sparse:
            yield Call(
                "search sparse",
                lambda c: _hits(
                    c.search(
                        COLLECTION, [{2: 1.0, 9: 3.0}], anns_field="words", limit=50, output_fields=["n"]
                    )
                ),
            )

    def _hybrid(self) -> Iterator[Call]:
        parts = [
            AnnSearchRequest([self.target(1)], "vector", {}, 6),
            AnnSearchRequest([self.target(2)], "vector", {"metric_type": self.metric}, 9, expr="n > 3"),
        ]
        if self.sparse:
            parts.append(AnnSearchRequest([{2: 1.0, 9: 3.0}], "words", {}, 5))
        weights = [0.7, 0.2, 0.4][: len(parts)]
        ways: dict[str, dict[str, Any]] = {
            "ranks": {"ranker": RRFRanker()},
            "ranks, k": {"ranker": RRFRanker(3), "limit": 4, "offset": 2},
            "weighted": {"ranker": WeightedRanker(*weights), "limit": 30},
            "weighted as they are": {"ranker": WeightedRanker(*weights, norm_score=False), "limit": 30},
        }
        for name, words in ways.items():
            asked = {"limit": 8, "output_fields": ["n", "word"], **words}
            yield Call(
                f"search hybrid, {name}",
                lambda c, asked=asked: _hits(c.hybrid_search(COLLECTION, parts, **asked)),
            )

    def _iterated(self, client: MilvusClient) -> list[Any]:
        iterator = client.search_iterator(
            COLLECTION,
            [self.target()],
            batch_size=7,
            anns_field="vector",
            search_params={"metric_type": self.metric},
            output_fields=["n"],
        )
        return _hits([_drained(iterator)])

    def _collections(self) -> Iterator[Call]:
        yield Call("list", lambda c: COLLECTION in c.list_collections())
        yield Call("has", lambda c: [c.has_collection(COLLECTION), c.has_collection("nothing")])
        yield Call("describe", _described)
        yield Call("partitions", lambda c: c.list_partitions(COLLECTION))
        yield Call("partition", lambda c: [c.has_partition(COLLECTION, one) for one in ("_default", "x")])
        if not self.plain:  # a server of 2.3 tells of rows that are pending
            yield Call("indexes", lambda c: sorted(c.list_indexes(COLLECTION)))
            yield Call("index", lambda c: {**c.describe_index(COLLECTION, "vector"), "index_name": ""})
        yield Call("load state", lambda c: str(c.get_load_state(COLLECTION)["state"]))
        yield Call("load", lambda c: c.load_collection(COLLECTION))
        yield Call("aliases", lambda c: list(c.list_aliases(COLLECTION)["aliases"]))
        yield Call("flush", lambda c: c.flush(COLLECTION))

    def _wrong(self) -> Iterator[Call]:
        """What is no call; read, and refused."""
        target = self.target()
        yield Call("wrong: query nothing", lambda c: c.query("nothing", "n > 1"))
        yield Call("wrong: search nothing", lambda c: c.search("nothing", [target]))
        yield Call("wrong: describe nothing", lambda c: c.describe_collection("nothing"))
        yield Call("wrong: query size", lambda c: c.search(COLLECTION, [[1.0, 2.0]], anns_field="vector"))
        yield Call("wrong: vector name", lambda c: c.search(COLLECTION, [target], anns_field="nowhere"))
        yield Call("wrong: expression", lambda c: c.query(COLLECTION, "n >"))
        yield Call("wrong: types", lambda c: c.query(COLLECTION, 'n == "three"'))

    def writes(self) -> list[Call]:
        """All ways to change, each looked at."""
        calls = []
        for call in self._changes():
            calls += [call, Call(f"after {call.name}", self.look)]
        return calls

    def _changes(self) -> Iterator[Call]:
        def put(name: str, rows: list[dict[str, Any]], **words: Any) -> Call:
            return Call(name, lambda c: c.upsert(COLLECTION, rows, **words)["upsert_count"])

        yield put("upsert a new one", [self.row(30)])
        yield put("upsert old ones", [self.row(row, vector=50 + row) for row in (2, 6, 7)])
        partly = {"key": self.key(4), "word": "changed", "colour": 77}
        if not self.plain:
            yield put("upsert a part", [partly], partial_update=True)
        yield Call("insert more", lambda c: c.insert(COLLECTION, [self.row(31), self.row(32)])["ids"])
        yield Call("delete by key", lambda c: bool(c.delete(COLLECTION, ids=[self.key(5), self.key(9)])))
        yield Call("delete nothing", lambda c: c.delete(COLLECTION, ids=[self.key(500)]) is not None)
        yield Call("delete where", lambda c: bool(c.delete(COLLECTION, filter='word == "comedy" and n < 12')))
        yield Call("delete where deep", lambda c: bool(c.delete(COLLECTION, filter='deep["a"]["b"] == 12')))
        yield Call("wrong: too long", lambda c: c.upsert(COLLECTION, [{**self.row(1), "word": "x" * 31}]))
        yield Call("wrong: size", lambda c: c.upsert(COLLECTION, [{**self.row(1), "vector": [1.0]}]))
        yield Call("delete most", lambda c: bool(c.delete(COLLECTION, filter="n >= 0")))

    def _own(self) -> Iterator[Call]:
        """What only Milvus can answer."""
        one = self.target()
        yield Call("beyond: arithmetic", lambda c: _sorted(c.query(COLLECTION, "n + 1 + 1 == 3")))
        yield Call("beyond: two fields", lambda c: _sorted(c.query(COLLECTION, "n > small")))
        yield Call(
            "beyond: ranked by time",
            lambda c: _hits(
                c.search(
                    COLLECTION, [one], anns_field="vector", ranker=_later(), limit=3, output_fields=["n"]
                )
            ),
        )

    def beyond(self) -> list[Call]:
        """What is refused after a cutover."""
        return [
            *(() if self.at_home else self._own()),
            Call("beyond: drop", lambda c: c.drop_collection(COLLECTION)),
            Call("beyond: partition", lambda c: c.create_partition(COLLECTION, "p")),
            Call("beyond: alias", lambda c: c.create_alias(COLLECTION, "other")),
            Call("beyond: rename", lambda c: c.rename_collection(COLLECTION, "other")),
        ]


def _later() -> Function:
    """A ranking by the values of a field."""
    return Function(
        name="later",
        function_type=FunctionType.RERANK,
        input_field_names=["n"],
        params={"reranker": "decay", "function": "gauss", "origin": 9, "scale": 3},
    )


def _drained(iterator: Any) -> list[Any]:
    found: list[Any] = []
    while page := list(iterator.next()):
        found += page
    iterator.close()
    return found


def _sorted(rows: Any) -> list[Any]:
    """Milvus Lite gives rows in the order of its segments."""
    return sorted((dict(row) for row in rows), key=lambda row: str(row["key"]))


def _hits(answer: Any) -> list[Any]:
    """The one ranking of an answer."""
    [hits] = answer
    return [{"id": hit.id, "score": hit["distance"], "entity": dict(hit["entity"])} for hit in hits]


def _described(client: MilvusClient) -> dict[str, Any]:
    told = {key: value for key, value in client.describe_collection(COLLECTION).items() if key not in OURS}
    fields = [{key: value for key, value in one.items() if key != "field_id"} for one in told["fields"]]
    return {**told, "fields": fields}
