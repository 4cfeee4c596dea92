"""The gRPC side of the server: messages turned into REST bodies and back by the vendor's own converters."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import grpc
import numpy as np
from qdrant_client import grpc as messages
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc
from qdrant_client.http import models

from .refusal import Refused

if TYPE_CHECKING:
    from .server import QdrantServer

_CODES = {
    400: grpc.StatusCode.INVALID_ARGUMENT,
    401: grpc.StatusCode.UNAUTHENTICATED,
    403: grpc.StatusCode.PERMISSION_DENIED,
    404: grpc.StatusCode.NOT_FOUND,
    409: grpc.StatusCode.ALREADY_EXISTS,
    422: grpc.StatusCode.INVALID_ARGUMENT,
    429: grpc.StatusCode.RESOURCE_EXHAUSTED,
    500: grpc.StatusCode.INTERNAL,
    503: grpc.StatusCode.UNAVAILABLE,
}

_CLAUSES = ("must", "should", "must_not")


def serve_grpc(server: QdrantServer) -> tuple[Any, int]:
    """Start serving; the gRPC server and its port."""
    running = grpc.server(
        ThreadPoolExecutor(8),
        options=[("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)],
        interceptors=[_Gate(server)],
    )
    messages.add_PointsServicer_to_server(_Points(server), running)
    messages.add_CollectionsServicer_to_server(_Collections(server), running)
    messages.add_QdrantServicer_to_server(_Health(server), running)
    port = running.add_insecure_port("127.0.0.1:0")
    running.start()
    return running, port


class _Gate(grpc.ServerInterceptor):
    """Turns refusals into status codes, whoever raises them."""

    def __init__(self, server: QdrantServer) -> None:
        self._server = server

    def intercept_service(self, continuation: Any, details: Any) -> Any:
        handler = continuation(details)
        server, metadata = self._server, dict(details.invocation_metadata)

        def answer(request: Any, context: Any) -> Any:
            server.seen.append(("RPC", details.method, metadata, request.SerializeToString()))
            try:
                if server.api_key and metadata.get("api-key") != server.api_key:
                    raise Refused(401, "Invalid API key or JWT")
                if server.fault and (fault := server.fault("RPC", details.method)):
                    raise fault
                return handler.unary_unary(request, context)
            except Refused as refused:
                context.abort(_CODES[refused.status], refused.message)

        return handler and grpc.unary_unary_rpc_method_handler(
            answer, handler.request_deserializer, handler.response_serializer
        )


def _plain(model: Any) -> Any:
    return model.model_dump(mode="python", exclude_none=True) if hasattr(model, "model_dump") else model


def _json(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_json(item) for item in value]
    return value.tolist() if isinstance(value, np.ndarray) else value


def _point(message: Any) -> dict[str, Any]:
    if not message.HasField("vectors"):
        raise Refused(400, "Expected some vectors")
    model = GrpcToRest.convert_point_struct(message)
    return {"id": model.id, "vector": _named(model.vector), "payload": model.payload}


def _record(told: dict[str, Any]) -> Any:
    payload = _signed(told.get("payload") or {})
    return RestToGrpc.convert_record(models.Record(**{**_json(told), "payload": payload}))


def _signed(value: Any) -> Any:
    """Numbers as the server's messages hold them: an integer beyond 63 bits becomes a double."""
    if isinstance(value, dict):
        return {key: _signed(item) for key, item in value.items()}
    if isinstance(value, list):
        return [*map(_signed, value)]
    return float(value) if type(value) is int and value >= 2**63 else value


def _selector(message: Any) -> dict[str, Any]:
    if message.WhichOneof("points_selector_one_of") == "filter":
        return {"filter": _filter(message.filter)}
    return {"points": [GrpcToRest.convert_point_id(one) for one in message.points.ids]}


def _filter(message: Any) -> Any:
    return _rest(GrpcToRest.convert_filter(message))


def _rest(model: Any) -> Any:
    return _asked(model.model_dump(mode="json", exclude_none=True, by_alias=True))


def _asked(value: Any) -> Any:
    """Without the clauses of filters that ask for nothing: messages cannot tell them from those that are not there."""
    if isinstance(value, dict):
        return {key: _asked(item) for key, item in value.items() if item != [] or key not in _CLAUSES}
    return [*map(_asked, value)] if isinstance(value, list) else value


