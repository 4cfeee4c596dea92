"""The control plane: descriptions and changes of indexes, passed through with our address in them or answered here.

Pinecone serves it from another host than the indexes. Everything else of it (copies, models) passes through as it came.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import orjson

from vectormigrate.model.touch import Scope, Touch, Whole
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Front
from vectormigrate.stores.pinecone.wire import requests
from vectormigrate.stores.raw import HttpRequest, HttpResponse, Upstream

from .answers import outcome_of, success
from .dataplane import not_served, store_of
from .endpoints import Route, Values
from .indexes import Indexes
from .listing import listed
from .names import Names

_SCOPES = {"delete_index": Scope.DROP, "restore": Scope.RESTORE}
_HARMLESS = {"tags", "deletion_protection", "read_capacity", "spec", "deployment"}
"""What of an index can be configured without touching what it holds: words, protection, capacity."""


class ControlPlane:
    """The control plane over a front. `upstream` is its own server; None is the way of `Front.reading(None)`."""

    def __init__(self, front: Front, names: Names, upstream: Upstream | None) -> None:
        self._front = front
        self._upstream = upstream
        self._names = names
        self._indexes = Indexes(names)

    async def handle(self, route: Route, values: Values, request: HttpRequest) -> HttpResponse:
        """Answer one request of a documented endpoint."""
        match route.endpoint.decision:
            case Decision.FORWARD:
                return await self._pinecone(route).send(request)
            case Decision.SERVE:
                return await self._read(route, values.get("index_name"), request)
            case Decision.CAPTURE | Decision.REFUSE:
                name = values.get("index_name")
                if name is None:
                    name = requests.text(requests.read_object(request.body), "name")
                return await self._write(route, name, request)

    async def _read(self, route: Route, name: str | None, request: HttpRequest) -> HttpResponse:
        access = self._front.reading(None if name is None else self._names.collections(name)[0])
        version = _version(request)
        if access.upstream is not None:
            response = await self._describe(route, request)
            return (
                response if name is not None else await listed(response, self._front, self._indexes, version)
            )
        store = store_of(access)
        if name is None:
            return success(await self._indexes.list(store, version))
        return success(await self._indexes.describe(store, name, version))

    async def _write(self, route: Route, name: str, request: HttpRequest) -> HttpResponse:
        touched = dict.fromkeys(self._names.collections(name), _touches(route.action, request.body))
        async with self._front.writing(touched, size=len(request.body)) as write:
            if write.access.upstream is None:
                return await self._apply(route, name, store_of(write.access), request)
            response = await self._describe(route, request)
            write.answered(outcome_of(response.status))
            return response

    async def _apply(self, route: Route, name: str, store: Store, request: HttpRequest) -> HttpResponse:
        version = _version(request)
        match route.action:
            case "create_index":
                body = requests.read_object(request.body)
                return success(await self._indexes.create(store, body, version), status=201)
            case "configure_index":
                body = requests.read_object(request.body)
                return success(await self._indexes.configure(store, name, body, version))
            case "delete_index":
                await self._indexes.delete(store, name)
                return HttpResponse(202)
            case _:
                raise not_served(route)

    # Pinecone's own.

    def _pinecone(self, route: Route) -> Upstream:
        upstream = self._upstream or self._front.reading(None).upstream
        if upstream is None:
            raise not_served(route)
        return upstream

    async def _describe(self, route: Route, request: HttpRequest) -> HttpResponse:
        """Pass a request through whose answer describes indexes, and put our address into it."""
        headers = [(key, value) for key, value in request.headers if key != b"accept-encoding"]
        plain = replace(request, headers=[*headers, (b"accept-encoding", b"identity")])
        response = await self._pinecone(route).send(plain)
        if not 200 <= response.status < 300 or not response.body:
            return response
        try:
            described = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            return response
        self._readdress(described)
        headers = [(key, value) for key, value in response.headers if key != b"content-length"]
        return HttpResponse(response.status, headers, orjson.dumps(described))

    def _readdress(self, described: Any) -> None:
        found = described.get("indexes") if isinstance(described, dict) else None
        for index in found if isinstance(found, list) else [described]:
            if isinstance(index, dict) and index.get("name") == self._names.index:
                index.update({key: self._names.address for key in ("host", "private_host") if index.get(key)})


def _touches(action: str, body: bytes) -> list[Touch]:
    if action in _SCOPES:
        return [Whole(_SCOPES[action])]
    if action == "configure_index" and requests.read_object(body).keys() - _HARMLESS:
        return [Whole(Scope.SHAPE)]
    return []


def _version(request: HttpRequest) -> str:
    return (request.header(b"x-pinecone-api-version") or b"").decode("latin-1")
