"""Which field of one kind of store becomes what in another: what the planner says, for a schema that was only described.

An older interface promised this answer for two names of stores and perhaps a schema; its form is kept. A confidence is that
of the name where nothing but the name is known, and of the mapping where a type is: 1.0 exact, 0.9 converted, 0.0 refused.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any

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
from .errors import MappingRefused, UsageError
from .identity import STAYING
from .plan import UNDECLARED, Fate, FieldPlan, MappingPlan, VectorPlan
from .planning import make_plan

WELL_KNOWN = {"id": 1.0, "title": 0.95, "url": 0.95, "content": 0.9}
"""Names whose meaning is known, and how well."""
_BY_NAME = 0.7
_CONFIDENCE = {Fate.EXACT: 1.0, Fate.CONVERTED: 0.9, Fate.REFUSED: 0.0, Fate.DROPPED: 0.0}
_WORDS: dict[str, FieldType] = {
    **{kind.value: kind for kind in FieldType},
    **dict.fromkeys(("string", "str", "varchar", "keyword", "char", "character varying"), FieldType.TEXT),
    **dict.fromkeys(
        ("integer", "int8", "int16", "int32", "int64", "smallint", "bigint", "long", "serial", "bigserial"),
        FieldType.INT,
    ),
    **dict.fromkeys(("number", "double", "double precision", "float32", "float64", "real"), FieldType.FLOAT),
    "boolean": FieldType.BOOL,
    **dict.fromkeys(("object", "jsonb", "geo", "geocoordinates", "phonenumber", "map"), FieldType.JSON),
    **dict.fromkeys(("timestamp", "timestamp without time zone"), FieldType.DATETIME_NAIVE),
    **dict.fromkeys(("timestamptz", "timestamp with time zone"), FieldType.DATETIME),
    "numeric": FieldType.DECIMAL,
    **dict.fromkeys(("blob", "bytea"), FieldType.BYTES),
    "list": FieldType.ARRAY,
}
"""Types by their names in any of the stores, in lower case."""
_ID_KINDS = {
    FieldType.INT: IdKind.INT,
    FieldType.TEXT: IdKind.TEXT,
    FieldType.UUID: IdKind.UUID,
}
_VECTORS: dict[str, tuple[VectorKind, Element]] = {
    **dict.fromkeys(("vector", "float_vector"), (VectorKind.DENSE, Element.FLOAT32)),
    **dict.fromkeys(("halfvec", "float16_vector"), (VectorKind.DENSE, Element.FLOAT16)),
    "int8_vector": (VectorKind.DENSE, Element.INT8),
    **dict.fromkeys(("bit", "binary_vector"), (VectorKind.DENSE, Element.BINARY)),
    **dict.fromkeys(
        ("sparsevec", "sparse_vector", "sparse_float_vector"), (VectorKind.SPARSE, Element.FLOAT32)
    ),
}
_LONGEST = 200
"""Characters of a type."""
_TYPE = re.compile(r"([a-z][a-z0-9_ ]*?)\s*(?:\(\s*(\d+)(?:\s*,\s*\d+)?\s*\))?\s*((?:\[\d*\])*)")
"""A word, perhaps with a length or a precision, perhaps as an array: `varchar(200)`, `numeric(10, 2)`, `text[]`."""


@dataclass(frozen=True, slots=True)
class FieldMapping:
    """One line of a recommendation."""

    source_field: str
    target_field: str
    confidence: float
    conversion_needed: bool
    notes: str


@dataclass(frozen=True, slots=True)
class Recommendation:
    """The answer, in the older interface's form."""

    source_type: str
    target_type: str
    field_mappings: tuple[FieldMapping, ...]
    overall_confidence: float
    """The mean of the fields', two digits."""
    warnings: tuple[str, ...]


def recommend(source: Capabilities, target: Capabilities, schema: Any = None) -> Recommendation:
    """Map a schema from one kind of store to another. Raises UsageError for a schema that is none.

    `schema` is an object of names to types, or a list of names or of objects with `name` and `type`, or an object with
    such a list under `fields`; None asks about the four names that are known well. A type is a word of `FieldType` or a
    store's own (`varchar(200)`, `numeric(10,2)`, `text[]`, `halfvec(768)`), and null says that only the name is known.
    """
    return propose(source, target, schema)[1]


def propose(
    source: Capabilities, target: Capabilities, schema: Any = None
) -> tuple[MappingPlan, Recommendation]:
    """The plan behind `recommend` with it."""
    named = _named(WELL_KNOWN if schema is None else schema, schema is None)
    fields = {name: kind for name, kind in named.items() if isinstance(kind, Field | None)}
    vectors = tuple(kind for kind in named.values() if isinstance(kind, VectorField))
    key = IdField("id", _id_kind(fields.pop("id", None), source))
    shape = CollectionShape(
        "recommended",
        key,
        vectors,
        tuple(kind or Field(name, FieldType.TEXT) for name, kind in fields.items()),
        dynamic=source.dynamic and not source.field_types,
    )
    try:
        plan = make_plan(shape, target, "recommended")
    except MappingRefused as error:
        plan = make_plan(replace(shape, id=IdField("id", next(iter(target.id_kinds)))), target, "recommended")
        return plan, _answer(source, target, plan, named, [error.message])
    return plan, _answer(source, target, plan, named, [])


