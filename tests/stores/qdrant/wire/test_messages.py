"""Points as protobuf there and back, the fields of older servers, and what the vendor's own converters make of ours."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.http import models

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.model.record import SparseVector
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import messages, points

from .vectors import FIELDS, assert_same, batches

MODEL = settings(max_examples=60, derandomize=True, database=None, deadline=None)
payloads = st.dictionaries(
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5), st.integers(0, 9) | st.none()
)


def written(batch: Batch) -> list:
    writer = messages.PointWriter(batch)
    head = points_pb2.UpsertPoints(collection_name="c", wait=True)
    raw = messages.upsert_request(head, [writer.write(row) for row in range(len(batch))])
    request = points_pb2.UpsertPoints.FromString(raw)
    assert (request.collection_name, request.wait) == ("c", True)
    return list(request.points)


@MODEL
@given(batches(payloads))
def test_points_come_back(batch):
    assert_same(messages.read_points(written(batch), FIELDS), batch)


@MODEL
@given(batches(payloads))
def test_records_of_the_vendors_making_are_read(batch):
    theirs = [
        RestToGrpc.convert_record(models.Record.model_validate_json(points.dump(record)))
        for record in points.write_records(batch)
    ]
    assert_same(messages.read_points(theirs, FIELDS), batch)


def test_the_vendors_converter_reads_what_is_written():
    batch = Batch(
        [2**64 - 1],
        {
            "": DenseColumn(np.array([[0.5, 1.5]], np.float32)),
            "other": DenseColumn(np.ones((1, 2), np.float16)),
        },
        [{"a": [1, 1.0, None, {"b": True}]}],
    )
    [message] = written(batch)
    model = GrpcToRest.convert_point_struct(message)
    assert (model.id, model.payload) == (2**64 - 1, batch.payload[0])
    assert model.vector == {"": [0.5, 1.5], "other": [1.0, 1.0]}


def test_vectors_are_there_even_if_there_is_none():
    """The server refuses a point without them."""
    [message] = written(Batch([1], {}, [{}]))
    assert message.HasField("vectors")
    assert message.vectors.WhichOneof("vectors_options") == "vectors"


def test_a_batch_of_nothing():
    assert written(Batch([], {"": DenseColumn(np.empty((0, 2), np.float32))}, [])) == []


def test_only_ids_of_a_bare_page():
    [message] = written(Batch([7], {"": DenseColumn(np.ones((1, 2), np.float32))}, [{"x": 1}]))
    batch = messages.read_points([message], (), bare=True)
    assert (batch.ids, batch.vectors, batch.payload) == ([7], {}, [{}])


@pytest.mark.filterwarnings("ignore::DeprecationWarning")
def test_fields_of_older_servers_are_read():
    old = points_pb2.VectorsOutput(
        vectors=points_pb2.NamedVectorsOutput(
            vectors={
                "d": points_pb2.VectorOutput(data=[1, 2]),
                "m": points_pb2.VectorOutput(data=[1, 2, 3, 4], vectors_count=2),
                "s": points_pb2.VectorOutput(data=[0.5, 1.5], indices=points_pb2.SparseIndices(data=[9, 4])),
            }
        )
    )
    fields = (
        VectorField("d", dim=2),
        VectorField("m", VectorKind.MULTI, dim=2),
        VectorField("s", VectorKind.SPARSE),
    )
    message = points_pb2.RetrievedPoint(vectors=old)
    message.id.num = 1
    record = messages.read_points([message], fields).record(0)
    assert record.dense["d"].tolist() == [1, 2]
    assert record.multi["m"].tolist() == [[1, 2], [3, 4]]
    assert (record.sparse["s"].indices.tolist(), record.sparse["s"].values.tolist()) == ([4, 9], [1.5, 0.5])


def test_a_vector_that_the_server_is_to_make_is_refused():
    document = points_pb2.Vector(document=points_pb2.Document(text="hello", model="m"))
    message = points_pb2.PointStruct(vectors=points_pb2.Vectors(vector=document))
    message.id.num = 1
    with pytest.raises(ValueError, match="made by the server"):
        messages.read_points([message], [VectorField("", dim=2)])


def test_an_unknown_vector_is_refused():
    [message] = written(Batch([1], {"other": DenseColumn(np.ones((1, 2), np.float32))}, [{}]))
    with pytest.raises(ValueError, match="Not existing vector name error: other"):
        messages.read_points([message], [VectorField("", dim=2)])


def test_single_vectors_as_messages():
    assert list(messages.write_dense(np.array([1, 2], np.float16)).data) == [1, 2]
    assert [list(one.data) for one in messages.write_multi(np.ones((2, 3))).vectors] == [[1, 1, 1]] * 2
    sparse = messages.write_sparse(SparseVector(np.array([2**32 - 1]), np.array([0.5], np.float32)))
    assert (list(sparse.indices), list(sparse.values)) == ([2**32 - 1], [0.5])
    assert bytes(messages.packed_floats(messages.write_dense(np.zeros(0)))) == b""
