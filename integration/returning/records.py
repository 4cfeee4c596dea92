"""What travels: 3,000 WordNet synsets with the metadata and embeddings that the package ships, and 7,000 pieces of them.

A piece is one word of a synset's gloss and what is behind it: real text, under the synset's metadata. Its vector is the mean of
the embeddings of its synset and of the synset that stands so many places behind it in the dataset, as if the two were
one text; so it is real, not of length one, and uses all bits of float32. Everything follows from the dataset: there is no
chance in it.

Each store gets the records in kinds of its own, as several collections, so that ids of every kind and several metrics
are among them; 10,000 records a store all in all.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta, timezone
from functools import cache
from typing import Any
from uuid import UUID, uuid5
from zlib import crc32

import numpy as np

from integration.matrix.kinds import KEY, MARK, VECTOR, Table
from vectormigrate.cli.demo import dataset
from vectormigrate.model.batch import DenseColumn
from vectormigrate.model.collection import (
    CollectionShape,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.record import Payload, Record, RecordId, SparseVector

TOTAL = int(os.environ.get("VECTORMIGRATE_RETURNING_RECORDS", "10000"))
"""Of each store."""
SPARSE = "terms"
_SPACE = UUID("3c5d3a70-61f0-4a3e-9d52-0f3c7b6f0b11")
_INDIA = timezone(timedelta(hours=5, minutes=30))
_EDGES = {0: 2**63 - 1, 1: -(2**63), 2: 2**53 + 1, 3: 0}
"""Of 64-bit integers: the fingerprints of the first of each tenth."""


@dataclass(frozen=True, slots=True)
class Item:
    """One record before a store gives it a form."""

    number: int
    name: str
    payload: Payload
    """The dataset's own fields, with their types."""
    vector: Any


