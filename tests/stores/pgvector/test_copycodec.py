import struct

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectormigrate.model.errors import StoreBroken
from vectormigrate.stores.pgvector.copycodec import HEADER, TRAILER, frame_rows, read_columns

rows = st.lists(st.tuples(*[st.none() | st.binary(max_size=20)] * 3), max_size=20)


def as_libpq_gives_it(stream: bytes, count: int) -> list[bytes]:
    """A row a block, the signature glued to the first: cut by reading the frames."""
    position, blocks, start = len(HEADER), [], 0
    for _ in range(count):
        position += 2
        for _ in range(3):
            (length,) = struct.unpack_from(">i", stream, position)
            position += 4 + max(length, 0)
        blocks.append(stream[start:position])
        start = position
    return [*blocks, stream[start:]]


@given(rows)
def test_what_is_framed_is_read_back(given_rows):
    columns = [list(column) for column in zip(*given_rows, strict=True)] or [[], [], []]
    stream = b"".join(frame_rows(columns))
    assert stream.startswith(HEADER)
    assert stream.endswith(TRAILER)
    read = read_columns(as_libpq_gives_it(stream, len(given_rows)), 3)
    assert [column.raws() for column in read] == columns
    assert [[None if view is None else bytes(view) for view in column.views()] for column in read] == columns


def test_large_batches_go_in_pieces():
    pieces = list(frame_rows([[b"x"] * 1000]))
    assert len(pieces) > 3
    assert b"".join(pieces) == HEADER + (b"\0\1\0\0\0\1x") * 1000 + TRAILER


def test_a_stream_of_another_width_is_refused():
    with pytest.raises(StoreBroken):
        read_columns([HEADER + b"\0\2" + b"\xff\xff\xff\xff" * 2, TRAILER], 1)
