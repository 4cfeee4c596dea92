"""Ids of objects, which are UUIDs: of a class, of one tenant of it, or beside the tenant in the key of a class as a whole.

Ids of other kinds are `stores.surrogate`'s matter.
"""

from __future__ import annotations

from uuid import UUID

from vectormigrate.model.record import RecordId

FIRST = UUID(int=0)
"""The one id that a cursor cannot stand before."""


def uuid_of(record_id: RecordId) -> UUID | None:
    """The object's id in a key; None where there is none, so that no object has it."""
    last = record_id[-1] if isinstance(record_id, tuple) and record_id else record_id
    return last if isinstance(last, UUID) else None


def read_uuid(text: str) -> UUID:
    """A UUID as a request may spell it. Raises ValueError for anything that Weaviate would refuse."""
    return UUID(text)
