"""Collection shapes to and from Milvus schemas and indexes; and `Layout`, the schema as rows need it.

A server that has no nullable columns (before 2.5) gets nullable fields as undeclared keys instead: the dynamic
field holds null, and everything else, exactly. An array of anything but booleans, numbers and text becomes JSON.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorIndex,
    VectorKind,
)
from vectormigrate.model.errors import ShapeMismatch, StoreBroken, Unsupported
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2

from .declared import describe_again, indexes, own_index, own_words, say_again
from .server import MAX_ARRAY, MAX_TEXT_BYTES, Server

DataType = schema_pb2.DataType
DEFAULT_PARTITION = "_default"
DYNAMIC = "$meta"

_SCALARS: dict[int, FieldType] = {
    DataType.Bool: FieldType.BOOL,
    DataType.Int8: FieldType.INT,
    DataType.Int16: FieldType.INT,
    DataType.Int32: FieldType.INT,
    DataType.Int64: FieldType.INT,
    DataType.Float: FieldType.FLOAT,
    DataType.Double: FieldType.FLOAT,
    DataType.String: FieldType.TEXT,
    DataType.VarChar: FieldType.TEXT,
    DataType.Text: FieldType.TEXT,
    DataType.JSON: FieldType.JSON,
    DataType.Geometry: FieldType.TEXT,
    DataType.Timestamptz: FieldType.DATETIME,
}
_MADE: dict[FieldType, int] = {
    FieldType.BOOL: DataType.Bool,
    FieldType.INT: DataType.Int64,
    FieldType.FLOAT: DataType.Double,
    FieldType.TEXT: DataType.VarChar,
    FieldType.JSON: DataType.JSON,
    FieldType.ARRAY: DataType.Array,
}
_ELEMENTS: dict[int, Element] = {
    DataType.FloatVector: Element.FLOAT32,
    DataType.Float16Vector: Element.FLOAT16,
    DataType.BFloat16Vector: Element.FLOAT32,
    DataType.BinaryVector: Element.BINARY,
    DataType.Int8Vector: Element.INT8,
}
_VECTORS: dict[Element, int] = {
    Element.FLOAT32: DataType.FloatVector,
    Element.FLOAT16: DataType.Float16Vector,
    Element.BINARY: DataType.BinaryVector,
    Element.INT8: DataType.Int8Vector,
}
METRICS: dict[Metric, str] = {
    Metric.COSINE: "COSINE",
    Metric.DOT: "IP",
    Metric.EUCLID: "L2",
    Metric.HAMMING: "HAMMING",
    Metric.JACCARD: "JACCARD",
}
_METRIC_NAMES = {name: metric for metric, name in METRICS.items()}
_KIND_NAMES = {"HNSW": "hnsw", "IVF_FLAT": "ivfflat", "FLAT": "flat"}
_PARAM_NAMES = {"M": "m", "efConstruction": "ef_construction", "nlist": "lists"}
_VENDOR_PARAMS = {common: vendor for vendor, common in _PARAM_NAMES.items()}


@dataclass(frozen=True, slots=True)
class Column:
    """One field of a schema, as rows need it."""

    name: str
    type: int
    element: int = 0
    nullable: bool = False
    has_default: bool = False
    max_length: int | None = None
    max_capacity: int | None = None
    dim: int = 0
    declared: str = ""
    """What a shape has no words for: see `declared.py`."""


@dataclass(frozen=True, slots=True)
class Layout:
    """A collection's schema: which column is what."""

    collection: str
    key: Column
    auto_id: bool
    vectors: tuple[Column, ...]
    fields: tuple[Column, ...]
    dynamic: bool
    partition_key: bool
    partition: str = ""
    """The one partition that is meant; "" for the collection as a whole."""

    @property
    def id_kind(self) -> IdKind:
        return IdKind.INT if self.key.type == DataType.Int64 else IdKind.TEXT

    @property
    def single(self) -> frozenset[str]:
        """The columns that hold 32 bit floats."""
        return frozenset(
            column.name for column in self.fields if DataType.Float in (column.type, column.element)
        )

    @property
    def within(self) -> list[str]:
        """The partitions to ask, for `partition_names`; none for all."""
        return [self.partition] if self.partition else []

    @property
    def output(self) -> list[str]:
        """Everything, for `output_fields`."""
        names = [column.name for column in (self.key, *self.vectors, *self.fields)]
        return [*names, DYNAMIC] if self.dynamic else names

    @property
    def row_bytes(self) -> int:
        """What a row may weigh on the wire, vectors exactly and payload by guess."""
        return 1_024 + sum(max(column.dim, 256) * 4 for column in self.vectors)


