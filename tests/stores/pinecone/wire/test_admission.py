"""What Pinecone alone refuses is found by row, and nothing else is."""

from __future__ import annotations

import numpy as np
import pytest

from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField, VectorKind
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.pinecone.wire import admission
from vectormigrate.stores.pinecone.wire.records import encode_vectors
from vectormigrate.stores.pinecone.wire.shape import layout_of

SHAPE = CollectionShape(
    "docs",
    IdField("id", IdKind.TEXT),
    (
        VectorField("vec", dim=2, metric=Metric.DOT, nullable=False),
        VectorField("words", VectorKind.SPARSE, metric=Metric.DOT),
    ),
    partitions=("prod", "é"),
)
ONES = {"vec": np.ones(2, np.float32)}


def sparse(indices, values=None):
    given = np.array(indices, np.int64)
    return {"words": SparseVector(given, np.ones(len(given), np.float32) if values is None else values)}


def faults_of(*held):
    batch = batch_of_records(held, SHAPE.vectors, partitioned=True)
    layout = layout_of(SHAPE)
    return admission.faults(batch, layout, encode_vectors(batch, layout))


GOOD = [
    Record("a", ONES),
    Record("x" * 512, ONES, sparse([0, 2**32 - 1])),
    Record("b", {"vec": np.array([0, -1e-45], np.float32)}, partition="prod"),
    Record("c", ONES, payload={"text": "x" * 40_900}),
]


def test_good_records_have_no_fault():
    assert faults_of(*GOOD) == {}


@pytest.mark.parametrize(
    "bad",
    [
        Record("é", ONES),
        Record("", ONES),
        Record("x" * 513, ONES),
        Record("zero", {"vec": np.zeros(2, np.float32)}),
        Record("large", ONES, payload={"text": "x" * 41_000}),
        Record("elsewhere", ONES, partition="é"),
    ],
    ids=lambda record: record.id[:10],
)
def test_a_bad_record_is_found_among_good_ones(bad):
    assert list(faults_of(GOOD[0], bad, *GOOD[1:])) == [1]


def test_large_vectors_do_not_count_as_metadata():
    wide = CollectionShape(
        "docs", IdField("id", IdKind.TEXT), (VectorField("vec", dim=20_000, nullable=False),)
    )
    batch = batch_of_records(
        [Record("a", {"vec": np.full(20_000, 1 / 3, np.float32)}, payload={"a": 1})], wide.vectors
    )
    encoded = encode_vectors(batch, layout_of(wide))
    assert len(encoded[0]) > 41_000
    assert admission.faults(batch, layout_of(wide), encoded) == {}


def test_a_key_of_another_kind_is_a_fault():
    batch = batch_of_records([Record("a", ONES)], SHAPE.vectors[:1])
    pairs = CollectionShape(
        "docs",
        IdField("key", IdKind.COMPOUND, parts=(IdField("n", IdKind.TEXT), IdField("id", IdKind.TEXT))),
        SHAPE.vectors[:1],
    )
    assert list(admission.faults(batch, layout_of(pairs), [b""])) == [0]
