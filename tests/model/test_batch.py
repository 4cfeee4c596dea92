"""Columns: views, picks, missing rows, and the record that a row is."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conformance.compare import assert_same
from tests.conformance.subject import make_sparse
from vectormigrate.model.batch import Batch, batch_of_records, dense_column, multi_column, sparse_column
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, VectorField, VectorKind
from vectormigrate.model.errors import RecordRefused

MODEL = settings(max_examples=60, derandomize=True, database=None, deadline=None)
SHAPE = CollectionShape("x", IdField("id", IdKind.INT), partitions=("a",))


def make(count: int, *, gaps: bool = True, partition: bool = True) -> Batch:
    random = np.random.default_rng(count)
    there = [not gaps or row % 3 != 1 for row in range(count)]
    dense = [random.standard_normal(4).astype(np.float32) if has else None for has in there]
    sparse = [
        make_sparse({place: place + 0.5 for place in range(row)}) if has else None
        for row, has in enumerate(there)
    ]
    multi = [
        random.standard_normal((row % 4, 2)).astype(np.float32) if has else None
        for row, has in enumerate(there)
    ]
    return Batch(
        [*range(count)],
        {"d": dense_column(dense, width=4), "s": sparse_column(sparse), "m": multi_column(multi, width=2)},
        [{"n": row} for row in range(count)],
        ["a" if row % 2 else None for row in range(count)] if partition else None,
    )


@MODEL
@given(st.integers(0, 9), st.booleans(), st.data())
def test_a_slice_and_a_pick_are_the_records_they_name(count, gaps, data):
    batch = make(count, gaps=gaps)
    records = [*batch.records()]
    start, stop = sorted(data.draw(st.tuples(st.integers(0, count), st.integers(0, count + 3))))
    assert_same(batch.slice(start, stop).records(), records[start:stop], SHAPE)
    rows = data.draw(st.lists(st.integers(0, count - 1), max_size=12) if count else st.just([]))
    assert_same(batch.take(rows).records(), [records[row] for row in rows], SHAPE)


def test_columns_are_picked_by_mask_too():
    batch = make(7)
    mask = np.array([True, False, True, True, False, False, True])
    for name, column in batch.vectors.items():
        wanted = Batch([0, 2, 3, 6], {name: column.take(np.array([0, 2, 3, 6]))})
        assert_same(Batch([0, 2, 3, 6], {name: column.take(mask)}).records(), wanted.records(), SHAPE)


def test_a_slice_is_a_view_and_a_pick_is_not():
    batch = make(5, gaps=False)
    assert np.shares_memory(batch.slice(1, 3).vectors["d"].values, batch.vectors["d"].values)
    assert not np.shares_memory(batch.take([1, 2]).vectors["d"].values, batch.vectors["d"].values)


def test_a_missing_vector_has_no_key():
    batch = make(3)
    record = batch.record(1)
    assert (record.dense, record.sparse, record.multi) == ({}, {}, {})
    assert [column.present.tolist() for column in batch.vectors.values()] == [[True, False, True]] * 3
    assert [column.has(1) for column in batch.vectors.values()] == [False] * 3
    assert all(column.present is None and column.has(0) for column in make(3, gaps=False).vectors.values())


def test_an_empty_sparse_vector_is_there():
    assert make(1).record(0).sparse["s"].indices.tolist() == []


def test_an_ids_only_batch_has_empty_payloads():
    bare = Batch([1, 2, 3])
    assert bare.record(1).payload == {}
    assert bare.take([2, 0]).ids == [3, 1]
    assert bare.take([2, 0]).payload == []
    assert bare.slice(1, 9).ids == [2, 3]
    assert len(bare) == 3


def test_other_ids_for_the_same_records():
    batch = make(3)
    renamed = batch.with_ids(["a", "b", "c"])
    assert renamed.ids == ["a", "b", "c"]
    assert renamed.vectors is batch.vectors
    with pytest.raises(ValueError, match="2 ids for 3 records"):
        batch.with_ids(["a", "b"])


def test_bytes_are_those_of_the_vectors_and_a_share_a_record():
    batch = make(2, gaps=False)
    sizes = {name: column.nbytes for name, column in batch.vectors.items()}
    assert sizes == {"d": 2 * 16, "s": 1 * 12, "m": 1 * 8}
    assert batch.nbytes == 32 + 12 + 8 + 400


def test_columns_of_no_rows_keep_their_types():
    empty = make(0)
    assert empty.vectors["d"].values.shape == (0, 4)
    assert empty.vectors["s"].indices.dtype == np.int64
    assert empty.vectors["s"].values.dtype == np.float32
    assert empty.vectors["m"].values.shape == (0, 2)


def test_records_become_the_batch_they_came_from():
    batch = make(7)
    fields = [
        VectorField("d", dim=4),
        VectorField("s", VectorKind.SPARSE),
        VectorField("m", VectorKind.MULTI, dim=2),
    ]
    again = batch_of_records([*batch.records()], fields, partitioned=True)
    assert_same(again.records(), batch.records(), SHAPE)
    assert (again.ids, again.partition) == (batch.ids, batch.partition)
    assert batch_of_records([*batch.records()], fields[:1]).partition is None
    assert batch_of_records([], fields).vectors["d"].values.shape == (0, 4)


def test_a_fault_stays_with_its_record_which_is_never_whole():
    batch = Batch(["a", "b", "c"], {}, [{}, {}, {}], faults={1: "no vector"})
    assert batch.slice(1, 3).faults == {0: "no vector"}
    assert batch.slice(2, 3).faults == {}
    assert batch.take([2, 1]).faults == {1: "no vector"}
    assert batch.take([2, 1]).record(0).id == "c"
    with pytest.raises(RecordRefused, match="no vector") as caught:
        batch.record(1)
    assert caught.value.ids == ("s:b",)
