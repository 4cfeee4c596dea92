"""The shape of a collection: its key, its vectors, its declared fields, its indexes. Immutable, comparable values.

What a store *could* hold is `capabilities.py`; how one shape becomes another is `mapping.py`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any


class IdKind(StrEnum):
    """What the key of a collection is."""

    INT = "int"
    """Signed 64 bit unless the shape says otherwise."""
    TEXT = "text"
    UUID = "uuid"
    COMPOUND = "compound"
    MIXED = "mixed"
    """Unsigned 64 bit integers and UUIDs, side by side."""


class KeyOrder(StrEnum):
    """In which order a scan returns keys. Two scans of the same order can be compared by merging them."""

    NUMERIC = "numeric"
    """Integers by value."""
    BYTES = "bytes"
    """Text by its UTF-8 bytes, which is also the order of code points."""
    UUID = "uuid"
    """UUIDs by their sixteen bytes, which is also the order of their lower-case text."""
    OTHER = "other"
    """Anything else: a collation, a hash. Ordered and stable, but only the store knows how."""


class VectorKind(StrEnum):
    """How a vector is stored."""

    DENSE = "dense"
    SPARSE = "sparse"
    MULTI = "multi"


class Element(StrEnum):
    """The element type of a vector."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    INT8 = "int8"
    UINT8 = "uint8"
    """Whole numbers from 0 to 255."""
    BINARY = "binary"
    """One bit an element, packed; a (n, dim / 8) uint8 array in a batch."""

    @property
    def dtype(self) -> str:
        """The numpy dtype of a column of this element."""
        return "uint8" if self is Element.BINARY else self.value


class Metric(StrEnum):
    """How two vectors are compared. Scores: cosine and dot are similarities (higher is nearer); euclid is the true
    distance (not squared), manhattan, hamming and jaccard are distances (lower is nearer).
    """

    COSINE = "cosine"
    DOT = "dot"
    EUCLID = "euclid"
    MANHATTAN = "manhattan"
    HAMMING = "hamming"
    JACCARD = "jaccard"

    @property
    def higher_is_nearer(self) -> bool:
        return self in (Metric.COSINE, Metric.DOT)


class FieldType(StrEnum):
    """The type of a declared payload field."""

    BOOL = "bool"
    INT = "int"
    """Signed 64 bit."""
    FLOAT = "float"
    """IEEE double."""
    TEXT = "text"
    BYTES = "bytes"
    DECIMAL = "decimal"
    DATETIME = "datetime"
    """With a time zone; compared as an instant, microseconds."""
    DATETIME_NAIVE = "datetime_naive"
    """Without a time zone, as written."""
    DATE = "date"
    TIME = "time"
    UUID = "uuid"
    JSON = "json"
    """Any value: objects, lists, numbers, text, true, false, null."""
    ARRAY = "array"
    """A list of one element type, given in `Field.element`."""
    ANY = "any"
    """No type was declared: each value says what it is (SQLite)."""


@dataclass(frozen=True, slots=True)
class IdField:
    """The key: the name of its column and what it holds. `parts` are set for a compound key only."""

    name: str
    kind: IdKind
    order: KeyOrder = KeyOrder.OTHER
    max_length: int | None = None
    """Most UTF-8 bytes of a text key; None when there is no limit."""
    parts: tuple[IdField, ...] = ()


@dataclass(frozen=True, slots=True)
class VectorIndex:
    """An approximate index: `kind` is "hnsw", "ivfflat", "flat" or the vendor's own word; `params` by the common
    names `m`, `ef_construction`, `lists`, or the vendor's.
    """

    kind: str
    params: dict[str, int | float | str | bool] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class VectorField:
    """One named vector of each record."""

    name: str
    kind: VectorKind = VectorKind.DENSE
    element: Element = Element.FLOAT32
    dim: int | None = None
    """Elements of a dense vector or of one token of a multi-vector; for sparse the upper bound of indices, if any."""
    metric: Metric | None = None
    """None when nothing declares one (a plain BLOB column)."""
    nullable: bool = True
    index: VectorIndex | None = None
    quantised: str = field(default="", compare=False)
    """The kind of store that searches it by fewer bits than it holds, a colon, and its own word for how ("qdrant:scalar");
    empty where it does not.
    """

    @property
    def row_width(self) -> int | None:
        """Values in one row of a column of this field (bits are packed); None when it declares no dimension."""
        if self.dim is None:
            return None
        return (self.dim + 7) // 8 if self.element is Element.BINARY else self.dim


@dataclass(frozen=True, slots=True)
class Field:
    """One declared payload field."""

    name: str
    type: FieldType
    nullable: bool = True
    element: FieldType | None = None
    """Element type of an ARRAY."""
    max_length: int | None = None
    """Most UTF-8 bytes of a text, or most elements of an array."""
    indexed: bool = False
    declared: str = field(default="", compare=False)
    """The kind of store that declares it, a colon, and the type in that store's own words, where a like store can take them
    and they are not what it would say anyway.
    """

    def own_type(self, kind: str) -> str:
        """The type in the words of a kind of store; empty where it has said none."""
        said, _, words = self.declared.partition(":")
        return words if said == kind else ""


COMPUTED = "computed"
"""In a store's part of a shape's `native`: vectors that it makes of a text and tells nobody, each with that text."""


@dataclass(frozen=True, slots=True)
class CollectionShape:
    """Everything needed to make a like collection elsewhere."""

    name: str
    id: IdField
    vectors: tuple[VectorField, ...] = ()
    fields: tuple[Field, ...] = ()
    dynamic: bool = False
    """Whether records may hold keys that are not declared."""
    partitions: tuple[str, ...] = ()
    """Names of partitions, namespaces or tenants; empty when the collection has none."""
    native: dict[str, Any] = field(default_factory=dict, hash=False)
    """What only a store of the same kind understands (quantisation, replicas, ...), by kind, as plain JSON values:
    carried whole into a like store, left alone by every other.
    """

    def altered(self, now: CollectionShape) -> list[str]:
        """What there is `now` that this shape, which somebody planned with, does not know: a line each. Where records may
        hold any key, no field is strange.
        """
        dims = {one.name: one.dim for one in self.vectors}
        strange = [f"vector {one.name!r}" for one in now.vectors if one.name not in dims]
        strange += [
            f"{one.dim} dimensions of {one.name!r}, not {dims[one.name]}"
            for one in now.vectors
            if None not in (one.dim, dims.get(one.name)) and one.dim != dims[one.name]
        ]
        known = {one.name for one in self.fields}
        return strange + [
            f"field {one.name!r}" for one in now.fields if not self.dynamic and one.name not in known
        ]

    def vector(self, name: str) -> VectorField:
        """The vector field of that name; KeyError when there is none."""
        for candidate in self.vectors:
            if candidate.name == name:
                return candidate
        raise KeyError(name)

    def field_named(self, name: str) -> Field | None:
        """The payload field of that name, or None."""
        return next((candidate for candidate in self.fields if candidate.name == name), None)
