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


def test_fields_of_one_size_are_one_array_of_numbers():
    numbers = fields_of([b"\0\1\0\2", b"\0\3\1\0"]).numbers(">i2", 2)
    np.testing.assert_array_equal(numbers, np.array([[1, 2], [3, 256]], np.int16))
    assert numbers.dtype.isnative
    assert fields_of([b"ab", b"cde"]).numbers(">i2") is None
    assert fields_of([b"ab", None]).numbers(">i2") is None
    assert fields_of([]).numbers(">i2").shape == (0, 1)


def test_many_fields_are_gathered_in_steps():
    wide = np.arange(5 * 2**15, dtype=">i4").reshape(5, 2**15)
    np.testing.assert_array_equal(fields_of([row.tobytes() for row in wide]).numbers(">i4", 2**15), wide)
    narrow = list(range(2**15))
    raws = [number.to_bytes(8, "big") for number in narrow]
    assert fields_of(raws).numbers(">i8")[:, 0].tolist() == narrow


def test_a_head_is_left_out_of_each_field():
    assert fields_of([b"\1{}", None, b"\1"]).behind(1).raws() == [b"{}", None, b""]