def read_layout(schema: Any) -> Layout:
    """A CollectionSchema message as a Layout. Raises StoreBroken without a usable key, Unsupported for structs."""
    if structs := [field.name for field in getattr(schema, "struct_array_fields", ())]:
        several = "s" * (len(structs) > 1)
        raise Unsupported(
            f"field{several} {', '.join(map(repr, structs))} of arrays of structs cannot be carried",
            collection=schema.name,
            hint="no other store has such fields: move a collection that has what they hold in fields of its own",
        )
    unread = made_of_words(schema)
    columns = [
        _read_column(field) for field in schema.fields if not field.is_dynamic and field.name not in unread
    ]
    key = next((field.name for field in schema.fields if field.is_primary_key), None)
    if key is None:
        raise StoreBroken("the collection has no primary key", collection=schema.name)
    rest = [column for column in columns if column.name != key]
    for column in rest:
        if column.type not in _SCALARS and column.type not in _ELEMENTS and column.type not in _OTHERS:
            raise Unsupported(
                f"field {column.name!r} is of a type that is not supported: {_type_name(column.type)}",
                collection=schema.name,
            )
    return Layout(
        schema.name,
        next(column for column in columns if column.name == key),
        schema.autoID or any(field.is_primary_key and field.autoID for field in schema.fields),
        tuple(column for column in rest if is_vector(column)),
        tuple(column for column in rest if not is_vector(column)),
        schema.enable_dynamic_field,
        any(field.is_partition_key for field in schema.fields),
    )


def made_of_words(schema: Any) -> dict[str, str]:
    """The sparse vectors that Milvus makes by BM25, each with the text that it makes it of: searched by words, and told to and
    taken from nobody, so that they are no part of a record.
    """
    return {
        vector: text
        for function in schema.functions
        if function.type == schema_pb2.FunctionType.BM25
        for vector, text in zip(function.output_field_names, function.input_field_names, strict=False)
    }


_OTHERS = frozenset({DataType.Array, DataType.SparseFloatVector})


def is_vector(column: Column) -> bool:
    return column.type in _ELEMENTS or column.type == DataType.SparseFloatVector


def _read_column(field: Any) -> Column:
    params = {pair.key: pair.value for pair in field.type_params}
    return Column(
        field.name,
        field.data_type,
        field.element_type,
        field.nullable,
        field.default_value.WhichOneof("data") is not None,
        int(params["max_length"]) if "max_length" in params else None,
        int(params["max_capacity"]) if "max_capacity" in params else None,
        int(params.get("dim", 0)),
        own_words(field),
    )


def _type_name(number: int) -> str:
    try:
        return str(DataType.Name(number))
    except ValueError:
        return str(number)


# From a schema to a shape.


def read_shape(layout: Layout, indexes: Iterable[Any], partitions: Sequence[str]) -> CollectionShape:
    """What `describe` answers. `indexes` are IndexDescription messages; the default partition has no name."""
    by_field = {index.field_name: _read_index(index.params) for index in indexes}
    text = layout.id_kind is IdKind.TEXT
    key = IdField(
        layout.key.name,
        layout.id_kind,
        KeyOrder.BYTES if text else KeyOrder.NUMERIC,
        layout.key.max_length if text else None,
    )
    named = () if layout.partition_key else tuple(sorted(set(partitions) - {DEFAULT_PARTITION}))
    return CollectionShape(
        layout.collection,
        key,
        tuple(_read_vector(column, by_field.get(column.name)) for column in layout.vectors),
        tuple(_read_field(column, column.name in by_field) for column in layout.fields),
        layout.dynamic,
        named,
    )


def _read_field(column: Column, indexed: bool) -> Field:
    if column.type == DataType.Array:
        element = _SCALARS.get(column.element, FieldType.ANY)
        return Field(
            column.name,
            FieldType.ARRAY,
            column.nullable,
            element,
            column.max_capacity,
            indexed,
            column.declared,
        )
    return Field(
        column.name,
        _SCALARS[column.type],
        column.nullable,
        None,
        column.max_length,
        indexed,
        column.declared,
    )


def _read_vector(column: Column, index: tuple[Metric | None, VectorIndex] | None) -> VectorField:
    metric, made = index or (None, None)
    if column.type == DataType.SparseFloatVector:
        return VectorField(
            column.name, VectorKind.SPARSE, Element.FLOAT32, None, metric, column.nullable, made
        )
    return VectorField(
        column.name, VectorKind.DENSE, _ELEMENTS[column.type], column.dim, metric, column.nullable, made
    )