def _payload_change(message: Any) -> dict[str, Any]:
    body = _selector(message.points_selector) if message.HasField("points_selector") else {}
    body["payload"] = GrpcToRest.convert_payload(message.payload)
    return body | ({"key": message.key} if message.HasField("key") else {})


def _payload_keys(message: Any) -> dict[str, Any]:
    return {**_selector(message.points_selector), "keys": list(message.keys)}


def _vector_names(message: Any) -> dict[str, Any]:
    return {**_selector(message.points_selector), "vector": list(message.vectors.names)}


def _new_vectors(message: Any) -> dict[str, Any]:
    points = [GrpcToRest.convert_point_vectors(one) for one in message.points]
    return {"points": [{"id": one.id, "vector": _named(one.vector)} for one in points]}


def _named(vector: Any) -> Any:
    return {name: _plain(one) for name, one in vector.items()} if isinstance(vector, dict) else _plain(vector)


def _upserted(message: Any) -> dict[str, Any]:
    return {"points": [_point(point) for point in message.points]}


_OPERATIONS = {
    "upsert": ("upsert", _upserted),
    "delete_points": ("delete", lambda message: _selector(message.points)),
    "set_payload": ("set_payload", _payload_change),
    "overwrite_payload": ("overwrite_payload", _payload_change),
    "delete_payload": ("delete_payload", _payload_keys),
    "clear_payload": ("clear_payload", lambda message: _selector(message.points)),
    "update_vectors": ("update_vectors", _new_vectors),
    "delete_vectors": ("delete_vectors", _vector_names),
}
"""Of a batch: what REST calls each operation, and its body."""


def _query(message: Any) -> dict[str, Any]:
    body = _rest(GrpcToRest.convert_query_points(message))
    return {"with_payload": False, **body}


def _scored(told: dict[str, Any]) -> Any:
    payload = _signed(told.get("payload") or {})
    vector = None if told.get("vector") is None else _json(told["vector"])
    return RestToGrpc.convert_scored_point(
        models.ScoredPoint(**{**told, "vector": vector, "payload": payload})
    )


def _reading(request: Any) -> dict[str, Any]:
    body: dict[str, Any] = {"with_payload": False}
    if request.HasField("with_payload"):
        body["with_payload"] = _plain(GrpcToRest.convert_with_payload_selector(request.with_payload))
    if request.HasField("with_vectors"):
        body["with_vector"] = GrpcToRest.convert_with_vectors_selector(request.with_vectors)
    return body


