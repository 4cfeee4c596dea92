"""What the server's binary COPY gives for known fields, as libpq hands it over."""

from __future__ import annotations

import struct

from vectormigrate.stores.pgvector.copycodec import HEADER, Fields, Raw, frame_rows, read_columns


def as_libpq_gives_it(stream: bytes, count: int, width: int) -> list[bytes]:
    """A row a block, the signature glued to the first: cut by reading the frames."""
    position, blocks, start = len(HEADER), [], 0
    for _ in range(count):
        position += 2
        for _ in range(width):
            (length,) = struct.unpack_from(">i", stream, position)
            position += 4 + max(length, 0)
        blocks.append(stream[start:position])
        start = position
    return [*blocks, stream[start:]]


def fields_of(raws: Raw) -> Fields:
    """One column of these fields."""
    stream = b"".join(frame_rows([raws]))
    return read_columns(as_libpq_gives_it(stream, len(raws), 1), 1)[0]
