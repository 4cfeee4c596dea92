"""The kinds of value, as collections of records: one record a kind, so that each is planned, refused and read by itself.

Vocabulary is the model's (shapes, records); no rule of a translation is. Every record carries its name under `mark`, by
which readers find it whatever became of its id.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, time, timedelta, timezone
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorKind,
)
from vectormigrate.model.record import Array, Record, RecordId, SparseVector

MARK = "mark"
KEY, VECTOR = "key", "v"
DIM = 8
_UUID = UUID("0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff")
_INDIA = timezone(timedelta(hours=5, minutes=30))
_ONES = np.ones(DIM, np.float32)
UNIT = np.full(DIM, 8**-0.5, np.float32)


@dataclass(frozen=True, slots=True)
class Table:
    """A collection of kinds that travel together."""

    group: str
    name: str
    shape: CollectionShape
    rows: Mapping[str, tuple[Record, ...]]
    """By kind; more than one record where only several make the kind."""
    types: Mapping[str, str] = field(default_factory=dict)
    """Of columns, in the words of the store, where they are not the usual ones."""

    @property
    def records(self) -> list[Record]:
        return [record for records in self.rows.values() for record in records]

    def only(self, kinds: Iterable[str]) -> Table:
        """With these kinds alone, and the fields and vectors that they need."""
        wanted = set(kinds)
        rows = {kind: records for kind, records in self.rows.items() if kind in wanted}
        held = [record for records in rows.values() for record in records]
        names = {name for record in held for name in record.payload}
        vectors = {name for record in held for name in (*record.dense, *record.sparse, *record.multi)}
        places = {record.partition for record in held}
        shape = replace(
            self.shape,
            fields=tuple(field for field in self.shape.fields if field.name in names),
            vectors=tuple(vector for vector in self.shape.vectors if vector.name in vectors),
            partitions=tuple(place for place in self.shape.partitions if place in places),
        )
        return replace(self, shape=shape, rows=rows)


def mark(kind: str, number: int = 0) -> str:
    """What a record of a kind is known by."""
    return f"{kind} {number}" if number else kind


_PLAIN = VectorField(VECTOR, dim=DIM, metric=Metric.EUCLID)
_SHAPE = CollectionShape(
    "kinds", IdField(KEY, IdKind.TEXT), (_PLAIN,), (Field(MARK, FieldType.TEXT, max_length=200),)
)


def _record(record_id: RecordId, **more: Any) -> Record:
    return Record(record_id, **{"dense": {VECTOR: _ONES}, **more})


def _table(
    group: str, name: str, shape: CollectionShape, rows: Mapping[str, Record | tuple[Record, ...]]
) -> Table:
    marked = {}
    for kind, given in rows.items():
        records = given if isinstance(given, tuple) else (given,)
        marked[kind] = tuple(
            replace(record, payload={MARK: mark(kind, number), **record.payload})
            for number, record in enumerate(records)
        )
    return Table(group, name, shape, marked)


# Ids.


def _ids(name: str, key: IdField, ids: Mapping[str, RecordId | list[RecordId]]) -> Table:
    rows = {
        kind: tuple(map(_record, given if isinstance(given, list) else [given]))
        for kind, given in ids.items()
    }
    return _table("Ids", name, replace(_SHAPE, id=key), rows)


_PARTS = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT))
IDS = (
    _ids(
        "integers",
        IdField(KEY, IdKind.INT),
        {
            "integer": 5,
            "zero": 0,
            "2^53 + 1": 2**53 + 1,
            "2^63 - 1": 2**63 - 1,
            "negative": -5,
            "-2^63": -(2**63),
        },
    ),
    _ids("mixed", IdField(KEY, IdKind.MIXED), {"2^64 - 1": 2**64 - 1, "beside a UUID": [7, _UUID]}),
    _ids(
        "texts",
        IdField(KEY, IdKind.TEXT),
        {
            "text": "doc-1",
            "text that spells a number": "007",
            "text that spells a UUID": str(_UUID),
            "the same in capitals": str(_UUID).upper(),
            "text, differing by case": ["Case", "case"],
            "text with spaces and signs": " a b/c?d=e&f#g%20'\"\\,;:|$*~",
            "text with a line break": "a\nb",
            "text beyond ASCII": "dök-\u5b57-\U0001f600",
            "text of 512 bytes": "x" * 512,
            "text of 1,000 bytes": "x" * 1000,
            "empty text": "",
        },
    ),
    _ids("uuids", IdField(KEY, IdKind.UUID), {"UUID": _UUID, "the greatest UUID": UUID(int=2**128 - 1)}),
    _ids(
        "compound",
        IdField(KEY, IdKind.COMPOUND, parts=_PARTS),
        {"several columns": ("a", 1), "several, with signs": ('é "\\,:/', -(2**63))},
    ),
)

# Vectors.


def _vectors(name: str, field: VectorField, rows: Mapping[str, Any]) -> Table:
    held = {VectorKind.DENSE: "dense", VectorKind.SPARSE: "sparse", VectorKind.MULTI: "multi"}[field.kind]
    records = {
        kind: _record(
            f"{name} {row}",
            **{"dense": {}, held: {} if given is None else {field.name: given}},
        )
        for row, (kind, given) in enumerate(rows.items())
    }
    return _table("Vectors", name, replace(_SHAPE, vectors=(field,)), records)


def _dense(*values: float, element: Element = Element.FLOAT32) -> Array:
    return np.array([*values, *[1] * (DIM - len(values))], dtype=element.dtype)


_TOKENS = np.stack([UNIT, np.eye(DIM, dtype=np.float32)[1]])
VECTORS = (
    _vectors(
        "euclid",
        _PLAIN,
        {
            "float32": _dense(0.1, -1 / 3, 1e-7),
            "zeros": np.zeros(DIM, np.float32),
            "negative zero": _dense(-0.0, 0.0),
            "denormal": _dense(1e-40, -1.4e-45),
            "greatest and least": _dense(3.4028235e38, 1.17549435e-38, -3.4028235e38),
            "none at all": None,
        },
    ),
    _vectors(
        "cosine",
        replace(_PLAIN, metric=Metric.COSINE),
        {"under cosine, of length one": UNIT, "under cosine, of another": _dense(0.1, -3.5, 7)},
    ),
    _vectors("dot", replace(_PLAIN, metric=Metric.DOT), {"under dot, of any length": _dense(0.1, -3.5, 7)}),
    _vectors("manhattan", replace(_PLAIN, metric=Metric.MANHATTAN), {"under manhattan": _dense(0.1, -3.5)}),
    *(
        _vectors(name, replace(_PLAIN, element=element), {name: _dense(*values, element=element)})
        for name, element, values in (
            ("float16", Element.FLOAT16, (0.1, -65504, 6e-8)),
            ("int8", Element.INT8, (-128, 127, 0)),
            ("uint8", Element.UINT8, (255, 0, 3)),
        )
    ),
    _vectors(
        "binary",
        VectorField(VECTOR, element=Element.BINARY, dim=16, metric=Metric.HAMMING),
        {"binary": np.array([0b10110000, 1], np.uint8)},
    ),
    _vectors(
        "sparse",
        VectorField(VECTOR, VectorKind.SPARSE, metric=Metric.DOT),
        {
            "sparse": SparseVector(np.array([0, 7, 30_000]), np.array([0.1, 2, 1e-7], np.float32)),
            "sparse, negative weight": SparseVector(np.array([3, 9]), np.array([-0.5, 2], np.float32)),
            "sparse, index 2^31 + 5": SparseVector(np.array([2**31 + 5]), np.array([1.5], np.float32)),
        },
    ),
    _vectors(
        "multi",
        replace(_PLAIN, kind=VectorKind.MULTI, metric=Metric.COSINE),
        {"multi-vector": _TOKENS, "multi-vector, other lengths": _TOKENS * np.float32(3.7)},
    ),
    _vectors(
        "wide",
        replace(_PLAIN, dim=3000),
        {"3,000 dimensions": np.linspace(-1, 1, 3000, dtype=np.float32)},
    ),
    _table(
        "Vectors",
        "named",
        replace(
            _SHAPE, vectors=(replace(_PLAIN, name="words"), VectorField("image", dim=4, metric=Metric.EUCLID))
        ),
        {
            "two, with names": _record(
                "two", dense={"words": _ONES, "image": np.arange(1, 5, dtype=np.float32)}
            )
        },
    ),
    _table(
        "Vectors",
        "hybrid",
        replace(
            _SHAPE,
            vectors=(
                replace(_PLAIN, metric=Metric.DOT),
                VectorField("terms", VectorKind.SPARSE, metric=Metric.DOT),
            ),
        ),
        {
            "dense and sparse": _record(
                "both", sparse={"terms": SparseVector(np.array([2, 5]), np.array([1, 0.25], np.float32))}
            )
        },
    ),
)

# Declared fields.

_DECLARED: tuple[tuple[str, Field, Any], ...] = tuple(
    (name, Field(column, kind, element=element, max_length=length), value)
    for name, column, kind, element, length, value in (
        ("true", "f_bool", FieldType.BOOL, None, None, True),
        ("integer", "f_int", FieldType.INT, None, None, 7),
        ("2^63 - 1", "f_most", FieldType.INT, None, None, 2**63 - 1),
        ("-2^63", "f_least", FieldType.INT, None, None, -(2**63)),
        ("double", "f_float", FieldType.FLOAT, None, None, 0.1 + 0.2),
        ("decimal", "f_decimal", FieldType.DECIMAL, None, None, Decimal("12345678901234567890.1200")),
        ("text", "f_text", FieldType.TEXT, None, 400, "z\u0308 \u5b57 \U0001f600"),
        ("empty text", "f_empty", FieldType.TEXT, None, 400, ""),
        ("bytes", "f_bytes", FieldType.BYTES, None, None, b"\0\xff\x80"),
        (
            "date and time with zone",
            "f_moment",
            FieldType.DATETIME,
            None,
            None,
            datetime(2024, 2, 29, 12, 30, 0, 123456, _INDIA),
        ),
        (
            "date and time without",
            "f_naive",
            FieldType.DATETIME_NAIVE,
            None,
            None,
            datetime(1969, 12, 31, 23, 59, 59, 999999),  # noqa: DTZ001 naive is meant
        ),
        ("date", "f_date", FieldType.DATE, None, None, date(2024, 2, 29)),
        ("time", "f_time", FieldType.TIME, None, None, time(23, 59, 59, 999999)),
        ("UUID", "f_uuid", FieldType.UUID, None, None, _UUID),
        ("JSON", "f_json", FieldType.JSON, None, None, {"a": [1, None, {"b": 0.5}], "c": {}}),
        ("list of text", "f_texts", FieldType.ARRAY, FieldType.TEXT, 10, ["a", "", "ü"]),
        ("list of integers", "f_ints", FieldType.ARRAY, FieldType.INT, 10, [1, -(2**40)]),
        ("empty list", "f_none", FieldType.ARRAY, FieldType.TEXT, 10, []),
        ("null", "f_null", FieldType.TEXT, None, 400, None),
    )
)
DECLARED = _table(
    "Declared fields",
    "declared",
    replace(_SHAPE, fields=(*_SHAPE.fields, *(field for _, field, _ in _DECLARED))),
    {
        name: _record(f"declared {row}", payload={field.name: value})
        for row, (name, field, value) in enumerate(_DECLARED)
    },
)

# Keys that nobody declared, and JSON.

_OPEN: Mapping[str, Mapping[str, Any]] = {
    "true": {"o_true": True},
    "integer": {"o_int": 7},
    "2^53 + 1": {"o_big": 2**53 + 1},
    "2^63 - 1": {"o_most": 2**63 - 1},
    "-2^63": {"o_least": -(2**63)},
    "double": {"o_float": 0.25},
    "whole double": {"o_whole": 7.0},
    "text": {"o_text": "doc"},
    "text beyond ASCII": {"o_unicode": "z\u0308 \u5b57 \U0001f600 \u200f\u05d0 \u202e"},
    "text of 40 KB": {"o_long": "0123456789abcdef" * 2560},
    "text that looks like a date": {"o_date": "2024-02-29T12:30:00+05:30"},
    "empty text": {"o_empty": ""},
    "null": {"o_null": None},
    "missing": {},
    "empty list": {"o_nothing": []},
    "list of text": {"o_texts": ["a", "", "ü"]},
    "list of numbers": {"o_numbers": [1.5, -2.25]},
    "mixed list": {"o_mixed": [1, "a", None, True, {"b": []}]},
    "empty object": {"o_object": {}},
    "nested": {"o_nested": {"a": {"b": [1, {"c": None}]}, "x.y z": "é"}},
    "geo point": {"o_place": {"lon": 13.25, "lat": 52.5}},
    "key with a dot": {"a.b": "c"},
    "key with a space": {"a b": "c"},
    "key beyond ASCII": {"schlüssel \u5b57": "c"},
    "key that begins with $": {"$odd": "c"},
    "key called like the key's column": {"id": "c"},
}
OPEN = _table(
    "Keys that nobody declared, and JSON",
    "open",
    replace(_SHAPE, dynamic=True),
    {name: _record(f"open {row}", payload=dict(held)) for row, (name, held) in enumerate(_OPEN.items())},
)

# Places.


def _places() -> Iterator[tuple[str, tuple[Record, ...]]]:
    for number, (kind, place) in enumerate(
        (
            ("partition, namespace, tenant", "tenant_a"),
            ("its name with a hyphen and capitals", "Ten-Ant"),
            ("its name with spaces and signs", "ten ant/ä%'"),
            ("its name with spaces and signs of ASCII", "a.b/c d'e\""),
            ("its name like a number", "0042"),
            ("its name of 64 letters", "n" * 64),
            ("its name of 200 letters", "n" * 200),
        )
    ):
        yield kind, (_record(f"in {number}", partition=place),)
    yield "the same id in two", tuple(_record("same", partition=place) for place in ("one", "two"))


_IN_PLACES = dict(_places())
PLACES = _table(
    "Places",
    "places",
    replace(
        _SHAPE,
        partitions=tuple(
            dict.fromkeys(one.partition or "" for records in _IN_PLACES.values() for one in records)
        ),
    ),
    _IN_PLACES,
)

TABLES: tuple[Table, ...] = (*IDS, *VECTORS, DECLARED, OPEN, PLACES)
"""Every kind, in the order of the page."""
