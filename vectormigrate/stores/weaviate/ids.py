"""Keys of any kind as object ids: a UUID is one already, and every other key is hashed to one and kept beside it.

The hash is version 5 under a namespace of our own, so it needs no table: whoever knows the key knows the object. What
stood in the object is compared on reading, so that two keys of one hash, however unlikely, would be told. In a class
with tenants a key is the pair of tenant and UUID.
"""

from __future__ import annotations

from uuid import UUID, uuid5

from vectormigrate.model.record import RecordId, id_text, parse_id

_NAMESPACE = UUID("5f0b3c53-9d5c-5d3c-8f0e-3c1d3b8a7a11")
"""Never to be changed: every object made under another one would be lost sight of."""
FIRST = UUID(int=0)
"""The one id that a cursor cannot stand before."""


def to_uuid(record_id: RecordId) -> UUID:
    """The object's id of a key, tenants aside."""
    return record_id if isinstance(record_id, UUID) else uuid5(_NAMESPACE, id_text(record_id))


def original(record_id: RecordId) -> str | None:
    """What is kept beside the object's id; None where that id says it all."""
    return None if isinstance(record_id, UUID) else id_text(record_id)


def from_object(object_id: UUID, kept: str | None) -> RecordId:
    """The key of an object. Raises ValueError when what it keeps is not the key that its id was made from."""
    if kept is None:
        return object_id
    record_id = parse_id(kept)
    if to_uuid(record_id) != object_id:
        raise ValueError(f"object {object_id} keeps the key of another: {kept[:200]}")
    return record_id


def read_uuid(text: str) -> UUID:
    """A UUID as a request may spell it. Raises ValueError for anything that Weaviate would refuse."""
    return UUID(text)
