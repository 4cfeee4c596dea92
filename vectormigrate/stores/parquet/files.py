"""Reading: row groups of the files of one snapshot, by file and number, the latest kept; and records gathered from many.

Every page is read with its checksum, so a flipped bit is an error and no number.
"""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from vectormigrate.model.collection import IdField
from vectormigrate.model.record import RecordId

from .columns import id_columns, ids_of

_KEPT_BYTES = 2**27
_KEPT_IDS = 64


class Group(NamedTuple):
    """One row group: the name of its file in the snapshot's folder, and its number there."""

    file: str
    number: int


class Place(NamedTuple):
    """Where one record stands."""

    group: Group
    row: int


class Files:
    """The files of one snapshot. Not to be shared between threads."""

    def __init__(self, folder: Path, key: IdField) -> None:
        self._folder = folder
        self._key = key
        self._tables: OrderedDict[Group, pa.Table] = OrderedDict()
        self._bytes = 0
        self._ids: OrderedDict[Group, list[RecordId]] = OrderedDict()

    def ids(self, group: Group) -> list[RecordId]:
        """The ids of a row group, in its order."""
        found = self._ids.get(group)
        if found is None:
            found = self._ids[group] = ids_of(self._read(group, id_columns(self._key)), self._key)
            if len(self._ids) > _KEPT_IDS:
                self._ids.popitem(last=False)
        self._ids.move_to_end(group)
        return found

    def table(self, group: Group) -> pa.Table:
        """A row group whole."""
        found = self._tables.get(group)
        if found is None:
            found = self._tables[group] = self._read(group, None)
            self._bytes += found.nbytes
            while self._bytes > _KEPT_BYTES and len(self._tables) > 1:
                self._bytes -= self._tables.popitem(last=False)[1].nbytes
        self._tables.move_to_end(group)
        return found

    def gather(self, places: Sequence[Place]) -> pa.Table:
        """The records at these places, at least one, in this order."""
        rows: dict[Group, list[int]] = {}
        wanted: dict[Group, list[int]] = {}
        for position, place in enumerate(places):
            rows.setdefault(place.group, []).append(place.row)
            wanted.setdefault(place.group, []).append(position)
        whole = pa.concat_tables([_taken(self.table(group), picked) for group, picked in rows.items()])
        order = np.concatenate([np.asarray(positions) for positions in wanted.values()])
        if (np.diff(order) == 1).all():
            return whole
        return whole.take(pa.array(np.argsort(order)))

    def _read(self, group: Group, columns: list[str] | None) -> pa.Table:
        with pq.ParquetFile(self._folder / group.file, page_checksum_verification=True) as file:
            return file.read_row_group(group.number, columns=columns)


def _taken(table: pa.Table, rows: list[int]) -> pa.Table:
    if rows[-1] - rows[0] == len(rows) - 1 and all(map(int.__eq__, rows, range(rows[0], rows[-1] + 1))):
        return table.slice(rows[0], len(rows))
    return table.take(rows)
