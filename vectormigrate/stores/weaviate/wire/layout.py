"""A class as its objects need it: which property is of what type, which vectors there are, and what the key is.

Two properties are ours. `_vm_meta` holds as JSON text whatever the others cannot give back exactly: keys that nobody
declared, integers beyond 2**53 (Weaviate stores doubles), empty bytes, lists of several types. `_vm_id` is the payload
key under which `stores.surrogate` keeps an id that is no UUID: a property, so that applications can look it up.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vectormigrate.model.collection import FieldType, IdField, VectorField
from vectormigrate.model.identity import ORIGINAL

META = "_vm_meta"
OURS = frozenset({META, ORIGINAL})

TYPES: dict[str, FieldType] = {
    "text": FieldType.TEXT,
    "string": FieldType.TEXT,
    "int": FieldType.INT,
    "number": FieldType.FLOAT,
    "boolean": FieldType.BOOL,
    "date": FieldType.DATETIME,
    "uuid": FieldType.UUID,
    "blob": FieldType.BYTES,
    "blobHash": FieldType.TEXT,
    "geoCoordinates": FieldType.JSON,
    "phoneNumber": FieldType.JSON,
    "object": FieldType.JSON,
}
"""What a property of each type holds; the same with `[]` behind it holds a list of those."""
REFERENCE = "cref"
"""Our word for the type of a property whose `dataType` names classes."""


@dataclass(frozen=True, slots=True)
class Property:
    """One declared property."""

    name: str
    type: str
    """Weaviate's word for it, or `REFERENCE`."""
    targets: tuple[str, ...] = ()
    """The classes that a reference may point to."""
    nested: Mapping[str, Property] = field(default_factory=dict, hash=False)
    """What an object is made of."""
    json: bool = False
    """A text that is JSON, of ours."""
    filterable: bool = True
    tokenization: str = "word"
    declared: bool = True
    """Whether it holds all values of its key. Of keys that nobody declared it has those of the first one's type."""

    @property
    def element(self) -> str:
        """The type of one value, or of one element of a list."""
        return self.type.removesuffix("[]")

    @property
    def is_list(self) -> bool:
        return self.type.endswith("[]")

    @property
    def field_type(self) -> FieldType:
        """What the model calls it."""
        if self.json or self.element == "object":
            return FieldType.JSON
        return FieldType.ARRAY if self.is_list or self.type == REFERENCE else TYPES[self.type]

    @property
    def element_type(self) -> FieldType | None:
        """What the model calls the elements of a list."""
        if self.field_type is not FieldType.ARRAY:
            return None
        return FieldType.TEXT if self.type == REFERENCE else TYPES[self.element]


@dataclass(frozen=True, slots=True)
class Layout:
    """One class."""

    name: str
    properties: Mapping[str, Property]
    """Without `_vm_meta`."""
    vectors: tuple[VectorField, ...]
    key: IdField
    meta: bool
    """Whether there is a `_vm_meta`, and so room for anything."""
    multi_tenant: bool = False
