"""A gRPC server that answers Milvus calls as a test scripts them: for failures that no real server has on demand."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any

import grpc

from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2

_SERVICE = "/milvus.proto.milvus.MilvusService/"
_REQUESTS = {
    "Upsert": milvus_pb2.UpsertRequest,
    "Query": milvus_pb2.QueryRequest,
    "DescribeCollection": milvus_pb2.DescribeCollectionRequest,
}
Answer = Callable[[Any, grpc.ServicerContext], Any]


def status(code: int = 0, legacy: int = 0, reason: str = "") -> common_pb2.Status:
    return common_pb2.Status(code=code, error_code=legacy, reason=reason)


class ScriptedMilvus(grpc.GenericRpcHandler):
    """Answers by method name; counts calls."""

    def __init__(self, version: str = "v2.4.0", **answers: Answer) -> None:
        self.answers: dict[str, Answer] = {
            "GetVersion": lambda _request, _context: milvus_pb2.GetVersionResponse(version=version),
            **answers,
        }
        self.calls: Counter[str] = Counter()
        self.metadata: dict[str, str] = {}

    def service(self, handler_call_details):
        name = handler_call_details.method.removeprefix(_SERVICE)
        self.metadata = {pair.key: pair.value for pair in handler_call_details.invocation_metadata}
        self.calls[name] += 1
        answer = self.answers.get(name)
        if answer is None:
            return None
        read = _REQUESTS[name].FromString if name in _REQUESTS else None
        return grpc.unary_unary_rpc_method_handler(
            answer, request_deserializer=read, response_serializer=lambda message: message.SerializeToString()
        )

    @contextmanager
    def running(self) -> Iterator[str]:
        """The URL of the server while it runs."""
        server = grpc.server(ThreadPoolExecutor(4))
        server.add_generic_rpc_handlers((self,))
        port = server.add_insecure_port("127.0.0.1:0")
        server.start()
        try:
            yield f"http://127.0.0.1:{port}"
        finally:
            server.stop(grace=None).wait()
