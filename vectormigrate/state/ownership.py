"""What in the target is not ours: ids that were there before us, and what an overwritten one of them held.

Everything else in the target is ours, by the rule of correctness: ownership is decided before the first write.
Ids are kept as 128-bit hashes; 64 bits collide too often for a decision to delete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from enum import IntEnum

from .database import Transaction


class Standing(IntEnum):
    """Whose record a foreign id has, of which something was kept: column `restored`."""

    OURS = 0
    """It was overwritten."""
    THEIRS = 1
    """What it held was put back."""
    EITHER = 2
    """A write of ours left and is not known to have landed, or may land behind what was put back."""


def id_hash(target_id: str) -> bytes:
    """The 128-bit hash of a target id's canonical text."""
    return hashlib.blake2b(target_id.encode(), digest_size=16).digest()


def add_foreign(tx: Transaction, migration_id: str, ids: Iterable[str]) -> None:
    """Note ids that the target holds before our first write."""
    tx.executemany(
        "INSERT OR IGNORE INTO foreign_record (migration_id, hash) VALUES (?, ?)",
        [(migration_id, id_hash(target_id)) for target_id in ids],
    )


def set_digests(tx: Transaction, migration_id: str, digests: Iterable[tuple[str, bytes]]) -> None:
    """Keep the digest of some foreign records, so that a rollback can show that they did not change."""
    tx.executemany(
        "INSERT INTO foreign_record (migration_id, hash, id, digest) VALUES (?, ?, ?, ?)"
        " ON CONFLICT (migration_id, hash) DO UPDATE SET id = excluded.id, digest = excluded.digest",
        [(migration_id, id_hash(target_id), target_id, digest) for target_id, digest in digests],
    )


def digests(tx: Transaction, migration_id: str) -> list[tuple[str, bytes]]:
    """Id and digest of the foreign records that were looked at."""
    rows = tx.execute(
        "SELECT id, digest FROM foreign_record WHERE migration_id = ? AND digest IS NOT NULL", (migration_id,)
    )
    return [(row[0], row[1]) for row in rows]


def forget_foreign(tx: Transaction, migration_id: str) -> None:
    """Start the list anew: preflight was interrupted."""
    tx.execute("DELETE FROM foreign_record WHERE migration_id = ?", (migration_id,))


def foreign_count(tx: Transaction, migration_id: str) -> int:
    """How many records the target held before us."""
    return int(tx.execute("SELECT count(*) FROM foreign_record WHERE migration_id = ?", (migration_id,)).get)


def foreign_among(tx: Transaction, migration_id: str, ids: Sequence[str]) -> set[str]:
    """Those of the target ids that are foreign."""
    statement = "SELECT 1 FROM foreign_record WHERE migration_id = ? AND hash = ?"
    return {
        target_id
        for target_id in ids
        if tx.execute(statement, (migration_id, id_hash(target_id))).fetchone() is not None
    }


def keep_pre_images(
    tx: Transaction,
    migration_id: str,
    records: Iterable[tuple[str, bytes]],
    *,
    standing: Standing = Standing.OURS,
) -> None:
    """Keep what foreign records hold before they are overwritten; the first one kept stays. One that is ours already is
    ours still, whatever `standing` says of the others.
    """
    tx.executemany(
        "INSERT INTO pre_image (migration_id, id, record, restored) VALUES (?1, ?2, ?3, ?4)"
        " ON CONFLICT (migration_id, id) DO UPDATE SET restored = excluded.restored WHERE restored <> ?5",
        [(migration_id, target_id, record, standing, Standing.OURS) for target_id, record in records],
    )


def stand(tx: Transaction, migration_id: str, ids: Iterable[str], standing: Standing) -> None:
    """Say whose these are, of those that something was kept of."""
    tx.executemany(
        "UPDATE pre_image SET restored = ? WHERE migration_id = ? AND id = ?",
        [(standing, migration_id, one) for one in ids],
    )


def pre_images(tx: Transaction, migration_id: str, after: str, limit: int) -> list[tuple[str, bytes]]:
    """Kept records that are not known to be back, in the order of their id texts, behind `after`."""
    rows = tx.execute(
        "SELECT id, record FROM pre_image WHERE migration_id = ? AND restored <> ? AND id > ? ORDER BY id LIMIT ?",
        (migration_id, Standing.THEIRS, after, limit),
    )
    return [(row[0], row[1]) for row in rows]


def pre_images_standing(tx: Transaction, migration_id: str, standing: Standing) -> list[tuple[str, bytes]]:
    """All kept records of that standing."""
    rows = tx.execute(
        "SELECT id, record FROM pre_image WHERE migration_id = ? AND restored = ?", (migration_id, standing)
    )
    return [(row[0], row[1]) for row in rows]


def pre_images_of(
    tx: Transaction, migration_id: str, ids: Iterable[str], *, standing: Standing | None = None
) -> list[tuple[str, bytes]]:
    """Kept records of these target ids; of every standing, or of one."""
    statement = "SELECT id, record FROM pre_image WHERE migration_id = ?1 AND id = ?2 AND restored = ifnull(?3, restored)"
    rows = [tx.execute(statement, (migration_id, one, standing)).fetchone() for one in ids]
    return [(row[0], row[1]) for row in rows if row is not None]


def untouched_among(tx: Transaction, migration_id: str, ids: Sequence[str]) -> set[str]:
    """Those of the target ids that are foreign and certainly hold what they held: not overwritten, or put back."""
    statement = "SELECT 1 FROM pre_image WHERE migration_id = ? AND id = ? AND restored <> ?"
    return {
        target_id
        for target_id in foreign_among(tx, migration_id, ids)
        if tx.execute(statement, (migration_id, target_id, Standing.THEIRS)).fetchone() is None
    }


def untouched_count(tx: Transaction, migration_id: str) -> int:
    """How many records the target held before us and certainly holds as they were."""
    return foreign_count(tx, migration_id) - owed_count(tx, migration_id)


def owed_count(tx: Transaction, migration_id: str) -> int:
    """How many kept records are not known to be back."""
    kept = int(tx.execute("SELECT count(*) FROM pre_image WHERE migration_id = ?", (migration_id,)).get)
    return kept - restored_count(tx, migration_id)


def restored_count(tx: Transaction, migration_id: str) -> int:
    """How many kept records were put back."""
    return int(
        tx.execute(
            "SELECT count(*) FROM pre_image WHERE migration_id = ? AND restored = ?",
            (migration_id, Standing.THEIRS),
        ).get
    )
