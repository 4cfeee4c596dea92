"""The frames of binary COPY: columns of raw fields out of what the server sends, and into what it takes. Pure.

A stream is a signature, rows of `count int16, (length int32, bytes)...`, and a count of -1. libpq hands over one
row at a time, the signature glued to the first. The surprise: rows are not taken apart one by one. Where the fields of
all rows stand is computed a column at a time, and only those that somebody asks for are cut out.
"""

from __future__ import annotations

import struct
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from io import BytesIO
from itertools import chain, repeat

import numpy as np

from vectormigrate.model.batch import Mask
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.record import Array

Raw = list[bytes | None]

HEADER = b"PGCOPY\n\xff\r\n\0" + bytes(8)
TRAILER = b"\xff\xff"
_LENGTH = struct.Struct(">i")
_COUNT = struct.Struct(">h")
_IN_CACHE = 2**17
"""Bytes that are gathered before they are turned round: what leaves the processor's cache in between is fetched twice."""
_CHUNK = 256
"""Rows joined into one write: about a megabyte of usual vectors."""


@dataclass(frozen=True, slots=True, eq=False)
class Fields:
    """One column of a stream: the field of row i is `data[starts[i]:stops[i]]`, and NULL where it ends before it starts."""

    data: bytes
    starts: Array
    stops: Array

    def raws(self) -> Raw:
        """The bytes of each field."""
        data, bounds = self.data, zip(self.starts.tolist(), self.stops.tolist(), strict=True)
        return [data[start:stop] if stop >= start else None for start, stop in bounds]

    def present(self) -> Mask | None:
        """Which fields are not NULL; None when all are there."""
        there: Mask = self.stops >= self.starts
        return None if there.all() else there

    def take(self, rows: Mask) -> Fields:
        """The fields of some rows."""
        return Fields(self.data, self.starts[rows], self.stops[rows])

    def behind(self, head: int) -> Fields:
        """Each field without its first bytes."""
        return Fields(self.data, self.starts + head, self.stops)

    def numbers(self, kind: str, width: int = 1) -> Array | None:
        """All fields as one (n, width) array of numbers that are `kind` on the wire, in this machine's byte order; None
        unless each field holds as many.
        """
        wire = np.dtype(kind)
        size = wire.itemsize * width
        if (self.stops - self.starts != size).any():
            return None
        made = np.empty((len(self.starts), width), wire.newbyteorder("="))
        step = max(1, _IN_CACHE // max(1, size))
        for start in range(0, len(made), step):
            part = slice(start, start + step)
            made[part] = _cells(self.data, self.starts[part], size).view(wire)
        return made


def read_columns(blocks: Iterable[bytes | memoryview], width: int) -> list[Fields]:
    """The fields of all rows, column by column."""
    stream = BytesIO()
    # Each is copied while it is still in the processor's cache, and its memory is free for the next.
    ends = np.cumsum(np.fromiter(map(stream.write, blocks), np.int64))
    data = stream.getvalue()
    places = np.concatenate([[len(HEADER)], ends[:-1]])
    places = places[ends - places > len(TRAILER)]
    if (_numbers(data, places, ">i2") != width).any():
        raise StoreBroken("the server's COPY stream has another number of columns than was asked for")
    places = places + _COUNT.size
    columns: list[Fields] = []
    for _ in range(width):
        starts = places + _LENGTH.size
        stops = starts + _numbers(data, places, ">i4")
        columns.append(Fields(data, starts, stops))
        places = np.maximum(starts, stops)
    return columns


def _numbers(data: bytes, places: Array, kind: str) -> Array:
    """The numbers that stand at these places."""
    return _cells(data, places, np.dtype(kind).itemsize).view(kind)[:, 0].astype(np.int64)


def _cells(data: bytes, places: Array, size: int) -> Array:
    """The `size` bytes that stand at each of these places, gathered by one copy each."""
    if not len(places):
        return np.empty((0, size), np.uint8)
    windows = np.ndarray((len(data) - size + 1, size), np.uint8, data, strides=(1, 1))
    gathered: Array = windows[places]
    return gathered


def frame_rows(columns: Sequence[Sequence[bytes | None]]) -> Iterator[bytes]:
    """The stream that carries these columns, in pieces worth a write each."""
    count = len(columns[0]) if columns else 0
    yield HEADER
    for start in range(0, count, _CHUNK):
        parts: list[Iterable[bytes]] = [repeat(_COUNT.pack(len(columns)))]
        for column in columns:
            parts += _framed(column[start : start + _CHUNK])
        yield b"".join(chain.from_iterable(zip(*parts, strict=False)))
    yield TRAILER


def _framed(raws: Sequence[bytes | None]) -> tuple[Iterable[bytes], Iterable[bytes]]:
    """What stands before each field, and each field."""
    held = [raw or b"" for raw in raws]
    sizes = [-1 if raw is None else len(raw) for raw in raws]
    if len(set(sizes)) == 1:
        return repeat(_LENGTH.pack(sizes[0])), held
    packed = struct.pack(f">{len(sizes)}i", *sizes)
    return [packed[start : start + 4] for start in range(0, len(packed), 4)], held
