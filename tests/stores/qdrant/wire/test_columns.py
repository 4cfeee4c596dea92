"""Vectors row by row into columns: kinds, holes, order, and what does not fit."""

import numpy as np
import pytest

from vectormigrate.model.batch import DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import Element, VectorField, VectorKind
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.qdrant.wire.columns import (
    ColumnBuilder,
    ascending,
    build_columns,
    builders_of,
    floats_of,
)

DENSE = VectorField("d", dim=2)
MULTI = VectorField("m", VectorKind.MULTI, dim=2)
SPARSE = VectorField("s", VectorKind.SPARSE)


def floats(*numbers: float) -> bytes:
    return np.array(numbers, "<f4").tobytes()


def sparse(weights: dict[int, float]) -> SparseVector:
    return SparseVector(np.array([*weights], np.int64), np.array([*weights.values()], np.float32))


def test_rows_in_any_order_with_holes():
    builder = ColumnBuilder(DENSE)
    builder.dense(2, floats(3, 4))
    builder.dense(0, floats(1, 2))
    column = builder.column(4)
    assert isinstance(column, DenseColumn)
    assert column.values.tolist() == [[1, 2], [0, 0], [3, 4], [0, 0]]
    assert column.present.tolist() == [True, False, True, False]


def test_nothing_is_absent_when_all_are_there():
    builder = ColumnBuilder(DENSE)
    builder.dense(0, floats(1, 2))
    assert builder.column(1).present is None
    assert ColumnBuilder(DENSE).column(0).values.shape == (0, 2)


@pytest.mark.parametrize("element", [Element.FLOAT16, Element.UINT8])
def test_a_column_has_the_element_type_of_its_field(element):
    builder = ColumnBuilder(VectorField("d", dim=3, element=element))
    builder.dense(0, floats(0, 7, 255))
    column = builder.column(1)
    assert column.values.dtype == element.dtype
    assert column.values.tolist() == [[0, 7, 255]]


def test_multi_vectors_keep_their_tokens():
    builder = ColumnBuilder(MULTI)
    builder.multi(1, floats(1, 2, 3, 4), 2)
    builder.multi(2, b"", 0)
    column = builder.column(3)
    assert isinstance(column, MultiColumn)
    assert column.offsets.tolist() == [0, 0, 2, 2]
    assert column.row(1).tolist() == [[1, 2], [3, 4]]
    assert column.present.tolist() == [False, True, True]


def test_sparse_vectors_are_put_in_order():
    builder = ColumnBuilder(SPARSE)
    builder.sparse(0, sparse({9: 1.0, 2**32 - 1: 3.0, 4: 2.0}))
    column = builder.column(2)
    assert isinstance(column, SparseColumn)
    assert column.row(0).indices.tolist() == [4, 9, 2**32 - 1]
    assert column.row(0).values.tolist() == [2, 1, 3]
    assert not column.has(1)
    with pytest.raises(ValueError, match="unique"):
        ascending(SparseVector(np.array([1, 2, 1]), np.ones(3, np.float32)))


@pytest.mark.parametrize(
    ("field", "put"),
    [
        (DENSE, lambda builder: builder.multi(0, floats(1, 2), 1)),
        (DENSE, lambda builder: builder.sparse(0, sparse({1: 1.0}))),
        (SPARSE, lambda builder: builder.dense(0, floats(1, 2))),
        (MULTI, lambda builder: builder.dense(0, floats(1, 2))),
    ],
)
def test_a_vector_of_another_kind_is_refused(field, put):
    with pytest.raises(ValueError, match=f"is {field.kind}"):
        put(ColumnBuilder(field))


def test_a_wrong_dimension_is_refused_in_the_servers_words():
    with pytest.raises(ValueError, match="Vector dimension error: expected dim: 2, got 3"):
        ColumnBuilder(DENSE).dense(0, floats(1, 2, 3))
    with pytest.raises(ValueError, match="expected dim: 2, got 3"):
        ColumnBuilder(MULTI).multi(0, floats(1, 2, 3, 4, 5, 6), 2)


def test_a_column_for_each_field():
    builders = builders_of([DENSE, SPARSE])
    builders["d"].dense(0, floats(1, 2))
    columns = build_columns(builders.values(), 1)
    assert columns.keys() == {"d", "s"}
    assert not columns["s"].has(0)


def test_floats_are_laid_side_by_side():
    values = np.asfortranarray(np.arange(6, dtype=np.float16).reshape(2, 3))
    assert floats_of(values).flags.c_contiguous
    assert floats_of(values).dtype == np.dtype("<f4")
