"""The gap flag: a write left without a mark, because the state file could not take one.

A file of fixed size beside the state file, written in place and flushed, so that a full disk can still take it. Whoever
finds it set must compare both sides of the migrations it names before any gate of theirs opens.
"""

from __future__ import annotations

import os
from pathlib import Path

import msgspec

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

    def read(self) -> list[str]:
        """Migrations that had a write without a mark."""
        text = os.pread(self._descriptor, _SIZE, 0).strip()
        return list(msgspec.json.decode(text, type=list[str])) if text else []

    def raise_for(self, migration_id: str) -> None:
        """Name a migration, durably; quick when it is named already. Raises OSError when even that cannot be done."""
        if migration_id not in self._named:
            self._write({*self._named, migration_id})

    def clear(self, migration_id: str) -> None:
        """The debt is in the state file now."""
        if migration_id in self._named:
            self._write(self._named - {migration_id})

    def _write(self, named: set[str]) -> None:
        text = msgspec.json.encode(sorted(named))
        if len(text) > _SIZE:
            raise OSError(f"{len(named)} migrations do not fit the gap flag")
        os.pwrite(self._descriptor, text.ljust(_SIZE), 0)
        os.fsync(self._descriptor)
        self._named = named

    def close(self) -> None:
        """Give the file back."""
        os.close(self._descriptor)
