"""Passing requests through to Pinecone: reads as they came, writes inside their mark.

Nothing is decoded here that the journal does not need. The one answer that is changed is a description of an index,
whose `host` would lead clients past us.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace

import orjson

from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape, Metric
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.query import Match, Query
from vectormigrate.model.touch import Touch
from vectormigrate.stores.base import Store
from vectormigrate.stores.front import Access, Front, Write
from vectormigrate.stores.pinecone.filters import BadFilter
from vectormigrate.stores.pinecone.wire import requests, responses
from vectormigrate.stores.pinecone.wire.records import Malformed, decode_vectors
from vectormigrate.stores.pinecone.wire.shape import Layout
from vectormigrate.stores.raw import HttpRequest, HttpResponse, Upstream

from .answers import outcome_of

Touched = Mapping[str, Sequence[Touch]]
Apply = Callable[[Store], Awaitable[HttpResponse]]

_POSITIONS = (b"x-pinecone-request-lsn", b"x-pinecone-lsn-committed")


class Relay:
    """The way through. `shape` is the source's collection; without it nothing is hinted or shadowed."""

    def __init__(
        self, front: Front, clock: Clock, shape: CollectionShape | None, hosts: Mapping[str, str]
    ) -> None:
        self._front = front
        self._clock = clock
        self._shape = shape
        self._hosts = hosts
        """The addresses of indexes that are reached through here."""

    async def search(
        self, upstream: Upstream, request: HttpRequest, collection: str, layout: Layout
    ) -> HttpResponse:
        """A search whose answer is to be told to the front."""
        begun = self._clock.monotonic()
        response = await upstream.send(request)
        shape = self._shape
        if response.status == 200 and shape is not None:
            seconds = self._clock.monotonic() - begun
            self._front.observed(collection, seconds, lambda: _searched(request, response, layout, shape))
        return response

    async def write(
        self, touched: Touched, request: HttpRequest, apply: Apply, *, whole: tuple[str, Layout] | None = None
    ) -> HttpResponse:
        """A write inside its mark, passed on or applied to the store. `whole`: it puts whole records there."""
        async with self._front.writing(touched, size=len(request.body)) as write:
            upstream = write.access.upstream
            if upstream is None:
                return await apply(store_of(write.access))
            response = await upstream.send(request)
            write.answered(outcome_of(response.status), position=_position(response))
            if whole is not None and self._shape is not None and response.status == 200:
                _hint(write, *whole, request.body)
            return response

    # The control plane.

    async def describe(self, request: HttpRequest) -> HttpResponse:
        """Descriptions of indexes, with our address in place of theirs."""
        return self._readdressed(await _control(self._front).send(_uncompressed(request)))

    async def change(self, touched: Touched, request: HttpRequest, apply: Apply) -> HttpResponse:
        """A change of an index, inside its mark."""
        async with self._front.writing(touched, size=len(request.body)) as write:
            if write.access.upstream is None:
                return await apply(store_of(write.access))
            response = await _control(self._front).send(_uncompressed(request))
            write.answered(outcome_of(response.status))
            return self._readdressed(response)

    def _readdressed(self, response: HttpResponse) -> HttpResponse:
        if not 200 <= response.status < 300 or not response.body:
            return response
        try:
            described = orjson.loads(response.body)
        except orjson.JSONDecodeError:
            return response
        for index in described.get("indexes", [described]):
            address = self._hosts.get(index.get("name"))
            for key in ("host", "private_host"):
                if address is not None and index.get(key):
                    index[key] = address
        headers = [(key, value) for key, value in response.headers if key != b"content-length"]
        return HttpResponse(response.status, headers, orjson.dumps(described))


def store_of(access: Access) -> Store:
    """The store of an access that has no upstream."""
    if access.store is None:
        raise ValueError("an access is either to a server or to a store")
    return access.store


def _control(front: Front) -> Upstream:
    upstream = front.reading(None).upstream
    if upstream is None:
        raise Unsupported("the control plane of Pinecone is not behind this")
    return upstream


def _uncompressed(request: HttpRequest) -> HttpRequest:
    headers = [(key, value) for key, value in request.headers if key != b"accept-encoding"]
    return replace(request, headers=[*headers, (b"accept-encoding", b"identity")])


def _position(response: HttpResponse) -> str:
    found = (value for key, value in response.headers if key in _POSITIONS)
    return next(found, b"").decode("latin-1")


def _hint(write: Write, collection: str, layout: Layout, body: bytes) -> None:
    def records() -> Batch:
        vectors = requests.read_body(body)["vectors"]
        last = {one["id"]: one for one in vectors}
        return decode_vectors(list(last.values()), layout, layout.namespace)

    write.hint(collection, records, len(body))


def _searched(
    request: HttpRequest, response: HttpResponse, layout: Layout, shape: CollectionShape
) -> tuple[Query, list[Match]] | None:
    if any(key == b"content-encoding" for key, _ in response.headers) or layout.dense is None:
        return None
    metric = shape.vector(layout.dense).metric or Metric.COSINE
    try:
        return responses.read_search(requests.read_body(request.body), response.body, layout, metric)
    except (Malformed, BadFilter, orjson.JSONDecodeError, KeyError):
        return None
