"""The messages of Pinecone's `VectorService`, made from the published names and numbers of their fields.

The SDK brings no generated code (its gRPC is compiled), so the descriptors are written down here. They live in a pool
of their own, because older SDKs put messages of the same names into protobuf's common one. The service has no
package: its methods are `/VectorService/Upsert` and so on.
"""

from __future__ import annotations

from typing import Any

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, struct_pb2

_PACKAGE = "vectormigrate.pinecone"
_STRUCT = "google.protobuf.Struct"

# Name, number, type. A type may be `optional x`, `repeated x` or `map x` (of text to x).
_MESSAGES: dict[str, list[tuple[str, int, str]]] = {
    "SparseValues": [("indices", 1, "repeated uint32"), ("values", 2, "repeated float")],
    "Vector": [
        ("id", 1, "string"),
        ("values", 2, "repeated float"),
        ("metadata", 3, _STRUCT),
        ("sparse_values", 4, "SparseValues"),
    ],
    "ScoredVector": [
        ("id", 1, "string"),
        ("score", 2, "float"),
        ("values", 3, "repeated float"),
        ("metadata", 4, _STRUCT),
        ("sparse_values", 5, "SparseValues"),
    ],
    "Usage": [("read_units", 1, "optional uint32")],
    "Pagination": [("next", 1, "string")],
    "UpsertRequest": [("vectors", 1, "repeated Vector"), ("namespace", 2, "string")],
    "UpsertResponse": [("upserted_count", 1, "uint32")],
    "DeleteRequest": [
        ("ids", 1, "repeated string"),
        ("delete_all", 2, "bool"),
        ("namespace", 3, "string"),
        ("filter", 4, _STRUCT),
    ],
    "DeleteResponse": [],
    "FetchRequest": [("ids", 1, "repeated string"), ("namespace", 2, "string")],
    "FetchResponse": [
        ("vectors", 1, "map Vector"),
        ("namespace", 2, "string"),
        ("usage", 3, "optional Usage"),
    ],
    "FetchByMetadataRequest": [
        ("namespace", 1, "string"),
        ("filter", 2, f"optional {_STRUCT}"),
        ("limit", 3, "optional uint32"),
        ("pagination_token", 4, "optional string"),
    ],
    "FetchByMetadataResponse": [
        ("vectors", 1, "map Vector"),
        ("namespace", 2, "string"),
        ("usage", 3, "optional Usage"),
        ("pagination", 4, "optional Pagination"),
    ],
    "ListRequest": [
        ("prefix", 1, "optional string"),
        ("limit", 2, "optional uint32"),
        ("pagination_token", 3, "optional string"),
        ("namespace", 4, "string"),
    ],
    "ListItem": [("id", 1, "string")],
    "ListResponse": [
        ("vectors", 1, "repeated ListItem"),
        ("pagination", 2, "optional Pagination"),
        ("namespace", 3, "string"),
        ("usage", 4, "optional Usage"),
    ],
    "QueryVector": [
        ("values", 1, "repeated float"),
        ("top_k", 2, "uint32"),
        ("namespace", 3, "string"),
        ("filter", 4, _STRUCT),
        ("sparse_values", 5, "SparseValues"),
    ],
    "QueryRequest": [
        ("namespace", 1, "string"),
        ("top_k", 2, "uint32"),
        ("filter", 3, _STRUCT),
        ("include_values", 4, "bool"),
        ("include_metadata", 5, "bool"),
        ("queries", 6, "repeated QueryVector"),
        ("vector", 7, "repeated float"),
        ("id", 8, "string"),
        ("sparse_vector", 9, "SparseValues"),
        ("scan_factor", 10, "optional float"),
        ("max_candidates", 11, "optional uint32"),
    ],
    "SingleQueryResults": [("matches", 1, "repeated ScoredVector"), ("namespace", 2, "string")],
    "QueryResponse": [
        ("results", 1, "repeated SingleQueryResults"),
        ("matches", 2, "repeated ScoredVector"),
        ("namespace", 3, "string"),
        ("usage", 4, "optional Usage"),
    ],
    "UpdateRequest": [
        ("id", 1, "string"),
        ("values", 2, "repeated float"),
        ("set_metadata", 3, _STRUCT),
        ("namespace", 4, "string"),
        ("sparse_values", 5, "SparseValues"),
        ("filter", 6, f"optional {_STRUCT}"),
        ("dry_run", 7, "optional bool"),
    ],
    "UpdateResponse": [("matched_records", 1, "optional int32")],
    "DescribeIndexStatsRequest": [("filter", 1, _STRUCT)],
    "NamespaceSummary": [("vector_count", 1, "uint32")],
    "DescribeIndexStatsResponse": [
        ("namespaces", 1, "map NamespaceSummary"),
        ("dimension", 2, "optional uint32"),
        ("index_fullness", 3, "float"),
        ("total_vector_count", 4, "uint32"),
        ("metric", 5, "optional string"),
        ("vector_type", 6, "optional string"),
        ("memory_fullness", 7, "optional float"),
        ("storage_fullness", 8, "optional float"),
    ],
    "MetadataFieldProperties": [("filterable", 1, "bool")],
    "MetadataSchema": [("fields", 1, "map MetadataFieldProperties")],
    "IndexedFields": [("fields", 1, "repeated string")],
    "NamespaceDescription": [
        ("name", 1, "string"),
        ("record_count", 2, "uint64"),
        ("schema", 3, "optional MetadataSchema"),
        ("indexed_fields", 4, "optional IndexedFields"),
    ],
    "ListNamespacesRequest": [
        ("pagination_token", 1, "optional string"),
        ("limit", 2, "optional uint32"),
        ("prefix", 3, "optional string"),
    ],
    "ListNamespacesResponse": [
        ("namespaces", 1, "repeated NamespaceDescription"),
        ("pagination", 2, "optional Pagination"),
        ("total_count", 3, "int32"),
    ],
    "DescribeNamespaceRequest": [("namespace", 1, "string")],
    "CreateNamespaceRequest": [("name", 1, "string"), ("schema", 2, "optional MetadataSchema")],
    "DeleteNamespaceRequest": [("namespace", 1, "string")],
}

