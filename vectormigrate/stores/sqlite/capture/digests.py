"""What vec0 writes past SQL: vectors and metadata are changed in place inside BLOBs, where no trigger looks.

So each row of each chunk has a digest of 64 bits, kept in a table of ours, and a look at a changed file reads all
chunks and compares. That costs what reading all vectors costs: half a gigabyte a second, and eight bytes kept for each
row and column.

A digest is the sum of the row's words, each times an odd number of its own, modulo 2^64: no change of one word can
leave it as it was, and other changes do so once in 2^63.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import apsw
import numpy as np
import numpy.typing as npt

from vectormigrate.model.collection import IdKind
from vectormigrate.stores.sqlite.table import Flavour, Table, quoted
from vectormigrate.stores.sqlite.virtual import QORTEX_IDS, shadows

Words = npt.NDArray[np.uint64]
Key = tuple[Any, ...]

_CHUNKS = re.compile(r"(vector_chunks|metadatachunks)\d+")
_SEED = 20
_FACTORS = np.random.default_rng(_SEED).integers(0, 2**63, 4096, dtype=np.uint64) * 2 + 1
_AT_ONCE = 900
"""Row numbers of one query, below every limit on its variables."""


@dataclass(frozen=True, slots=True)
class Digest:
    """The digests of one chunk of one column, as they are to be kept."""

    part: str
    chunk: int
    rows: bytes


def create(connection: apsw.Connection, kept: str) -> None:
    """Make the table that keeps them. `kept` is its name, quoted."""
    connection.execute(
        f"CREATE TABLE {kept} (part TEXT, chunk INTEGER, rows BLOB, PRIMARY KEY (part, chunk)) WITHOUT ROWID"
    )


def compare(
    connection: apsw.Connection, table: Table, kept: str, limit: int | None
) -> tuple[list[Key], list[Digest]]:
    """Keys of rows that changed since what is kept, at most `limit`, and the digests to keep once those are known.

    A row that is not there any more was told by a trigger and has no key.
    """
    keys: list[Key] = []
    news: list[Digest] = []
    for part, chunk, now in _digests(connection, table):
        room = None if limit is None else limit - len(keys)
        if room == 0:
            break
        held: list[Any] = connection.execute(
            f"SELECT rows FROM {kept} WHERE part = ? AND chunk = ?",  # noqa: S608 quoted names
            (part, chunk),
        ).fetchall()
        before = np.frombuffer(held[0][0], np.uint64) if held else np.zeros_like(now)
        places = np.flatnonzero(before != now)[:room]
        if len(places):
            keys += _keys(connection, table, chunk, places)
            news.append(Digest(part, chunk, _with(before, now, places)))
    return keys, news


def _with(before: Words, now: Words, places: npt.NDArray[np.intp]) -> bytes:
    mixed = before.copy()
    mixed[places] = now[places]
    return mixed.tobytes()


def name(news: list[Digest]) -> str:
    """A text that stands for these digests and no others; "" for none."""
    if not news:
        return ""
    parts = (f"{new.part} {new.chunk} ".encode() + new.rows for new in news)
    return hashlib.sha256(b"".join(parts)).hexdigest()[:16]


def keep(connection: apsw.Connection, kept: str, news: list[Digest]) -> None:
    """Take the digests for what is known."""
    connection.executemany(
        f"INSERT OR REPLACE INTO {kept} VALUES (?, ?, ?)",  # noqa: S608 quoted names
        [(new.part, new.chunk, new.rows) for new in news],
    )


def _digests(connection: apsw.Connection, table: Table) -> Iterator[tuple[str, int, Words]]:
    sizes: dict[int, int] = dict(
        connection.execute(f"SELECT chunk_id, size FROM {quoted(table.name + '_chunks')}")  # noqa: S608 quoted names
    )
    for shadow in sorted(shadows(connection, table.name)):
        part = shadow[len(table.name) + 1 :]
        if _CHUNKS.fullmatch(part) is None:
            continue
        column = "vectors" if part.startswith("vector") else "data"
        for chunk, data in connection.execute(f"SELECT rowid, {column} FROM {quoted(shadow)}"):  # noqa: S608 quoted names
            yield part, chunk, digest(data, sizes[chunk])


def digest(data: bytes, rows: int) -> Words:
    """The digest of each of the `rows` rows whose cells, all of one size, make up `data`; (rows,) of uint64."""
    raw = np.frombuffer(data, np.uint8)
    if len(raw) < rows:  # a bit each
        return np.unpackbits(raw, bitorder="little", count=rows).astype(np.uint64)
    cells = raw.reshape(rows, -1)
    if cells.shape[1] % 8:
        cells = np.pad(cells, ((0, 0), (0, -cells.shape[1] % 8)))
    words = cells.view(np.uint64)
    factors = np.resize(_FACTORS, words.shape[1])
    summed: Words = words @ factors
    return summed


def _keys(connection: apsw.Connection, table: Table, chunk: int, places: npt.NDArray[np.intp]) -> list[Key]:
    """The keys of the rows that stand at these places of a chunk."""
    found: list[Any] = connection.execute(
        f"SELECT rowids FROM {quoted(table.name + '_chunks')} WHERE chunk_id = ?",  # noqa: S608 quoted names
        (chunk,),
    ).fetchall()
    numbers = np.frombuffer(found[0][0], np.int64)[places].tolist()
    keys: list[Key] = []
    for start in range(0, len(numbers), _AT_ONCE):
        some = numbers[start : start + _AT_ONCE]
        marks = ", ".join("?" * len(some))
        sql = f"SELECT {_key(table)} WHERE {_row(table)} IN ({marks})"
        keys += connection.execute(sql, some).fetchall()
    return keys


def _key(table: Table) -> str:
    if table.flavour is Flavour.QORTEX:
        return f"id FROM {QORTEX_IDS}"
    key = "rowid" if table.keys[0].kind is IdKind.INT else "id"
    return f"{key} FROM {quoted(table.name + '_rowids')}"


def _row(table: Table) -> str:
    return "row_id" if table.flavour is Flavour.QORTEX else "rowid"
