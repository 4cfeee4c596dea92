"""Batches of every kind of vector, drawn at random, for the tests of both encodings."""

import numpy as np
from hypothesis import strategies as st

from vectormigrate.model.batch import Batch, dense_column, multi_column, sparse_column
from vectormigrate.model.collection import Element, VectorField, VectorKind
from vectormigrate.model.record import SparseVector

FIELDS = (
    VectorField("", dim=3),
    VectorField("half", element=Element.FLOAT16, dim=2),
    VectorField("bytes", element=Element.UINT8, dim=2),
    VectorField("tokens", VectorKind.MULTI, dim=2),
    VectorField("words é", VectorKind.SPARSE),
)

single = st.floats(width=32, allow_nan=False, allow_infinity=False)
half = st.floats(width=16, allow_nan=False, allow_infinity=False)
ids = st.integers(0, 2**64 - 1) | st.uuids() | st.sampled_from([2**63, 2**64 - 1])


@st.composite
def sparse_vectors(draw) -> SparseVector:
    indices = sorted(draw(st.sets(st.integers(0, 2**32 - 1), max_size=4)))
    values = draw(st.lists(single, min_size=len(indices), max_size=len(indices)))
    return SparseVector(np.array(indices, np.int64), np.array(values, np.float32))


@st.composite
def batches(draw, payloads) -> Batch:
    """Up to four records, each vector there or not; a multi-vector has at least one token, as Qdrant wants it."""
    keys = draw(st.lists(ids, unique=True, max_size=4))
    row = lambda vectors: draw(st.lists(st.none() | vectors, min_size=len(keys), max_size=len(keys)))  # noqa: E731
    array = lambda elements, size, dtype: st.lists(elements, min_size=size, max_size=size).map(  # noqa: E731
        lambda numbers: np.array(numbers, dtype)
    )
    tokens = st.lists(array(single, 2, np.float32), min_size=1, max_size=3).map(np.array)
    columns = {
        "": dense_column(row(array(single, 3, np.float32)), width=3),
        "half": dense_column(row(array(half, 2, np.float16)), width=2, dtype=np.float16),
        "bytes": dense_column(row(array(st.integers(0, 255), 2, np.uint8)), width=2, dtype=np.uint8),
        "tokens": multi_column(row(tokens), width=2),
        "words é": sparse_column(row(sparse_vectors())),
    }
    return Batch(keys, columns, draw(st.lists(payloads, min_size=len(keys), max_size=len(keys))))


def assert_same(got: Batch, wanted: Batch) -> None:
    """The same ids, payloads and vectors, bit for bit."""
    assert got.ids == wanted.ids
    assert got.payload == wanted.payload
    assert got.vectors.keys() == wanted.vectors.keys()
    for one, other in zip(got.records(), wanted.records(), strict=True):
        for kind in ("dense", "multi"):
            left, right = getattr(one, kind), getattr(other, kind)
            assert left.keys() == right.keys()
            for name, vector in left.items():
                assert vector.dtype == right[name].dtype
                assert vector.tobytes() == right[name].tobytes()
        assert one.sparse.keys() == other.sparse.keys()
        for name, vector in one.sparse.items():
            assert vector.indices.tolist() == other.sparse[name].indices.tolist()
            assert vector.values.tobytes() == other.sparse[name].values.tobytes()
