"""One collection: Qdrant's own engine for what it holds, and around it what the server adds.

Requests and answers are the REST API's JSON. What the engine takes too lightly, the server's checks are written out
here: dimensions and names before anything is applied, sparse indices told once, no numbers for booleans.
"""

from __future__ import annotations

import math
import threading
from pathlib import Path
from typing import Any
from uuid import UUID

import numpy as np
import qdrant_edge as edge

from .conditions import make_filter
from .queries import engine_query, without_examples
from .refusal import Refused, wrong_input

_DISTANCES = {
    "Cosine": edge.Distance.Cosine,
    "Dot": edge.Distance.Dot,
    "Euclid": edge.Distance.Euclid,
    "Manhattan": edge.Distance.Manhattan,
}
_DATATYPES = {
    "float32": edge.VectorStorageDatatype.Float32,
    "float16": edge.VectorStorageDatatype.Float16,
    "uint8": edge.VectorStorageDatatype.Uint8,
}
_INDEXES = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "integer": edge.PayloadSchemaType.Integer,
    "float": edge.PayloadSchemaType.Float,
    "geo": edge.PayloadSchemaType.Geo,
    "text": edge.PayloadSchemaType.Text,
    "bool": edge.PayloadSchemaType.Bool,
    "datetime": edge.PayloadSchemaType.Datetime,
    "uuid": edge.PayloadSchemaType.Uuid,
}
_HNSW = {
    "m": 16,
    "ef_construct": 100,
    "full_scan_threshold": 10_000,
    "max_indexing_threads": 0,
    "on_disk": False,
}
_OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10_000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
}


