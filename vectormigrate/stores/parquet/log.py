"""What was written and is not in the parts yet: one file a write, numbered without a gap, and where each id is in them.

A file is written under another name, made durable, and renamed to the next number: so it is there whole or not at all, whoever
is killed. Several processes append to one log, one at a time under the snapshot's lock. Reading goes by number too: a store
that has seen file n asks whether there is an n + 1. The index, id to place, is in memory: some 250 bytes a record of the log.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path
from uuid import uuid4

import pyarrow as pa
import pyarrow.parquet as pq

from vectormigrate.model.collection import IdField
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId

from .columns import id_columns, ids_of, ids_table
from .files import Files, Group, Place
from .manifest import sync_folder
from .order import Order

FOLDER = "_log"
_REMOVES = {b"vectormigrate": b"removes"}


def name_of(number: int) -> str:
    """A file of the log, as seen from the snapshot's folder."""
    return f"{FOLDER}/{number:012}.parquet"


class Log:
    """The log of one snapshot behind `folded`, as far as it was taken in. Not to be shared between threads."""

    def __init__(self, folder: Path, key: IdField, files: Files, order: Order, folded: int) -> None:
        self._folder = folder
        self._key = key
        self._files = files
        self._order = order
        self.last = folded
        """Number of the last file that was taken in."""
        self._places: dict[RecordId, Place | None] = {}
        self._sorted: list[RecordId] = []
        self._news: list[RecordId] = []

    # Writing: under the snapshot's lock, and with the manifest looked at under it.

    def put(self, table: pa.Table) -> None:
        """Add records, each over the one of its id."""
        self._append(table)

    def remove(self, ids: list[RecordId]) -> None:
        """Add the removal of these ids."""
        self._append(ids_table(ids, self._key).replace_schema_metadata(_REMOVES))

    def _append(self, table: pa.Table) -> None:
        """Put one file behind the others, durably."""
        new = self._folder / FOLDER / f".{uuid4().hex}"
        pq.write_table(
            table,
            new,
            compression="none",
            use_dictionary=False,
            write_statistics=False,
            write_page_checksum=True,
        )
        with new.open("rb") as file:
            os.fsync(file.fileno())
        number = self.last + 1
        while self._path(number).exists():
            number += 1
        reached("snapshot.written")
        new.rename(self._path(number))
        sync_folder(self._folder / FOLDER)

    def sweep(self) -> None:
        """Remove what was taken in, and what others left half written."""
        kept = f"{self.last:012}.parquet"
        for path in (self._folder / FOLDER).iterdir():
            if path.name.startswith(".") or path.name <= kept:
                path.unlink()

    # Reading.

    def catch_up(self) -> None:
        """Take in the files that were added."""
        while (path := self._path(self.last + 1)).exists():
            with pq.ParquetFile(path, page_checksum_verification=True) as file:
                metadata = file.schema_arrow.metadata or {}
                removes = _REMOVES.items() <= metadata.items()
                ids = ids_of(file.read(columns=id_columns(self._key)), self._key)
            group = Group(name_of(self.last + 1), 0)
            self._news += [one for one in ids if one not in self._places]
            self._places |= {one: None if removes else Place(group, row) for row, one in enumerate(ids)}
            self.last += 1

    def __contains__(self, record_id: RecordId) -> bool:
        return record_id in self._places

    def get(self, record_id: RecordId) -> Place | None:
        """Where the record is; None when it was removed, or is not of the log."""
        return self._places.get(record_id)

    @property
    def ids(self) -> list[RecordId]:
        """Every id that was written or removed, in key order."""
        if self._news:
            self._sorted += self._news  # sorted runs: what Python's sort is quickest at
            self._sorted.sort(key=self._order.key)
            self._news = []
        return self._sorted

    def after(self, lower: RecordId | None, upper: RecordId | None) -> Iterator[tuple[RecordId, Place]]:
        """Records of `(lower, upper]` in key order, with their places."""
        ids = self.ids
        for position in range(self._order.behind(ids, lower), len(ids)):
            one = ids[position]
            if self._order.is_behind(one, upper):
                return
            place = self._places[one]
            if place is not None:
                yield one, place

    def _path(self, number: int) -> Path:
        return self._folder / name_of(number)
