"""Declared column types to model types and back: the only place that knows how a type is spelt in `.schema`.

SQLite takes any words as a type and keeps them, so the type is where everything about a column is written down, for
people and for us: `FLOAT[768] COSINE`, `SPARSE FLOAT[30000] DOT`, `MULTI FLOAT[96]`, `DECIMAL TEXT`,
`ARRAY INTEGER`, `JSON DYNAMIC`. Tables that we make are therefore not STRICT, which would allow six words only.
The surprise is affinity: a type without a word such as TEXT makes SQLite turn text that looks like a number into
one, so the types of exact text (decimals, JSON) have TEXT in them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

import apsw

from vectormigrate.model.collection import Element, Field, FieldType, IdKind, Metric, VectorField, VectorKind

from .errors import STORE

DYNAMIC = "JSON DYNAMIC"
"""The type of the column that holds undeclared keys."""

_ELEMENTS = {
    "FLOAT": Element.FLOAT32,
    "FLOAT32": Element.FLOAT32,
    "F32": Element.FLOAT32,
    "F32_BLOB": Element.FLOAT32,
    "VECTOR": Element.FLOAT32,
    "FLOAT16": Element.FLOAT16,
    "F16": Element.FLOAT16,
    "INT8": Element.INT8,
    "I8": Element.INT8,
    "UINT8": Element.UINT8,
    "U8": Element.UINT8,
    "BIT": Element.BINARY,
}
_WORDS = {
    Element.FLOAT32: "FLOAT",
    Element.FLOAT16: "FLOAT16",
    Element.INT8: "INT8",
    Element.UINT8: "UINT8",
    Element.BINARY: "BIT",
}
_METRICS = "|".join(metric.upper() for metric in Metric)
_BRACKETS = re.compile(
    rf"(?:(SPARSE|MULTI) )?(FLOAT|FLOAT32|F32|FLOAT16|F16|INT8|I8|UINT8|U8|BIT|VECTOR) ?\[ ?(\d*) ?\](?: ({_METRICS}))?"
)
# FLOAT(24) and BIT(8) are ordinary SQL, so round brackets count with these words only.
_ROUND = re.compile(rf"()(VECTOR|F32_BLOB|FLOAT32) ?\( ?(\d+) ?\)(?: ({_METRICS}))?")

_FIELD_WORDS: dict[FieldType, str] = {
    FieldType.BOOL: "BOOLEAN",
    FieldType.INT: "INTEGER",
    FieldType.FLOAT: "REAL",
    FieldType.TEXT: "TEXT",
    # Not BLOB: what we declare must never be taken for a vector by its looks.
    FieldType.BYTES: "BYTES",
    FieldType.DECIMAL: "DECIMAL TEXT",
    FieldType.DATETIME: "TIMESTAMPTZ",
    FieldType.DATETIME_NAIVE: "TIMESTAMP",
    FieldType.DATE: "DATE",
    FieldType.TIME: "TIME",
    FieldType.UUID: "UUID",
    FieldType.JSON: "JSON TEXT",
    FieldType.ARRAY: "ARRAY",
    FieldType.ANY: "",
}
_PLAIN = re.compile(r"[A-Za-z]\w*(\([0-9, ]+\))?", re.ASCII)
"""Declared types that can be said again without a thought for grammar."""
_KEY_WORDS = {IdKind.INT: "INTEGER", IdKind.TEXT: "TEXT", IdKind.UUID: "UUID"}
_KNOWN: dict[str, FieldType] = {
    "BOOLEAN": FieldType.BOOL,
    "BOOL": FieldType.BOOL,
    "BYTES": FieldType.BYTES,
    "BYTEA": FieldType.BYTES,
    "VARBINARY": FieldType.BYTES,
    "BINARY": FieldType.BYTES,
    "DECIMAL": FieldType.DECIMAL,
    "NUMERIC": FieldType.DECIMAL,
    "TIMESTAMPTZ": FieldType.DATETIME,
    "DATETIMETZ": FieldType.DATETIME,
    "TIMESTAMP": FieldType.DATETIME_NAIVE,
    "DATETIME": FieldType.DATETIME_NAIVE,
    "DATE": FieldType.DATE,
    "TIME": FieldType.TIME,
    "UUID": FieldType.UUID,
    "GUID": FieldType.UUID,
    "JSON": FieldType.JSON,
    "JSONB": FieldType.JSON,
    "ARRAY": FieldType.ARRAY,
    "ANY": FieldType.ANY,
}
"""By the first word. What is not here goes by SQLite's own rules of affinity."""


