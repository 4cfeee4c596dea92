"""Both transports, one language: a request by REST and the same by gRPC are read into the same value.

The vendor's own converters make one out of the other.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from qdrant_client import models
from qdrant_client.conversions.conversion import RestToGrpc

from vectormigrate.model.collection import VectorField, VectorKind
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import asking, calls
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


IDF = models.SparseVector(indices=[4, 2], values=[1, 2])
PAIR = models.ContextPair(positive=[1.0, 2.0], negative=7)
QUERIES = [
    None,
    *(models.NearestQuery(nearest=one) for one in ([1.0, 2.0], 5, A, IDF, [[1.0, 2.0], [3.0, 4.0]])),
    models.NearestQuery(nearest=5, mmr=models.Mmr(diversity=0.25, candidates_limit=9)),
    models.NearestQuery(nearest=5, mmr=models.Mmr()),
    models.RecommendQuery(recommend=models.RecommendInput(positive=[1, [1.0, 2.0]], negative=[A])),
    models.RecommendQuery(
        recommend=models.RecommendInput(negative=[IDF], strategy=models.RecommendStrategy.BEST_SCORE)
    ),
    models.DiscoverQuery(discover=models.DiscoverInput(target=[1.0, 2.0], context=[PAIR, PAIR])),
    models.ContextQuery(context=PAIR),
    models.OrderByQuery(order_by="n"),
    models.OrderByQuery(order_by=models.OrderBy(key="n", direction=models.Direction.DESC, start_from=3)),
    models.SampleQuery(sample=models.Sample.RANDOM),
]
FUSIONS = [
    models.FusionQuery(fusion=models.Fusion.RRF),
    models.FusionQuery(fusion=models.Fusion.DBSF),
    models.RrfQuery(rrf=models.Rrf(k=7)),
    models.RrfQuery(rrf=models.Rrf(weights=[0.5, 2.0])),
    models.NearestQuery(nearest=5),
    models.FormulaQuery(formula=models.SumExpression(sum=["$score", 1.0]), defaults={"a": 2.5}),
]


def told(value):
    """A value of `questions` in a form that can be compared."""
    if isinstance(value, np.ndarray):
        return value.tolist()
    if dataclasses.is_dataclass(value):
        names = [name for name in value.__slots__ if name != "native"]  # which is as it came
        return type(value).__name__, {name: told(getattr(value, name)) for name in names}
    if isinstance(value, list | tuple):
        return [told(one) for one in value]
    return value


def converted(asked):
    message = RestToGrpc.convert_query_request(asked, "c")
    return points_pb2.QueryPoints.FromString(message.SerializeToString())


@pytest.mark.parametrize("query", QUERIES, ids=range(len(QUERIES)))
def test_a_search(query):
    asked = models.QueryRequest(
        query=query,
        using="a",
        filter=WHERE,
        limit=3,
        offset=2,
        score_threshold=0.5,
        params=models.SearchParams(exact=True),
        with_vector=["a"],
        with_payload=models.PayloadSelectorExclude(exclude=["x"]),
    )
    assert told(rest.read_search(dumped(asked))) == told(asking.read_search(converted(asked)))


@pytest.mark.parametrize("query", FUSIONS, ids=range(len(FUSIONS)))
def test_a_tree_of_searches(query):
    leaf = models.Prefetch(query=[1.0, 2.0], using="a", limit=4, filter=WHERE, score_threshold=0.25)
    inner = models.Prefetch(query=FUSIONS[0], prefetch=[leaf], params=models.SearchParams(exact=True))
    asked = models.QueryRequest(query=query, prefetch=[leaf, inner])
    by_rest = rest.read_search(dumped(asked))
    assert told(by_rest) == told(asking.read_search(converted(asked)))
    assert by_rest.prefetch[1].prefetch[0].limit == 4


def test_groups():
    asked = models.QueryGroupsRequest(query=[1.0, 2.0], group_by="g.h", limit=4, group_size=2, filter=WHERE)
    by_rest = rest.read_groups(dumped(asked))
    assert (by_rest.by, by_rest.size, by_rest.search.limit) == ("g.h", 2, 4)
    message = points_pb2.QueryPointGroups(
        collection_name="c",
        query=converted(models.QueryRequest(query=[1.0, 2.0])).query,
        group_by="g.h",
        limit=4,
        group_size=2,
        filter=converted(models.QueryRequest(filter=WHERE)).filter,
    )
    assert told(asking.read_groups(message)) == told(by_rest)