METHODS = {
    "Upsert": ("UpsertRequest", "UpsertResponse"),
    "Delete": ("DeleteRequest", "DeleteResponse"),
    "Fetch": ("FetchRequest", "FetchResponse"),
    "FetchByMetadata": ("FetchByMetadataRequest", "FetchByMetadataResponse"),
    "List": ("ListRequest", "ListResponse"),
    "Query": ("QueryRequest", "QueryResponse"),
    "Update": ("UpdateRequest", "UpdateResponse"),
    "DescribeIndexStats": ("DescribeIndexStatsRequest", "DescribeIndexStatsResponse"),
    "ListNamespaces": ("ListNamespacesRequest", "ListNamespacesResponse"),
    "DescribeNamespace": ("DescribeNamespaceRequest", "NamespaceDescription"),
    "CreateNamespace": ("CreateNamespaceRequest", "NamespaceDescription"),
    "DeleteNamespace": ("DeleteNamespaceRequest", "DeleteResponse"),
}
"""Each method of the service with the messages of its request and its answer."""

_Field = descriptor_pb2.FieldDescriptorProto
_SCALARS = {
    "string": _Field.TYPE_STRING,
    "bool": _Field.TYPE_BOOL,
    "float": _Field.TYPE_FLOAT,
    "int32": _Field.TYPE_INT32,
    "uint32": _Field.TYPE_UINT32,
    "uint64": _Field.TYPE_UINT64,
}


def _describe(message: Any, name: str, number: int, kind: str) -> None:
    label, _, inner = kind.rpartition(" ")
    field = message.field.add(name=name, number=number, label=_Field.LABEL_OPTIONAL)
    if label == "map":
        entry = message.nested_type.add(name=name.title().replace("_", "") + "Entry")
        entry.options.map_entry = True
        _describe(entry, "key", 1, "string")
        _describe(entry, "value", 2, inner)
        field.label, field.type = _Field.LABEL_REPEATED, _Field.TYPE_MESSAGE
        field.type_name = f".{_PACKAGE}.{message.name}.{entry.name}"
        return
    if label == "repeated":
        field.label = _Field.LABEL_REPEATED
    if inner in _SCALARS:
        field.type = _SCALARS[inner]
        if label == "optional":  # a field of its own "one of", as the compiler makes it
            field.proto3_optional, field.oneof_index = True, len(message.oneof_decl)
            message.oneof_decl.add(name=f"_{name}")
    else:
        field.type = _Field.TYPE_MESSAGE
        field.type_name = f".{inner}" if "." in inner else f".{_PACKAGE}.{inner}"


def _classes() -> dict[str, Any]:
    file = descriptor_pb2.FileDescriptorProto(
        name="vector_service.proto", package=_PACKAGE, syntax="proto3", dependency=["google/protobuf/struct.proto"]
    )
    for name, fields in _MESSAGES.items():
        message = file.message_type.add(name=name)
        for field, number, kind in fields:
            _describe(message, field, number, kind)
    pool = descriptor_pool.DescriptorPool()
    pool.AddSerializedFile(struct_pb2.DESCRIPTOR.serialized_pb)
    pool.AddSerializedFile(file.SerializeToString())
    return {
        name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{_PACKAGE}.{name}"))
        for name in _MESSAGES
    }


MESSAGES: dict[str, Any] = _classes()
"""The class of each message by its name."""
