"""The door of the facade: each request to its row of the table, and from there to Weaviate itself or to the store.

The surprise: a request that names no class (an object by its id alone, all objects of all classes) is refused once a
class is answered from elsewhere: Weaviate would answer it with what it held before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import suppress
from uuid import UUID

import msgspec

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import StoreError, VectormigrateError
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Ids, Touch, Unnamed
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Decision, Endpoint, Facade
from vectormigrate.stores.front import Access, Front, Write
from vectormigrate.stores.moved import standing_in
from vectormigrate.stores.raw import Conversation, HttpRequest, HttpResponse, RpcCall, RpcReply
from vectormigrate.stores.turns import Turns
from vectormigrate.stores.weaviate.wire.graphql import NoQuery, classes_of

from . import listing
from .asked import Asked, Served
from .batches import selected
from .calling import Calls
from .capture import ObjectHead, capture
from .endpoints import BATCH_STREAM, ENDPOINTS, Found, find
from .names import Names
from .passing import Answered, objects_of, outcome, plainly
from .problems import Problem, bad_body, definite, failure, not_served, problem_of
from .querystring import Query
from .rest import answer
from .streaming import Stream

_JSON = (b"content-type", b"application/json")
_OF_THE_SERVER = frozenset({"root", "alive", "openid", "meta", "nodes"})
"""What a client asks before anything else: answered here when Weaviate is gone and a class is not answered by it."""
_CLASSLESS = frozenset({"list_objects", "get_object", "head_object"})


class WeaviateFacade(Facade):
    """Weaviate's REST, GraphQL and gRPC over a front."""

    dialect = "weaviate"
    endpoints: tuple[Endpoint, ...] = ENDPOINTS
    streams = frozenset({BATCH_STREAM})

    def __init__(self, front: Front, clock: Clock) -> None:
        self._front = front
        self._names = Names(front)
        self._served = Served(self._names, Turns(), clock)
        self._calls = Calls(front, self._served)

    async def http(self, request: HttpRequest) -> HttpResponse:
        try:
            found = find(request.method, request.path)
            if found.route.decision in (Decision.FORWARD, Decision.SERVE):
                return await self._read(found, request)
            return await self._write(found, request)
        except Problem as problem:
            return _failed(problem)
        except VectormigrateError as error:
            return _failed(problem_of(error))

    async def rpc(self, call: RpcCall) -> RpcReply:
        return await self._calls.rpc(call)

    def conversation(self, call: RpcCall) -> Conversation:
        return Stream(call, self._calls.rpc)

    # Reads.

    async def _read(self, found: Found, request: HttpRequest) -> HttpResponse:
        collections = self._read_of(found, request)
        if len(collections) == 1:
            return await self._front.read(
                collections[0],
                lambda access: self._read_at(access, found, request),
                anywhere=found.route.decision is Decision.SERVE,
            )
        met = {id(one.upstream or one.store): one for one in map(self._front.primary, collections)}
        if len(met) > 1:
            raise not_served("what is asked for is in different databases now; ask for one class at a time")
        return await self._read_at(next(iter(met.values())), found, request)

    async def _read_at(self, access: Access, found: Found, request: HttpRequest) -> HttpResponse:
        store = access.store
        if access.upstream is not None:
            try:
                if found.route.operation == listing.OPERATION and self._front.moved():
                    return await listing.listed(await access.upstream.send(plainly(request)), self._front)
                return await access.upstream.send(request)
            except StoreError:
                store = standing_in(self._front) if found.route.operation in _OF_THE_SERVER else None
                if store is None:
                    raise
        assert store is not None
        return await self._answer(store, found, request)

    def _read_of(self, found: Found, request: HttpRequest) -> list[str | None]:
        """The collections that a read is about; [None] for the whole server."""
        operation = found.route.operation
        query = Query(request.query)
        class_name = found.values.get("class", "")
        if operation == "list_objects":
            class_name = query.text("class")
        elif operation == "validate_object":
            class_name = _head(request.body).class_name
        elif operation in ("graphql", "graphql_batch"):
            return self._read_of_graphql(request)
        if class_name:
            return [self._names.place(class_name, query.text("tenant")).collection]
        return [None, *self._front.moved()] if operation in _CLASSLESS else [None]

    def _read_of_graphql(self, request: HttpRequest) -> list[str | None]:
        if not self._front.moved():
            return [None]
        try:
            return [
                self._names.place(name, tenant).collection for name, tenant in classes_of(request.body)
            ] or [None]
        except NoQuery:
            return [None]  # Weaviate says best what is wrong with it

    # Writes.

    async def _write(self, found: Found, request: HttpRequest) -> HttpResponse:
        concerned = self._front.concerned()
        try:
            what = f"{request.method} {request.path}"
            touched = capture(found, Query(request.query), request.body, concerned, self._names, what)
        except ValueError as error:
            raise bad_body(str(error)) from None
        if touched is None:
            return await self._read(found, request)
        if any(self._front.primary(one).store is not None for one in touched):
            _check_served(found)
        picks = any(isinstance(touch, Unnamed) for touches in touched.values() for touch in touches)
        only = None
        if found.route.operation == "batch_delete":
            touched, only = await self._chosen(found, request, touched)
        async with self._front.writing(touched, size=len(request.body)) as write:
            if write.access.upstream is not None:
                response = await write.access.upstream.send(plainly(request))
                write.answered(outcome(found.route.operation, response))
            else:
                assert write.access.store is not None
                try:
                    _check_served(found)
                    response = await self._answer(write.access.store, found, request, only)
                except (Problem, VectormigrateError) as error:
                    response = _failed(definite(error))
            if picks and response.status == 200:
                await self._name(objects_of(found.route.operation, response) or (), write)
        return response

    async def _chosen(
        self, found: Found, request: HttpRequest, touched: Mapping[str, Sequence[Touch]]
    ) -> tuple[Mapping[str, Sequence[Touch]], Collection[RecordId] | None]:
        """What a delete by a filter touches where a store is the primary: exactly what matches now."""
        [collection] = touched
        store = self._front.primary(collection).store
        if store is None:
            return touched, None
        _, keys = await selected(self._served, store, Asked(found, Query(request.query), request.body))
        return {collection: (Ids(tuple(keys), removes=True),)}, set(keys)

    async def _name(self, objects: Iterable[Answered], write: Write) -> None:
        """Tell which ids were picked; those that were given are told again, which changes nothing."""
        for one in objects:
            place = self._names.place(one.class_name, one.tenant)
            with suppress(ValueError):
                await write.named(place.collection, [place.key(UUID(one.id))])

    # Answers.

    async def _answer(
        self,
        store: Store,
        found: Found,
        request: HttpRequest,
        only: Collection[RecordId] | None = None,
    ) -> HttpResponse:
        asked = Asked(found, Query(request.query), request.body, only)
        made = await answer(self._served, store, asked)
        return HttpResponse(made.status, (_JSON,) if made.body else (), made.body)


def _failed(problem: Problem) -> HttpResponse:
    headers = [_JSON] if problem.text else []
    if problem.retry_after is not None:
        headers.append((b"retry-after", b"%d" % max(1, round(problem.retry_after))))
    return HttpResponse(problem.status, headers, failure(problem.text))


def _head(body: bytes) -> ObjectHead:
    try:
        return msgspec.json.decode(body, type=ObjectHead)
    except (msgspec.DecodeError, RecursionError) as error:
        raise bad_body(str(error)) from None


def _check_served(found: Found) -> None:
    """Raise Problem for a write that no store can take, before anything is marked for it."""
    route = found.route
    if not route.known:
        raise Problem(404, 12, f"path {route.method} was not found")
    if route.decision is Decision.REFUSE:
        raise not_served(f"{route.method} {route.path}: {route.why}")