def _read_index(pairs: Iterable[Any]) -> tuple[Metric | None, VectorIndex]:
    told = {pair.key: pair.value for pair in pairs}
    params: dict[str, Any] = json.loads(told.get("params") or "{}")
    for name in _PARAM_NAMES:
        if name in told:
            params.setdefault(name, told[name])
    named = {_PARAM_NAMES.get(name, name): _number(value) for name, value in params.items()}
    kind = told.get("index_type", "")
    return _METRIC_NAMES.get(told.get("metric_type", "")), VectorIndex(_KIND_NAMES.get(kind, kind), named)


def _number(value: Any) -> Any:
    if isinstance(value, str):
        try:
            number = json.loads(value)
        except ValueError:
            return value
        return number if isinstance(number, int | float) else value
    return value


# From a shape to a schema.


def settle_shape(shape: CollectionShape, server: Server) -> CollectionShape:
    """The shape that can be made of a wanted one. Raises Unsupported, ShapeMismatch."""
    if not shape.vectors:
        raise ShapeMismatch("a milvus collection needs a vector field", collection=shape.name)
    capabilities = server.capabilities()
    if shape.id.kind not in capabilities.id_kinds:
        raise Unsupported(f"milvus has no keys of kind {shape.id.kind}", collection=shape.name)
    if capabilities.max_vectors is not None and len(shape.vectors) > capabilities.max_vectors:
        raise Unsupported(
            f"this milvus holds at most {capabilities.max_vectors} vector fields", collection=shape.name
        )
    fields = [_settle_field(field, shape.name) for field in shape.fields]
    declared = tuple(field for field in fields if server.nullable_fields or not field.nullable)
    text = shape.id.kind is IdKind.TEXT
    key = replace(
        shape.id,
        order=KeyOrder.BYTES if text else KeyOrder.NUMERIC,
        max_length=min(shape.id.max_length or MAX_TEXT_BYTES, MAX_TEXT_BYTES) if text else None,
    )
    return replace(
        shape,
        id=key,
        vectors=tuple(_settle_vector(vector, shape.name, server) for vector in shape.vectors),
        fields=declared,
        dynamic=shape.dynamic or len(declared) < len(fields),
    )


def _settle_field(field: Field, collection: str) -> Field:
    if field.type is FieldType.ARRAY:
        if field.element not in (FieldType.BOOL, FieldType.INT, FieldType.FLOAT, FieldType.TEXT):
            return replace(field, type=FieldType.JSON, element=None, max_length=None, indexed=False)
        return replace(field, max_length=min(field.max_length or MAX_ARRAY, MAX_ARRAY))
    if field.type not in _MADE:
        raise Unsupported(f"milvus has no field type for {field.type}", collection=collection)
    if field.type is FieldType.TEXT:
        return replace(field, max_length=min(field.max_length or MAX_TEXT_BYTES, MAX_TEXT_BYTES))
    return replace(field, max_length=None, indexed=field.indexed and field.type is not FieldType.JSON)


def _settle_vector(vector: VectorField, collection: str, server: Server) -> VectorField:
    capabilities = server.capabilities()
    if vector.kind is VectorKind.SPARSE and capabilities.sparse:
        return replace(vector, dim=None, metric=Metric.DOT, nullable=False)
    if vector.kind is not VectorKind.DENSE:
        raise Unsupported(f"this milvus has no {vector.kind} vectors", collection=collection)
    if vector.element not in capabilities.elements:
        raise Unsupported(f"this milvus has no {vector.element} vectors", collection=collection)
    if vector.dim is None or not 1 <= vector.dim <= (capabilities.max_dim or vector.dim):
        raise ShapeMismatch(
            f"vector {vector.name!r} needs a dimension from 1 to {capabilities.max_dim}",
            collection=collection,
        )
    default = Metric.HAMMING if vector.element is Element.BINARY else Metric.COSINE
    metric = vector.metric or default
    if metric not in capabilities.metrics:
        raise Unsupported(f"this milvus cannot compare by {metric}", collection=collection)
    return replace(vector, metric=metric, nullable=False)


def write_schema(shape: CollectionShape, server: Server | None = None) -> bytes:
    """A settled shape as the serialized schema of a CreateCollectionRequest; for any server where none is named."""
    schema = schema_pb2.CollectionSchema(name=shape.name, enable_dynamic_field=shape.dynamic)
    key = schema.fields.add(name=shape.id.name, is_primary_key=True)
    key.data_type = DataType.Int64 if shape.id.kind is IdKind.INT else DataType.VarChar
    if shape.id.kind is IdKind.TEXT:
        _set(key, max_length=shape.id.max_length)
    for vector in shape.vectors:
        field = schema.fields.add(name=vector.name)
        if vector.kind is VectorKind.SPARSE:
            field.data_type = DataType.SparseFloatVector
        else:
            field.data_type = _VECTORS[vector.element]
            _set(field, dim=vector.dim)
    for declared in shape.fields:
        message = schema.fields.add(name=declared.name, nullable=declared.nullable)
        if not say_again(message, declared):
            _write_field(message, declared)
    describe_again(schema, shape, server)
    return bytes(schema.SerializeToString())


