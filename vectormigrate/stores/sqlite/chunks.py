"""Reading vec0's shadow tables: its own way of finding a row costs a thousandth of a second, this one a hundredth of that.

vec0 keeps vectors and metadata in chunks, one BLOB of 1,024 rows for each column, and `NAME_rowids` says in which
chunk and at which place a row stands. Metadata is 8 bytes a number, a bit a boolean, and 16 bytes a text: its length,
then up to 12 bytes of it; a longer one stands in `NAME_metadatatextNN`. Auxiliary columns are in
`NAME_auxiliary`, partition columns beside the chunk.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import apsw
import numpy as np

from vectormigrate.model.batch import DenseColumn
from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.record import Array

from . import vectors
from .table import FieldColumn, Table, quoted

_WORTH_A_CHUNK = 8
"""Rows of one chunk from which on reading all of it is faster than reading each."""
_SHORT_TEXT = 12
_TEXT_CELL = 16


def joins(name: str, fields: Sequence[FieldColumn]) -> str:
    """The joins that bring in what stands outside the chunks, behind `NAME_rowids AS c`."""
    text = ""
    if any(field.shadow.startswith("k.") for field in fields):
        text += f" CROSS JOIN {quoted(name + '_chunks')} AS k ON k.chunk_id = c.chunk_id"
    if any(field.shadow.startswith("x.") for field in fields):
        text += f" LEFT JOIN {quoted(name + '_auxiliary')} AS x ON x.rowid = c.rowid"
    for field in fields:
        if field.metadata is not None and field.field.type is FieldType.TEXT:
            alias = f"m{field.metadata:02d}"
            table = quoted(f"{name}_metadatatext{field.metadata:02d}")
            text += f" LEFT JOIN {table} AS {alias} ON {alias}.rowid = c.rowid"
    return text


def long_text(number: int, field: Field) -> str:
    """Where a metadata text stands that is too long for its cell."""
    return f"m{number:02d}.data" if field.type is FieldType.TEXT else "NULL"


class Chunks:
    """The chunks of one page: which rows stand in which, and where."""

    def __init__(
        self, connection: apsw.Connection, table: Table, chunks: Sequence[int], offsets: Sequence[int]
    ) -> None:
        self._connection = connection
        self._table = table
        self._offsets = offsets
        self._rows: dict[int, list[int]] = {}
        for row, chunk in enumerate(chunks):
            self._rows.setdefault(chunk, []).append(row)

    def vectors(self) -> dict[str, DenseColumn]:
        """All vector columns."""
        return {
            column.field.name: vectors.from_bytes(
                column.field,
                self._cells(f"vector_chunks{number:02d}", "vectors", vectors.row_bytes(column.field)),
            )
            for number, column in enumerate(self._table.vectors)
        }

    def metadata(self, column: FieldColumn, outside: Sequence[Any]) -> Sequence[Any]:
        """The stored values of a column; `outside` is what its `shadow` gave for each row."""
        if column.metadata is None:
            return outside
        name = f"metadatachunks{column.metadata:02d}"
        match column.field.type:
            case FieldType.BOOL:
                return self._bits(name)
            case FieldType.TEXT:
                cells = self._cells(name, "data", _TEXT_CELL)
                lengths = cells[:, :4].copy().view("<i4")[:, 0].tolist()
                return [
                    long if length > _SHORT_TEXT else cell[4 : 4 + length].decode()
                    for length, cell, long in zip(lengths, map(bytes, cells), outside, strict=True)
                ]
            case type_:
                kind = "<f8" if type_ is FieldType.FLOAT else "<i8"
                values: list[Any] = self._cells(name, "data", 8).view(kind)[:, 0].tolist()
                return values

    def _cells(self, suffix: str, column: str, size: int) -> Array:
        """One cell of `size` bytes a row."""
        cells = np.empty((len(self._offsets), size), dtype=np.uint8)
        for chunk, rows in self._rows.items():
            with self._open(suffix, column, chunk) as blob:
                if len(rows) >= _WORTH_A_CHUNK:
                    whole = np.frombuffer(blob.read(), dtype=np.uint8).reshape(-1, size)
                    cells[rows] = whole[[self._offsets[row] for row in rows]]
                    continue
                for row in rows:
                    blob.seek(self._offsets[row] * size)
                    cells[row] = np.frombuffer(blob.read(size), dtype=np.uint8)
        return cells

    def _bits(self, suffix: str) -> list[int]:
        values = [0] * len(self._offsets)
        for chunk, rows in self._rows.items():
            with self._open(suffix, "data", chunk) as blob:
                bits = blob.read()
            for row in rows:
                place = self._offsets[row]
                values[row] = bits[place // 8] >> (place % 8) & 1
        return values

    def _open(self, suffix: str, column: str, chunk: int) -> apsw.Blob:
        return self._connection.blob_open("main", f"{self._table.name}_{suffix}", column, chunk, False)
