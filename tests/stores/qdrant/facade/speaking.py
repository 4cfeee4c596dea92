"""Messages of gRPC that its tests have in common."""

from __future__ import annotations

from qdrant_client import grpc as q

POINTS = "/qdrant.Points/"
COLLECTIONS = "/qdrant.Collections/"
WHERE = q.Filter(must=[q.Condition(field=q.FieldCondition(key="word", match=q.Match(keyword="one")))])
RAW = {"must": [{"key": "word", "match": {"value": "one"}}]}


def dense(*numbers):
    return q.Vectors(vector=q.Vector(dense=q.DenseVector(data=numbers)))


def upsert(*ids, **more):
    points = [
        q.PointStruct(id=one, vectors=dense(1, 2), payload={"a": q.Value(integer_value=1)}) for one in ids
    ]
    return q.UpsertPoints(collection_name="c", points=points, **{"wait": True, **more})


def num(number):
    return q.PointId(num=number)
