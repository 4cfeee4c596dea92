"""Settings of a collection as gRPC has them, in the words of REST; and actions on aliases.

Quantisation, placement in memory and strict mode are not carried over from here: they tune Qdrant, and what is made out
of these settings is not one.
"""

from __future__ import annotations

from typing import Any

from vectormigrate.stores.qdrant.pb import collections_pb2

from . import payloads

Json = dict[str, Any]
_NUMBERS = ("shard_number", "replication_factor", "write_consistency_factor")
_CONFIGS = ("hnsw_config", "wal_config", "optimizers_config")
_DATATYPES = {"Uint8": "uint8", "Float16": "float16", "Turbo4": "turbo4"}


def read_create(message: Any) -> Json:
    """A `CreateCollection` as the body of `PUT /collections/{name}`. Raises ValueError."""
    settings: Json = {name: getattr(message, name) for name in _NUMBERS if message.HasField(name)}
    settings |= {name: _given(getattr(message, name)) for name in _CONFIGS if message.HasField(name)}
    if message.HasField("on_disk_payload"):
        settings["on_disk_payload"] = message.on_disk_payload
    if message.sharding_method == collections_pb2.ShardingMethod.Custom:
        settings["sharding_method"] = "custom"
    vectors = message.vectors_config
    if vectors.HasField("params"):
        settings["vectors"] = _dense(vectors.params)
    elif vectors.HasField("params_map"):
        settings["vectors"] = {name: _dense(params) for name, params in vectors.params_map.map.items()}
    if message.HasField("sparse_vectors_config"):
        settings["sparse_vectors"] = {
            name: _sparse(params) for name, params in message.sparse_vectors_config.map.items()
        }
    if message.metadata:
        settings["metadata"] = payloads.read_message(message.metadata)
    return settings


def _dense(params: Any) -> Json:
    if params.distance == collections_pb2.Distance.UnknownDistance:
        raise ValueError("a vector needs a distance")
    settings: Json = {"size": params.size, "distance": collections_pb2.Distance.Name(params.distance)}
    datatype = _DATATYPES.get(collections_pb2.Datatype.Name(params.datatype))
    if datatype is not None:
        settings["datatype"] = datatype
    if params.HasField("on_disk"):
        settings["on_disk"] = params.on_disk
    if params.HasField("hnsw_config"):
        settings["hnsw_config"] = _given(params.hnsw_config)
    if params.HasField("multivector_config"):
        settings["multivector_config"] = {"comparator": "max_sim"}
    return settings


def _sparse(params: Any) -> Json:
    return {"modifier": "idf"} if params.modifier == collections_pb2.Modifier.Idf else {}


def _given(message: Any) -> Json:
    """The plain settings that are there."""
    return {
        field.name: value for field, value in message.ListFields() if isinstance(value, bool | int | float)
    }


_OTHER_NAMES = {"vectors_config": "vectors", "sparse_vectors_config": "sparse_vectors"}
_NO_SETTINGS = frozenset({"collection_name", "timeout"})


def read_update(message: Any) -> Json:
    """The names of what an `UpdateCollection` changes, as REST has them; the values mean nothing here."""
    return {
        _OTHER_NAMES.get(field.name, field.name): {}
        for field, _ in message.ListFields()
        if field.name not in _NO_SETTINGS
    }


def read_aliased(message: Any) -> list[str]:
    """Every name that a `ChangeAliases` concerns, aliases and collections."""
    names = [
        value
        for action in message.actions
        for _, inner in action.ListFields()
        for _, value in inner.ListFields()
    ]
    return list(dict.fromkeys(names))
