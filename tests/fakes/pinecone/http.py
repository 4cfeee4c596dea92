"""The fake on the network: one port for the control plane and one for each index, as the vendor's own emulator has."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import orjson
from aiohttp import web

from . import rpc
from .index import FakeIndex, Refused
from .service import FakePinecone

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
_MOST_URL = 8_190


@dataclass
class Served:
    """A fake that listens."""

    service: FakePinecone
    runners: list = field(default_factory=list)
    grpc: bool = False
    """Whether indexes are served by gRPC too."""
    servers: list = field(default_factory=list)
    url: str = ""

    async def listen(self, handler, **values) -> int:
        async def guarded(request: web.Request) -> web.StreamResponse:
            return await self._guarded(handler, request, **values)

        app = web.Application(client_max_size=2**26)
        app.router.add_route("*", "/{path:.*}", guarded)
        runner = web.AppRunner(app, access_log=None, max_line_size=_MOST_URL, max_field_size=_MOST_URL)
        await runner.setup()
        self.runners.append(runner)
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        return site._server.sockets[0].getsockname()[1]

    async def _guarded(self, handler, request: web.Request, **values) -> web.StreamResponse:
        raw = await request.read()
        self.service.requests.append((request.method, request.path, len(raw)))
        for place, (path, status, headers) in enumerate(self.service.failing):
            if request.path.startswith(path):
                del self.service.failing[place]
                if status == "drop":
                    request.transport.abort()
                    return web.Response()
                if status == "drop after":
                    await handler(request, orjson.loads(raw) if raw else {}, len(raw), **values)
                    request.transport.abort()
                    return web.Response()
                return _answer({"code": 13, "message": "failing on request", "details": []}, status, headers)
        try:
            if request.headers.get("Api-Key") != self.service.api_key:
                raise Refused(401, "Invalid API Key", code=16)
            if not request.headers.get("X-Pinecone-Api-Version"):
                raise Refused(400, "X-Pinecone-Api-Version is missing")
            body, headers, status = await handler(
                request, orjson.loads(raw) if raw else {}, len(raw), **values
            )
        except orjson.JSONDecodeError as error:
            return _answer({"code": 3, "message": f"invalid JSON: {error}", "details": []}, 400)
        except Refused as refused:
            if values:
                told = {"code": refused.code, "message": refused.message, "details": []}
            else:
                told = {"error": {"code": "REFUSED", "message": refused.message}, "status": refused.status}
            return _answer(told, refused.status, refused.headers)
        return _answer(body, status, headers)

    async def control(self, request: web.Request, body: dict, size: int) -> tuple:
        version = request.headers["X-Pinecone-Api-Version"]
        parts = [part for part in request.path.split("/") if part]
        match (request.method, *parts):
            case ("GET", "indexes"):
                found = [self.service.describe(one, version) for one in self.service.indexes.values()]
                return {"indexes": found}, {}, 200
            case ("POST", "indexes"):
                index = self.service.create(body, version)
                index.port = await self.listen(self.data, index=index)
                if self.grpc:
                    server, index.grpc_port = await rpc.listen(self.service, index)
                    self.servers.append(server)
                return self.service.describe(index, version), {}, 201
            case ("GET", "indexes", name):
                return self.service.describe(self.service.index(name), version), {}, 200
            case ("DELETE", "indexes", name):
                self.service.delete_index(name)
                return {}, {}, 202
        raise Refused(404, f"{request.method} {request.path} is not a resource")

    async def data(self, request: web.Request, body: dict, size: int, index: FakeIndex) -> tuple:  # noqa: C901, PLR0911 one an endpoint
        if self.service.indexes.get(index.name) is not index:
            raise Refused(404, "Index not found", code=5)
        service, asked = self.service, request.query
        parts = [part for part in request.path.split("/") if part]
        match (request.method, *parts):
            case ("POST", "vectors", "upsert"):
                return *service.upsert(index, body, size), 200
            case ("POST", "vectors", "update"):
                return *service.update(index, body), 200
            case ("POST", "vectors", "delete"):
                return *service.delete(index, body), 200
            case ("GET", "vectors", "fetch"):
                return *service.fetch(index, asked.get("namespace"), asked.getall("ids", [])), 200
            case ("GET", "vectors", "list"):
                limit, token = int(asked.get("limit", "100")), asked.get("paginationToken", "")
                return *service.list(
                    index, asked.get("namespace"), asked.get("prefix", ""), limit, token
                ), 200
            case ("POST", "vectors", "fetch_by_metadata") if not index.pod:
                return *service.fetch_by_metadata(index, body), 200
            case ("POST", "query"):
                return *service.query(index, body), 200
            case ("POST", "describe_index_stats"):
                return service.stats(index), {}, 200
            case (method, "namespaces", *rest) if not index.pod:
                return self._namespaces(method, index, body, rest, asked)
        raise Refused(404, "Not Found", code=5)

    def _namespaces(self, method: str, index: FakeIndex, body: dict, rest: list[str], asked) -> tuple:
        match (method, *rest):
            case ("POST",):
                return self.service.create_namespace(index, body["name"]), {}, 200
            case ("GET",):
                token, limit = asked.get("paginationToken"), int(asked.get("limit", "100"))
                return self.service.namespaces(index, token, limit), {}, 200
            case ("GET", name):
                return self.service.namespace(index, name), {}, 200
            case ("DELETE", name):
                return self.service.delete_namespace(index, name), {}, 200
        raise Refused(404, "Not Found", code=5)

    async def stop(self) -> None:
        for runner in self.runners:
            await runner.cleanup()
        for server in self.servers:
            await server.stop(None)


def _answer(body: dict, status: int = 200, headers: dict | None = None) -> web.Response:
    return web.Response(
        body=orjson.dumps(body, option=_NUMPY),
        status=status,
        headers={k: str(v) for k, v in (headers or {}).items()},
        content_type="application/json",
    )


@asynccontextmanager
async def serving(service: FakePinecone | None = None, *, grpc: bool = False) -> AsyncIterator[Served]:
    """A fake behind a loopback port, in this event loop, as long as the block runs."""
    served = Served(service or FakePinecone(), grpc=grpc)
    try:
        served.url = f"http://127.0.0.1:{await served.listen(served.control)}"
        yield served
    finally:
        async with asyncio.timeout(10):
            await served.stop()
