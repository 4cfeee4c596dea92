"""Who did what, when: append only, and each row chained to the one before it. Phases, verbs and requests alike.

The chain shows that a row was changed, taken out or put in, to whoever holds a later digest: the copy of the audit as
lines of JSON, which may lie on another machine. Who can write the file could forge the whole chain, but not that copy.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from .database import Transaction

_KEYS = (
    "number", "migration_id", "at", "verb", "before", "after", "detail", "actor", "way", "arguments", "outcome",
)  # fmt: skip
_TOLD = ("at", "verb", "before", "after", "actor", "arguments", "outcome", "detail")
"""What the history of a migration says of a row."""
_BEGINNING = bytes(32)
_SELECT = f"SELECT {', '.join(_KEYS)}, chain FROM audit"  # noqa: S608 constants of this module


def record(
    tx: Transaction,
    migration_id: str,
    verb: str,
    *,
    at: str,
    before: str = "",
    after: str = "",
    detail: str = "",
    actor: str = "",
    way: str = "",
    arguments: str = "",
    outcome: str = "",
) -> None:
    """Add one row, in the transaction of what it tells of."""
    last = tx.execute("SELECT number, chain FROM audit ORDER BY number DESC LIMIT 1").fetchone()
    number = _last_number(tx) + 1
    row = (
        number, migration_id, at, verb, str(before), str(after), detail, actor, way, arguments, outcome,
    )  # fmt: skip
    chain = _link(last[1] if last and last[1] else _BEGINNING, row)
    tx.execute(
        f"INSERT INTO audit ({', '.join(_KEYS)}, chain) VALUES ({', '.join('?' * (len(_KEYS) + 1))})",  # noqa: S608 as above
        (*row, chain),
    )


def _last_number(tx: Transaction) -> int:
    """Also when the last rows were taken out: a number is never given twice, so that they are missed."""
    return int(tx.execute("SELECT seq FROM sqlite_sequence WHERE name = 'audit'").get or 0)


def _link(before: bytes, row: Sequence[Any]) -> bytes:
    text = json.dumps(list(row), ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(before + text.encode("utf-8", "surrogatepass")).digest()


@dataclass(frozen=True, slots=True)
class Verified:
    """What a look at the whole chain found."""

    rows: int
    """Chained ones."""
    older: int
    """Rows from before there was a chain: nothing is proved of them."""
    head: str
    """Digest of the last row, as hex; "" when there is none."""
    broken: tuple[str, ...]
    """What does not fit, the first few; empty when the chain is whole."""


_SHOWN = 10


def verify(tx: Transaction) -> Verified:
    """Follow the chain from its beginning."""
    chain, expected, rows, older = _BEGINNING, 1, 0, 0
    broken: list[str] = []
    for *row, kept in tx.execute(_SELECT + " ORDER BY number"):
        number = row[0]
        if number != expected:
            broken.append(
                f"row {expected} is missing"
                if number == expected + 1
                else f"rows {expected} to {number - 1} are missing"
            )
        expected = number + 1
        if kept is None and not rows:
            older += 1
            continue
        rows += 1
        if _link(chain, row) != kept:
            broken.append(f"row {number} does not fit the one before it")
        chain = kept or _BEGINNING
    if expected <= _last_number(tx):
        broken.append(f"rows {expected} to {_last_number(tx)} are missing at the end")
    return Verified(rows, older, chain.hex() if rows else "", tuple(broken[:_SHOWN]))


def since(tx: Transaction, number: int, limit: int) -> list[dict[str, Any]]:
    """Rows behind a number, oldest first, their digests as hex."""
    return [
        _document(row)
        for row in tx.execute(_SELECT + " WHERE number > ? ORDER BY number LIMIT ?", (number, limit))
    ]


def latest(
    tx: Transaction, migration_id: str | None, limit: int, offset: int, before: int | None = None
) -> list[dict[str, Any]]:
    """A page, newest first, of one migration or of all, or of those before a number."""
    rows = tx.execute(
        _SELECT + " WHERE (?1 IS NULL OR migration_id = ?1) AND (?4 IS NULL OR number < ?4)"
        " ORDER BY number DESC LIMIT ?2 OFFSET ?3",
        (migration_id, limit, offset, before),
    )
    return [_document(row) for row in rows]


def _document(row: Sequence[Any]) -> dict[str, Any]:
    *values, chain = row
    return {**dict(zip(_KEYS, values, strict=True)), "chain": chain.hex() if chain else ""}


def of_migration(tx: Transaction, migration_id: str) -> list[dict[str, object]]:
    """The history of one migration, oldest first."""
    rows = tx.execute(
        f"SELECT {', '.join(_TOLD)} FROM audit WHERE migration_id = ? ORDER BY number",  # noqa: S608 as above
        (migration_id,),
    )
    return [dict(zip(_TOLD, row, strict=True)) for row in rows]
