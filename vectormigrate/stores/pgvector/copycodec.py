"""The frames of binary COPY: rows of raw fields out of what the server sends, and into what it takes. Pure.

A stream is a signature, rows of `count int16, (length int32, bytes)...`, and a count of -1. libpq hands over one
row at a time, the signature glued to the first.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from itertools import chain

from vectormigrate.model.errors import StoreBroken

Raw = list[bytes | None]

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_LENGTH = struct.Struct(">i")
_COUNT = struct.Struct(">h")
_NULL = b"\xff\xff\xff\xff"
_CHUNK = 256
"""Rows joined into one write: about a megabyte of usual vectors."""


def read_columns(blocks: Iterable[bytes], width: int) -> list[Raw]:
    """The fields of all rows, column by column. Rows are taken apart while the server sends the next."""
    columns: list[Raw] = [[] for _ in range(width)]
    appends = [column.append for column in columns]
    length_at = _LENGTH.unpack_from
    start = len(HEADER)
    for row in blocks:
        position, start = start, 0
        if len(row) - position <= len(TRAILER):
            continue
        if _COUNT.unpack_from(row, position)[0] != width:
            raise StoreBroken("the server's COPY stream has another number of columns than was asked for")
        position += 2
        for append in appends:
            (length,) = length_at(row, position)
            position += 4
            if length < 0:
                append(None)
            else:
                append(row[position : position + length])
                position += length
    return columns


def frame_rows(columns: Sequence[Sequence[bytes | None]]) -> Iterator[bytes]:
    """The stream that carries these columns, in pieces worth a write each."""
    head = _COUNT.pack(len(columns))
    count = len(columns[0]) if columns else 0
    yield HEADER
    for start in range(0, count, _CHUNK):
        parts = chain.from_iterable(
            _frame(head, row)
            for row in zip(*(column[start : start + _CHUNK] for column in columns), strict=True)
        )
        yield b"".join(parts)
    yield TRAILER


def _frame(head: bytes, row: tuple[bytes | None, ...]) -> Iterator[bytes]:
    yield head
    for raw in row:
        if raw is None:
            yield _NULL
        else:
            yield _LENGTH.pack(len(raw))
            yield raw
