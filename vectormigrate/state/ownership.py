"""What in the target is not ours: ids that were there before us, and what an overwritten one of them held.

Everything else in the target is ours, by the rule of correctness: ownership is decided before the first write.
Ids are kept as 128-bit hashes; 64 bits collide too often for a decision to delete.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence

from .database import Transaction


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


def keep_pre_images(tx: Transaction, migration_id: str, records: Iterable[tuple[str, bytes]]) -> None:
    """Keep what foreign records hold before the first overwrite; the first one kept stays, and is owed again."""
    tx.executemany(
        "INSERT INTO pre_image (migration_id, id, record) VALUES (?, ?, ?)"
        " ON CONFLICT (migration_id, id) DO UPDATE SET restored = 0",
        [(migration_id, target_id, record) for target_id, record in records],
    )


def pre_images(tx: Transaction, migration_id: str, after: str, limit: int) -> list[tuple[str, bytes]]:
    """Kept records that were not put back yet, in the order of their id texts, behind `after`."""
    rows = tx.execute(
        "SELECT id, record FROM pre_image WHERE migration_id = ? AND restored = 0 AND id > ? ORDER BY id LIMIT ?",
        (migration_id, after, limit),
    )
    return [(row[0], row[1]) for row in rows]


def untouched_among(tx: Transaction, migration_id: str, ids: Sequence[str]) -> set[str]:
    """Those of the target ids that are foreign and hold what they held: not overwritten, or put back."""
    statement = "SELECT 1 FROM pre_image WHERE migration_id = ? AND id = ? AND restored = 0"
    return {
        target_id
        for target_id in foreign_among(tx, migration_id, ids)
        if tx.execute(statement, (migration_id, target_id)).fetchone() is None
    }


def untouched_count(tx: Transaction, migration_id: str) -> int:
    """How many records the target held before us and still holds as they were."""
    return foreign_count(tx, migration_id) - owed_count(tx, migration_id)


def pre_images_of(tx: Transaction, migration_id: str, ids: Iterable[str]) -> list[tuple[str, bytes]]:
    """Kept records of these target ids, put back before or not: a write of ours may have landed behind that."""
    statement = "SELECT id, record FROM pre_image WHERE migration_id = ? AND id = ?"
    rows = [tx.execute(statement, (migration_id, one)).fetchone() for one in ids]
    return [(row[0], row[1]) for row in rows if row is not None]


def mark_restored(tx: Transaction, migration_id: str, ids: Iterable[str]) -> None:
    """These were put back."""
    tx.executemany(
        "UPDATE pre_image SET restored = 1 WHERE migration_id = ? AND id = ?",
        [(migration_id, one) for one in ids],
    )


def owed_count(tx: Transaction, migration_id: str) -> int:
    """How many kept records were not put back yet."""
    return int(
        tx.execute(
            "SELECT count(*) FROM pre_image WHERE migration_id = ? AND restored = 0", (migration_id,)
        ).get
    )


def restored_count(tx: Transaction, migration_id: str) -> int:
    """How many kept records were put back."""
    return int(
        tx.execute(
            "SELECT count(*) FROM pre_image WHERE migration_id = ? AND restored = 1", (migration_id,)
        ).get
    )
