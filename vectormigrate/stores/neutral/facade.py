"""Our own API over a front: upsert, patch, delete, fetch, query, count. JSON in and out, errors as `as_dict` has them.

    GET    /collections                          GET  /collections/{name}
    PUT    /collections/{name}/records           {"records": [...]}
    PATCH  /collections/{name}/records           {"ids": [...], "payload": {...}}
    POST   /collections/{name}/records/delete    {"ids": [...]} or {"filter": {...}}
    POST   /collections/{name}/records/fetch     {"ids": [...]}
    POST   /collections/{name}/query             {"vector", "using", "limit", "filter", "exact", "with_record"}
    GET    /collections/{name}/count

Bodies are those of `model.exchange`. It passes nothing through, because nobody else speaks it: the front's store answers.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from contextlib import aclosing
from typing import Any
from urllib.parse import unquote

import msgspec

from vectormigrate.model import exchange, jsonvalue
from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import (
    CollectionMissing,
    UsageError,
    VectormigrateError,
)
from vectormigrate.model.filter import Filter
from vectormigrate.model.http_status import status_of
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Ids, Matching
from vectormigrate.stores.base import Content, Store
from vectormigrate.stores.facade import Decision, Endpoint, Facade
from vectormigrate.stores.front import Access, Front
from vectormigrate.stores.raw import HttpRequest, HttpResponse

from .idempotency import Idempotency

_LOOKS = ("/records/fetch", "/query")
"""What POST only asks."""
_JSON = [(b"content-type", b"application/json")]
Handler = Callable[[str, Any, int], Awaitable[Any]]
"""From a collection, a body and the size of the body to the answer."""


class NeutralFacade(Facade):
    """Our own API."""

    dialect = "neutral"
    endpoints: tuple[Endpoint, ...] = (
        Endpoint("GET", "/collections", Decision.SERVE),
        Endpoint("GET", "/collections/{name}", Decision.SERVE),
        Endpoint("PUT", "/collections/{name}/records", Decision.CAPTURE),
        Endpoint("PATCH", "/collections/{name}/records", Decision.CAPTURE),
        Endpoint("POST", "/collections/{name}/records/delete", Decision.CAPTURE),
        Endpoint("POST", "/collections/{name}/records/fetch", Decision.SERVE),
        Endpoint("POST", "/collections/{name}/query", Decision.SERVE),
        Endpoint("GET", "/collections/{name}/count", Decision.SERVE),
    )

    def __init__(self, front: Front, clock: Clock) -> None:
        self._front = front
        self._clock = clock
        self._idempotency = Idempotency()
        self._handlers: dict[tuple[str, str], Handler] = {
            ("GET", ""): self._describe,
            ("PUT", "records"): self._upsert,
            ("PATCH", "records"): self._patch,
            ("POST", "records/delete"): self._delete,
            ("POST", "records/fetch"): self._fetch,
            ("POST", "query"): self._query,
            ("GET", "count"): self._count,
        }

    async def http(self, request: HttpRequest) -> HttpResponse:
        if request.method == "GET" or request.path.endswith(_LOOKS):
            return await self._answer(
                request
            )  # a look is had anew, whatever key is on it, and nothing is kept of it
        try:
            return await self._idempotency.once(request, lambda: self._answer(request))
        except VectormigrateError as error:
            return _failed(error)

    async def _answer(self, request: HttpRequest) -> HttpResponse:
        try:
            return HttpResponse(200, _JSON, jsonvalue.dumps(await self._handle(request)))
        except VectormigrateError as error:
            return _failed(error)

    async def _handle(self, request: HttpRequest) -> Any:
        parts = request.path.strip("/").split("/", 2)
        if parts[0] != "collections":
            raise CollectionMissing("there is nothing at this path", hint="paths begin with /collections")
        if len(parts) == 1 and request.method == "GET":
            return {"collections": await self._names()}
        handler = self._handlers.get((request.method, parts[2] if len(parts) > 2 else ""))
        if handler is None or len(parts) == 1:
            raise UsageError(f"{request.method} is nothing that can be done here", hint="see docs/neutral.md")
        try:
            body = jsonvalue.loads(request.body) if request.body else {}
        except ValueError as error:
            raise UsageError(f"the body is not JSON: {error}") from None
        if not isinstance(body, dict):
            raise UsageError("the body is an object")
        return await handler(unquote(parts[1]), body, len(request.body))

    async def _names(self) -> list[str]:
        concerned = self._front.concerned()
        return sorted(concerned) or await _store(self._front.reading(None)).collections()

    async def _describe(self, name: str, *_: Any) -> Any:
        return msgspec.to_builtins(await self._shape(name))

    async def _count(self, name: str, *_: Any) -> Any:
        async def ask(access: Access) -> int:
            return await _store(access, name).count(name)

        return {"count": await self._front.read(name, ask)}

    async def _fetch(self, name: str, body: Any, _: int) -> Any:
        async def ask(access: Access) -> Batch:
            store = _store(access, name)
            exchange.only(body, ("ids",), "a fetch")
            return await store.fetch(name, _ids(body, await store.describe(name)))

        return {"records": exchange.write_records((await self._front.read(name, ask)).records())}

    async def _query(self, name: str, body: Any, _: int) -> Any:
        return await self._front.read(name, lambda access: self._found(access, name, body))

    async def _found(self, access: Access, name: str, body: Any) -> Any:
        store = _store(access, name)
        query = exchange.read_query(body, await store.describe(name))
        began = self._clock.monotonic()
        matches = await store.query(name, query)
        if access.shadowed:
            self._front.observed(name, self._clock.monotonic() - began, lambda: (query, matches))
        return {"matches": exchange.write_matches(matches)}

    # Writes.

    async def _upsert(self, name: str, body: Any, size: int) -> Any:
        exchange.only(body, ("records",), "an upsert")
        batch = exchange.read_records(body.get("records"), await self._shape(name))
        async with self._front.writing({name: [Ids(tuple(batch.ids))]}, size=size) as write:
            return _result([await _store(write.access, name).upsert(name, batch)])

    async def _patch(self, name: str, body: Any, size: int) -> Any:
        exchange.only(body, ("ids", "payload"), "a patch")
        ids, payload = _ids(body, await self._shape(name)), body.get("payload")
        if not isinstance(payload, dict):
            raise UsageError("a patch has a payload, which is an object")
        async with self._front.writing({name: [Ids(tuple(ids))]}, size=size) as write:
            return _result([await _store(write.access, name).patch(name, ids, payload)])

    async def _delete(self, name: str, body: Any, size: int) -> Any:
        exchange.only(body, ("ids", "filter"), "a delete")
        if "ids" in body and "filter" in body:
            raise UsageError("a delete has ids or a filter, not both")
        shape = await self._shape(name)
        if "filter" in body:
            return await self._delete_where(name, exchange.read_filter(body["filter"], shape.id), size)
        ids = _ids(body, shape)
        async with self._front.writing({name: [Ids(tuple(ids), removes=True)]}, size=size) as write:
            return _result([await _store(write.access, name).delete(name, ids)])

    async def _delete_where(self, name: str, where: Filter, size: int) -> Any:
        async with self._front.writing({name: [Matching(where, removes=True)]}, size=size) as write:
            store = _store(write.access, name)
            async with aclosing(store.select(name, where, content=Content.IDS)) as pages:
                return _result([await store.delete(name, page.batch.ids) async for page in pages])

    async def _shape(self, name: str) -> CollectionShape:
        async def ask(access: Access) -> CollectionShape:
            return await _store(access, name).describe(name)

        return await self._front.read(name, ask)


def _store(access: Access, name: str = "") -> Store:
    if access.store is None:
        raise CollectionMissing(f"there is no collection {name!r} here", collection=name)
    return access.store


def _ids(body: Any, shape: CollectionShape) -> list[RecordId]:
    ids = body.get("ids")
    if not isinstance(ids, list):
        raise UsageError("ids are a list")
    return list(dict.fromkeys(exchange.read_id(one, shape.id) for one in ids))


def _result(results: Sequence[WriteResult]) -> Any:
    refused = [
        {"id": exchange.write_id(one.id), **one.error.as_dict()}
        for result in results
        for one in result.refused
    ]
    return {"acknowledged": sum(result.acknowledged for result in results), "refused": refused}


def _failed(error: VectormigrateError) -> HttpResponse:
    status = status_of(error, 400)
    wait = [] if error.retry_after is None else [(b"retry-after", b"%d" % max(1, round(error.retry_after)))]
    return HttpResponse(status, [*_JSON, *wait], msgspec.json.encode({"error": error.as_dict()}))