@dataclass(frozen=True, slots=True)
class VectorType:
    """What a column's type says about the vector in it."""

    kind: VectorKind
    element: Element
    dim: int | None
    metric: Metric | None


def vector_type(declared: str) -> VectorType | None:
    """The vector that a declared type names, or None when it names none."""
    text = _normal(declared)
    found = _BRACKETS.fullmatch(text) or _ROUND.fullmatch(text)
    if found is None:
        return None
    kind, element, dim, metric = found.groups()
    return VectorType(
        VectorKind(kind.lower()) if kind else VectorKind.DENSE,
        _ELEMENTS[element],
        int(dim) if dim else None,
        Metric(metric.lower()) if metric else None,
    )


def is_dynamic(declared: str) -> bool:
    """Whether the column of this type holds undeclared keys."""
    return _normal(declared) == DYNAMIC


def may_hold_any_blob(declared: str) -> bool:
    """Whether the type leaves open what a BLOB in the column is."""
    return _normal(declared) in ("", "BLOB")


def field_type(declared: str) -> tuple[FieldType, FieldType | None]:
    """The type of a payload column, and the element type of an array."""
    text = _normal(declared)
    first, _, rest = text.partition(" ")
    word = re.split(r"[(\[]", first)[0]
    known = _KNOWN.get(word)
    if known is FieldType.ARRAY:
        return known, field_type(rest)[0] if rest else FieldType.ANY
    if known is FieldType.DATETIME_NAIVE and "WITH TIME ZONE" in text:
        return FieldType.DATETIME, None
    return (known or _by_affinity(text)), None


def key_kind(declared: str) -> IdKind | None:
    """The kind of key that a declared type names; None when only the values can tell."""
    if _normal(declared) in ("UUID", "GUID"):
        return IdKind.UUID
    return {FieldType.INT: IdKind.INT, FieldType.TEXT: IdKind.TEXT}.get(field_type(declared)[0])


def declare_vector(field: VectorField) -> str:
    """The declared type of a vector column."""
    kind = "" if field.kind is VectorKind.DENSE else f"{field.kind.upper()} "
    metric = f" {field.metric.upper()}" if field.metric else ""
    return f"{kind}{_WORDS[field.element]}[{field.dim or ''}]{metric}"


def own_type(declared: str, kind: FieldType) -> str:
    """A declared type for `Field.declared`, if it says by itself of which type the column is; else empty."""
    plain = _PLAIN.fullmatch(declared) and declared.upper() not in apsw.keywords
    guessed = may_hold_any_blob(declared) or kind is FieldType.DATETIME_NAIVE
    told = plain and not guessed and field_type(declared) == (kind, None)
    return f"{STORE}:{declared}" if told else ""


def declare_field(field: Field) -> str:
    """The declared type of a payload column."""
    own = field.own_type(STORE)
    if own and own_type(own, field.type):  # anybody may have written it
        return own
    word = _FIELD_WORDS[field.type]
    if field.type is FieldType.ARRAY and field.element is not None:
        return f"{word} {_FIELD_WORDS[field.element] or 'ANY'}"
    return word


def declare_key(kind: IdKind) -> str:
    """The declared type of a key column, or of one part of a compound key."""
    return _KEY_WORDS[kind]


def _normal(declared: str) -> str:
    return " ".join(declared.upper().split())


def _by_affinity(text: str) -> FieldType:
    if "INT" in text:
        return FieldType.INT
    if any(word in text for word in ("CHAR", "CLOB", "TEXT")):
        return FieldType.TEXT
    if "BLOB" in text:
        return FieldType.BYTES
    if any(word in text for word in ("REAL", "FLOA", "DOUB")):
        return FieldType.FLOAT
    # An unknown word (or none): SQLite keeps each value's own type, all but text that looks like a number.
    return FieldType.ANY
