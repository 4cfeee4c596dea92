"""One writer at a time for each point.

A store replaces records whole, and some of Qdrant's writes change a part of one: read, change, write back. Between
reading and writing nobody else may write the same point; writers of different points do not wait for each other.
"""

from __future__ import annotations

from asyncio import Event
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from vectormigrate.model.record import RecordId


class Turns:
    """Who is writing which points."""

    def __init__(self) -> None:
        self._writing: dict[tuple[str, RecordId], Event] = {}

    @asynccontextmanager
    async def hold(self, collection: str, ids: Iterable[RecordId]) -> AsyncIterator[None]:
        """Wait until nobody writes any of these points, and keep others from them inside the block."""
        keys = {(collection, record_id) for record_id in ids}
        while (busy := self._first_busy(keys)) is not None:
            await busy.wait()
        done = Event()
        self._writing.update(dict.fromkeys(keys, done))  # nothing was awaited since the last look
        try:
            yield
        finally:
            for key in keys:
                del self._writing[key]
            done.set()

    def _first_busy(self, keys: set[tuple[str, RecordId]]) -> Event | None:
        return next((self._writing[key] for key in keys if key in self._writing), None)
