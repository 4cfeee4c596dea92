"""The door of the facade: each request to its row of the table, and from there to Qdrant itself or to the store.

The hot path is `http` for a read that goes to Qdrant: one look into a cache of paths, one question to the front, and
the request as it came.
"""

from __future__ import annotations

import zlib
from dataclasses import replace
from functools import partial

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Decision, Endpoint, Facade
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.qdrant.wire.certain import certain, keeps_as_given
from vectormigrate.stores.qdrant.wire.changes import CHANGES, Upsert, read_changes
from vectormigrate.stores.qdrant.wire.responses import failure
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream
from vectormigrate.stores.turns import Turns

from . import listing, observing
from .calling import Calls
from .capture import Captured, capture
from .endpoints import ENDPOINTS, Found, find
from .passing import outcome, plainly, waits
from .problems import Problem, bad_body, definite, not_served, problem_of
from .rest import answer

_JSON = (b"content-type", b"application/json")
_DOWNLOADS = frozenset(
    {"download_snapshot", "download_full_snapshot", "download_shard_snapshot", "stream_shard_snapshot"}
)
_LARGEST = 1 << 28
"""Bytes that a compressed body may unfold to."""


class QdrantFacade(Facade):
    """Qdrant's REST and gRPC over a front."""

    dialect = "qdrant"
    endpoints: tuple[Endpoint, ...] = ENDPOINTS

    def __init__(self, front: Front, clock: Clock) -> None:
        self._front = front
        self._clock = clock
        self._turns = Turns()
        self._calls = Calls(front, clock, self._turns)

    async def http(self, request: HttpRequest) -> HttpResponse:
        started = self._clock.monotonic()
        try:
            found = find(request.method, request.path)
            decision = found.route.decision
            if decision in (Decision.FORWARD, Decision.SERVE):
                return await self._front.read(
                    found.collection,
                    lambda access: self._read(access, found, request, started),
                    anywhere=decision is Decision.SERVE,
                )
            return await self._write(found, request, started)
        except Problem as problem:
            return self._failed(problem, started)
        except VectormigrateError as error:
            return self._failed(problem_of(error), started)

    async def rpc(self, call: RpcCall) -> RpcReply:
        return await self._calls.rpc(call)

    async def _read(self, access: Access, found: Found, request: HttpRequest, started: float) -> HttpResponse:
        if access.upstream is None:
            assert access.store is not None
            return await self._answer(access.store, found, request, started)
        if access.shadowed:
            return await self._observed(access, found, request)
        if found.route.operation == listing.OPERATION and self._front.moved():
            return listing.listed(await access.upstream.send(plainly(request)), self._front)
        return await access.upstream.send(request, stream=found.route.operation in _DOWNLOADS)

    async def _observed(self, access: Access, found: Found, request: HttpRequest) -> HttpResponse:
        """Pass a search on, and tell the front what came of it."""
        assert access.upstream is not None
        shape, operation = access.shape, found.route.operation
        if shape is None or operation not in observing.READERS:
            return await access.upstream.send(request)
        plain = plainly(request)
        asked = self._clock.monotonic()
        response = await access.upstream.send(plain)
        if response.status == 200 and found.collection is not None:
            self._front.observed(
                found.collection,
                self._clock.monotonic() - asked,
                lambda: observing.found(operation, _plain_body(request), response.body, shape),
            )
        return response

    async def _write(self, found: Found, request: HttpRequest, started: float) -> HttpResponse:
        access = self._front.primary(found.collection)
        if access.store is not None:
            _check_served(found)
        plain = _plain_body(request)
        try:
            what = f"{request.method} {request.path}"
            captured = capture(
                found, what, plain, self._front.concerned(), native=access.upstream is not None
            )
        except ValueError as error:
            raise bad_body(error) from None
        async with self._front.writing(captured.touched, size=len(request.body)) as write:
            if write.access.upstream is not None:
                return await self._pass(write.access.upstream, found, request, write, captured)
            assert write.access.store is not None
            try:
                _check_served(found)
                return await self._answer(write.access.store, found, replace(request, body=plain), started)
            except (Problem, VectormigrateError) as error:
                problem = definite(error)
        raise problem

    async def _pass(
        self, upstream: Upstream, found: Found, request: HttpRequest, write: Write, captured: Captured
    ) -> HttpResponse:
        response = await upstream.send(plainly(request))
        points = found.route.operation in CHANGES
        said = outcome(response, wait=waits(request.query), points=points)
        write.answered(said)
        shape = write.access.shape
        if said is Outcome.ANSWERED and response.status == 200 and shape is not None:
            _hint(write, found, request, captured, shape)
        return response

    async def _answer(self, store: Store, found: Found, request: HttpRequest, started: float) -> HttpResponse:
        made = await answer(store, self._turns, found, request.body)
        return HttpResponse(200, (made.content_type,), made.body(self._clock.monotonic() - started))

    def _failed(self, problem: Problem, started: float) -> HttpResponse:
        headers = [_JSON]
        if problem.retry_after is not None:
            headers.append((b"retry-after", b"%d" % max(1, round(problem.retry_after))))
        return HttpResponse(problem.status, headers, failure(problem.text, self._clock.monotonic() - started))


def _hint(
    write: Write, found: Found, request: HttpRequest, captured: Captured, shape: CollectionShape
) -> None:
    """Offer what an upsert put there, if it put whole points into a collection that keeps them as they are."""
    match captured.changes:
        case [Upsert(whole=True)] if found.route.operation == "upsert" and keeps_as_given(shape):
            pass
        case _:
            return

    write.hint(found.values[0], partial(_upserted, request, shape), len(request.body))


def _upserted(request: HttpRequest, shape: CollectionShape) -> Batch:
    """The points of an upsert, but for those that Qdrant may hold a little differently."""
    try:
        [change] = read_changes("upsert", _plain_body(request))
        assert isinstance(change, Upsert)
        return certain(change, shape)
    except ValueError:
        return Batch([])  # a vector that the server made, for one


def _check_served(found: Found) -> None:
    """Raise Problem for a write that no store can take, before anything is marked for it."""
    route = found.route
    if not route.known:
        raise Problem(404, 12, f"Not found: there is no {route.method} of this path")
    if route.decision is Decision.REFUSE:
        raise not_served(f"{route.method} {route.path} is not served here: {route.why}")


def _plain_body(request: HttpRequest) -> bytes:
    """The body as JSON text. Raises Problem for a compression that this does not know."""
    encoding = (request.header(b"content-encoding") or b"identity").lower()
    if encoding == b"identity":
        return request.body
    if encoding not in (b"gzip", b"deflate"):
        raise Problem(415, 3, "Bad request: a body may be compressed by gzip or deflate")
    unfolding = zlib.decompressobj(wbits=zlib.MAX_WBITS | 32)  # either kind of header
    try:
        plain = unfolding.decompress(request.body, _LARGEST)
    except zlib.error as error:
        raise bad_body(ValueError(f"it cannot be decompressed: {error}")) from None
    if unfolding.unconsumed_tail or not unfolding.eof or unfolding.unused_data:
        raise Problem(413, 3, "Bad request: the body is too large, cut off, or not one piece")
    return plain