class Collection:
    """A collection made by the body of a create request."""

    def __init__(self, path: Path, body: dict[str, Any]) -> None:
        self.path = path
        self.body = body
        vectors = body.get("vectors") or {}
        self.dense = {"": vectors} if "size" in vectors else vectors
        self.sparse = body.get("sparse_vectors") or {}
        self.indexes: dict[str, Any] = {}
        self.operations = 0
        self._lock = threading.Lock()
        config = edge.EdgeConfig(
            vectors={name: _vector_params(params) for name, params in self.dense.items()},
            sparse_vectors={
                name: edge.EdgeSparseVectorParams(
                    modifier=edge.Modifier.Idf if given and given.get("modifier") == "idf" else None
                )
                for name, given in self.sparse.items()
            },
            wal_enabled=False,
            max_search_threads=1,
        )
        self._shard = edge.EdgeShard.create(str(path), config)

    def close(self) -> None:
        self._shard.close()

    def info(self) -> dict[str, Any]:
        given = self.body
        params = {
            "vectors": given.get("vectors") or {},
            "shard_number": given.get("shard_number") or 1,
            "replication_factor": given.get("replication_factor") or 1,
            "write_consistency_factor": given.get("write_consistency_factor") or 1,
            "on_disk_payload": given.get("on_disk_payload", True),
        }
        if self.sparse:
            params["sparse_vectors"] = self.sparse
        if given.get("sharding_method"):
            params["sharding_method"] = given["sharding_method"]
        config = {
            "params": params,
            "hnsw_config": {**_HNSW, **(given.get("hnsw_config") or {})},
            "optimizer_config": {**_OPTIMIZERS, **(given.get("optimizers_config") or {})},
            "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0, **(given.get("wal_config") or {})},
            "quantization_config": given.get("quantization_config"),
        }
        if given.get("strict_mode_config"):
            config["strict_mode_config"] = given["strict_mode_config"]
        if given.get("metadata"):
            config["metadata"] = given["metadata"]
        info = self._shard.info()
        return {
            "status": "green",
            "optimizer_status": "ok",
            "points_count": info.points_count,
            "indexed_vectors_count": info.indexed_vectors_count,
            "segments_count": info.segments_count,
            "config": config,
            "payload_schema": self.indexes,
        }

    # Writing.

    def _update(self, operation: Any) -> dict[str, Any]:
        with self._lock:
            try:
                self._shard.update(operation)
            except Exception as error:  # noqa: BLE001 it raises nothing more exact
                if str(error).startswith("No point with id"):  # those that are there are changed
                    raise Refused(404, f"Not found: {error} found") from None
                raise wrong_input(str(error)) from None
            self.operations += 1
            return {"operation_id": self.operations, "status": "completed"}

    def upsert(self, body: dict[str, Any]) -> dict[str, Any]:
        if "batch" in body:
            body = {**body, "points": _unbatched(body["batch"])}
        if not isinstance(body.get("points"), list):
            raise Refused(
                400,
                "Format error in JSON body: data did not match any variant of untagged enum PointInsertOperations",
            )
        self._check_strict("upsert_max_batchsize", len(body["points"]), "upsert limit")
        points = [self._point(point) for point in body["points"]]
        mode = {"insert_only": edge.UpdateMode.InsertOnly, "update_only": edge.UpdateMode.UpdateOnly}.get(
            body.get("update_mode")
        )
        return self._update(
            edge.UpdateOperation.upsert_points(points, make_filter(body.get("update_filter")), mode)
        )

    def _point(self, point: dict[str, Any]) -> Any:
        if "id" not in point or "vector" not in point:
            raise Refused(400, "Format error in JSON body: missing field `vector`")
        payload = point.get("payload")
        if payload is not None and not isinstance(payload, dict):
            raise Refused(400, "Format error in JSON body: invalid type: expected a map")
        try:
            return edge.Point(check_id(point["id"]), self._vectors(point["vector"]), payload or {})
        except (TypeError, ValueError) as error:
            raise Refused(400, f"Format error in JSON body: {error}") from None

    def _vectors(self, given: Any) -> Any:
        named = given if isinstance(given, dict) else {"": given}
        return {name: self._vector(name, vector) for name, vector in named.items()}

    def _vector(self, name: str, vector: Any) -> Any:
        if isinstance(vector, dict):
            if vector.keys() != {"indices", "values"}:
                raise Refused(400, "Bad request: InferenceService is not initialized")
            if name not in self.sparse:
                raise wrong_input(f"Not existing vector name error: {name}")
            return _sparse(vector)
        if name not in self.dense:
            raise wrong_input(f"Not existing vector name error: {name}")
        size = self.dense[name]["size"]
        rows = vector if vector and isinstance(vector[0], list) else [vector]
        for row in rows:
            if not all(type(number) in (int, float) and math.isfinite(number) for number in row):
                raise Refused(
                    400,
                    "Format error in JSON body: data did not match any variant of untagged enum VectorStruct",
                )
            if len(row) != size:
                raise wrong_input(f"Vector dimension error: expected dim: {size}, got {len(row)}")
        return (
            [[float(number) for number in row] for row in rows] if rows is vector else [*map(float, vector)]
        )

    def delete(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._selected(body, "delete_points")

    def set_payload(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._selected(body, "set_payload", body["payload"], body.get("key"))

    def overwrite_payload(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._selected(body, "overwrite_payload", body["payload"], body.get("key"))

    def delete_payload(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._selected(body, "delete_payload", body["keys"])

    def clear_payload(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._selected(body, "clear_payload")

    def delete_vectors(self, body: dict[str, Any]) -> dict[str, Any]:
        return self._selected(body, "delete_vectors", body["vector"])

    def update_vectors(self, body: dict[str, Any]) -> dict[str, Any]:
        points = [
            edge.PointVectors(check_id(one["id"]), self._vectors(one["vector"])) for one in body["points"]
        ]
        return self._update(
            edge.UpdateOperation.update_vectors(points, make_filter(body.get("update_filter")))
        )

    def _selected(self, body: dict[str, Any], action: str, *more: Any) -> dict[str, Any]:
        operations = edge.UpdateOperation
        if body.get("filter") is not None:
            return self._update(
                getattr(operations, f"{action}_by_filter")(make_filter(body["filter"]), *more)
            )
        if not isinstance(body.get("points"), list):
            raise Refused(400, "Format error in JSON body: either points or filter must be given")
        ids = [*map(check_id, body["points"])]
        return self._update(getattr(operations, action)(ids, *more))

    def batch(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        results = []
        for operation in body["operations"]:
            ((word, inner),) = operation.items()
            results.append(getattr(self, word)(inner))
        return results

    def create_index(self, body: dict[str, Any]) -> dict[str, Any]:
        schema = body["field_schema"]
        kind = schema["type"] if isinstance(schema, dict) else schema
        result = self._update(edge.UpdateOperation.create_field_index(body["field_name"], _INDEXES[kind]))
        self.indexes[body["field_name"]] = {"data_type": kind, "points": 0}
        if isinstance(schema, dict):
            self.indexes[body["field_name"]]["params"] = schema
        return result

    # Reading.

    def retrieve(self, body: dict[str, Any]) -> list[dict[str, Any]]:
        with_payload, with_vector = _wanted(body)
        with self._lock:
            found = self._shard.retrieve([*map(check_id, body["ids"])], with_payload, with_vector)
        return [_record(record, body) for record in found]

    def scroll(self, body: dict[str, Any]) -> dict[str, Any]:
        limit = self._limit(body)
        offset = body.get("offset")
        with_payload, with_vector = _wanted(body)
        if body.get("order_by") is not None:
            raise wrong_input("No range index for `order_by` key")
        request = edge.ScrollRequest(
            None if offset is None else check_id(offset),
            limit,
            make_filter(body.get("filter")),
            with_payload,
            with_vector,
        )
        with self._lock:
            found, following = self._shard.scroll(request)
        return {
            "points": [_record(record, body) for record in found],
            "next_page_offset": None if following is None else plain_id(following),
        }

    def count(self, body: dict[str, Any]) -> dict[str, int]:
        with self._lock:
            exact = body.get("exact", True)
            return {"count": self._shard.count(edge.CountRequest(exact, make_filter(body.get("filter"))))}

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        body = {"with_payload": False, **body}
        with_payload, with_vector = _wanted(body)
        params = body.get("params") or {}
        request = edge.QueryRequest(
            self._limit(body),
            body.get("offset") or 0,
            self._asked(body),
            with_vector=with_vector,
            with_payload=with_payload,
            filter=make_filter(without_examples(body)),
            score_threshold=body.get("score_threshold"),
            params=edge.SearchParams(exact=params.get("exact", False)),
            prefetches=[self._prefetch(one) for one in _listed(body.get("prefetch"))],
        )
        with self._lock:
            try:
                found = self._shard.query(request)
            except Exception as error:  # noqa: BLE001 it raises nothing more exact
                raise wrong_input(str(error)) from None
        return {
            "points": [
                {**_record(point, body), "version": point.version, "score": float(np.float32(point.score))}
                for point in found
            ]
        }

    def _prefetch(self, given: dict[str, Any]) -> Any:
        return edge.Prefetch(
            self._limit(given),
            self._asked(given),
            prefetches=[self._prefetch(one) for one in _listed(given.get("prefetch"))],
            filter=make_filter(without_examples(given)),
            score_threshold=given.get("score_threshold"),
            params=edge.SearchParams(exact=(given.get("params") or {}).get("exact", False)),
        )

    def _limit(self, body: dict[str, Any]) -> int:
        limit = body.get("limit")
        if limit is None:
            return 10
        if type(limit) is not int or limit < 1:
            message = "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]"
            raise Refused(422, message)
        self._check_strict("max_query_limit", limit, "limit")
        return limit

    def _check_strict(self, name: str, asked: int, word: str) -> None:
        strict = self.body.get("strict_mode_config") or {}
        if strict.get("enabled") and strict.get(name) and asked > strict[name]:
            raise Refused(400, f'Bad request: Limit exceeded {asked} > {strict[name]} for "{word}"')

    def _asked(self, body: dict[str, Any]) -> Any:
        using = body.get("using") or ""
        return engine_query(
            body.get("query"), using, self._limit(body), lambda example: self._example(using, example)
        )

    def _example(self, using: str, example: Any) -> Any:
        if isinstance(example, int | str):
            found = self.retrieve({"ids": [example], "with_vector": True})
            if not found:
                raise Refused(404, f"Not found: No point with id {example} found")
            vectors = found[0]["vector"]
            held = vectors[using] if using else vectors
            example = held if isinstance(held, dict) else held.tolist()
        return self._vector(using, example)


def _listed(given: Any) -> list[Any]:
    return given if isinstance(given, list) else [] if given is None else [given]


def check_id(given: Any) -> Any:
    """An id as the server takes it: the engine is more liberal about true and false."""
    if isinstance(given, bool) or not isinstance(given, int | str):
        raise Refused(400, f"Format error in JSON body: value {given} is not a valid point ID")
    if isinstance(given, str):
        try:
            UUID(given)
        except ValueError:
            raise Refused(400, f"Format error in JSON body: value {given} is not a valid point ID") from None
    return given


def plain_id(point_id: Any) -> int | str:
    return point_id if isinstance(point_id, int) else str(point_id)


def _wanted(body: dict[str, Any]) -> tuple[Any, Any]:
    payload, vector = body.get("with_payload", True), body.get("with_vector", False)
    if isinstance(payload, dict):
        ((word, keys),) = payload.items()
        payload = getattr(edge.PayloadSelector, word.capitalize())(keys)
    return payload, vector


def _record(record: Any, body: dict[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {"id": plain_id(record.id)}
    if body.get("with_payload", True) is not False:
        told["payload"] = record.payload or {}
    if body.get("with_vector", False) is not False:
        told["vector"] = _told(record.vector)
    return told


def _told(vector: Any) -> Any:
    if isinstance(vector, dict):
        return {name: _told(one) for name, one in vector.items()}
    if isinstance(vector, edge.SparseVector):
        return {"indices": vector.indices, "values": np.array(vector.values, np.float32)}
    return {} if vector is None else np.array(vector, np.float32)


def _sparse(vector: dict[str, Any]) -> Any:
    indices, values = vector["indices"], vector["values"]
    if len(indices) != len(values):
        raise Refused(422, "Validation error in JSON body: indices and values must have the same length")
    if len(set(indices)) != len(indices):
        raise Refused(422, "Validation error in JSON body: indices must be unique")
    try:
        return edge.SparseVector(indices, values)
    except (TypeError, OverflowError) as error:
        raise Refused(400, f"Format error in JSON body: {error}") from None


def _unbatched(batch: dict[str, Any]) -> list[dict[str, Any]]:
    ids, vectors = batch["ids"], batch["vectors"]
    payloads = batch.get("payloads") or [None] * len(ids)
    if isinstance(vectors, dict):
        vectors = [{name: rows[row] for name, rows in vectors.items()} for row in range(len(ids))]
    return [
        {"id": one, "vector": vector, "payload": payload}
        for one, vector, payload in zip(ids, vectors, payloads, strict=True)
    ]


def _vector_params(params: dict[str, Any]) -> Any:
    multi = params.get("multivector_config")
    return edge.EdgeVectorParams(
        params["size"],
        _DISTANCES[params["distance"]],
        multivector_config=multi and edge.MultiVectorConfig(edge.MultiVectorComparator.MaxSim),
        datatype=_DATATYPES.get(params.get("datatype")),
    )