def _write_field(message: Any, field: Field) -> None:
    message.data_type = _MADE[field.type]
    if field.type is FieldType.ARRAY and field.element is not None:
        message.element_type = _MADE[field.element]
        _set(message, max_capacity=field.max_length)
        if field.element is FieldType.TEXT:
            _set(message, max_length=MAX_TEXT_BYTES)
    elif field.type is FieldType.TEXT:
        _set(message, max_length=field.max_length)


def _set(message: Any, **params: int | str | None) -> None:
    for key, value in params.items():
        message.type_params.add(key=key, value=str(value))


def index_requests(shape: CollectionShape, existing: Iterable[str], server: Server) -> list[Any]:
    """A CreateIndexRequest for each index that a settled shape wants and the collection does not have."""
    have = set(existing)
    requests = [
        _index_request(shape.name, vector.name, *_like_index(shape, vector, server))
        for vector in shape.vectors
        if vector.name not in have
    ]
    like = [one for one in indexes(shape, server) if one[0] not in have]
    requests += [_index_request(shape.name, field, params, name) for field, name, params in like]
    have |= {field for field, _, _ in like}
    requests += [
        _index_request(shape.name, field.name, {"index_type": server.scalar_index})
        for field in shape.fields
        if field.indexed and field.name not in have and server.scalar_index and _indexable(field, server)
    ]
    return requests


def _indexable(field: Field, server: Server) -> bool:
    """Milvus Lite has no index over lists: a filter reads the column there, and finds the same."""
    return not (server.lite and field.type is FieldType.ARRAY)


def _like_index(shape: CollectionShape, vector: VectorField, server: Server) -> tuple[Mapping[str, Any], str]:
    """The index of a vector, to the letter and by its name where another Milvus says that it is this one."""
    name, params = own_index(shape, vector.name, lite=server.lite)
    kind = params.get("index_type", "")
    same = bool(params) and _read_index(_pairs(params)) == (vector.metric, vector.index)
    if same and (kind in _KNOWN_KINDS or kind.startswith(("SPARSE_", "BIN_"))):
        return params, name
    return _vector_index(vector, server), name


def _vector_index(vector: VectorField, server: Server) -> dict[str, Any]:
    # Milvus Lite would build HNSW for AUTOINDEX at every flush; nobody asked for an index, so it gets none.
    wanted = vector.index or VectorIndex("flat" if server.lite else "AUTOINDEX")
    vendor = {name: kind for kind, name in _KIND_NAMES.items()}
    kind = vendor.get(wanted.kind, wanted.kind)
    params: Mapping[str, Any] = {
        _VENDOR_PARAMS.get(name, name): value for name, value in wanted.params.items()
    }
    if vector.kind is VectorKind.SPARSE:
        kind, params = "SPARSE_INVERTED_INDEX", {}
    elif vector.element is Element.BINARY and not kind.startswith("BIN_"):
        kind, params = "BIN_FLAT", {}
    elif kind not in _KNOWN_KINDS:
        kind, params = "AUTOINDEX", {}
    elif kind == "HNSW":
        params = {"M": params.get("M", 16), "efConstruction": params.get("efConstruction", 200)}
    elif kind == "IVF_FLAT":
        params = {"nlist": params.get("nlist", 128)}
    metric = METRICS[vector.metric or Metric.COSINE]
    return {"index_type": kind, "metric_type": metric, "params": json.dumps(dict(params))}


_KNOWN_KINDS = frozenset(
    ("HNSW", "HNSW_SQ", "HNSW_PQ", "IVF_FLAT", "IVF_SQ8", "IVF_PQ", "FLAT", "SCANN", "DISKANN", "AUTOINDEX")
)


def _index_request(collection: str, field: str, params: Mapping[str, str], name: str = "") -> Any:
    return milvus_pb2.CreateIndexRequest(
        collection_name=collection, field_name=field, index_name=name or field, extra_params=_pairs(params)
    )


def _pairs(params: Mapping[str, str]) -> list[Any]:
    return [common_pb2.KeyValuePair(key=key, value=value) for key, value in params.items()]
