"""Records survive the way to Pinecone's JSON and back, bit by bit."""

from __future__ import annotations

from uuid import UUID

import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from tests.conformance.compare import assert_same
from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField, VectorKind
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.stores.pinecone.wire import records
from vectormigrate.stores.pinecone.wire.shape import DEFAULT_NAMESPACE, Keys, Layout, layout_of

DIM = 3
HYBRID = (
    VectorField("vec", dim=DIM, metric=Metric.DOT, nullable=False),
    VectorField("words", VectorKind.SPARSE, metric=Metric.DOT),
)
PAIR = IdField("key", IdKind.COMPOUND, parts=(IdField("namespace", IdKind.TEXT), IdField("id", IdKind.TEXT)))

floats = st.floats(width=32, allow_nan=False, allow_infinity=False)
sparse_vectors = st.dictionaries(st.integers(0, 2**32 - 1), floats, min_size=1, max_size=5).map(
    lambda weights: SparseVector(
        np.array(sorted(weights), np.int64),
        np.array([weights[place] for place in sorted(weights)], np.float32),
    )
)


@st.composite
def hybrid_records(draw):
    ids = draw(
        st.lists(st.text(st.characters(codec="ascii"), min_size=1, max_size=9), unique=True, max_size=4)
    )
    return [
        Record(
            record_id,
            {"vec": draw(npst.arrays(np.float32, DIM, elements=floats))},
            {"words": vector} if (vector := draw(st.none() | sparse_vectors)) is not None else {},
            payload={"n": place},
        )
        for place, record_id in enumerate(ids)
    ]


def through(shape, held, namespace=DEFAULT_NAMESPACE):
    layout = layout_of(shape)
    batch = batch_of_records(held, shape.vectors, partitioned=bool(shape.partitions))
    parsed = [orjson.loads(text) for text in records.encode_vectors(batch, layout)]
    return list(records.decode_vectors(parsed, layout, namespace).records())


@given(hybrid_records())
def test_a_record_comes_back_bit_by_bit(held):
    shape = CollectionShape("x", IdField("id", IdKind.TEXT), HYBRID)
    assert_same(through(shape, held), held, shape)


def test_zeroes_and_the_ends_of_the_scale_come_back():
    tiny = np.finfo(np.float32)
    shape = CollectionShape("x", IdField("id", IdKind.TEXT), HYBRID[:1])
    rows = [[0.0, -0.0, 1.0], [tiny.smallest_subnormal, tiny.max, tiny.min], [0.1, 1 / 3, 16777217.0]]
    held = [Record(f"{n}", {"vec": np.array(row, np.float32)}) for n, row in enumerate(rows)]
    assert_same(through(shape, held), held, shape)


def test_a_namespace_is_part_of_the_key_where_there_are_several():
    shape = CollectionShape("x", PAIR, HYBRID[:1])
    held = [Record(("prod", "a"), {"vec": np.ones(DIM, np.float32)})]
    assert_same(through(shape, held, "prod"), held, shape)
    assert records.from_key(layout_of(shape), ("prod", "a")) == ("prod", "a")


def test_a_namespace_is_the_partition_of_a_partitioned_collection():
    shape = CollectionShape("x", IdField("id", IdKind.TEXT), HYBRID[:1], partitions=("prod",))
    held = [Record("a", {"vec": np.ones(DIM, np.float32)}, partition="prod")]
    assert_same(through(shape, held, "prod"), held, shape)
    layout = layout_of(shape)
    assert records.from_key(layout, "a", "prod") == ("prod", "a")
    assert records.from_key(layout, "a", None) == (DEFAULT_NAMESPACE, "a")
    assert records.to_partition(DEFAULT_NAMESPACE) is None


@pytest.mark.parametrize("given", [None, "", "__default__"])
def test_the_default_namespace_has_one_spelling(given):
    assert records.canonical_namespace(given) == "__default__"
    assert records.sent_namespace(records.canonical_namespace(given)) == ""


def test_parts_of_a_key_keep_their_kind():
    layout = Layout("x", "vec", None, DIM, Keys.NAMESPACED, part_kinds=(IdKind.UUID, IdKind.INT))
    key = (UUID(int=5), -7)
    assert records.to_key(layout, *records.from_key(layout, key)) == key
    for namespace, text in (("x", "1"), (str(UUID(int=5)), "007"), (str(UUID(int=10)).upper(), "1")):
        with pytest.raises(records.Malformed):
            records.to_key(layout, namespace, text)


@pytest.mark.parametrize("key", ["a", ("a",), 5])
def test_a_key_of_another_kind_is_told(key):
    with pytest.raises(records.Malformed):
        records.from_key(Layout("x", "vec", None, keys=Keys.NAMESPACED), key)


def test_an_id_that_is_no_text_is_told():
    with pytest.raises(records.Malformed):
        records.from_key(Layout("x", "vec", None), 5)


def test_sparse_indices_may_come_in_any_order():
    vector = records.read_sparse({"indices": [9, 2], "values": [0.5, 1]})
    assert vector.indices.tolist() == [2, 9]
    assert vector.values.tolist() == [1.0, 0.5]


@pytest.mark.parametrize(
    "bad",
    [
        {"id": 5, "values": [1, 2, 3]},
        {"values": [1, 2, 3]},
        {"id": "a", "values": [1, 2]},
        {"id": "a", "values": "123"},
        {"id": "a", "values": [1, 2, "3"]},
        {"id": "a", "values": [1, 2, None]},
        {"id": "a", "values": [1, 2, 1e39]},
        {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [1], "values": []}},
        {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [], "values": []}},
        {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [1, 1], "values": [1, 2]}},
        {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [2**32], "values": [1]}},
        {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [True], "values": [1]}},
        {"id": "a", "values": [1, 2, 3], "sparseValues": 5},
    ],
)
def test_what_is_no_vector_is_told(bad):
    layout = Layout("x", "vec", "words", DIM)
    with pytest.raises(records.Malformed):
        records.decode_vectors([{"id": "good", "values": [1, 2, 3]}, bad], layout, "")


def test_sparse_values_that_a_collection_has_no_place_for_are_not_dropped():
    vector = {"id": "a", "values": [1, 2, 3], "sparseValues": {"indices": [1], "values": [1]}}
    with pytest.raises(records.Malformed):
        records.decode_vectors([vector], Layout("x", "vec", None, DIM), "")


def test_records_without_dense_values_are_absent_rows():
    batch = records.decode_vectors(
        [{"id": "a"}, {"id": "b", "values": [1, 2, 3]}], Layout("x", "vec", None, DIM), ""
    )
    assert [batch.vectors["vec"].has(row) for row in (0, 1)] == [False, True]


def test_nothing_is_an_empty_batch():
    assert len(records.decode_vectors([], Layout("x", "vec", "words", DIM), "")) == 0


@pytest.mark.parametrize(
    ("given", "good"),
    [("a", True), ("x" * 512, True), ("", False), ("x" * 513, False), ("é", False), ("a\0", False)],
)
def test_ids_are_judged_as_pinecone_does(given, good):
    assert (records.id_fault(given) == "") is good


@pytest.mark.parametrize("metric", [Metric.COSINE, Metric.DOT])
def test_similarities_are_shown_as_they_are(metric):
    assert records.to_score(metric, -0.5) == records.from_score(metric, -0.5) == -0.5


def test_a_euclidean_score_is_the_square_of_the_distance():
    assert records.to_score(Metric.EUCLID, 3.0) == 9.0
    assert records.from_score(Metric.EUCLID, 9.0) == 3.0
    assert records.from_score(Metric.EUCLID, -1e-9) == 0.0
