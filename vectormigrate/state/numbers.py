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
    """The findings of one kind."""

    kind: str
    count: int
    oldest: datetime
    """When the one that stands longest was seen first."""


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
        "SELECT kind, count(*), min(first_seen) FROM finding WHERE migration_id = ? GROUP BY kind ORDER BY kind",
        (migration_id,),
    )
    return [FindingNumbers(kind, count, datetime.fromisoformat(at)) for kind, count, at in rows]
