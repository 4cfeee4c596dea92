"""A Weaviate that answers each gRPC call and request as a test says."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import grpc

from vectormigrate.stores.base import Endpoint

Reply = tuple[int, bytes]


class Failing(Exception):
    """A call ends with this code and sentence."""

    def __init__(self, code: grpc.StatusCode, said: str) -> None:
        super().__init__(said)
        self.code, self.said = code, said


@contextmanager
def answering(
    rest: Callable[[str, str, dict[str, str]], Reply] = lambda *_: (200, b"{}"),
    rpc: Callable[[str, bytes], bytes] = lambda *_: b"",
):
    """The endpoint of a server, and what it was asked: (method, path or call, headers or metadata)."""
    seen: list[tuple[str, str, dict[str, str]]] = []

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _answer(self) -> None:
            self.rfile.read(int(self.headers.get("content-length") or 0))
            asked = (self.command, self.path, {key.lower(): value for key, value in self.headers.items()})
            seen.append(asked)
            status, body = rest(*asked)
            self.send_response(status)
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        do_GET = do_POST = do_PUT = do_DELETE = _answer  # noqa: N815 the names are the server's

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    class Calls(grpc.GenericRpcHandler):
        def service(self, details):
            def answer(request, context):
                seen.append(("CALL", details.method, dict(details.invocation_metadata)))
                try:
                    return rpc(details.method.rpartition("/")[2], request)
                except Failing as failing:
                    context.abort(failing.code, failing.said)

            return grpc.unary_unary_rpc_method_handler(answer)

    http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    server = grpc.server(ThreadPoolExecutor(2), handlers=(Calls(),))
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        options = {"grpc_port": str(port), "timeout": "60"}
        yield (
            Endpoint("weaviate", f"http://127.0.0.1:{http.server_port}", "the-secret", options=options),
            seen,
        )
    finally:
        server.stop(None).wait()
        http.shutdown()
        http.server_close()
        thread.join()
