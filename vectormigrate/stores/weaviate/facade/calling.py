"""The gRPC half of the door: as `port`, for calls. What passes is decoded as far as it says which class it is about."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from functools import lru_cache
from typing import Any

from google.protobuf.message import DecodeError

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import StoreError, VectormigrateError
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Ids, Touch, Unknown
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.moved import standing_in
from vectormigrate.stores.raw import RpcCall, RpcReply, Upstream
from vectormigrate.stores.routing import Route
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.certain import certain
from vectormigrate.stores.weaviate.wire.layout import Layout
from vectormigrate.stores.weaviate.wire.shape import layout_of

from . import observing
from .asked import Served
from .capture import of_delete, of_objects, of_references
from .endpoints import find_call
from .names import Names, Place
from .passing import reply_outcome
from .problems import INVALID, OK, Problem, definite, problem_of
from .rpc import HEALTHY, answer, delete, selected

_REQUESTS = {
    "search": "SearchRequest",
    "aggregate": "AggregateRequest",
    "get_tenants": "TenantsGetRequest",
    "batch_objects": "BatchObjectsRequest",
    "batch_references": "BatchReferencesRequest",
    "batch_delete": "BatchDeleteRequest",
}


class Calls:
    """gRPC calls over a front."""

    def __init__(self, front: Front, served: Served) -> None:
        self._front = front
        self._names: Names = served.names
        self._served = served

    async def rpc(self, call: RpcCall) -> RpcReply:
        """Answer one call."""
        route = find_call(call.method)
        try:
            asked = _parse(route, call.request)
            if route.operation == "batch_delete" and asked.dry_run:
                return await self._read(route, call, asked)
            if route.decision in (Decision.FORWARD, Decision.SERVE):
                return await self._read(route, call, asked)
            return await self._write(route, call, asked)
        except Problem as problem:
            return RpcReply(code=problem.code, details=problem.text)
        except VectormigrateError as error:
            told = problem_of(error)
            return RpcReply(code=told.code, details=told.text)

    async def _read(self, route: Route, call: RpcCall, asked: Any) -> RpcReply:
        place = self._place(asked)
        return await self._front.read(
            None if place is None else place.collection,
            lambda access: self._read_at(access, place, route, call, asked),
            anywhere=route.decision is Decision.SERVE,
        )

    async def _read_at(
        self, access: Access, place: Place | None, route: Route, call: RpcCall, asked: Any
    ) -> RpcReply:
        if route.operation == "health":
            return await self._health(access, call)
        if access.upstream is not None:
            if access.shadowed and place is not None and route.operation == "search":
                return await self._observed(access, access.upstream, place, call)
            return await access.upstream.call(call)
        assert access.store is not None
        return RpcReply(await answer(self._served, access.store, route, asked))

    async def _health(self, access: Access, call: RpcCall) -> RpcReply:
        """Weaviate's own, or ours where it does not matter whether that is there."""
        if access.upstream is not None:
            try:
                return await access.upstream.call(call)
            except StoreError:
                if standing_in(self._front) is None:
                    raise
        return RpcReply(HEALTHY)

    def _place(self, asked: Any) -> Place | None:
        if asked is None or not asked.collection:
            return None
        return self._names.place(asked.collection, getattr(asked, "tenant", ""))

    async def _observed(self, access: Access, upstream: Upstream, place: Place, call: RpcCall) -> RpcReply:
        """Pass a search on, and tell the front what came of it."""
        shape = access.shape
        started = self._served.clock.monotonic()
        reply = await upstream.call(call)
        if reply.code == OK and shape is not None:
            self._front.observed(
                place.collection,
                self._served.clock.monotonic() - started,
                lambda: observing.found(place, call.request, reply.message, shape),
            )
        return reply

    async def _write(self, route: Route, call: RpcCall, asked: Any) -> RpcReply:
        touched = self._touched(route, call, asked)
        only = None
        if route.operation == "batch_delete":
            touched, only = await self._chosen(asked, touched)
        async with self._front.writing(touched, size=len(call.request)) as write:
            if write.access.upstream is not None:
                return await self._pass(write.access.upstream, route, call, write, asked)
            assert write.access.store is not None
            try:
                if only is not None:
                    return RpcReply(await delete(self._served, write.access.store, asked, only))
                return RpcReply(await answer(self._served, write.access.store, route, asked))
            except (Problem, VectormigrateError) as error:
                problem = definite(error)
        raise problem

    async def _chosen(
        self, asked: Any, touched: Mapping[str, Sequence[Touch]]
    ) -> tuple[Mapping[str, Sequence[Touch]], Collection[RecordId] | None]:
        """What a delete by a filter touches where a store is the primary: exactly what matches now."""
        [collection] = touched
        store = self._front.primary(collection).store
        if store is None:
            return touched, None
        _, keys = await selected(self._served, store, asked)
        return {collection: (Ids(tuple(keys), removes=True),)}, set(keys)

    def _touched(self, route: Route, call: RpcCall, asked: Any) -> Mapping[str, Sequence[Touch]]:
        match route.operation:
            case "batch_objects":
                return of_objects(self._names, asked.objects)
            case "batch_references":
                return of_references(self._names, asked.references)
            case "batch_delete":
                return of_delete(self._names, asked)
            case _:
                return dict.fromkeys(self._front.concerned(), (Unknown(call.method),))

    async def _pass(
        self, upstream: Upstream, route: Route, call: RpcCall, write: Write, asked: Any
    ) -> RpcReply:
        reply = await upstream.call(call)
        said = reply_outcome(route.operation, reply)
        write.answered(said)
        if route.operation == "batch_objects" and said is Outcome.ANSWERED and reply.code == OK:
            self._hint(write, asked.objects, reply, len(call.request))
        return reply

    def _hint(self, write: Write, objects: Sequence[Any], reply: RpcReply, size: int) -> None:
        """Offer what a batch put there, if it is of one collection and nothing was refused."""
        places = {(one.collection, one.tenant) for one in objects}
        shape = write.access.shape
        if shape is None or pb.BatchObjectsReply.FromString(reply.message).errors:
            return
        collections = {self._names.place(*place).collection for place in places}
        if len(collections) == 1:
            layout = _layout(shape)

            def records() -> Batch:
                return certain(objects, layout)

            write.hint(collections.pop(), records, size)


@lru_cache(maxsize=64)
def _layout(shape: CollectionShape) -> Layout:
    return layout_of(shape)


def _parse(route: Route, data: bytes) -> Any:
    """The message of a call; None for one that is not known. Raises Problem."""
    name = _REQUESTS.get(route.operation)
    if name is None:
        return None
    try:
        return getattr(pb, name).FromString(data)
    except DecodeError as error:
        raise Problem(400, INVALID, f"the request cannot be read: {error}") from None
