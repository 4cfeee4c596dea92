"""Qdrant, by qdrant-client."""

from __future__ import annotations

import warnings
from dataclasses import replace
from itertools import count
from typing import Any
from uuid import UUID

import numpy as np
from qdrant_client import QdrantClient, models

from vectormigrate.model.collection import Element, FieldType, IdKind, Metric, VectorField, VectorKind
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.model.specification import StoreRef

from .kinds import Table
from .side import Held, Side, in_parts, kept, mapped, none_of, undeclared, vectors_of

_DISTANCES = {
    Metric.COSINE: models.Distance.COSINE,
    Metric.DOT: models.Distance.DOT,
    Metric.EUCLID: models.Distance.EUCLID,
    Metric.MANHATTAN: models.Distance.MANHATTAN,
}
_DATATYPES = {
    Element.FLOAT32: models.Datatype.FLOAT32,
    Element.FLOAT16: models.Datatype.FLOAT16,
    Element.UINT8: models.Datatype.UINT8,
}
_IDS = (IdKind.INT, IdKind.UUID, IdKind.MIXED)


class QdrantSide(Side):
    """Collections of one server."""

    kind = "qdrant"

    def __init__(self, url: str, grpc_port: int) -> None:
        self._url, self._grpc_port = url, grpc_port
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            self._client = QdrantClient(url, check_compatibility=False, timeout=60)

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        return StoreRef(self.kind, self._url, name, options={"grpc_port": str(self._grpc_port)})

    def name(self, name: str) -> str:
        return name

    def own(self, table: Table) -> Table:
        shape = table.shape
        declared = {field.type for field in shape.fields} - {FieldType.TEXT}
        if declared or shape.partitions or not all(map(_held_natively, shape.vectors)):
            return none_of(table)
        if shape.id.kind is IdKind.TEXT:  # that is about something else than ids
            if table.group == "Ids":
                return none_of(table)
            table = _numbered(table)
        elif shape.id.kind not in _IDS:
            return none_of(table)
        return undeclared(kept(table, _natural))

    def make(self, name: str, table: Table) -> None:
        dense = {one.name: _params(one) for one in table.shape.vectors if one.kind is not VectorKind.SPARSE}
        sparse = {
            one.name: models.SparseVectorParams()
            for one in table.shape.vectors
            if one.kind is VectorKind.SPARSE
        }
        self._client.create_collection(name, vectors_config=dense, sparse_vectors_config=sparse)
        points = [
            models.PointStruct(
                id=str(one.id) if isinstance(one.id, UUID) else one.id,  # type: ignore[arg-type] # ids that it holds
                vector={name: _given(vector) for name, vector in vectors_of(one).items()},
                payload=one.payload,
            )
            for one in table.records
        ]
        for part in in_parts(points, 500):
            self._client.upsert(name, part, wait=True)

    def read(self, name: str) -> list[Held]:
        params = self._client.get_collection(name).config.params.vectors
        declared = {"": params} if isinstance(params, models.VectorParams) else params or {}
        points, following = self._client.scroll(name, limit=1000, with_vectors=True)
        while following is not None:
            more, following = self._client.scroll(name, limit=1000, offset=following, with_vectors=True)
            points += more
        return [_held(one, declared) for one in points]

    def exists(self, name: str) -> bool:
        return self._client.collection_exists(name)

    def drop(self, name: str) -> None:
        self._client.delete_collection(name)

    def close(self) -> None:
        self._client.close()


def _held_natively(field: VectorField) -> bool:
    if field.kind is VectorKind.SPARSE:
        return True
    return field.element in _DATATYPES and field.metric in _DISTANCES


def _natural(record: Record) -> bool:
    return not (isinstance(record.id, int) and record.id < 0)


def _numbered(table: Table) -> Table:
    """With numbers for ids."""
    numbers = count(1)
    key = replace(table.shape.id, kind=IdKind.INT)
    changed = mapped(table, lambda one: replace(one, id=next(numbers)))
    return replace(changed, shape=replace(table.shape, id=key))


def _params(field: VectorField) -> models.VectorParams:
    assert field.dim is not None
    assert field.metric is not None
    multi = models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM)
    return models.VectorParams(
        size=field.dim,
        distance=_DISTANCES[field.metric],
        datatype=None if field.element is Element.FLOAT32 else _DATATYPES[field.element],
        multivector_config=multi if field.kind is VectorKind.MULTI else None,
    )


def _given(vector: Any) -> Any:
    if isinstance(vector, SparseVector):
        return models.SparseVector(indices=vector.indices.tolist(), values=vector.values.tolist())
    return vector.tolist()


def _held(point: models.Record, declared: dict[str, models.VectorParams]) -> Held:
    given = point.vector or {}
    named: dict[str, Any] = given if isinstance(given, dict) else {"": given}
    vectors: dict[str, Any] = {}
    for name, vector in named.items():
        if isinstance(vector, models.SparseVector):
            order = np.argsort(vector.indices)
            vectors[name] = SparseVector(
                np.array(vector.indices, np.int64)[order], np.array(vector.values, np.float32)[order]
            )
        else:
            vectors[name] = np.array(vector, (declared[name].datatype or models.Datatype.FLOAT32).value)
    record_id = UUID(point.id) if isinstance(point.id, str) else point.id
    return Held(record_id, dict(point.payload or {}), vectors)
