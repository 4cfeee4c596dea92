"""A class as its objects need it: which property is of what type, which vectors there are, and what the key is.

Two properties are ours. `_vm_meta` holds as JSON text whatever the others cannot give back exactly: keys that nobody
declared, integers beyond 2**53 (Weaviate stores doubles), empty bytes, lists of several types. `_vm_id` holds an id
that is not a UUID; the object's own is then made from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from vectormigrate.model.collection import FieldType, IdField, IdKind, VectorField

META = "_vm_meta"
ORIGINAL_ID = "_vm_id"
OURS = frozenset({META, ORIGINAL_ID})

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
    """Without ours."""
    vectors: tuple[VectorField, ...]
    key: IdField
    meta: bool
    """Whether there is a `_vm_meta`."""
    dynamic: bool
    multi_tenant: bool = False

    @property
    def renamed_ids(self) -> bool:
        """Whether some ids are no UUIDs, so that the key stands in `_vm_id`."""
        return self.key.kind is not IdKind.UUID and not self.multi_tenant
