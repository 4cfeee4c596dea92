"""The bytes of pgvector's types; that the server agrees is `test_store.py`'s business."""

import struct

import numpy as np
import pytest

from tests.fakes.copystream import fields_of
from vectormigrate.model.batch import DenseColumn, SparseColumn, dense_column, sparse_column
from vectormigrate.model.collection import Element, VectorField, VectorKind
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.pgvector import vectors

FLOATS = VectorField("v", dim=3)


def test_a_vector_is_its_dimension_and_big_endian_floats():
    [raw] = vectors.encode(DenseColumn(np.array([[1.5, -2, 0]], np.float32)), FLOATS, 1)
    assert raw == struct.pack(">hhfff", 3, 0, 1.5, -2, 0)


def test_bits_carry_their_count():
    field = VectorField("v", element=Element.BINARY, dim=16)
    [raw] = vectors.encode(DenseColumn(np.array([[0x81, 0xFF]], np.uint8)), field, 1)
    assert raw == b"\0\0\0\x10\x81\xff"


@pytest.mark.parametrize("element", [Element.FLOAT32, Element.FLOAT16, Element.BINARY])
def test_dense_columns_with_gaps_come_back(element):
    width = 2 if element is Element.BINARY else 3
    field = VectorField("v", element=element, dim=16 if element is Element.BINARY else 3)
    rows = [np.arange(width, dtype=element.dtype), None, np.full(width, 7, element.dtype)]
    column = dense_column(rows, width=width, dtype=element.dtype)
    got = vectors.decode(fields_of(vectors.encode(column, field, 3)), field)
    assert isinstance(got, DenseColumn)
    assert got.values.dtype == element.dtype
    np.testing.assert_array_equal(got.values, column.values)
    np.testing.assert_array_equal(got.present, [True, False, True])


def test_nothing_and_nothing_but_gaps():
    assert vectors.encode(DenseColumn(np.empty((0, 3), np.float32)), FLOATS, 0) == []
    got = vectors.decode(fields_of([None, None]), FLOATS)
    assert got.values.shape == (2, 3)
    assert vectors.decode(fields_of([]), VectorField("v")).values.shape == (0, 0)


def test_mixed_dimensions_name_the_row():
    raws = [struct.pack(">hhff", 2, 0, 1, 2), None, struct.pack(">hhf", 1, 0, 1)]
    with pytest.raises(vectors.MixedDimensions, match="1 dimensions among vectors of 2") as caught:
        vectors.decode(fields_of(raws), VectorField("v"))
    assert caught.value.row == 2


def test_sparse_columns_come_back_without_explicit_zeros():
    field = VectorField("s", VectorKind.SPARSE, dim=10)
    column = sparse_column(
        [
            SparseVector(np.array([0, 4, 9]), np.array([1, 0, 2], np.float32)),
            None,
            SparseVector(np.array([], np.int64), np.array([], np.float32)),
        ]
    )
    raws = vectors.encode(column, field, 3)
    assert raws[0] == struct.pack(">iiiiiff", 10, 2, 0, 0, 9, 1, 2)
    got = vectors.decode(fields_of(raws), field)
    assert isinstance(got, SparseColumn)
    assert got.indptr.tolist() == [0, 2, 2, 2]
    assert got.indices.tolist() == [0, 9]
    assert got.present is not None
    assert got.present.tolist() == [True, False, True]


def test_a_column_is_fitted_only_where_no_number_changes():
    halves = VectorField("v", element=Element.FLOAT16, dim=2)
    exact, inexact = np.array([[0.5, 2]], np.float32), np.array([[0.1, 1e9]], np.float32)
    assert vectors.fit(DenseColumn(exact), halves).values.dtype == np.float16
    assert vectors.fit(DenseColumn(inexact), halves).values.dtype == np.float32
    assert vectors.fit(DenseColumn(exact.astype(np.int8)), FLOATS).values.dtype == np.float32
