"""Answers as gRPC messages: the same values that `responses` writes as JSON. How long it took is filled in by others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from vectormigrate.model.batch import Batch, Column, DenseColumn, MultiColumn, SparseColumn
from vectormigrate.model.collection import CollectionShape, VectorField, VectorKind
from vectormigrate.model.query import Match
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.qdrant.ids import write_message_id
from vectormigrate.stores.qdrant.pb import collections_pb2, points_pb2

from . import payloads
from .messages import write_dense, write_multi, write_sparse
from .responses import Group, Points, Slice, chosen_payloads, offsets
from .shape import write_info


def write_retrieved(points: Points) -> list[Any]:
    """Points without scores. Raises ValueError for what a message cannot hold."""
    return [points_pb2.RetrievedPoint(**one) for one in _written(points)]


def write_scored(points: Points) -> list[Any]:
    """Points with scores."""
    scores = points.scores or ()
    return [
        points_pb2.ScoredPoint(**one, score=score)
        for one, score in zip(_written(points), scores, strict=True)
    ]


def write_slice(page: Slice) -> Any:
    """A page of a scroll."""
    following = None if page.following is None else write_message_id(page.following)
    return points_pb2.ScrollResponse(next_page_offset=following, result=write_retrieved(page.points))


def write_groups(groups: Sequence[Group]) -> Any:
    """A `GroupsResult`."""
    return points_pb2.GroupsResult(
        groups=[points_pb2.PointGroup(id=_group_id(one.id), hits=write_scored(one.hits)) for one in groups]
    )


def _group_id(value: int | str) -> Any:
    if isinstance(value, str):
        return points_pb2.GroupId(string_value=value)
    return points_pb2.GroupId(**{"integer_value" if value < 0 else "unsigned_value": value})


def write_facet(hits: Sequence[tuple[Any, int]]) -> list[Any]:
    """Values and how often they are there."""
    words = {bool: "bool_value", int: "integer_value", str: "string_value"}
    return [
        points_pb2.FacetHit(value=points_pb2.FacetValue(**{words[type(value)]: value}), count=count)
        for value, count in hits
    ]


def write_pairs(ids: Sequence[RecordId], found: Sequence[Sequence[Match]]) -> Any:
    """Near points, two by two."""
    pairs = [
        points_pb2.SearchMatrixPair(a=write_message_id(one), b=write_message_id(match.id), score=match.score)
        for one, matches in zip(ids, found, strict=True)
        for match in matches
    ]
    return points_pb2.SearchMatrixPairs(pairs=pairs)


def write_offsets(ids: Sequence[RecordId], found: Sequence[Sequence[Match]]) -> Any:
    """The same by the places of points in a list of their ids."""
    return points_pb2.SearchMatrixOffsets(**offsets(ids, found), ids=list(map(write_message_id, ids)))


def _written(points: Points) -> list[dict[str, Any]]:
    written: list[dict[str, Any]] = []
    for batch in points.batches:
        chosen = chosen_payloads(batch, points.wanted)
        for row, record_id in enumerate(batch.ids):
            one: dict[str, Any] = {"id": write_message_id(record_id)}
            if points.orders is not None:
                value = points.orders[len(written)]
                one["order_value"] = points_pb2.OrderValue(**{type(value).__name__: value})
            if chosen is not None:
                one["payload"] = _payload(chosen[row])
            if points.wanted.vectors is not False:
                one["vectors"] = _vectors(batch, row, points.wanted.vectors)
            written.append(one)
    return written


def _payload(payload: Payload) -> dict[str, Any]:
    return payloads.write_message(payload)


def _vectors(batch: Batch, row: int, names: bool | Sequence[str]) -> Any:
    named = {
        name: _vector(column, row)
        for name, column in batch.vectors.items()
        if column.has(row) and (names is True or name in (names or ()))
    }
    if named.keys() == {""}:
        return points_pb2.VectorsOutput(vector=named[""])
    return points_pb2.VectorsOutput(vectors=points_pb2.NamedVectorsOutput(vectors=named))


def _vector(column: Column, row: int) -> Any:
    match column:
        case DenseColumn(values=values):
            return points_pb2.VectorOutput(dense=write_dense(values[row]))
        case SparseColumn():
            return points_pb2.VectorOutput(sparse=write_sparse(column.row(row)))
        case MultiColumn():
            return points_pb2.VectorOutput(multi_dense=write_multi(column.row(row)))


def write_updated(operations: int | None = None) -> Any:
    """What is told of a write that is applied, or of a batch of so many operations."""
    done = points_pb2.UpdateResult(operation_id=0, status=points_pb2.UpdateStatus.Completed)
    if operations is None:
        return points_pb2.PointsOperationResponse(result=done)
    return points_pb2.UpdateBatchResponse(result=[done] * operations)


def write_aliases(aliases: Mapping[str, str]) -> Any:
    """Aliases and the collections that they stand for."""
    told = [
        collections_pb2.AliasDescription(alias_name=alias, collection_name=collection)
        for alias, collection in aliases.items()
    ]
    return collections_pb2.ListAliasesResponse(aliases=told)


# Collections.

_DATATYPES = {"float32": "Float32", "float16": "Float16", "uint8": "Uint8", "turbo4": "Turbo4"}


def write_collection(shape: CollectionShape, points: int) -> Any:
    """A `CollectionInfo`. Of what only tunes Qdrant, as much as there is of it here: graphs, optimisers, the log."""
    told = write_info(shape, points)
    config, params = told["config"], told["config"]["params"]
    return collections_pb2.CollectionInfo(
        status=collections_pb2.CollectionStatus.Green,
        optimizer_status=collections_pb2.OptimizerStatus(ok=True),
        segments_count=1,
        points_count=points,
        indexed_vectors_count=points,
        config=collections_pb2.CollectionConfig(
            params=collections_pb2.CollectionParams(
                shard_number=params["shard_number"],
                on_disk_payload=bool(params["on_disk_payload"]),
                replication_factor=params["replication_factor"],
                write_consistency_factor=params["write_consistency_factor"],
                vectors_config=_vectors_config(shape, params),
                sparse_vectors_config=_sparse_config(params),
            ),
            hnsw_config=_settings(collections_pb2.HnswConfigDiff, config["hnsw_config"]),
            optimizer_config=_settings(collections_pb2.OptimizersConfigDiff, config["optimizer_config"]),
            wal_config=_settings(collections_pb2.WalConfigDiff, config["wal_config"]),
            metadata=payloads.write_message(config.get("metadata") or {}),
        ),
    )


def _vectors_config(shape: CollectionShape, params: Mapping[str, Any]) -> Any:
    dense = {
        vector.name: _vector_params(vector, params["vectors"])
        for vector in shape.vectors
        if vector.kind is not VectorKind.SPARSE
    }
    if "" in dense:
        return collections_pb2.VectorsConfig(params=dense[""])
    return collections_pb2.VectorsConfig(params_map=collections_pb2.VectorParamsMap(map=dense))


def _vector_params(vector: VectorField, told: Mapping[str, Any]) -> Any:
    given = told[vector.name] if vector.name else told
    many, graph = given.get("multivector_config") is not None, given.get("hnsw_config")
    datatype = _DATATYPES.get(given.get("datatype") or "")
    return collections_pb2.VectorParams(
        size=given["size"],
        distance=collections_pb2.Distance.Value(given["distance"]),
        on_disk=given.get("on_disk"),
        hnsw_config=_settings(collections_pb2.HnswConfigDiff, graph) if graph else None,
        datatype=None if datatype is None else collections_pb2.Datatype.Value(datatype),
        multivector_config=collections_pb2.MultiVectorConfig() if many else None,
    )


def _sparse_config(params: Mapping[str, Any]) -> Any:
    told = params.get("sparse_vectors")
    if not told:
        return None
    idf = collections_pb2.Modifier.Idf
    return collections_pb2.SparseVectorConfig(
        map={
            name: collections_pb2.SparseVectorParams(modifier=idf if given.get("modifier") == "idf" else None)
            for name, given in told.items()
        }
    )


def _settings(message: Any, given: Mapping[str, Any]) -> Any:
    """Settings whose names and values are the same in JSON and in the message; the others are left out."""
    known = message.DESCRIPTOR.fields_by_name
    return message(
        **{
            name: value
            for name, value in given.items()
            if name in known and known[name].message_type is None and isinstance(value, bool | int | float)
        }
    )
