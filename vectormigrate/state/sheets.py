"""Sheets: the marks of one live write on one row, all its ids together.

A write waits for its marks, and most marks are paid with all of their write within a second. One row takes a tenth of what a
hundred rows with their two places in a tree take, and a twentieth where the ids are UUIDs, each on a page of its own.
What is more than a mark (a refusal, attempts, an absence that is meant) and what stays long is in the journal, one row
an id: `journal` lifts it there, and knows of sheets for everybody else.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

import msgspec

from .database import Transaction

LARGEST = 1000
"""Most ids of one: each time some of them are paid, it is written anew."""
EPOCH = 2**40
"""More writes than one process ever takes. A generation as one number is the place of a row: the next is put behind the last."""


class Sheet(NamedTuple):
    """One row; texts of ids in no order."""

    epoch: int
    sequence: int
    migration_id: str
    reason: str
    first_seen: str
    ids: list[str]


def put(tx: Transaction, sheet: Sheet, *, beside: bool) -> bool:
    """Note that its ids are owed; False if they must be marked one by one: too many, or a second time at one generation.
    Unless `beside`, also if anything of its migration is in the journal, which nearly always holds nothing.
    """
    epoch, sequence, *named, ids = sheet
    if len(ids) > LARGEST:
        return False
    tx.execute(
        "INSERT OR IGNORE INTO sheet (generation, migration_id, reason, first_seen, many, ids)"
        " SELECT ?1, ?2, ?3, ?4, ?5, ?6 WHERE ?7 OR NOT EXISTS (SELECT 1 FROM journal WHERE migration_id = ?2)",
        (epoch * EPOCH + sequence, *named, len(ids), listed(ids), beside),
    )
    return tx.changes() == 1


def strike(tx: Transaction, migration_id: str, marks: Iterable[tuple[str, int, int]]) -> list[Sheet]:
    """Take marks, each an id at an epoch and sequence, off the sheets that they are on; a sheet without any goes. Returns
    what was struck.
    """
    by_generation: dict[int, set[str]] = {}
    for one, epoch, sequence in marks:
        by_generation.setdefault(epoch * EPOCH + sequence, set()).add(one)
    struck = []
    for sheet in _found(
        tx,
        "SELECT generation, migration_id, reason, first_seen, ids FROM sheet"
        " WHERE generation IN (SELECT value FROM json_each(?)) AND migration_id = ?",
        (listed(list(by_generation)), migration_id),
    ):
        gone = by_generation[sheet.epoch * EPOCH + sheet.sequence].intersection(sheet.ids)
        struck.append(sheet._replace(ids=sorted(gone)))
        _keep(tx, sheet, [one for one in sheet.ids if one not in gone])
    return struck


def _keep(tx: Transaction, sheet: Sheet, ids: list[str]) -> None:
    generation = sheet.epoch * EPOCH + sheet.sequence
    if ids:
        tx.execute(
            "UPDATE sheet SET many = ?, ids = ? WHERE generation = ?", (len(ids), listed(ids), generation)
        )
    else:
        tx.execute("DELETE FROM sheet WHERE generation = ?", (generation,))


def from_age(tx: Transaction, migration_id: str, epoch: int, sequence: int, most: int) -> list[Sheet]:
    """At most so many of that generation and younger ones, the oldest first."""
    return _found(
        tx,
        "SELECT generation, migration_id, reason, first_seen, ids FROM sheet"
        " WHERE generation >= ? AND migration_id = ? ORDER BY generation LIMIT ?",
        (epoch * EPOCH + sequence, migration_id, most),
    )


def take_older(tx: Transaction, epoch: int, sequence: int, most: int) -> list[Sheet]:
    """Remove and return the oldest of all migrations, at most so many, of those before that generation."""
    taken = _found(
        tx,
        "SELECT generation, migration_id, reason, first_seen, ids FROM sheet WHERE generation < ? ORDER BY generation LIMIT ?",
        (epoch * EPOCH + sequence, most),
    )
    for sheet in taken:
        _keep(tx, sheet, [])
    return taken


def among(tx: Transaction, migration_id: str, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are on one. Looks through all."""
    rows = tx.execute(
        "SELECT value FROM sheet, json_each(sheet.ids) WHERE migration_id = ? AND value IN"
        " (SELECT value FROM json_each(?))",
        (migration_id, listed(list(ids))),
    )
    return {str(one) for (one,) in rows}


def mean(tx: Transaction, migration_id: str) -> None:
    """Somebody says of every id that is on one: if its record is absent, that is meant."""
    tx.execute("UPDATE sheet SET reason = 'delete' WHERE migration_id = ?", (migration_id,))


def listed(values: list[str] | list[int]) -> str:
    """As JSON, the way to give a statement many values at once."""
    return msgspec.json.encode(values).decode()


def _found(tx: Transaction, statement: str, values: tuple[str | int, ...]) -> list[Sheet]:
    return [
        Sheet(
            *divmod(int(generation), EPOCH),
            str(of),
            str(reason),
            str(at),
            msgspec.json.decode(ids, type=list[str]),
        )
        for generation, of, reason, at, ids in tx.execute(statement, values)
    ]
