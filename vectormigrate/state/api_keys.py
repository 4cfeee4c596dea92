"""Keys of our own API: a digest of each, what it allows and until when. No key can be had from here."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .database import Transaction

_COLUMNS = "id, digest, scope, label, created_at, expires_at, revoked_at"


@dataclass(frozen=True, slots=True)
class StoredKey:
    """One key. Times are ISO 8601 in UTC, so that they compare as texts."""

    id: str
    digest: bytes
    scope: str
    label: str
    created_at: str
    expires_at: str | None
    revoked_at: str | None

    def good(self, at: str) -> bool:
        """Whether it opens anything at that moment."""
        return self.revoked_at is None and (self.expires_at is None or at < self.expires_at)


def add(tx: Transaction, key: StoredKey) -> None:
    """Keep a new one."""
    tx.execute(
        f"INSERT INTO api_key ({_COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)",  # noqa: S608 a constant
        (key.id, key.digest, key.scope, key.label, key.created_at, key.expires_at, key.revoked_at),
    )


def get(tx: Transaction, key_id: str) -> StoredKey | None:
    """One by its id, good or not."""
    row = tx.execute(f"SELECT {_COLUMNS} FROM api_key WHERE id = ?", (key_id,)).fetchone()  # noqa: S608 a constant
    return None if row is None else _key(row)


def every(tx: Transaction) -> list[StoredKey]:
    """All, the oldest first."""
    return [_key(row) for row in tx.execute(f"SELECT {_COLUMNS} FROM api_key ORDER BY created_at, id")]  # noqa: S608


def revoke(tx: Transaction, key_id: str, *, at: str) -> None:
    """It opens nothing any more; a second time changes nothing."""
    tx.execute("UPDATE api_key SET revoked_at = ? WHERE id = ? AND revoked_at IS NULL", (at, key_id))


def expire(tx: Transaction, key_id: str, *, at: str) -> None:
    """It ends then, unless it ends before."""
    tx.execute(
        "UPDATE api_key SET expires_at = ?1 WHERE id = ?2 AND (expires_at IS NULL OR expires_at > ?1)",
        (at, key_id),
    )


def succeed(tx: Transaction, old: str, new: str) -> None:
    """Another came in its place."""
    tx.execute("INSERT OR REPLACE INTO key_succession (old, new) VALUES (?, ?)", (old, new))


def _key(row: tuple[Any, ...]) -> StoredKey:
    return StoredKey(*row)
