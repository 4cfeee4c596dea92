"""Batches as one: the same records in the same order, whatever each batch had columns for."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.model.join import joined
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.model.snapshot import record_bytes

FIELDS = (
    VectorField("dense", dim=2),
    VectorField("sparse", VectorKind.SPARSE),
    VectorField("multi", VectorKind.MULTI, dim=2),
)
_numbers = st.lists(st.integers(0, 9), min_size=2, max_size=2).map(lambda one: np.array(one, np.float32))


@st.composite
def records(draw):
    """A record with any of the vectors."""
    dense = {"dense": draw(_numbers)} if draw(st.booleans()) else {}
    indices = sorted(draw(st.sets(st.integers(0, 99), max_size=3)))
    weights = SparseVector(np.array(indices, np.int64), np.ones(len(indices), np.float32))
    sparse = {"sparse": weights} if draw(st.booleans()) else {}
    tokens = draw(st.lists(_numbers, max_size=3))
    multi = {"multi": np.array(tokens, np.float32).reshape(len(tokens), 2)} if draw(st.booleans()) else {}
    payload = draw(st.dictionaries(st.sampled_from("ab"), st.integers(0, 9)))
    return Record(draw(st.integers(0, 99)), dense, sparse, multi, payload, draw(st.sampled_from([None, "p"])))


@st.composite
def batches(draw):
    """A batch with columns for some of the vectors, of all its records or of a slice."""
    found = draw(st.lists(records(), max_size=4))
    held = tuple(
        one for one in FIELDS if draw(st.booleans()) or any(one.name in _names(record) for record in found)
    )
    batch = batch_of_records(found, held, partitioned=any(record.partition for record in found))
    start = draw(st.integers(0, len(batch)))
    return batch.slice(start, len(batch)) if draw(st.booleans()) else batch


def _names(record):
    return {*record.dense, *record.sparse, *record.multi}


@settings(max_examples=60)
@given(st.lists(batches(), max_size=4))
def test_the_records_of_all_in_their_order(parts):
    wanted = [record_bytes(record) for part in parts for record in part.records()]
    assert [record_bytes(record) for record in joined(parts).records()] == wanted


def test_one_batch_is_itself_and_none_is_nothing():
    one = Batch([1], payload=[{}])
    assert joined([one]) is one
    assert len(joined([])) == 0


def test_what_no_batch_lacks_is_marked_as_lacking_in_none():
    part = batch_of_records([Record(1, {"dense": np.ones(2, np.float32)})], FIELDS[:1])
    assert joined([part, part]).vectors["dense"].present is None
    assert joined([part, part]).partition is None
