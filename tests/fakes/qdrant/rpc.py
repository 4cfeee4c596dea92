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
    vector = model.vector
    if isinstance(vector, dict):
        vector = {name: _plain(one) for name, one in vector.items()}
    return {"id": model.id, "vector": _plain(vector), "payload": model.payload}


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
    return GrpcToRest.convert_filter(message).model_dump(mode="json", exclude_none=True, by_alias=True)


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

    def Upsert(self, request: Any, context: Any) -> Any:  # noqa: N802 the service's name
        body = {"points": [_point(point) for point in request.points]}
        return _written(self._database.collection(request.collection_name).upsert(body))

    def Delete(self, request: Any, context: Any) -> Any:  # noqa: N802
        return _written(self._database.collection(request.collection_name).delete(_selector(request.points)))

    def Get(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = {"ids": [GrpcToRest.convert_point_id(one) for one in request.ids], **_reading(request)}
        found = self._database.collection(request.collection_name).retrieve(body)
        return messages.GetResponse(result=[_record(one) for one in found])

    def Scroll(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = _reading(request)
        if request.HasField("offset"):
            body["offset"] = GrpcToRest.convert_point_id(request.offset)
        if request.HasField("limit"):
            body["limit"] = request.limit
        if request.HasField("filter"):
            body["filter"] = _filter(request.filter)
        told = self._database.collection(request.collection_name).scroll(body)
        answer = messages.ScrollResponse(result=[_record(one) for one in told["points"]])
        if told["next_page_offset"] is not None:
            answer.next_page_offset.CopyFrom(RestToGrpc.convert_extended_point_id(told["next_page_offset"]))
        return answer

    def Count(self, request: Any, context: Any) -> Any:  # noqa: N802
        body = {
            "exact": request.exact,
            "filter": _filter(request.filter) if request.HasField("filter") else None,
        }
        told = self._database.collection(request.collection_name).count(body)
        return messages.CountResponse(result=messages.CountResult(count=told["count"]))


class _Collections(messages.CollectionsServicer):
    def __init__(self, server: QdrantServer) -> None:
        self._database = server.database

    def List(self, request: Any, context: Any) -> Any:  # noqa: N802
        named = [messages.CollectionDescription(name=name) for name in self._database.collections]
        return messages.ListCollectionsResponse(collections=named)


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
