"""One writer at a time for each record: what a facade needs to change a part of one.

A store replaces records whole, and some writes of a vendor change a part of one: read, change, write back. Between
reading and writing nobody else may write the same record; writers of different records do not wait for each other.
"""

from __future__ import annotations

from asyncio import Event
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager

from vectormigrate.model.record import RecordId


class Turns:
    """Who is writing which records, in this process."""

    def __init__(self) -> None:
        self._writing: dict[tuple[str, RecordId], Event] = {}

    @asynccontextmanager
    async def hold(self, collection: str, ids: Iterable[RecordId]) -> AsyncIterator[None]:
        """Wait until nobody writes any of these records, and keep others from them inside the block."""
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
