import apsw
import numpy as np
import pytest
import sqlite_vec

from vectormigrate.model.batch import DenseColumn, multi_column, sparse_column
from vectormigrate.model.collection import Element, VectorField, VectorKind
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.sqlite.vectors import MalformedVectorError, decode, encode, encode_one


@pytest.fixture
def vec():
    connection = apsw.Connection(":memory:")
    connection.enable_load_extension(True)
    connection.load_extension(sqlite_vec.loadable_path())
    yield connection
    connection.close()


def test_floats_are_what_sqlite_vec_reads(vec):
    [blob] = encode(VectorField("v", dim=2), DenseColumn(np.array([[1.5, -2]], np.float32)), 1)
    assert vec.execute("select vec_to_json(?)", (bytes(blob),)).fetchall() == [("[1.500000,-2.000000]",)]


def test_bits_are_what_sqlite_vec_reads(vec):
    field = VectorField("v", element=Element.BINARY, dim=16)
    row = np.packbits([1, 1, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1])
    blob = encode_one(field, row)
    [(text,)] = vec.execute("select vec_to_json(vec_bit(?))", (blob,)).fetchall()
    assert text == "[1,1,0,1,0,0,0,0,0,0,0,0,0,0,0,1]"
    assert decode(field, [blob]).values.tolist() == [row.tolist()]


def test_a_column_without_gaps_has_no_mask_and_one_with_gaps_has():
    field = VectorField("v", dim=1)
    one = np.ones(1, np.float32).tobytes()
    assert decode(field, [one, one]).present is None
    gaps = decode(field, [one, None])
    assert gaps.present.tolist() == [True, False]
    assert encode(field, gaps, 2)[1] is None


def test_sparse_and_multi_vectors_keep_empty_apart_from_missing():
    empty = SparseVector(np.empty(0, np.int64), np.empty(0, np.float32))
    field = VectorField("v", VectorKind.SPARSE)
    blobs = [None if blob is None else bytes(blob) for blob in encode(field, sparse_column([empty, None]), 2)]
    assert blobs == [b"", None]
    assert decode(field, blobs).present.tolist() == [True, False]
    multi = VectorField("m", VectorKind.MULTI, dim=2)
    blobs = [
        None if blob is None else bytes(blob)
        for blob in encode(multi, multi_column([np.empty((0, 2)), None, np.ones((3, 2))], width=2), 3)
    ]
    assert list(map(bool, blobs)) == [False, False, True]
    assert np.diff(decode(multi, blobs).offsets).tolist() == [0, 0, 3]


@pytest.mark.parametrize(
    ("field", "good", "bad"),
    [
        (VectorField("v", dim=2), bytes(8), bytes(4)),
        (VectorField("v", dim=2), bytes(8), b""),
        (VectorField("v", dim=2), bytes(8), "[1, 2]"),
        (VectorField("v", VectorKind.SPARSE), bytes(12), bytes(13)),
        (VectorField("v", VectorKind.MULTI, dim=2), bytes(16), bytes(12)),
        (VectorField("v", VectorKind.MULTI, dim=2), bytes(16), 5),
    ],
)
def test_a_value_that_is_no_vector_is_told_by_its_row(field, good, bad):
    with pytest.raises(MalformedVectorError) as caught:
        decode(field, [good, None, bad, good])
    assert list(caught.value.reasons) == [2]


def test_lengths_that_only_add_up_are_malformed():
    with pytest.raises(MalformedVectorError):
        decode(VectorField("v", dim=2), [bytes(4), bytes(12)])
