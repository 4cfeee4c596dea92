"""Which ids standing page intents may hold: a mirror of the rows, for the replays to ask.

A superset is enough (page-intents.md 5d). Keys are compared in the source's order where that is one of the three that
can be compared here; where only the store knows its order, every id counts as covered while any page stands.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import IdField, IdKind, KeyOrder
from vectormigrate.model.record import RecordId


class Covers:
    """The covers of one migration's standing intents, by their nonce or number."""

    def __init__(self, key: IdField, key_of: Callable[[str], RecordId], on_close: Callable[[], None]) -> None:
        """`key` is the source's, `key_of` reads a cursor; `on_close` is called when a cover is gone or smaller."""
        self._of = key
        self._key_of = key_of
        self._on_close = on_close
        self._spans: dict[str | int, tuple[Any, Any]] = {}

    def open(self, name: str | int, lower: str | None, upper: str | None) -> None:
        """It stands from now on; called before its row is committed."""
        self._spans[name] = (self._key(lower), self._key(upper))

    def rename(self, nonce: str, number: int) -> None:
        """Its row is committed under this number."""
        self._spans[number] = self._spans.pop(nonce)

    def shrink(self, number: int, lower: str) -> None:
        """Everything up to this key is acknowledged."""
        if number in self._spans:
            self._spans[number] = (self._key(lower), self._spans[number][1])
            self._on_close()

    def narrow(self, number: int, upper: str) -> None:
        """It holds nothing beyond this key."""
        if number in self._spans:
            self._spans[number] = (self._spans[number][0], self._key(upper))
            self._on_close()

    def close(self, name: str | int) -> None:
        """It stands no more."""
        if self._spans.pop(name, None) is not None:
            self._on_close()

    def clear(self) -> None:
        """None stands."""
        self._spans.clear()
        self._on_close()

    def holds(self, record_id: RecordId) -> bool:
        """Whether a page may be writing this id."""
        if not self._spans:
            return False
        key = _sortable(self._of, record_id)
        if key is None:
            return True
        return any(
            (lower is None or key > lower) and (upper is None or key <= upper)
            for lower, upper in self._spans.values()
        )

    def __len__(self) -> int:
        return len(self._spans)

    def _key(self, cursor: str | None) -> Any:
        return None if cursor is None else _sortable(self._of, self._key_of(cursor))


def _sortable(key: IdField, record_id: RecordId) -> Any:
    """What sorts as the source does; None when that is not known here, which widens a cover to everything."""
    if key.kind is IdKind.MIXED:  # Qdrant's: numbers by value, then UUIDs
        return (1, record_id.bytes) if isinstance(record_id, UUID) else (0, record_id)
    match key.order, record_id:
        case (KeyOrder.NUMERIC, int()):
            return record_id
        case (KeyOrder.BYTES, str()):
            return record_id.encode(errors="surrogatepass")
        case (KeyOrder.UUID, UUID()):
            return record_id.bytes
        case _:
            return None
