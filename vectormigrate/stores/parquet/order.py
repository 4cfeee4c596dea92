"""The order of keys: integers by value, texts by code point, UUIDs by their bytes, compound keys part by part, and in a mixed
key integers before UUIDs.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Sequence
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import IdKind
from vectormigrate.model.record import RecordId


class Order:
    """The order of one kind of key. Only ids of that kind are given to it."""

    def __init__(self, kind: IdKind) -> None:
        self.key: Callable[[RecordId], Any] | None = _mixed if kind is IdKind.MIXED else None
        """What ids sort by; None for their own order, which is Python's."""

    def of(self, record_id: RecordId) -> Any:
        """What an id sorts by."""
        return record_id if self.key is None else self.key(record_id)

    def behind(self, ids: Sequence[RecordId], bound: RecordId | None) -> int:
        """The position of the first of sorted ids that is behind a bound, which None is before all."""
        return 0 if bound is None else bisect_right(ids, self.of(bound), key=self.key)

    def at(self, ids: Sequence[RecordId], wanted: RecordId) -> int:
        """The position of the first of sorted ids that is not before this one."""
        return bisect_left(ids, self.of(wanted), key=self.key)

    def is_behind(self, record_id: RecordId, bound: RecordId | None) -> bool:
        """Whether an id is behind a bound, which None is behind all."""
        return bound is not None and bool(self.of(record_id) > self.of(bound))


def _mixed(record_id: RecordId) -> tuple[bool, RecordId]:
    return isinstance(record_id, UUID), record_id
