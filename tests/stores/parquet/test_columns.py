"""What a batch becomes as columns, and that it comes back; and that others read the columns as documented."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import pyarrow as pa
import pytest

from tests.conformance.compare import assert_same
from tests.conformance.subject import make_sparse
from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import CollectionShape, Element, IdField, IdKind, VectorField, VectorKind
from vectormigrate.model.record import Record
from vectormigrate.stores.parquet.columns import ids_of, ids_table, to_batch, to_table, vector_leaves

KEYS = {
    IdKind.INT: (IdField("k", IdKind.INT), [-(2**63), 0, 2**53 + 1]),
    IdKind.TEXT: (IdField("k", IdKind.TEXT), ["", "5", "ü\0"]),
    IdKind.UUID: (IdField("k", IdKind.UUID), [UUID(int=1), UUID(int=2**128 - 1)]),
    IdKind.MIXED: (IdField("k", IdKind.MIXED), [7, 2**64 - 1, UUID(int=7)]),
    IdKind.COMPOUND: (
        IdField("k", IdKind.COMPOUND, parts=(IdField("a", IdKind.TEXT), IdField("b", IdKind.UUID))),
        [("x", UUID(int=5)), ("y", UUID(int=4))],
    ),
}

SHAPE = CollectionShape(
    "docs",
    IdField("k", IdKind.TEXT),
    (
        VectorField("", dim=2),
        VectorField("half", element=Element.FLOAT16, dim=2),
        VectorField("small", element=Element.INT8, dim=3),
        VectorField("bits", element=Element.BINARY, dim=12),
        VectorField("words", VectorKind.SPARSE),
        VectorField("tokens", VectorKind.MULTI, dim=2),
    ),
    dynamic=True,
    partitions=("a", "b"),
)
FULL = Record(
    "one",
    {
        "": np.array([1, -0.0], np.float32),
        "half": np.array([0.5, 2], np.float16),
        "small": np.array([-128, 0, 127], np.int8),
        "bits": np.array([255, 16], np.uint8),
    },
    {"words": make_sparse({3: 0.5, 2**40: 1.0})},
    {"tokens": np.array([[1, 2], [3, 4]], np.float32)},
    {"n": 2**60, "none": None, "bytes": b"\0"},
    "b",
)
BARE = Record("two")
EMPTY = Record("three", sparse={"words": make_sparse({})}, multi={"tokens": np.empty((0, 2), np.float32)})


@pytest.mark.parametrize("kind", KEYS)
def test_ids_come_back_with_their_kind(kind):
    key, ids = KEYS[kind]
    assert ids_of(ids_table(ids, key), key) == ids
    assert ids_of(ids_table([], key), key) == []


def test_whole_and_bare_records_come_back():
    records = [BARE, FULL, EMPTY, BARE, FULL]
    table = to_table(batch_of_records(records, SHAPE.vectors, partitioned=True), SHAPE)
    assert_same(to_batch(table, SHAPE).records(), records, SHAPE)
    assert_same(to_batch(table.slice(1, 3), SHAPE).records(), records[1:4], SHAPE)
    assert_same(to_batch(table.take([4, 0]), SHAPE).records(), [FULL, BARE], SHAPE)


def test_a_vector_that_is_not_there_is_zeros_in_its_column():
    table = to_table(batch_of_records([BARE, FULL], SHAPE.vectors, partitioned=True), SHAPE)
    for name in ("", "half", "small", "bits"):
        column = to_batch(table, SHAPE).vectors[name]
        assert column.present.tolist() == [False, True]
        assert not column.values[0].any()


def test_a_column_is_there_whether_or_not_the_batch_has_it():
    table = to_table(Batch(["x"], {}, [{}]), SHAPE)
    full = to_table(batch_of_records([FULL], SHAPE.vectors, partitioned=True), SHAPE)
    assert table.schema.names == full.schema.names
    assert table.schema.types == full.schema.types


def test_columns_are_named_as_documented():
    table = to_table(batch_of_records([FULL], SHAPE.vectors, partitioned=True), SHAPE)
    assert table.schema.names == [
        *("id", "vector", "vector.half", "vector.small", "vector.bits"),
        *("sparse.words.indices", "sparse.words.values", "multi.tokens", "payload", "partition"),
    ]
    assert table.column("vector").type == pa.list_(pa.float32(), 2)
    [row] = table.to_pylist()
    assert row["sparse.words.indices"] == [3, 2**40]
    assert row["multi.tokens"] == [[1, 2], [3, 4]]
    assert row["payload"] == '{"n":1152921504606846976,"none":null,"bytes":{"$binary":"AA=="}}'


def test_bytes_of_floats_are_what_is_split_into_streams():
    assert vector_leaves(SHAPE) == [
        *("vector.list.element", "vector.half.list.element", "multi.tokens.list.element.list.element"),
    ]


def test_a_page_cannot_be_written_to():
    table = to_table(batch_of_records([FULL], SHAPE.vectors, partitioned=True), SHAPE)
    with pytest.raises(ValueError, match="read-only"):
        to_batch(table, SHAPE).vectors[""].values[:] = 0
