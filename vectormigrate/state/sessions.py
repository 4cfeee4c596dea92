"""Which process owned the file when: boot epochs, and whether the last one ended by itself."""

from __future__ import annotations

import hashlib
import itertools
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from . import throttles
from .database import Transaction


@dataclass(frozen=True, slots=True)
class Session:
    """This process' place in the history of the file. No generation or intent of two sessions shares an epoch."""

    epoch: int
    clean_before: bool
    """The session before ended by itself, so no request of it can still be under way."""
    recorded: bool = True
    """It has its row in the file; else the file's next commit is to make it."""
    _sequences: Iterator[int] = field(default_factory=lambda: itertools.count(1), repr=False, compare=False)

    def next_sequence(self) -> int:
        """The second half of a generation, whose first is the epoch; given once."""
        return next(self._sequences)


def begin(tx: Transaction, *, at: str) -> Session:
    """Start a session; earlier ones without an end are crashes, and what they ran runs no more."""
    throttles.forget(tx)
    crashed = tx.execute("SELECT count(*) FROM session WHERE clean = 0 AND ended_at IS NULL").get
    tx.execute("UPDATE session SET ended_at = ? WHERE ended_at IS NULL", (at,))
    tx.execute("INSERT INTO session (boot_id, started_at) VALUES (?, ?)", (_boot_id(), at))
    return Session(tx.last_insert_rowid(), not crashed)


def unrecorded(tx: Transaction) -> Session:
    """The session that `begin` will make, for a process that goes on although the file takes nothing now. Nothing may be
    written of it before (`Database.owe`); if nothing ever is, its epoch goes to the next one.
    """
    last = tx.execute("SELECT seq FROM sqlite_sequence WHERE name = 'session'").get
    return Session(int(last or 0) + 1, clean_before=False, recorded=False)


def end(tx: Transaction, epoch: int, *, at: str) -> None:
    """An orderly end: nothing is in flight, nothing unresolved."""
    tx.execute("UPDATE session SET ended_at = ?, clean = 1 WHERE epoch = ?", (at, epoch))


def identity(tx: Transaction) -> str:
    """What tells this state file from any other, for as long as it lives; empty while nobody has owned it."""
    first = tx.execute("SELECT boot_id, started_at FROM session ORDER BY epoch LIMIT 1").fetchone()
    return hashlib.sha256("\0".join(map(str, first)).encode()).hexdigest()[:16] if first else ""


def _boot_id() -> str:
    source = Path("/proc/sys/kernel/random/boot_id")
    return source.read_text(encoding="ascii").strip() if source.exists() else ""