def judge(source: Capabilities, target: Capabilities, plan: MappingPlan, key: str) -> Recommendation:
    """What is to be said of the plan of a collection that was looked at, whose key is called so."""
    mappings = [_id_mapping(plan, key, known=True), *(_mapping(one, known=True) for one in plan.parts)]
    return _told(source, target, plan, mappings, [])


def _named(schema: Any, bare: bool) -> dict[str, Field | VectorField | None]:
    if isinstance(schema, Mapping) and isinstance(schema.get("fields"), list | Mapping):
        schema = schema["fields"]
    if isinstance(schema, Mapping):
        return {str(name): None if bare else _kind(str(name), word) for name, word in schema.items()}
    if not isinstance(schema, list):
        raise UsageError("source_schema must be an object of names to types, or a list of fields")
    found: dict[str, Field | VectorField | None] = {}
    for item in schema:
        if isinstance(item, str):
            found[item] = None
        elif isinstance(item, Mapping) and isinstance(item.get("name"), str):
            found[item["name"]] = _kind(item["name"], item.get("type"))
        else:
            raise UsageError(f"source_schema: {item!r} is no field: give its name, or name and type")
    return found


def _kind(name: str, word: Any) -> Field | VectorField | None:
    if isinstance(word, Mapping):
        word = word.get("type")
    if word is None:
        return None
    # Spaces beside each other would be tried in every division, which takes minutes for some thousand of them.
    plain = " ".join(str(word).lower().split())
    said = _TYPE.fullmatch(plain) if len(plain) <= _LONGEST else None
    if said is not None and said[1] in _VECTORS and not said[3]:
        kind, element = _VECTORS[said[1]]
        return VectorField(
            name,
            kind=kind,
            dim=int(said[2]) if said[2] and kind is VectorKind.DENSE else None,
            element=element,
            metric=_metric(kind, element),
        )
    if said is None or said[1] not in _WORDS:
        raise UsageError(
            f"source_schema: the type {str(word)[:80]!r} of {name[:80]!r} is not known",
            hint=f"one of: {', '.join(sorted(_WORDS))}, with [] for a list of them; {', '.join(sorted(_VECTORS))} with (N)",
        )
    type_ = _WORDS[said[1]]
    return Field(name, FieldType.ARRAY, element=type_) if said[3] else Field(name, type_)


def _metric(kind: VectorKind, element: Element) -> Metric:
    """The metric that such vectors usually have; only a name of a type is known here."""
    if kind is VectorKind.SPARSE:
        return Metric.DOT
    return Metric.HAMMING if element is Element.BINARY else Metric.COSINE


def _id_kind(kind: Field | None, source: Capabilities) -> IdKind:
    wanted = _ID_KINDS.get(kind.type) if kind is not None else None
    if wanted in source.id_kinds and wanted is not None:
        return wanted
    return IdKind.TEXT if IdKind.TEXT in source.id_kinds else min(source.id_kinds)


def _answer(
    source: Capabilities,
    target: Capabilities,
    plan: MappingPlan,
    named: Mapping[str, Field | VectorField | None],
    warnings: list[str],
) -> Recommendation:
    plans = {one.source: one for one in plan.parts}
    mappings = [
        _id_mapping(plan, "id", known=named["id"] is not None)
        if name == "id"
        else _mapping(plans[name], known=kind is not None)
        for name, kind in named.items()
    ]
    return _told(source, target, plan, mappings, warnings)


def _told(
    source: Capabilities,
    target: Capabilities,
    plan: MappingPlan,
    mappings: list[FieldMapping],
    warnings: list[str],
) -> Recommendation:
    mean = sum(one.confidence for one in mappings) / len(mappings) if mappings else 0.0
    told = (*warnings, *_warnings(plan), *_limits(target))
    return Recommendation(source.kind, target.kind, tuple(mappings), round(mean, 2), told)


def _id_mapping(plan: MappingPlan, key: str, *, known: bool) -> FieldMapping:
    converted = plan.id_rule not in STAYING
    confidence = (0.9 if converted else 1.0) if known else WELL_KNOWN["id"]
    return FieldMapping(
        key, plan.target.id.name, confidence, converted, plan.id_rule.value if converted else ""
    )


def _mapping(plan: FieldPlan | VectorPlan, *, known: bool) -> FieldMapping:
    confidence = _CONFIDENCE[plan.fate] if known else WELL_KNOWN.get(plan.source, _BY_NAME)
    return FieldMapping(plan.source, plan.target, confidence, plan.fate is not Fate.EXACT, plan.reason)


def _warnings(plan: MappingPlan) -> Iterable[str]:
    if plan.id_rule not in STAYING:
        yield f"ids are converted: {plan.id_rule}"
    for source, loss in plan.lost():
        name = "keys that nobody declared" if source == UNDECLARED else f"{source!r}"
        yield f"{name}: {loss.reason}"
    for vector in plan.vectors:
        if vector.kept and vector.normalised:
            yield f"{vector.source!r}: {vector.reason}"
    for vector in plan.spelled:
        yield f"{vector.source!r}: {vector.reason}"


def _limits(target: Capabilities) -> Iterable[str]:
    if target.max_payload_bytes is not None:
        yield f"{target.kind} holds at most {target.max_payload_bytes:,} bytes of payload a record"
    if target.max_id_bytes is not None:
        yield f"{target.kind} holds ids of at most {target.max_id_bytes:,} bytes"
    if not target.sparse:
        yield f"{target.kind} has no sparse vectors"
