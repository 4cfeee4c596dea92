"""What an exporter wants of the state file that no snapshot shows: findings by kind, the last validation of each method."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

import msgspec

from .database import Transaction


class LastValidation(msgspec.Struct, frozen=True):
    """The part of a report that is a number."""

    method: str
    started_at: datetime
    compared: int
    ok: bool
    mismatch_rate_upper95: float | None = None


@dataclass(frozen=True, slots=True)
class FindingNumbers:
    """The findings of one kind, those that further looks confirmed or the others."""

    kind: str
    confirmed: bool
    count: int
    oldest: datetime
    """When the one that stands longest was seen first."""
    generation: int
    """How often one of them was seen, at most."""


def last_validations(tx: Transaction, migration_id: str) -> list[LastValidation]:
    """The last validation of each method, newest last."""
    rows = tx.execute(
        "SELECT report FROM validation WHERE number IN (SELECT max(number) FROM validation WHERE migration_id = ?"
        " GROUP BY json_extract(report, '$.method')) ORDER BY number",
        (migration_id,),
    )
    return [msgspec.json.decode(text, type=LastValidation) for (text,) in rows]


def findings(tx: Transaction, migration_id: str) -> list[FindingNumbers]:
    """Those of the last validation."""
    rows = tx.execute(
        "SELECT kind, generation > 1 AS confirmed, count(*), min(first_seen), max(generation) FROM finding"
        " WHERE migration_id = ? GROUP BY kind, confirmed ORDER BY kind, confirmed",
        (migration_id,),
    )
    return [
        FindingNumbers(kind, bool(confirmed), count, datetime.fromisoformat(at), seen)
        for kind, confirmed, count, at, seen in rows
    ]


def spared(tx: Transaction, migration_id: str) -> int:
    """Records that the copy left out because a foreign one has their place."""
    return int(
        tx.execute("SELECT coalesce(sum(skipped), 0) FROM range WHERE migration_id = ?", (migration_id,)).get
    )


LASTING = 14
"""Days for which a key has to be made for its end to be worth a word beforehand."""


def first_ends(tx: Transaction, at: str) -> dict[str, datetime]:
    """When the first of the keys ends that open something, by scope. Left out are those that are meant to end: another came in their place,
    or they were made for less than `LASTING` days, or in the place of one that was.
    """
    rows = tx.execute(
        "WITH RECURSIVE line (id, began) AS ("
        " SELECT id, created_at FROM api_key WHERE id NOT IN (SELECT new FROM key_succession)"
        " UNION ALL SELECT s.new, line.began FROM line JOIN key_succession s ON s.old = line.id)"
        " SELECT scope, min(expires_at) FROM api_key JOIN line USING (id)"
        " WHERE revoked_at IS NULL AND expires_at > ?1 AND id NOT IN (SELECT old FROM key_succession)"
        " AND julianday(expires_at) - julianday(began) >= ?2 GROUP BY scope ORDER BY scope",
        (at, LASTING),
    )
    return {scope: datetime.fromisoformat(ends) for scope, ends in rows}


def journal_bytes(tx: Transaction) -> int:
    """What the marks of all migrations take in the file."""
    return int(
        tx.execute("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name IN ('journal', 'sheet')").get
    )
