"""What a memory store stands for: collections of records that outlive the stores opened on them.

No coroutine, no copy at the border, no fault is decided here: that is `store.py`. A table keeps the truth, and
beside it the earlier versions of records that stale readers still see.
"""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from itertools import islice
from typing import Any
from uuid import UUID

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Element, FieldType, IdKind, KeyOrder, Metric
from vectormigrate.model.record import Record, RecordId, id_text, parse_id

from .faults import Faults

CAPABILITIES = Capabilities(
    kind="memory",
    id_kinds=frozenset(IdKind),
    key_order=frozenset(KeyOrder),
    elements=frozenset(Element),
    metrics=frozenset(Metric),
    field_types=frozenset(FieldType),
    dynamic=True,
    sparse=True,
    multi=True,
    nullable_vectors=True,
    partitions=True,
    insert_only=True,
    transactional=True,
    multi_process=False,
)

SortKey = Any
"""An int, bytes, or a tuple of those; all of one table are comparable."""


@dataclass(slots=True)
class _Version:
    """What a record was (None: absent) before a write that readers see only at `seen_at`."""

    before: Record | None
    seen_at: float


class Table:
    """The records of one collection, in key order."""

    def __init__(self, shape: CollectionShape) -> None:
        self.shape = shape
        self._rows: dict[RecordId, Record] = {}
        self._versions: dict[RecordId, list[_Version]] = {}
        self._keys: list[tuple[SortKey, RecordId]] = []
        self._stale_keys = False

    def __len__(self) -> int:
        return len(self._rows)

    def latest(self, record_id: RecordId) -> Record | None:
        """The record as it is, whatever readers see."""
        return self._rows.get(record_id)

    def put(self, record_id: RecordId, record: Record | None, now: float, stale_for: float) -> None:
        """Replace a record, or remove it with None."""
        before = self._rows.get(record_id)
        if stale_for > 0:
            unseen = [version for version in self._versions.get(record_id, []) if version.seen_at > now]
            self._versions[record_id] = [*unseen, _Version(before, now + stale_for)]
        if record is None:
            self._rows.pop(record_id, None)
        else:
            self._rows[record_id] = record
        if (before is None) != (record is None):
            self._stale_keys = True

    def reveal(self) -> None:
        """Let every reader see everything."""
        if self._versions:
            self._versions.clear()
            self._stale_keys = True

    def seen(self, record_id: RecordId, now: float) -> Record | None:
        """The record as a reader sees it now."""
        versions = self._versions.get(record_id)
        if versions is not None:
            for version in versions:
                if version.seen_at > now:
                    return version.before
        return self._rows.get(record_id)

    def after(self, lower: str | None, upper: str | None, now: float) -> Iterator[Record]:
        """The records that a reader sees in `(lower, upper]`, in key order."""
        keys = self._sorted()
        start = 0 if lower is None else bisect.bisect_right(keys, self._bound(lower), key=_first)
        stop = len(keys) if upper is None else bisect.bisect_right(keys, self._bound(upper), key=_first)
        for place in range(start, stop):
            record = self.seen(keys[place][1], now)
            if record is not None:
                yield record

    def page(self, lower: str | None, upper: str | None, size: int, now: float) -> list[Record]:
        """The first `size` of those."""
        return list(islice(self.after(lower, upper, now), size))

    def cuts(self, parts: int) -> list[str]:
        """At most `parts - 1` cursors that cut the records into parts of about equal size."""
        keys = self._sorted()
        positions = sorted({len(keys) * part // parts for part in range(1, parts)} - {0})
        return [self.cursor(keys[position - 1][1]) for position in positions]

    @staticmethod
    def cursor(record_id: RecordId) -> str:
        """The cursor behind a record."""
        return id_text(record_id)

    def _bound(self, cursor: str) -> SortKey:
        return self._sort_key(parse_id(cursor))

    def _sorted(self) -> list[tuple[SortKey, RecordId]]:
        if self._stale_keys:
            held = self._rows.keys() | self._versions.keys()
            self._keys = sorted(((self._sort_key(held_id), held_id) for held_id in held), key=_first)
            self._stale_keys = False
        return self._keys

    def _sort_key(self, record_id: RecordId) -> SortKey:
        key = self.shape.id
        if key.order is KeyOrder.OTHER and key.kind not in (IdKind.COMPOUND, IdKind.MIXED):
            return hashlib.blake2b(id_text(record_id).encode(), digest_size=16).digest()
        natural = natural_key(record_id)
        return (isinstance(record_id, UUID), natural) if key.kind is IdKind.MIXED else natural


def natural_key(record_id: RecordId) -> SortKey:
    """By value, by UTF-8 bytes, by the sixteen bytes; compound keys part by part."""
    if isinstance(record_id, str):
        return record_id.encode()
    if isinstance(record_id, UUID):
        return record_id.bytes
    if isinstance(record_id, tuple):
        return tuple(natural_key(part) for part in record_id)
    return record_id


def _first(pair: tuple[SortKey, RecordId]) -> SortKey:
    return pair[0]


@dataclass(slots=True, eq=False)
class LateWrite:
    """A write that nobody knows about yet: a zombie."""

    due: float
    owner: str
    apply: Callable[[], object]


@dataclass(slots=True)
class Database:
    """Collections by name, what they may hold, what goes wrong, and the writes that are still under way."""

    capabilities: Capabilities = CAPABILITIES
    faults: Faults = field(default_factory=Faults)
    tables: dict[str, Table] = field(default_factory=dict)
    late: list[LateWrite] = field(default_factory=list)

    def land(self, until: float | None = None) -> int:
        """Apply the late writes that are due by `until`, all of them by default; says how many."""
        landing = [write for write in self.late if until is None or write.due <= until]
        self.late = [write for write in self.late if write not in landing]
        for write in sorted(landing, key=lambda write: write.due):
            write.apply()
        return len(landing)


_SHARED: dict[str, Database] = {}


def shared(url: str) -> Database:
    """The database of this process under that url, made at the first call."""
    return _SHARED.setdefault(url, Database())


def forget(url: str) -> None:
    """Let the next opening of that url find an empty database."""
    _SHARED.pop(url, None)
