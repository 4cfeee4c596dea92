"""The gap flag: a write left without a mark, because the state file could not take one.

A file of fixed size beside the state file, written in place and flushed, so that a full disk can still take it. Whoever
finds it set must compare both sides of the migrations it names before any gate of theirs opens. While requests are served
it is written in a thread of its own: a disk that is stuck would stop the event loop, and all requests with it.
"""

from __future__ import annotations

import asyncio
import os
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path

import msgspec

from vectormigrate.model.errors import StateError

_SIZE = 4096


class GapFlag:
    """One flag a state file. Open once, keep open: nothing may need allocating later."""

    def __init__(self, state: Path) -> None:
        """Raises OSError when the file cannot be made."""
        self._descriptor = os.open(f"{state}.gap", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        if os.fstat(self._descriptor).st_size < _SIZE:
            os.pwrite(self._descriptor, b" " * _SIZE, 0)
            os.fsync(self._descriptor)
        self._named = set(self.read())
        self._raised = set(self._named)
        """Those that are named durably, while nothing is under way to take them out."""
        self._raising: dict[str, Future[None]] = {}
        self._thread = ThreadPoolExecutor(1, "gap")

    def read(self) -> list[str]:
        """Migrations that had a write without a mark."""
        text = os.pread(self._descriptor, _SIZE, 0).strip()
        return list(msgspec.json.decode(text, type=list[str])) if text else []

    async def up(self, migration_id: str) -> None:
        """Name a migration; returns when that is durable, at once when it is named already. Raises StateError when it cannot
        be done.
        """
        if migration_id in self._raised:
            return
        raising = self._raising.get(migration_id)
        if raising is None:  # one for all the writes that wait
            raising = self._raising[migration_id] = self._thread.submit(self.raise_for, migration_id)
        waited = asyncio.wrap_future(raising)
        await asyncio.wait([waited])  # whoever gives up waiting ends it for nobody else
        if self._raising.get(migration_id) is raising:
            del self._raising[migration_id]
            if waited.exception() is None:
                self._raised.add(migration_id)
        waited.result()

    async def down(self, migration_id: str) -> None:
        """The debt is in the state file now. Raises StateError when that cannot be noted."""
        self._raised.discard(migration_id)  # a write that comes now names it anew, behind this
        self._raising.pop(migration_id, None)
        await asyncio.get_running_loop().run_in_executor(self._thread, self._clear, migration_id)

    def raise_for(self, migration_id: str) -> None:
        """As `up`, for a process that serves nobody yet."""
        if migration_id not in self._named:
            self._write({*self._named, migration_id})

    def _clear(self, migration_id: str) -> None:
        if migration_id in self._named:
            self._write(self._named - {migration_id})

    def _write(self, named: set[str]) -> None:
        text = msgspec.json.encode(sorted(named))
        try:
            if len(text) > _SIZE:
                raise OSError(f"{len(named)} migrations do not fit the gap flag")
            os.pwrite(self._descriptor, text.ljust(_SIZE), 0)
            os.fsync(self._descriptor)
        except OSError as error:
            raise StateError(
                f"neither the state file nor the gap flag beside it takes anything: {error}"
            ) from error
        self._named = named

    def close(self) -> None:
        """Give the file back."""
        self._thread.shutdown(wait=False, cancel_futures=True)
        os.close(self._descriptor)
