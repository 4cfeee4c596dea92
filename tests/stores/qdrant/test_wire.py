"""Both transports, one language: a request by REST and the same by gRPC are read into the same value.

The vendor's own converters make one out of the other.
"""

from __future__ import annotations

import numpy as np
import pytest
from qdrant_client import models
from qdrant_client.conversions.conversion import RestToGrpc

from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import calls
from vectormigrate.stores.qdrant.wire import requests as rest
from vectormigrate.stores.qdrant.wire.changes import UpdateVectors, Upsert, read_changes

A = "0b0e0000-0000-0000-0000-00000000000a"
FIELDS = [
    VectorField("a", dim=2),
    VectorField("s", VectorKind.SPARSE),
    VectorField("m", VectorKind.MULTI, dim=2),
]
WHERE = models.Filter(
    must=[models.FieldCondition(key="a.b", match=models.MatchAny(any=["x", "y"]))],
    must_not=[
        models.HasIdCondition(has_id=[1, A]),
        models.IsEmptyCondition(is_empty=models.PayloadField(key="c")),
    ],
    min_should=models.MinShould(
        conditions=[models.FieldCondition(key="n", range=models.Range(gt=0, lte=2.5))], min_count=1
    ),
)
VECTORS = {
    "a": [1.0, 2.0],
    "s": models.SparseVector(indices=[3, 1], values=[1, 2]),
    "m": [[1.0, 2.0], [3.0, 4.0]],
}
POINTS = [
    models.PointStruct(id=7, vector=VECTORS, payload={"n": 2**62, "f": 0.5, "deep": {"l": [None, True]}}),
    models.PointStruct(id=A, vector={}, payload=None),
]
BATCH = models.Batch(ids=[7, A], vectors={"a": [[1.0, 2.0], [3.0, 4.0]]}, payloads=[{"n": 1}, {}])
IDS, BY_FILTER = models.PointIdsList(points=[1, A]), models.FilterSelector(filter=WHERE)

OPERATIONS = [
    models.UpsertOperation(upsert=models.PointsList(points=POINTS)),
    models.UpsertOperation(upsert=models.PointsList(points=POINTS, update_filter=WHERE)),
    models.UpsertOperation(upsert=models.PointsBatch(batch=BATCH)),
    models.DeleteOperation(delete=IDS),
    models.DeleteOperation(delete=BY_FILTER),
    models.SetPayloadOperation(set_payload=models.SetPayload(payload={"a": [1, "x"]}, points=[1], key="deep.er")),
    models.SetPayloadOperation(set_payload=models.SetPayload(payload={}, filter=WHERE)),
    models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload={"a": None}, points=[1])),
    models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["a", "b[]"], filter=WHERE)),
    models.ClearPayloadOperation(clear_payload=IDS),
    models.UpdateVectorsOperation(update_vectors=models.UpdateVectors(points=[models.PointVectors(id=1, vector=VECTORS)])),
    models.DeleteVectorsOperation(delete_vectors=models.DeleteVectors(points=[1], vector=["a", "s"])),
]  # fmt: skip


def dumped(model) -> bytes:
    return model.model_dump_json(exclude_none=True).encode()


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: type(one).__name__)
def test_a_write(operation):
    [by_rest] = read_changes("batch", dumped(models.UpdateOperations(operations=[operation])))
    message = points_pb2.UpdateBatchPoints(operations=[
        points_pb2.PointsUpdateOperation.FromString(RestToGrpc.convert_update_operation(operation).SerializeToString())
    ])  # fmt: skip
    [by_grpc] = calls.read_changes("batch", message)
    if not isinstance(by_rest, Upsert | UpdateVectors):
        assert by_grpc == by_rest
        return
    assert type(by_grpc) is type(by_rest)
    assert (by_grpc.ids, by_grpc.condition) == (by_rest.ids, by_rest.condition)
    one, other = by_rest.read(FIELDS), by_grpc.read(FIELDS)
    assert (one.ids, list(one.payload)) == (other.ids, list(other.payload))
    for name, column in one.vectors.items():
        assert np.array_equal(column.values, other.vectors[name].values)
        assert [column.has(row) for row in range(len(one))] == [
            other.vectors[name].has(row) for row in range(len(one))
        ]


@pytest.mark.parametrize(
    "query",
    [[1.0, 2.0], 5, A, models.SparseVector(indices=[4, 2], values=[1, 2]), [[1.0, 2.0], [3.0, 4.0]], None],
)
def test_a_search(query):
    asked = models.QueryRequest(
        query=query if query is None else models.NearestQuery(nearest=query),
        using="a",
        filter=WHERE,
        limit=3,
        offset=2,
        score_threshold=0.5,
        params=models.SearchParams(exact=True),
        with_vector=["a"],
        with_payload=models.PayloadSelectorExclude(exclude=["x"]),
    )
    by_rest = rest.read_query(dumped(asked))
    message = RestToGrpc.convert_query_request(asked, "c")
    by_grpc = calls.read_query(points_pb2.QueryPoints.FromString(message.SerializeToString()))
    for name in by_rest.__slots__:
        one, other = getattr(by_rest, name), getattr(by_grpc, name)
        if name == "target" and hasattr(one, "indices"):
            one, other = (np.stack([target.indices, target.values]) for target in (one, other))
        assert np.array_equal(one, other) if isinstance(one, np.ndarray) else one == other, name