class _Points(messages.PointsServicer):
    def __init__(self, server: QdrantServer) -> None:
        self._database = server.database

    def _collection(self, request: Any) -> Any:
        return self._database.collection(request.collection_name)

    def Upsert(self, request: Any, context: Any) -> Any:  # noqa: N802 the service's name
        return _written(self._collection(request).upsert(_upserted(request)))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).delete(_selector(request.points)))

    def SetPayload(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).set_payload(_payload_change(request)))

    def OverwritePayload(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).overwrite_payload(_payload_change(request)))

    def DeletePayload(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).delete_payload(_payload_keys(request)))

    def ClearPayload(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).clear_payload(_selector(request.points)))

    def UpdateVectors(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).update_vectors(_new_vectors(request)))

    def DeleteVectors(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._collection(request).delete_vectors(_vector_names(request)))

    def UpdateBatch(self, request: Any, context: Any) -> Any:  # noqa: N802
        operations = []
        for one in request.operations:
            word = one.WhichOneof("operation")
            name, body = _OPERATIONS[word]
            operations.append({name: body(getattr(one, word))})
        told = self._collection(request).batch({"operations": operations})
        return messages.UpdateBatchResponse(result=[_written(one).result for one in told])

    def CreateFieldIndex(self, request: Any, context: Any) -> Any:  # noqa: N802
        kind = messages.FieldType.Name(request.field_type).removeprefix("FieldType").lower()
        body = {"field_name": request.field_name, "field_schema": kind}
        return _written(self._collection(request).create_index(body))

    def Get(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = {"ids": [GrpcToRest.convert_point_id(one) for one in request.ids], **_reading(request)}
        return messages.GetResponse(result=[_record(one) for one in self._collection(request).retrieve(body)])

    def Query(self, request: Any, context: Any) -> Any:  # noqa: N802
        told = self._collection(request).query(_query(request))
        return messages.QueryResponse(result=[_scored(one) for one in told["points"]])

    def QueryBatch(self, request: Any, context: Any) -> Any:  # noqa: N802
        collection = self._collection(request)
        told = [collection.query(_query(one))["points"] for one in request.query_points]
        batches = [messages.BatchResult(result=[_scored(one) for one in points]) for points in told]
        return messages.QueryBatchResponse(result=batches)

    def Scroll(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = _reading(request)
        if request.HasField("offset"):
            body["offset"] = GrpcToRest.convert_point_id(request.offset)
        if request.HasField("limit"):
            body["limit"] = request.limit
        if request.HasField("filter"):
            body["filter"] = _filter(request.filter)
        told = self._collection(request).scroll(body)
        answer = messages.ScrollResponse(result=[_record(one) for one in told["points"]])
        if told["next_page_offset"] is not None:
            answer.next_page_offset.CopyFrom(RestToGrpc.convert_extended_point_id(told["next_page_offset"]))
        return answer

    def Count(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = {
            "exact": request.exact,
            "filter": _filter(request.filter) if request.HasField("filter") else None,
        }
        told = self._collection(request).count(body)
        return messages.CountResponse(result=messages.CountResult(count=told["count"]))


class _Collections(messages.CollectionsServicer):
    def __init__(self, server: QdrantServer) -> None:
        self._database = server.database

    def List(self, request: Any, context: Any) -> Any:  # noqa: N802
        named = [messages.CollectionDescription(name=name) for name in self._database.collections]
        return messages.ListCollectionsResponse(collections=named)

    def Get(self, request: Any, context: Any) -> Any:  # noqa: N802
        told = self._database.collection(request.collection_name).info()
        info = RestToGrpc.convert_collection_info(models.CollectionInfo(**told))
        return messages.GetCollectionInfoResponse(result=info)

    def CollectionExists(self, request: Any, context: Any) -> Any:  # noqa: N802
        names = {*self._database.collections, *self._database.aliases}
        there = messages.CollectionExists(exists=request.collection_name in names)
        return messages.CollectionExistsResponse(result=there)

    def Create(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = {}
        if request.HasField("vectors_config"):
            given = GrpcToRest.convert_vectors_config(request.vectors_config)
            body["vectors"] = (
                {name: _rest(one) for name, one in given.items()} if isinstance(given, dict) else _rest(given)
            )
        if request.HasField("sparse_vectors_config"):
            named = GrpcToRest.convert_sparse_vector_config(request.sparse_vectors_config)
            body["sparse_vectors"] = {name: _rest(one) for name, one in named.items()}
        made = self._database.create(request.collection_name, body)
        return messages.CollectionOperationResponse(result=made)

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        dropped = self._database.drop(request.collection_name)
        return messages.CollectionOperationResponse(result=dropped)

    def Update(self, request: Any, context: Any) -> Any:  # noqa: N802
        there = bool(self._database.collection(request.collection_name))
        return messages.CollectionOperationResponse(result=there)

    def UpdateAliases(self, request: Any, context: Any) -> Any:  # noqa: N802
        actions = [_rest(GrpcToRest.convert_alias_operations(one)) for one in request.actions]
        return messages.CollectionOperationResponse(result=self._database.alias({"actions": actions}))

    def ListAliases(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _aliases(self._database.list_aliases())

    def ListCollectionAliases(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _aliases(self._database.list_aliases(request.collection_name))


def _aliases(told: dict[str, Any]) -> Any:
    return messages.ListAliasesResponse(aliases=[messages.AliasDescription(**one) for one in told["aliases"]])


class _Health(messages.QdrantServicer):
    def __init__(self, server: QdrantServer) -> None:
        self._server = server

    def HealthCheck(self, request: Any, context: Any) -> Any:  # noqa: N802
        return messages.HealthCheckReply(title="qdrant - vector search engine", version=self._server.version)


def _written(told: dict[str, Any]) -> Any:
    status = messages.UpdateStatus.Completed
    return messages.PointsOperationResponse(
        result=messages.UpdateResult(operation_id=told["operation_id"], status=status)
    )
