"""Milvus, by pymilvus: Milvus Lite as a server, or a real one."""

from __future__ import annotations

import logging
import re
from typing import Any

import numpy as np
from pymilvus import DataType

from tests.fakes.milvus import vendor_client
from vectormigrate.model.collection import Element, Field, FieldType, IdKind, Metric, VectorField, VectorKind
from vectormigrate.model.record import Record, SparseVector
from vectormigrate.model.specification import StoreRef

from .kinds import Table
from .side import Held, Side, by_place, kept, none_of, weights

_METRICS = {Metric.COSINE: "COSINE", Metric.DOT: "IP", Metric.EUCLID: "L2"}
_TYPES = {
    FieldType.BOOL: DataType.BOOL,
    FieldType.INT: DataType.INT64,
    FieldType.FLOAT: DataType.DOUBLE,
    FieldType.TEXT: DataType.VARCHAR,
    FieldType.JSON: DataType.JSON,
    FieldType.ARRAY: DataType.ARRAY,
}
_DEFAULT = "_default"
_MOST = 16_384
"""Rows of one query, by the server's limit."""


class MilvusSide(Side):
    """Collections of one server."""

    kind = "milvus"

    def __init__(self, url: str) -> None:
        logging.getLogger("pymilvus").setLevel(logging.CRITICAL)
        self._url = url
        self._client = vendor_client(url)

    def ref(self, name: str, table: Table, *, target: bool = False) -> StoreRef:
        return StoreRef(self.kind, self._url, self.name(name))

    def own(self, table: Table) -> Table:
        shape = table.shape
        if shape.id.kind not in (IdKind.INT, IdKind.TEXT) or not all(map(_natural, shape.vectors)):
            return none_of(table)
        held = {field.name for field in shape.fields if field.type in _TYPES}
        known = {field.name for field in shape.fields}
        # A key is meant to be unique in a collection, whatever the partition.
        twice = {kind for kind, some in table.rows.items() if len({one.id for one in some}) < len(some)}
        table = table.only(table.rows.keys() - twice)
        return kept(table, lambda one: _fits(one) and not (one.payload.keys() & known) - held)

    def make(self, name: str, table: Table) -> None:
        name, shape = self.name(name), table.shape
        schema = self._client.create_schema(auto_id=False, enable_dynamic_field=shape.dynamic)
        if shape.id.kind is IdKind.INT:
            schema.add_field(shape.id.name, DataType.INT64, is_primary=True)
        else:
            schema.add_field(shape.id.name, DataType.VARCHAR, is_primary=True, max_length=65_535)
        index = self._client.prepare_index_params()
        for vector in shape.vectors:
            assert vector.metric is not None
            if vector.kind is VectorKind.SPARSE:
                schema.add_field(vector.name, DataType.SPARSE_FLOAT_VECTOR)
                index.add_index(vector.name, index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
            else:
                schema.add_field(vector.name, DataType.FLOAT_VECTOR, dim=vector.dim)
                index.add_index(vector.name, index_type="FLAT", metric_type=_METRICS[vector.metric])
        for field in shape.fields:
            schema.add_field(field.name, _TYPES[field.type], nullable=True, **_words(field))
        self._client.create_collection(name, schema=schema, index_params=index)
        for place in shape.partitions:
            self._client.create_partition(name, place)
        for within, records in by_place(table.records, 500):
            rows = [_row(shape.id.name, record) for record in records]
            self._client.insert(name, rows, partition_name=within or "")
        self._client.flush(name)
        self._client.load_collection(name)

    def read(self, name: str) -> list[Held]:
        name = self.name(name)
        self._client.load_collection(name)
        described = self._client.describe_collection(name)
        key = next(field["name"] for field in described["fields"] if field.get("is_primary"))
        sparse = {
            field["name"] for field in described["fields"] if field["type"] == DataType.SPARSE_FLOAT_VECTOR
        }
        dense = {field["name"] for field in described["fields"] if field["type"] == DataType.FLOAT_VECTOR}
        everywhere = [one for one in self._client.list_partitions(name) if one != _DEFAULT]
        found = []
        for place in everywhere or [""]:
            # In one page: the client's iterator cannot go on behind a key with a quotation mark in it.
            rows = self._client.query(
                name,
                "",
                output_fields=["*"],
                limit=_MOST,
                partition_names=[place] if place else None,
                consistency_level="Strong",
            )
            assert len(rows) < _MOST
            found += [_held(dict(row), key, dense, sparse, place or None) for row in rows]
        return found

    def exists(self, name: str) -> bool:
        return bool(self._client.has_collection(self.name(name)))

    def drop(self, name: str) -> None:
        if self.exists(name):
            self._client.drop_collection(self.name(name))

    def close(self) -> None:
        self._client.close()


def _natural(field: VectorField) -> bool:
    if field.kind is VectorKind.SPARSE:
        return True
    return field.kind is VectorKind.DENSE and field.element is Element.FLOAT32 and field.metric in _METRICS


def _row(key: str, record: Record) -> dict[str, Any]:
    sparse = {name: weights(vector) for name, vector in record.sparse.items()}
    return {key: record.id, **record.dense, **sparse, **record.payload}


def _fits(record: Record) -> bool:
    place = record.partition is None or bool(re.fullmatch(r"[A-Za-z_]\w*", record.partition, re.ASCII))
    sparse = all((one.values >= 0).all() for one in record.sparse.values())
    return place and sparse and bool(record.dense or record.sparse) and record.id != ""


def _words(field: Field) -> dict[str, Any]:
    match field.type:
        case FieldType.TEXT:
            return {"max_length": field.max_length or 1000}
        case FieldType.ARRAY:
            assert field.element is not None
            words = {"element_type": _TYPES[field.element], "max_capacity": field.max_length or 10}
            return words | ({"max_length": 100} if field.element is FieldType.TEXT else {})
        case _:
            return {}


def _held(row: dict[str, Any], key: str, dense: set[str], sparse: set[str], place: str | None) -> Held:
    vectors: dict[str, Any] = {}
    for name in dense & row.keys():
        vectors[name] = np.array(row.pop(name), np.float32)
    for name in sparse & row.keys():
        given = sorted(dict(row.pop(name)).items())
        indices = np.array([index for index, _ in given], np.int64)
        vectors[name] = SparseVector(indices, np.array([value for _, value in given], np.float32))
    return Held(row.pop(key), {name: _plain(value) for name, value in row.items()}, vectors, place)


def _plain(value: Any) -> Any:
    """A list of protobuf's is a list."""
    return list(value) if not isinstance(value, (str, bytes, dict)) and hasattr(value, "__iter__") else value
