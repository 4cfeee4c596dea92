"""What becomes of each kind of value in each kind of store: the planner's own answers, asked kind by kind.

Nothing is decided here. A kind is a collection of one record; it is planned, translated and admitted by the same functions
as any migration, and the table says what they said. So it cannot say what does not happen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time
from decimal import Decimal
from typing import Any
from uuid import UUID

import numpy as np

from .batch import Batch, Column, DenseColumn, MultiColumn, SparseColumn
from .capabilities import Capabilities
from .collection import (
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
from .errors import VectormigrateError
from .identity import STAYING, IdRule
from .mapping import Translator
from .plan import Fate
from .planning import make_plan
from .record import RecordId

_UUID = UUID("0b0e7a3e-5b1c-4c8e-9c1d-aabbccddeeff")
_DIM = 8


@dataclass(frozen=True, slots=True, eq=False)
class Kind:
    """One kind of value: a collection with one record that has it."""

    group: str
    """"id", "vector", "field" (declared), "value" (of a key that nobody declared) or "place"."""
    name: str
    shape: CollectionShape
    record: Batch


@dataclass(frozen=True, slots=True)
class Verdict:
    """What becomes of one kind in one target."""

    group: str
    kind: str
    fate: Fate
    reason: str
    """How it is converted, or why it is refused, with the target's limit where there is one."""


def _dense(values: Iterable[float], element: Element = Element.FLOAT32) -> DenseColumn:
    return DenseColumn(np.array([list(values)], dtype=element.dtype))


_PLAIN = VectorField("v", dim=_DIM, metric=Metric.EUCLID)
_ONES = [1.0] * _DIM
_SHAPE = CollectionShape("kinds", IdField("key", IdKind.TEXT), (_PLAIN,))


def _id(name: str, kind: IdKind, value: RecordId, **more: Any) -> Kind:
    shape = replace(_SHAPE, id=IdField("key", kind, **more))
    return Kind("id", name, shape, Batch([value], {"v": _dense(_ONES)}, [{}]))


def _vector(name: str, field: VectorField, column: Column) -> Kind:
    return Kind("vector", name, replace(_SHAPE, vectors=(field,)), Batch(["a"], {field.name: column}, [{}]))


def _field(name: str, kind: FieldType, value: Any, element: FieldType | None = None) -> Kind:
    shape = replace(_SHAPE, fields=(Field("f", kind, element=element),))
    return Kind("field", name, shape, Batch(["a"], {"v": _dense(_ONES)}, [{"f": value}]))


def _value(name: str, value: Any, key: str = "f") -> Kind:
    shape = replace(_SHAPE, dynamic=True)
    return Kind("value", name, shape, Batch(["a"], {"v": _dense(_ONES)}, [{key: value}]))


def _place(name: str, partition: str) -> Kind:
    shape = replace(_SHAPE, partitions=(partition,))
    return Kind("place", name, shape, Batch(["a"], {"v": _dense(_ONES)}, [{}], [partition]))


_PARTS = (IdField("a", IdKind.TEXT), IdField("b", IdKind.INT))

