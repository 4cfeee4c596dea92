"""Commands that outlast the request that asked for them, and answers that are kept to be given again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vectormigrate.model.cursor import Key

from .database import Transaction

_COLUMNS = "id, command, migration_id, actor, state, started_at, ended_at, result, error"


@dataclass(frozen=True, slots=True)
class StoredOperation:
    """One command under way or done. `result` and `error` are JSON."""

    id: str
    command: str
    migration_id: str
    actor: str
    state: str
    started_at: str
    ended_at: str | None = None
    result: str | None = None
    error: str | None = None


def begin(tx: Transaction, operation: StoredOperation) -> None:
    """It runs."""
    tx.execute(
        "INSERT INTO operation (id, command, migration_id, actor, state, started_at) VALUES (?, ?, ?, ?, ?, ?)",
        (
            operation.id,
            operation.command,
            operation.migration_id,
            operation.actor,
            operation.state,
            operation.started_at,
        ),
    )


def end(
    tx: Transaction,
    operation_id: str,
    state: str,
    *,
    at: str,
    result: str | None = None,
    error: str | None = None,
) -> None:
    """It has ended."""
    tx.execute(
        "UPDATE operation SET state = ?, ended_at = ?, result = ?, error = ? WHERE id = ?",
        (state, at, result, error, operation_id),
    )


def interrupt(tx: Transaction, *, at: str) -> None:
    """What ran in a process that is gone has not ended by itself."""
    tx.execute("UPDATE operation SET state = 'interrupted', ended_at = ? WHERE state = 'running'", (at,))
    tx.execute("DELETE FROM answered WHERE status IS NULL")


def get(tx: Transaction, operation_id: str) -> StoredOperation | None:
    """One by its id."""
    row = tx.execute(f"SELECT {_COLUMNS} FROM operation WHERE id = ?", (operation_id,)).fetchone()  # noqa: S608 a constant
    return None if row is None else StoredOperation(*row)


def page(
    tx: Transaction, migration_id: str | None, limit: int, offset: int, behind: Key | None = None
) -> list[StoredOperation]:
    """Newest first, of one migration or of all, or of those behind (started_at, id)."""
    rows = tx.execute(
        f"SELECT {_COLUMNS} FROM operation WHERE (?1 IS NULL OR migration_id = ?1)"  # noqa: S608 a constant
        " AND (?4 IS NULL OR started_at < ?4 OR started_at = ?4 AND id > ?5)"
        " ORDER BY started_at DESC, id LIMIT ?2 OFFSET ?3",
        (migration_id, limit, offset, *(behind or (None, None))),
    )
    return [StoredOperation(*row) for row in rows]


# Answers to requests with an idempotency key.


@dataclass(frozen=True, slots=True)
class StoredAnswer:
    """What was answered to a request; `status` is None while it is under way."""

    fingerprint: bytes
    status: int | None
    headers: str
    body: bytes


def claim(
    tx: Transaction, actor: str, key: str, fingerprint: bytes, *, at: str, forget_before: str
) -> StoredAnswer | None:
    """What was answered to the request of this key, or None: then it is this one's, and is to be settled."""
    tx.execute("DELETE FROM answered WHERE at < ?", (forget_before,))
    row = tx.execute(
        "SELECT fingerprint, status, headers, body FROM answered WHERE actor = ? AND key = ?", (actor, key)
    ).fetchone()
    if row is not None:
        return StoredAnswer(*row)
    tx.execute(
        "INSERT INTO answered (actor, key, fingerprint, at) VALUES (?, ?, ?, ?)",
        (actor, key, fingerprint, at),
    )
    return None


def settle(tx: Transaction, actor: str, key: str, status: int, headers: str, body: bytes) -> None:
    """Keep the answer."""
    words: tuple[Any, ...] = (status, headers, body, actor, key)
    tx.execute("UPDATE answered SET status = ?, headers = ?, body = ? WHERE actor = ? AND key = ?", words)


def release(tx: Transaction, actor: str, key: str) -> None:
    """Nothing was answered that would be worth repeating."""
    tx.execute("DELETE FROM answered WHERE actor = ? AND key = ?", (actor, key))