@cache
def items() -> tuple[Item, ...]:
    """All of them, in an order that mixes synsets and pieces."""
    batch = dataset.load()
    column = batch.vectors[dataset.VECTOR]
    assert isinstance(column, DenseColumn)
    made: list[Item] = []
    for place in range(TOTAL):
        turn, row = divmod(place, len(batch))
        payload = dict(batch.payload[row])
        if turn:
            words = payload["gloss"].split()
            payload["gloss"] = " ".join(words[turn % len(words) :])
            payload["text"] = f"{payload['lemma']}: {payload['gloss']}"
        behind = column.values[(row + turn) % len(batch)]
        vector = column.values[row] if not turn else (column.values[row] + behind) / np.float32(2)
        payload["fingerprint"] = _EDGES.get(place % (TOTAL // 10), payload["fingerprint"])
        made.append(Item(place, f"{batch.ids[row]}/{turn}", payload, vector))
    return tuple(made)


_FIELDS = (
    Field(MARK, FieldType.TEXT, max_length=200),
    *(
        Field(name, kind, element=element, max_length=length)
        for name, kind, element, length in (
            ("text", FieldType.TEXT, None, 4000),
            ("lemma", FieldType.TEXT, None, 400),
            ("lemmas", FieldType.ARRAY, FieldType.TEXT, 100),
            ("gloss", FieldType.TEXT, None, 4000),
            ("example", FieldType.TEXT, None, 4000),
            ("sense", FieldType.INT, None, None),
            ("fingerprint", FieldType.INT, None, None),
            ("word_length", FieldType.FLOAT, None, None),
            ("proper", FieldType.BOOL, None, None),
            ("relations", FieldType.JSON, None, None),
            ("emoji", FieldType.TEXT, None, 100),
            ("names", FieldType.JSON, None, None),
            ("per_million", FieldType.DECIMAL, None, None),
            ("modified", FieldType.DATETIME, None, None),
            ("local", FieldType.DATETIME_NAIVE, None, None),
            ("edition", FieldType.DATE, None, None),
            ("hour", FieldType.TIME, None, None),
            ("checksum", FieldType.BYTES, None, None),
            ("owner", FieldType.UUID, None, None),
        )
    ),
)


def _full(item: Item) -> Payload:
    """With a value for every field; a null is one."""
    held = {key: item.payload.get(key) for key in (field.name for field in _FIELDS)}
    minute = timedelta(minutes=item.number)
    moment = datetime(2021, 8, 15, 8, 26, 18, item.number, UTC) + minute
    return {
        **held,
        MARK: item.name,
        "modified": moment.astimezone(_INDIA) if item.number % 2 else moment,
        "local": (moment - timedelta(days=365 * 60)).replace(tzinfo=None),
        "edition": date(1900, 1, 1) + timedelta(days=item.number),
        "hour": time(item.number % 24, item.number % 60, 59, 999_999 - item.number),
        "owner": uuid5(_SPACE, item.name),
    }


def _short_doubles(payload: Payload) -> Payload:
    """With doubles of few digits, which survive any reader."""
    return {key: round(value, 6) if type(value) is float else value for key, value in payload.items()}


def _only(*kinds: FieldType) -> Callable[[Payload], Payload]:
    names = {field.name for field in _FIELDS if field.type in kinds}
    return lambda payload: {key: value for key, value in payload.items() if key in names}


def _nested(item: Item) -> Payload:
    """As an application without a schema keeps it: JSON, some keys missing, some null."""
    held = _only(FieldType.TEXT, FieldType.INT, FieldType.FLOAT, FieldType.BOOL, FieldType.JSON)(_full(item))
    held |= {"lemmas": item.payload["lemmas"], "mixed": [1, "a", None, 2.5, {"b": []}], "a.b c": "dotted"}
    held["made"] = f"2024-02-29T12:{item.number % 60:02}:00+05:30"
    if item.number % 3 == 0:
        del held["example"]
    return held


def _flat(item: Item) -> Payload:
    """As Pinecone has it: text, doubles, booleans, lists of text."""
    held = _only(FieldType.TEXT, FieldType.FLOAT, FieldType.BOOL)(_full(item))
    held |= {"sense": float(item.payload["sense"]), "lemmas": item.payload["lemmas"]}
    return {key: value for key, value in held.items() if value is not None}


def _propertied(item: Item) -> Payload:
    """As Weaviate has it: no nulls, no lists of nothing, integers that a double holds."""
    kinds = (FieldType.TEXT, FieldType.INT, FieldType.FLOAT, FieldType.BOOL, FieldType.BYTES)
    held = _only(*kinds, FieldType.DATETIME, FieldType.UUID, FieldType.ARRAY)(_full(item))
    held["fingerprint"] //= 2**12
    return {key: value for key, value in held.items() if value is not None}


def _opened(item: Item) -> Payload:
    """As Milvus has it: columns, and keys that nobody declared."""
    kinds = (FieldType.TEXT, FieldType.INT, FieldType.FLOAT, FieldType.BOOL, FieldType.JSON, FieldType.ARRAY)
    held = _only(*kinds)(_full(item))
    return held | ({"o_tags": [item.number, "b"], "o_more": {"c": 0.5}} if item.number % 2 else {})


def _sparse(item: Item) -> SparseVector:
    """The words of the gloss, by a hash of each, weighed by how often they stand there."""
    found: dict[int, int] = {}
    for word in item.payload["gloss"].split():
        index = crc32(word.encode()) % 1_000_000
        found[index] = found.get(index, 0) + 1
    indices = sorted(found) or [0]
    weights = [found.get(index, 1) / 3 for index in indices]
    return SparseVector(np.array(indices, np.int64), np.array(weights, np.float32))


# Ids.


def _text(item: Item) -> RecordId:
    return f"{item.name} \u2013 ü{item.number}"


def _ascii(item: Item) -> RecordId:
    return f"{item.name}#{item.number}"


def _int(item: Item) -> RecordId:
    edges = {TOTAL // 2: -(2**63), TOTAL // 2 + 1: 2**63 - 1}
    return edges.get(item.number, item.number * 1_000_003 * (1 - item.number % 2 * 2))


def _uuid(item: Item) -> RecordId:
    return uuid5(_SPACE, item.name)


def _mixed(item: Item) -> RecordId:
    return 2**64 - 1 - item.number if item.number % 2 else uuid5(_SPACE, item.name)


# Collections.


def _shape(
    key: IdKind, metric: Metric, fields: tuple[Field, ...], *, dynamic: bool, sparse: bool
) -> CollectionShape:
    vectors = [VectorField(VECTOR, dim=dataset.DIM, metric=metric)]
    if sparse:
        vectors.append(VectorField(SPARSE, VectorKind.SPARSE, metric=Metric.DOT))
    return CollectionShape("real", IdField(KEY, key), tuple(vectors), fields, dynamic)


def _table(
    name: str,
    some: range,
    ids: tuple[IdKind, Callable[[Item], RecordId]],
    metric: Metric,
    payload: Callable[[Item], Payload],
    fields: tuple[Field, ...] = (),
    *,
    dynamic: bool = False,
    sparse: bool = False,
    short: bool = True,
) -> Table:
    kind, identify = ids
    chosen = [items()[number] for number in some]
    rows = {
        item.name: (
            Record(
                identify(item),
                {VECTOR: item.vector},
                {SPARSE: _sparse(item)} if sparse else {},
                payload=_short_doubles(payload(item)) if short else payload(item),
            ),
        )
        for item in chosen
    }
    return Table("Real", name, _shape(kind, metric, fields, dynamic=dynamic, sparse=sparse), rows)


_TYPES: Mapping[str, Mapping[str, str]] = {
    "pgvector": {
        "lemma": "character varying(400)",
        "sense": "smallint",
        "per_million": "numeric(14,6)",
        "names": "json",
        "edition": "date",
    },
    "sqlite": {
        "lemma": "VARCHAR(400)",
        "sense": "SMALLINT",
        "per_million": "DECIMAL(14,6)",
        "proper": "BOOL",
    },
}
"""Of columns of the second collection, as users have them."""


_TEXT, _INT, _UUID = (IdKind.TEXT, _text), (IdKind.INT, _int), (IdKind.UUID, _uuid)
_FIRST, _SECOND = range(TOTAL // 2), range(TOTAL // 2, TOTAL)


def _columns() -> Iterator[Table]:
    third = TOTAL * 3 // 10
    yield _table("texts-cosine", range(TOTAL - 2 * third), _TEXT, Metric.COSINE, _full, _FIELDS, short=False)
    yield _table("integers-dot", range(TOTAL - 2 * third, TOTAL - third), _INT, Metric.DOT, _full, _FIELDS)
    yield _table("uuids-euclid", range(TOTAL - third, TOTAL), _UUID, Metric.EUCLID, _full, _FIELDS)


def _of(*kinds: FieldType) -> tuple[Field, ...]:
    return tuple(field for field in _FIELDS if field.type in kinds)


def _milvus() -> Iterator[Table]:
    fields = _of(
        FieldType.TEXT, FieldType.INT, FieldType.FLOAT, FieldType.BOOL, FieldType.JSON, FieldType.ARRAY
    )
    yield _table("texts-cosine", _FIRST, _TEXT, Metric.COSINE, _opened, fields, dynamic=True, short=False)
    yield _table("integers-dot", _SECOND, _INT, Metric.DOT, _opened, fields, dynamic=True)


def _pinecone() -> Iterator[Table]:
    ids = (IdKind.TEXT, _ascii)
    yield _table("texts-cosine", _FIRST, ids, Metric.COSINE, _flat, dynamic=True, short=False)
    yield _table("hybrid-dot", _SECOND, ids, Metric.DOT, _flat, dynamic=True, sparse=True)


def _qdrant() -> Iterator[Table]:
    ids = (IdKind.MIXED, _mixed)
    yield _table("mixed-cosine", _FIRST, ids, Metric.COSINE, _nested, dynamic=True)
    yield _table("hybrid-dot", _SECOND, ids, Metric.DOT, _nested, dynamic=True, sparse=True)


def _weaviate() -> Iterator[Table]:
    fields = tuple(
        replace(field, nullable=True)
        for field in _of(
            FieldType.TEXT,
            FieldType.INT,
            FieldType.FLOAT,
            FieldType.BOOL,
            FieldType.BYTES,
            FieldType.DATETIME,
            FieldType.UUID,
            FieldType.ARRAY,
        )
    )
    yield _table("uuids-cosine", _FIRST, _UUID, Metric.COSINE, _propertied, fields, short=False)
    yield _table("uuids-dot", _SECOND, _UUID, Metric.DOT, _propertied, fields)


def whole(kind: str) -> Table:
    """All 10,000 as one collection of Qdrant's or Pinecone's."""
    if kind == "qdrant":
        return _table("whole", range(TOTAL), (IdKind.MIXED, _mixed), Metric.DOT, _nested, dynamic=True)
    assert kind == "pinecone"
    return _table("whole", range(TOTAL), (IdKind.TEXT, _ascii), Metric.COSINE, _flat, dynamic=True)


_BY_KIND: Mapping[str, Callable[[], Iterator[Table]]] = {
    "memory": _columns,
    "milvus": _milvus,
    "pgvector": _columns,
    "pinecone": _pinecone,
    "qdrant": _qdrant,
    "sqlite": _columns,
    "weaviate": _weaviate,
}


@cache
def tables(kind: str) -> tuple[Table, ...]:
    """The collections of a store of that kind: 10,000 records together."""
    made = tuple(_BY_KIND[kind]())
    return tuple(
        replace(one, types=_TYPES.get(kind, {}) if place == 1 else {}) for place, one in enumerate(made)
    )
