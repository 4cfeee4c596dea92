"""The gRPC side of the fake: one port for each index, and every call as the REST request that says the same.

The messages are those of the published `VectorService`; their JSON form is what REST speaks, but for absent fields.
"""

from __future__ import annotations

import grpc
import grpc.aio
import numpy as np
from google.protobuf import json_format

from vectormigrate.stores.pinecone.pb import MESSAGES, METHODS

from .index import FakeIndex, Refused
from .service import FakePinecone

_CODES = {one.value[0]: one for one in grpc.StatusCode}


async def listen(service: FakePinecone, index: FakeIndex) -> tuple[grpc.aio.Server, int]:
    """Serve one index; the server and its port."""
    server = grpc.aio.server(options=[("grpc.max_receive_message_length", -1)])
    handlers = {method: _handler(service, index, method) for method in METHODS}
    server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("VectorService", handlers)])
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    return server, port


def _handler(service: FakePinecone, index: FakeIndex, method: str) -> grpc.RpcMethodHandler:
    asked, told = (MESSAGES[name] for name in METHODS[method])

    async def answer(request, context):
        sent = dict(context.invocation_metadata())
        service.requests.append(("RPC", method, request.ByteSize()))
        try:
            if sent.get("api-key") != service.api_key:
                raise Refused(401, "Invalid API Key", code=16)
            body = json_format.MessageToDict(request)
            found, headers = _ASK[method](service, index, body, request.ByteSize())
        except Refused as refused:
            await context.abort(_CODES[refused.code], refused.message)
        context.set_trailing_metadata(tuple((key, str(value)) for key, value in headers.items()))
        return json_format.ParseDict(_plain(found), told())

    return grpc.unary_unary_rpc_method_handler(
        answer, request_deserializer=asked.FromString, response_serializer=told.SerializeToString
    )


def _plain(value):
    if isinstance(value, np.ndarray):
        return value.tolist()
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    return [_plain(item) for item in value] if isinstance(value, list) else value


def _list(service, index, body, _):
    asked = body.get("prefix", ""), body.get("limit", 100), body.get("paginationToken", "")
    return service.list(index, body.get("namespace"), *asked)


_ASK = {
    "Upsert": lambda service, index, body, size: service.upsert(index, body, size),
    "Update": lambda service, index, body, _: service.update(index, body),
    "Delete": lambda service, index, body, _: service.delete(index, body),
    "Fetch": lambda service, index, body, _: service.fetch(index, body.get("namespace"), body.get("ids", [])),
    "FetchByMetadata": lambda service, index, body, _: service.fetch_by_metadata(index, body),
    "List": _list,
    "Query": lambda service, index, body, _: service.query(index, body),
    "DescribeIndexStats": lambda service, index, *_: (service.stats(index), {}),
    "ListNamespaces": lambda service, index, body, _: (
        service.namespaces(index, body.get("paginationToken"), body.get("limit", 100)),
        {},
    ),
    "DescribeNamespace": lambda service, index, body, _: (service.namespace(index, body["namespace"]), {}),
    "CreateNamespace": lambda service, index, body, _: (service.create_namespace(index, body["name"]), {}),
    "DeleteNamespace": lambda service, index, body, _: (
        service.delete_namespace(index, body["namespace"]),
        {},
    ),
}
