"""Pinecone, by its SDK."""

from __future__ import annotations

from typing import Any

import numpy as np
from pinecone import Pinecone, ServerlessSpec

from vectormigrate.model.collection import Element, FieldType, IdKind, Metric, VectorKind
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.model.specification import StoreRef

from .kinds import Table
from .side import Held, Side, Unnamed, by_place, in_parts, kept, none_of, undeclared

_METRICS = {Metric.COSINE: "cosine", Metric.DOT: "dotproduct", Metric.EUCLID: "euclidean"}
_MOST_METADATA = 40 * 1024
_ADDRESS = 2048
"""Letters of ids that stand in the address of one request."""


class PineconeSide(Side):
    """Indexes of one project."""

    kind = "pinecone"

    def __init__(self, url: str, key: str, secret: str) -> None:
        """`secret` is how a migration is told of the key."""
        self._url, self._secret = url, secret
        self._client = Pinecone(api_key=key, host=url)

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        options = {"visible_after": "0"}
        if table.shape.partitions and target:
            options["keys"] = "namespaced"
        every = "/*" if table.shape.partitions and not target else ""
        return StoreRef(self.kind, self._url, name + every, self._secret, options)

    def name(self, name: str) -> str:
        return name

    def own(self, table: Table) -> Table:
        shape = table.shape
        kinds = sorted(field.kind for field in shape.vectors)
        known = kinds in ([VectorKind.DENSE], [VectorKind.SPARSE], [VectorKind.DENSE, VectorKind.SPARSE])
        odd = any(
            one.kind is VectorKind.DENSE
            and (one.element is not Element.FLOAT32 or one.metric not in _METRICS)
            for one in shape.vectors
        )
        declared = {field.type for field in shape.fields} - {FieldType.TEXT}
        if shape.id.kind is not IdKind.TEXT or declared or not known or odd:
            return none_of(table)
        return undeclared(kept(table, _natural))

    def make(self, name: str, table: Table) -> None:
        dense = next((one for one in table.shape.vectors if one.kind is VectorKind.DENSE), None)
        words: dict[str, Any] = {"vector_type": "sparse", "metric": "dotproduct"}
        if dense is not None:
            assert dense.metric is not None
            words = {"dimension": dense.dim, "metric": _METRICS[dense.metric]}
        self._client.create_index(name, spec=ServerlessSpec(cloud="aws", region="us-east-1"), **words)
        with self._index(name) as index:
            for place, records in by_place(table.records, 100):
                index.upsert(vectors=[_given(one) for one in records], namespace=place or "")

    def _index(self, name: str) -> Any:
        return self._client.index(host=str(self._client.indexes.describe(name).host))

    def read(self, name: str) -> list[Held]:
        found = []
        with self._index(name) as index:
            for space in index.describe_index_stats().namespaces:
                ids = [item.id for page in index.list(namespace=space) for item in page.vectors]
                size = max(1, _ADDRESS // max(map(len, ids), default=1))
                for some in in_parts(ids, min(size, 1000)):
                    part = index.fetch(ids=some, namespace=space).vectors
                    found += [_held(one, space) for one in part.values()]
        return found

    def exists(self, name: str) -> bool:
        return bool(self._client.indexes.exists(name))

    def drop(self, name: str) -> None:
        if self.exists(name):
            self._client.indexes.delete(name)

    def close(self) -> None:
        self._client.close()


def _natural(record: Record) -> bool:
    """What the vendor's documentation says that a record may be."""
    assert isinstance(record.id, str)
    fits = record.id.isascii() and 0 < len(record.id) <= 512 and (record.partition or "").isascii()
    vectors = bool(record.dense or record.sparse) and all(one.any() for one in record.dense.values())
    size = sum(len(key) + len(str(value).encode()) for key, value in record.payload.items())
    flat = all(
        isinstance(value, (str, bool, float))
        or (isinstance(value, list) and all(isinstance(item, str) for item in value))
        for value in record.payload.values()
    )
    named = not any(key.startswith("$") for key in record.payload)
    return fits and vectors and flat and named and size < _MOST_METADATA - 100


def _given(one: Record) -> dict[str, Any]:
    given: dict[str, Any] = {"id": one.id, "metadata": one.payload}
    for vector in one.dense.values():
        given["values"] = vector.tolist()
    for sparse in one.sparse.values():
        given["sparse_values"] = {"indices": sparse.indices.tolist(), "values": sparse.values.tolist()}
    return given


def _held(one: Any, space: str) -> Held:
    vectors: dict[str, Any] = {}
    if one.values:
        vectors[Unnamed.DENSE] = np.array(one.values, np.float32)
    if one.sparse_values is not None:
        order = np.argsort(one.sparse_values.indices)
        indices = np.array(one.sparse_values.indices, np.int64)[order]
        vectors[Unnamed.SPARSE] = SparseVector(indices, np.array(one.sparse_values.values, np.float32)[order])
    place = "" if space in ("", "__default__") else space
    return Held(one.id, dict(one.metadata or {}), vectors, place)