KINDS: tuple[Kind, ...] = (
    _id("integer", IdKind.INT, 5),
    _id("negative integer", IdKind.INT, -5),
    _id("unsigned 64-bit integer", IdKind.MIXED, 2**64 - 1),
    _id("text", IdKind.TEXT, "doc-1"),
    _id("text that spells a UUID", IdKind.TEXT, str(_UUID)),
    _id("text beyond ASCII", IdKind.TEXT, "dök-1"),
    _id("text of 1,000 bytes", IdKind.TEXT, "x" * 1000),
    _id("UUID", IdKind.UUID, _UUID),
    _id("several columns", IdKind.COMPOUND, ("a", 1), parts=_PARTS),
    _vector("float32", _PLAIN, _dense(_ONES)),
    _vector("float16", replace(_PLAIN, element=Element.FLOAT16), _dense(_ONES, Element.FLOAT16)),
    _vector("int8", replace(_PLAIN, element=Element.INT8), _dense(_ONES, Element.INT8)),
    _vector("uint8", replace(_PLAIN, element=Element.UINT8), _dense(_ONES, Element.UINT8)),
    _vector(
        "binary",
        VectorField("v", element=Element.BINARY, dim=_DIM, metric=Metric.HAMMING),
        _dense([255], Element.BINARY),
    ),
    _vector(
        "sparse",
        VectorField("v", VectorKind.SPARSE, metric=Metric.DOT),
        SparseColumn(np.array([0, 1]), np.array([7]), np.array([1], np.float32)),
    ),
    _vector(
        "multi-vector",
        replace(_PLAIN, kind=VectorKind.MULTI, metric=Metric.COSINE),
        MultiColumn(np.array([0, 2]), np.ones((2, _DIM), np.float32)),
    ),
    _vector("cosine, not of length one", replace(_PLAIN, metric=Metric.COSINE), _dense(_ONES)),
    _vector("zeros", _PLAIN, _dense([0.0] * _DIM)),
    _vector("denormal", _PLAIN, _dense([1e-40, *_ONES[1:]])),
    _vector("3,000 dimensions", replace(_PLAIN, dim=3000), _dense([1.0] * 3000)),
    _vector("40,000 dimensions", replace(_PLAIN, dim=40_000), _dense([1.0] * 40_000)),
    _vector("manhattan", replace(_PLAIN, metric=Metric.MANHATTAN), _dense(_ONES)),
    _field("bool", FieldType.BOOL, True),
    _field("integer", FieldType.INT, 1),
    _field("2**63 - 1", FieldType.INT, 2**63 - 1),
    _field("double", FieldType.FLOAT, 0.1),
    _field("decimal", FieldType.DECIMAL, Decimal("1.50")),
    _field("text", FieldType.TEXT, "a"),
    _field("bytes", FieldType.BYTES, b"\0\xff"),
    _field("date and time with zone", FieldType.DATETIME, datetime(2024, 2, 29, 12, tzinfo=UTC)),
    _field("date and time without", FieldType.DATETIME_NAIVE, datetime(2024, 2, 29, 12)),  # noqa: DTZ001 naive is meant
    _field("date", FieldType.DATE, date(2024, 2, 29)),
    _field("time", FieldType.TIME, time(12, 30)),
    _field("UUID", FieldType.UUID, _UUID),
    _field("JSON", FieldType.JSON, {"a": [1, None]}),
    _field("list of text", FieldType.ARRAY, ["a"], FieldType.TEXT),
    _field("list of integers", FieldType.ARRAY, [1], FieldType.INT),
    _field("null", FieldType.TEXT, None),
    _value("null", None),
    _value("empty text", ""),
    _value("empty list", []),
    _value("mixed list", [1, "a", None]),
    _value("nested", {"a": {"b": [1]}}),
    _value("geo point", {"lat": 52.5, "lon": 13.4}),
    _value("text beyond ASCII", "z\u0308 \U0001f600"),
    _value("text of 30 KB", "x" * 30_000),
    _value("key with a dot", 1, "a.b"),
    _value("key with a space", 1, "a b"),
    _place("partition", "tenant_a"),
    _place("partition with an odd name", "Ten ant/ä"),
)
"""Every kind that the table tells of."""


def verdicts(target: Capabilities, admitted: Callable[[CollectionShape, Batch], str]) -> list[Verdict]:
    """What becomes of every kind. `admitted` says why a target collection of that shape would refuse a record; empty
    when it would not.
    """
    return [_verdict(kind, target, admitted) for kind in KINDS]


def _verdict(kind: Kind, target: Capabilities, admitted: Callable[[CollectionShape, Batch], str]) -> Verdict:
    try:
        plan = make_plan(kind.shape, target, "kinds")
        plan.check()
    except VectormigrateError as error:
        return Verdict(kind.group, kind.name, Fate.REFUSED, error.message)
    translation = Translator(plan, target)(kind.record)
    if translation.refused:
        return Verdict(kind.group, kind.name, Fate.REFUSED, translation.refused[0][1].message)
    shape = plan.target
    if plan.id_rule is IdRule.SURROGATE:
        shape = replace(shape, id=kind.shape.id)
    reason = admitted(shape, translation.batch)
    if reason:
        return Verdict(kind.group, kind.name, Fate.REFUSED, reason)
    reasons = [part.reason for part in plan.parts if part.reason]
    stays = plan.id_rule in STAYING and translation.batch.ids == kind.record.ids
    if kind.group == "id" and not stays:
        reasons.insert(0, plan.id_rule.value)
    elif kind.group != "vector":
        reasons = [part.reason for part in plan.fields if part.reason]
    return Verdict(kind.group, kind.name, Fate.CONVERTED if reasons else Fate.EXACT, "; ".join(reasons))
