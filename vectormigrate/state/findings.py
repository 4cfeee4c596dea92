"""Findings of the latest validation, and the reports of all of them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from vectormigrate.model.finding import Finding
from vectormigrate.model.status import ValidationReport

from .database import Transaction


def add(
    tx: Transaction, migration_id: str, found: Iterable[Finding], *, at: str, generation: int = 1
) -> None:
    """Keep findings that were seen so often, each time the same; one that is kept already gets a further generation. One of more
    than one generation counts as confirmed.
    """
    tx.executemany(
        "INSERT INTO finding (migration_id, kind, id, detail, cosine, norm_ratio, generation, first_seen, last_seen)"
        " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?8, ?7, ?7) ON CONFLICT (migration_id, kind, id, detail) DO UPDATE SET"
        " generation = generation + 1, last_seen = excluded.last_seen, cosine = excluded.cosine,"
        " norm_ratio = excluded.norm_ratio",
        [
            (migration_id, one.kind.value, one.id, one.detail, one.cosine, one.norm_ratio, at, generation)
            for one in found
        ],
    )


def forget(tx: Transaction, migration_id: str) -> None:
    """A new validation starts: what it does not see again is healed."""
    tx.execute("DELETE FROM finding WHERE migration_id = ?", (migration_id,))


def keep_only(
    tx: Transaction, migration_id: str, ids: set[str], *, confirmed: Iterable[str], at: str
) -> None:
    """What differs still, and which of it as it did before; the others are healed."""
    held = [
        row[0]
        for row in tx.execute("SELECT DISTINCT id FROM finding WHERE migration_id = ?", (migration_id,))
    ]
    tx.executemany(
        "DELETE FROM finding WHERE migration_id = ? AND id = ?",
        [(migration_id, one) for one in held if one not in ids],
    )
    tx.executemany(
        "UPDATE finding SET generation = generation + 1, last_seen = ? WHERE migration_id = ? AND id = ?",
        [(at, migration_id, one) for one in confirmed],
    )


def settle(tx: Transaction, migration_id: str, ids: Iterable[str]) -> None:
    """Forget what was found of these ids."""
    tx.executemany(
        "DELETE FROM finding WHERE migration_id = ? AND id = ?", [(migration_id, one) for one in ids]
    )


def count(tx: Transaction, migration_id: str) -> int:
    """Findings held now."""
    return int(tx.execute("SELECT count(*) FROM finding WHERE migration_id = ?", (migration_id,)).get)


def page(tx: Transaction, migration_id: str, after: tuple[str, str, str], limit: int) -> list[Finding]:
    """Findings behind (kind, id, detail), in that order."""
    rows = tx.execute(
        "SELECT kind, id, detail, cosine, norm_ratio FROM finding WHERE migration_id = ? AND (kind, id, detail) > (?, ?, ?)"
        " ORDER BY kind, id, detail LIMIT ?",
        (migration_id, *after, limit),
    )
    return [
        msgspec.convert(
            dict(zip(("kind", "id", "detail", "cosine", "norm_ratio"), row, strict=True)), Finding
        )
        for row in rows
    ]


def add_report(tx: Transaction, report: ValidationReport, *, at: str) -> None:
    """Keep what a validation proved."""
    tx.execute(
        "INSERT INTO validation (migration_id, at, report) VALUES (?, ?, ?)",
        (report.migration_id, at, msgspec.json.encode(report).decode()),
    )


def latest_report(tx: Transaction, migration_id: str, *, full: bool = False) -> ValidationReport | None:
    """The last validation of a migration, if there was one; of those that compared everything, if `full`."""
    row = tx.execute(
        "SELECT report FROM validation WHERE migration_id = ? AND (NOT ? OR report ->> 'method' = 'full')"
        " ORDER BY number DESC LIMIT 1",
        (migration_id, full),
    ).fetchone()
    return msgspec.json.decode(row[0], type=ValidationReport) if row else None
