"""Points as JSON there and back, the shapes that clients send, and what the vendor's own models make of ours."""

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client.http import models

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.stores.qdrant.wire import points
from vectormigrate.stores.qdrant.wire.points import WirePoint

from .vectors import FIELDS, assert_same, batches

MODEL = settings(max_examples=60, derandomize=True, database=None, deadline=None)
payloads = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.integers(0, 9) | st.none()
)


def decode(text: bytes) -> list[WirePoint]:
    return msgspec.json.decode(text, type=list[WirePoint])


def read(text: bytes, *fields: VectorField) -> Batch:
    return points.read_points(decode(text), fields or (VectorField("", dim=2),))


@MODEL
@given(batches(payloads))
def test_points_come_back(batch):
    text = points.dump([points.write_point(batch, row) for row in range(len(batch))])
    assert_same(points.read_points(decode(text), FIELDS), batch)


@MODEL
@given(batches(payloads))
def test_records_come_back(batch):
    text = points.dump(points.write_records(batch))
    assert_same(points.read_points(decode(text), FIELDS), batch)


@MODEL
@given(batches(payloads))
def test_the_vendors_models_take_what_is_written(batch):
    for row in range(len(batch)):
        text = points.dump(points.write_point(batch, row))
        model = models.PointStruct.model_validate_json(text)
        again = points.read_points(decode(b"[" + model.model_dump_json().encode() + b"]"), FIELDS)
        assert_same(again, batch.slice(row, row + 1))


def test_records_hold_what_was_asked_for():
    batch = Batch([1], {name: DenseColumn(np.ones((1, 2), np.float32)) for name in "ab"}, [{"x": 1}])
    [bare] = points.write_records(batch, with_vector=False, with_payload=False)
    assert bare == {"id": 1}
    [some] = points.write_records(batch, with_vector=["b"])
    assert some["vector"].keys() == {"b"}


@pytest.mark.parametrize("vector", [b"null", b"{}"])
def test_a_point_may_have_no_vector(vector):
    batch = read(b'[{"id": 1, "vector": ' + vector + b', "payload": null}]')
    assert not batch.vectors[""].has(0)
    assert batch.payload == [{}]


def test_numbers_may_be_written_in_any_way_and_spaced():
    batch = read(b'[{"id": 1, "vector": [ 1 ,\n-2.5E-3 ]}]')
    assert batch.vectors[""].values.tolist() == [[1.0, np.float32(-0.0025)]]


def test_an_empty_multi_vector_is_not_a_dense_one():
    field = VectorField("", VectorKind.MULTI, dim=2)
    assert read(b'[{"id": 1, "vector": []}]', field).vectors[""].row(0).shape == (0, 2)


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        (b'"text"', "list of numbers"),
        (b"[1, true]", "no number"),
        (b'[1, "2"]', "no number"),
        (b"[[1, 2], [3]]", "no number"),
        (b"[1, null]", "no number"),
        (b"[1, 2, 3]", "expected dim: 2, got 3"),
        (b"[[1, 2]]", "is dense"),
        (b'{"other": [1, 2]}', "Not existing vector name error: other"),
        (b'{"text": "hello", "model": "m"}', "made by the server"),
        (b'{"": {"text": "hello", "model": "m"}}', "made by the server"),
        (b'{"": {"indices": [1], "values": [1.0]}}', "is dense"),
    ],
)
def test_what_does_not_fit_is_refused(vector, complaint):
    with pytest.raises(ValueError, match=complaint):
        read(b'[{"id": 1, "vector": ' + vector + b"}]")


@pytest.mark.parametrize(
    ("vector", "complaint"),
    [
        (b'{"indices": [1, 2], "values": [1.0]}', "as many indices"),
        (b'{"indices": [1, 1], "values": [1.0, 2.0]}', "unique"),
        (b'{"indices": [-1], "values": [1.0]}', "unsigned 32-bit"),
        (b'{"indices": [4294967296], "values": [1.0]}', "unsigned 32-bit"),
        (b'{"indices": [1.5], "values": [1.0]}', "made by the server"),
    ],
)
def test_a_wrong_sparse_vector_is_refused(vector, complaint):
    with pytest.raises(ValueError, match=complaint):
        read(b'[{"id": 1, "vector": {"s": ' + vector + b"}}]", VectorField("s", VectorKind.SPARSE))


def test_nan_is_no_json():
    with pytest.raises(msgspec.DecodeError):
        decode(b'[{"id": 1, "vector": [NaN, 1]}]')


def test_an_id_is_checked():
    with pytest.raises(ValueError, match="valid point ID"):
        read(b'[{"id": -1, "vector": [1, 2]}]')
