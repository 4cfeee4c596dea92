import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.fakes.copystream import as_libpq_gives_it, fields_of
from vectormigrate.model.errors import StoreBroken
from vectormigrate.stores.pgvector.copycodec import HEADER, TRAILER, frame_rows, read_columns

rows = st.lists(st.tuples(*[st.none() | st.binary(max_size=20)] * 3), max_size=20)


@given(rows)
def test_what_is_framed_is_read_back(given_rows):
    columns = [list(column) for column in zip(*given_rows, strict=True)] or [[], [], []]
    stream = b"".join(frame_rows(columns))
    assert stream.startswith(HEADER)
    assert stream.endswith(TRAILER)
    read = read_columns(as_libpq_gives_it(stream, len(given_rows), 3), 3)
    assert [column.raws() for column in read] == columns
    for column, given_column in zip(read, columns, strict=True):
        mask = column.present()
        assert (mask is None) == (None not in given_column)
        held = column if mask is None else column.take(mask)
        assert held.raws() == [raw for raw in given_column if raw is not None]


def test_large_batches_go_in_pieces():
    pieces = list(frame_rows([[b"x"] * 1000]))
    assert len(pieces) > 3
    assert b"".join(pieces) == HEADER + (b"\0\1\0\0\0\1x") * 1000 + TRAILER


def test_a_stream_of_another_width_is_refused():
    with pytest.raises(StoreBroken):
        read_columns([HEADER + b"\0\2" + b"\xff\xff\xff\xff" * 2, TRAILER], 1)


def test_fields_of_one_size_are_one_array_of_bytes():
    cells = fields_of([b"ab", b"cd"]).cells(2)
    np.testing.assert_array_equal(cells, np.frombuffer(b"abcd", np.uint8).reshape(2, 2))
    assert fields_of([b"ab", b"cde"]).cells(2) is None
    assert fields_of([b"ab", None]).cells(2) is None
    assert fields_of([]).cells(2).shape == (0, 2)


def test_a_head_is_left_out_of_each_field():
    assert fields_of([b"\1{}", None, b"\1"]).behind(1).raws() == [b"{}", None, b""]
