"""Turns: writes to one record wait for each other while this process is the one that makes them.

A neutral store replaces whole records or sets payload keys. New values for a record are therefore read, changed and
written back, and a delete by filter is looked for and then done by ids; a write that came between would be lost.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterable
from contextlib import AsyncExitStack, asynccontextmanager

_STRIPES = 64


class Turns:
    """Locks of ids, striped so that memory is bounded; taken in one order, so that nobody waits in a circle."""

    def __init__(self) -> None:
        self._locks = [asyncio.Lock() for _ in range(_STRIPES)]

    @asynccontextmanager
    async def of(self, collection: str, ids: Iterable[str]) -> AsyncIterator[None]:
        """The turn of these records."""
        stripes = sorted({hash((collection, one)) % _STRIPES for one in ids})
        async with AsyncExitStack() as stack:
            for stripe in stripes:
                await stack.enter_async_context(self._locks[stripe])
            yield
