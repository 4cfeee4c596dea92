"""What the target still owes: marks, one row an id or together on the sheet of their write; and page intents, one row a page
that a worker may be writing.

Losing a clear costs a read, losing a mark costs a record: marks are written before their cause, clears lazily and
only for the generation that was replayed. That there are sheets is known here and to nobody who asks.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from heapq import merge
from itertools import islice
from typing import cast

from vectormigrate.model.points import reached

from . import sheets
from .database import Transaction
from .sheets import Sheet, listed

WRITE = "write"
"""Reason of a mark of a live write that puts something there."""

REFUSED = "refused"
"""The last error of a mark whose record the target answered with a refusal: nothing of it is under way."""

MEANT = ("delete", "reconcile")
"""Reasons of marks whose record may rightly be absent: somebody deleted it, or it was found absent after a request that may have
removed it unnamed. A "finding" is none: nobody is known to have asked for it.
"""

_AGED, _TURN = 10_000, 8
"""A sheet that is so many writes old is lifted into the journal; every so many writes it is looked whether there is one, and
twice as many are lifted then. What is written again and again while nothing can be paid has one row in the journal, and
would have a place on each of its sheets.
"""


@dataclass(frozen=True, slots=True)
class Mark:
    """One id that the target owes, at one generation."""

    id: str
    epoch: int
    sequence: int
    attempts: int = 0
    reason: str = ""


@dataclass(frozen=True, slots=True)
class PageIntent:
    """One row: the page of a worker that may still be writing, or may have written."""

    number: int
    range_number: int
    lower: str | None
    upper: str | None
    epoch: int
    standing: bool


# Marks.


def mark(
    tx: Transaction,
    migration_id: str,
    ids: Iterable[str],
    *,
    epoch: int,
    sequence: int,
    reason: str,
    at: str,
    instead_of: Sequence[Mark] = (),
) -> set[str]:
    """Mark ids at a generation; an id that is marked already is raised to it, never lowered (two marks of one process may be
    committed in another order than they were numbered), and stays one whose absence is meant. Marks of theirs that may be on
    sheets can be given, to go with it: whoever finds those first would not know of an absence that is meant. Returns those
    whose absence is.
    """
    if instead_of:
        sheets.strike(tx, migration_id, map(_generation, instead_of))
    # One statement for all: `executemany` of one that returns rows takes four times as long (8.3 us an id instead of 1.9).
    rows = tx.execute(
        "INSERT INTO journal (migration_id, id, epoch, sequence, reason, first_seen)"
        " SELECT ?1, value, ?2, ?3, ?4, ?5 FROM json_each(?6) WHERE true"
        " ON CONFLICT (migration_id, id) DO UPDATE SET epoch = max(epoch, excluded.epoch),"
        " sequence = CASE WHEN epoch = excluded.epoch THEN max(sequence, excluded.sequence)"
        " WHEN epoch > excluded.epoch THEN sequence ELSE excluded.sequence END,"
        " reason = CASE WHEN reason IN ('delete', 'reconcile') THEN reason ELSE excluded.reason END,"
        " first_seen = min(first_seen, excluded.first_seen),"
        " last_error = CASE WHEN last_error = ?7 THEN '' ELSE last_error END RETURNING id, reason",
        (migration_id, epoch, sequence, reason, at, listed(list(ids)), REFUSED),
    )
    meant = {str(one) for one, kept in rows if kept in MEANT}
    reached("journal.inserted")
    return meant


def mark_write(
    tx: Transaction, migration_id: str, ids: list[str], *, epoch: int, sequence: int, at: str
) -> set[str]:
    """Mark the ids of one live write that puts something there, as `mark` does, but on a sheet where none of them is in the
    journal: the application waits for this. Returns those whose absence is meant, as an earlier mark says.
    """
    if sequence % _TURN == 0:
        _lift(tx, sheets.take_older(tx, epoch, sequence - _AGED, 2 * _TURN))
    sheet = Sheet(epoch, sequence, migration_id, WRITE, at, ids)
    meant: set[str] = set()
    if not sheets.put(tx, sheet, beside=False):
        known = _known(tx, migration_id, ids)
        fresh = [one for one in ids if one not in known]
        if fresh and not sheets.put(tx, sheet._replace(ids=fresh), beside=True):
            known = set(ids)
        if known:
            meant = mark(tx, migration_id, known, epoch=epoch, sequence=sequence, reason=WRITE, at=at)
    reached("journal.noted")
    return meant


def _known(tx: Transaction, migration_id: str, ids: list[str]) -> set[str]:
    """Those that are in the journal."""
    rows = tx.execute(
        "SELECT held.id FROM json_each(?) AS given CROSS JOIN journal AS held"
        " WHERE held.migration_id = ? AND held.id = given.value",
        (listed(ids), migration_id),
    )
    return {str(one) for (one,) in rows}


def lift(tx: Transaction, most: int) -> bool:
    """Give the marks of so many sheets rows in the journal, of all migrations, the oldest first; whether there were any."""
    taken = sheets.take_older(tx, _LAST, 0, most)
    _lift(tx, taken)
    return bool(taken)


def _lift(tx: Transaction, taken: Iterable[Sheet]) -> None:
    for epoch, sequence, migration_id, reason, at, ids in taken:
        mark(tx, migration_id, ids, epoch=epoch, sequence=sequence, reason=reason, at=at)


def clear(tx: Transaction, migration_id: str, marks: Sequence[Mark]) -> None:
    """Remove marks whose generation is still the one that was replayed."""
    struck = sheets.strike(tx, migration_id, map(_generation, marks))
    done = {(one, sheet.epoch, sheet.sequence) for sheet in struck for one in sheet.ids}
    tx.executemany(
        "DELETE FROM journal WHERE migration_id = ? AND id = ? AND epoch = ? AND sequence = ?",
        [(migration_id, *one) for one in map(_generation, marks) if one not in done],
    )
    reached("journal.cleared")


def _generation(held: Mark) -> tuple[str, int, int]:
    return held.id, held.epoch, held.sequence


def attempted(tx: Transaction, migration_id: str, marks: Iterable[Mark], error: str) -> None:
    """Count a replay of these that failed, whatever their generation is by now."""
    given = list(marks)
    _lift(tx, sheets.strike(tx, migration_id, map(_generation, given)))
    tx.executemany(
        "UPDATE journal SET attempts = attempts + 1, last_error = ? WHERE migration_id = ? AND id = ?",
        [(error, migration_id, one) for one in dict.fromkeys(held.id for held in given)],
    )


def mean(tx: Transaction, migration_id: str) -> None:
    """Somebody says of every record that is marked now: if it is absent, that is meant."""
    sheets.mean(tx, migration_id)
    tx.execute(
        "UPDATE journal SET reason = 'delete' WHERE migration_id = ? AND reason <> 'reconcile'",
        (migration_id,),
    )


def retry(tx: Transaction, migration_id: str) -> None:
    """What was refused may have been mended: it is tried again."""
    tx.execute(
        "UPDATE journal SET last_error = '' WHERE migration_id = ? AND last_error = ?",
        (migration_id, REFUSED),
    )


def marks(tx: Transaction, migration_id: str, after: str, limit: int) -> list[Mark]:
    """Marks in the order of their id texts, behind `after`. All that is on sheets is sorted for it: `lift` it first."""
    rows = tx.execute(
        "SELECT id, epoch, sequence, attempts FROM journal WHERE migration_id = ?1 AND id > ?2 UNION ALL"
        " SELECT value, generation / ?4, generation % ?4, 0 FROM sheet, json_each(sheet.ids) WHERE migration_id = ?1 AND value > ?2"
        " ORDER BY 1 LIMIT ?3",
        (migration_id, after, limit, sheets.EPOCH),
    )
    return [Mark(*row) for row in rows]


def oldest(tx: Transaction, migration_id: str, after: Mark | None, limit: int) -> list[Mark]:
    """Marks in the order of their age, behind `after`; those whose record was refused for good are left out."""
    start = (after.epoch, after.sequence, after.id) if after is not None else _FIRST
    return [
        Mark(one, epoch, sequence, attempts, reason)
        for epoch, sequence, one, attempts, reason, _ in _by_age(tx, migration_id, start, limit)
    ]


def first_seen(tx: Transaction, migration_id: str, limit: int) -> list[tuple[str, str]]:
    """Ids of the oldest marks whose records were not refused for good, and when each was marked first."""
    return [(one, at) for _, _, one, _, _, at in _by_age(tx, migration_id, _FIRST, limit)]


_FIRST = (0, 0, "")
_LOOK = 8
"""Sheets that are read at once, where it is not known how many are wanted."""
_LAST = 2**20
"""An epoch that no process comes to."""
_Aged = tuple[int, int, str, int, str, str]
"""Epoch, sequence, id, attempts, reason, first seen: in this order they are in the order of their age."""


def _by_age(tx: Transaction, migration_id: str, start: tuple[int, int, str], limit: int) -> Iterator[_Aged]:
    rows = tx.execute(
        "SELECT epoch, sequence, id, attempts, reason, first_seen FROM journal WHERE migration_id = ?"
        " AND (epoch, sequence, id) > (?, ?, ?) AND last_error <> ? ORDER BY epoch, sequence, id LIMIT ?",
        (migration_id, *start, REFUSED, limit),
    ).fetchall()
    in_journal = [cast(_Aged, row) for row in rows]
    return islice(merge(in_journal, _on_sheets(tx, migration_id, start)), limit)


def _on_sheets(tx: Transaction, migration_id: str, start: tuple[int, int, str]) -> Iterator[_Aged]:
    epoch, sequence, _ = start
    while page := sheets.from_age(tx, migration_id, epoch, sequence, _LOOK):
        for epoch, sequence, _, reason, at, ids in page:
            for one in sorted(ids):
                if (epoch, sequence, one) > start:
                    yield epoch, sequence, one, 0, reason, at
        sequence += 1


def among(tx: Transaction, migration_id: str, ids: Iterable[str]) -> set[str]:
    """Those of the ids that are marked."""
    given = list(ids)
    statement = "SELECT 1 FROM journal WHERE migration_id = ? AND id = ?"
    found = {one for one in given if tx.execute(statement, (migration_id, one)).fetchone() is not None}
    return found | sheets.among(tx, migration_id, given)


def rejected(tx: Transaction, migration_id: str, ids: Iterable[str]) -> set[str]:
    """Those of the ids whose record was refused for good, and not written since."""
    statement = "SELECT 1 FROM journal WHERE migration_id = ? AND id = ? AND last_error = ?"
    return {one for one in ids if tx.execute(statement, (migration_id, one, REFUSED)).fetchone() is not None}


def forget(tx: Transaction, migration_id: str, ids: Iterable[str]) -> None:
    """These, whose records were refused, are owed no more."""
    tx.executemany(
        "DELETE FROM journal WHERE migration_id = ? AND id = ?", [(migration_id, one) for one in ids]
    )


def forgive(tx: Transaction, migration_id: str) -> None:
    """Nothing is owed any more: there is no way back to whom it was owed."""
    tx.execute("DELETE FROM journal WHERE migration_id = ?", (migration_id,))
    tx.execute("DELETE FROM sheet WHERE migration_id = ?", (migration_id,))


def refused(tx: Transaction, migration_id: str) -> int:
    """How many ids are marked whose record was refused for good."""
    return int(
        tx.execute(
            "SELECT count(*) FROM dead_letter JOIN journal USING (migration_id, id) WHERE migration_id = ?",
            (migration_id,),
        ).get
    )


def debt(tx: Transaction, migration_id: str) -> int:
    """How many ids are marked; one with two marks counts twice."""
    return int(
        tx.execute(
            "SELECT (SELECT count(*) FROM journal WHERE migration_id = ?1)"
            " + (SELECT coalesce(sum(many), 0) FROM sheet WHERE migration_id = ?1)",
            (migration_id,),
        ).get
    )


def strays(tx: Transaction, migration_id: str) -> bool:
    """Whether a request to the target may still be under way, as far as the file knows: of a page that stands, or of
    a replay that was not answered. Whoever ended in good order leaves neither.
    """
    return bool(
        tx.execute(
            "SELECT EXISTS (SELECT 1 FROM page_intent WHERE migration_id = ?1 AND state = 'standing')"
            " OR EXISTS (SELECT 1 FROM journal WHERE migration_id = ?1 AND last_error <> ?2)"
            " OR EXISTS (SELECT 1 FROM sheet WHERE migration_id = ?1)",
            (migration_id, REFUSED),
        ).get
    )


# Records that replays wrote while the backfill was under way.


def keep_ahead(tx: Transaction, migration_id: str, ids: Iterable[str]) -> None:
    """These may be in the target beyond what the cursors tell."""
    tx.executemany(
        "INSERT OR IGNORE INTO ahead (migration_id, id) VALUES (?, ?)", [(migration_id, one) for one in ids]
    )


def ahead(tx: Transaction, migration_id: str, after: str, limit: int) -> list[str]:
    """Ids in the order of their texts, behind `after`."""
    rows = tx.execute(
        "SELECT id FROM ahead WHERE migration_id = ? AND id > ? ORDER BY id LIMIT ?",
        (migration_id, after, limit),
    )
    return [row[0] for row in rows]


def forget_ahead(tx: Transaction, migration_id: str) -> None:
    """The cursors are past everything."""
    tx.execute("DELETE FROM ahead WHERE migration_id = ?", (migration_id,))


# Page intents (rules P1 to P9).


def open_intent(
    tx: Transaction,
    migration_id: str,
    range_number: int,
    lower: str | None,
    upper: str | None,
    *,
    nonce: str,
    epoch: int,
) -> int:
    """Grant a page: committed before its first read (P1). The same nonce again is the same row."""
    row = tx.execute("SELECT number FROM page_intent WHERE nonce = ?", (nonce,)).fetchone()
    if row is not None:
        return int(row[0])
    tx.execute(
        "INSERT INTO page_intent (migration_id, range_number, lower, upper, nonce, epoch) VALUES (?, ?, ?, ?, ?, ?)",
        (migration_id, range_number, lower, upper, nonce, epoch),
    )
    return tx.last_insert_rowid()


def shrink_intent(tx: Transaction, number: int, lower: str) -> None:
    """Everything up to this key is acknowledged: the cover begins behind it."""
    tx.execute("UPDATE page_intent SET lower = ? WHERE number = ? AND state = 'standing'", (lower, number))


def narrow_intent(tx: Transaction, number: int, upper: str) -> None:
    """The page is read and holds nothing beyond this key: the cover ends there."""
    tx.execute("UPDATE page_intent SET upper = ? WHERE number = ? AND state = 'standing'", (upper, number))


def close_intent(tx: Transaction, migration_id: str, number: int) -> None:
    """Close a page whose every attempt was answered, in the transaction that moves the cursor over it (P6, P7)."""
    tx.execute("DELETE FROM page_intent WHERE migration_id = ? AND number = ?", (migration_id, number))


def lapse(tx: Transaction, migration_id: str) -> None:
    """No request of the pages that stand can land any more: they block nothing, but stay, for rollback walks their
    covers (P8), unless the cursor is past them already (P7).
    """
    tx.execute("UPDATE page_intent SET state = 'lapsed' WHERE migration_id = ?", (migration_id,))
    tx.execute(
        "DELETE FROM page_intent WHERE migration_id = ?1 AND range_number IN"
        " (SELECT number FROM range WHERE migration_id = ?1 AND done)",
        (migration_id,),
    )


def forget_lapsed(tx: Transaction, migration_id: str, range_number: int) -> None:
    """The cursor has moved over the whole range: its lapsed rows say nothing more."""
    tx.execute(
        "DELETE FROM page_intent WHERE migration_id = ? AND range_number = ? AND state = 'lapsed'",
        (migration_id, range_number),
    )


def intents(tx: Transaction, migration_id: str) -> list[PageIntent]:
    """All rows, standing and lapsed."""
    rows = tx.execute(
        "SELECT number, range_number, lower, upper, epoch, state = 'standing' FROM page_intent WHERE migration_id = ?"
        " ORDER BY number",
        (migration_id,),
    )
    return [
        PageIntent(number, of, lower, upper, epoch, bool(standing))
        for number, of, lower, upper, epoch, standing in rows
    ]
