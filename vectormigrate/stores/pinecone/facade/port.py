"""One Pinecone index, and the control plane beside it, over a front.

A request is routed by its path, its namespace gives the collection, and the front says where it goes: through to
Pinecone as it came, or to a store. The data plane of other indexes is at `/i/{index}`, for REST only (a gRPC client
drops the path of its address).

The surprise: the control plane has a server of its own, which `Front.reading(None)` stands for.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any

from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.touch import Scope, Touch, Unknown, Whole
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Decision, Facade
from vectormigrate.stores.front import Access, Front
from vectormigrate.stores.pinecone.wire import requests
from vectormigrate.stores.pinecone.wire.records import canonical_namespace
from vectormigrate.stores.pinecone.wire.shape import DEFAULT_NAMESPACE, Layout, layout_of
from vectormigrate.stores.raw import HttpRequest, HttpResponse

from . import answers, endpoints
from .answers import READ_AT, WRITTEN_AT, Positions
from .endpoints import Plane, Route, Values
from .indexes import Indexes
from .relay import Relay, store_of
from .rooms import Shelf, belongs_to, collection_of
from .serving import actions

Json = dict[str, Any]

_PREFIX = "/i/"
_IN_BODY = {"query", "fetch_by_metadata"}
_IN_QUERY = {"fetch", "list"}
_MOST_BYTES = 2 * 1024 * 1024


class PineconeFacade(Facade):
    """Pinecone's API over a front.

    `index` is the one whose data plane is served at the root, `data_host` the address of this facade as clients reach
    it, scheme and all. `shape` is what the source's collection of that index is like, as far as it is known: it says
    what namespaces are there, and without it nothing is hinted or shadowed. `namespace` is the one that the
    collection holds if it holds one only.
    """

    dialect = "pinecone"
    endpoints = endpoints.ENDPOINTS

    def __init__(
        self,
        front: Front,
        *,
        index: str,
        data_host: str,
        clock: Clock,
        shape: CollectionShape | None = None,
        namespace: str = DEFAULT_NAMESPACE,
    ) -> None:
        self._front = front
        self._index = index
        self._data_host = data_host.rstrip("/")
        self._home = replace(
            layout_of(shape, namespace) if shape is not None else _unknown(index), namespace=namespace
        )
        self._positions = Positions(clock)
        self._relay = Relay(front, clock, shape, {index: self._data_host})
        self._actions = actions()
        self._indexes = Indexes(self._host_of, self._home_of)

    # The two transports.

    async def http(self, request: HttpRequest) -> HttpResponse:
        index = self._index
        if request.path.startswith(_PREFIX):
            index, _, rest = request.path.removeprefix(_PREFIX).partition("/")
            request = replace(request, path=f"/{rest}")
        found = endpoints.find(request.method, request.path)
        plane = found[0].plane if found is not None else Plane.DATA
        try:
            if found is None:
                return await self._undocumented(index, request)
            route, values = found
            if route.plane is Plane.CONTROL:
                return await self._control(route, values, request)
            return await self._data(index, route, values, request)
        except answers.FORESEEN as error:
            return answers.failure(error, plane)

    # The data plane.

    async def _data(self, index: str, route: Route, values: Values, request: HttpRequest) -> HttpResponse:
        if route.endpoint.decision is Decision.SERVE:
            return await self._read(index, route, values, request)
        if route.endpoint.decision is Decision.CAPTURE:
            return await self._write(index, route, values, request)
        if route.endpoint.decision is Decision.REFUSE:
            touched = {name: [Whole(Scope.RESTORE)] for name in self._collections(index)}
            return await self._relay.write(touched, request, _refusing(route))
        access = self._front.reading(self._collection(index, values.get("namespace")))
        return await self._forwarded(access, route, request)

    async def _read(self, index: str, route: Route, values: Values, request: HttpRequest) -> HttpResponse:
        action = route.action
        if action in _IN_BODY:
            namespace = requests.read_namespace(request.body)
        elif action in _IN_QUERY:
            namespace = requests.namespace_in(request.query)
        else:
            namespace = canonical_namespace(values.get("namespace"))
        collection = collection_of(index, namespace, self._home_of(index))
        access = self._front.reading(collection)
        if access.upstream is not None:
            if access.shadowed and action == "query":
                layout = replace(self._home_of(index), namespace=namespace)
                return await self._relay.search(access.upstream, request, collection, layout)
            return await access.upstream.send(request)
        given = (
            requests.read_query(request.query)
            if request.method == "GET"
            else requests.read_body(request.body)
        )
        answer = await self._actions[action](self._shelf(index, store_of(access)), namespace, given)
        return answers.success(answer, (READ_AT, self._positions.next()))

    async def _write(self, index: str, route: Route, values: Values, request: HttpRequest) -> HttpResponse:
        home = self._home_of(index)
        if route.action in ("upsert", "update", "delete"):
            return await self._write_records(index, route, request)
        if route.action == "create_namespace":
            namespace = canonical_namespace(requests.text(requests.read_object(request.body), "name"))
        else:
            namespace = canonical_namespace(values["namespace"])
        layout = replace(home, namespace=namespace)
        collection = collection_of(index, namespace, home)
        touches: list[Touch] = []
        if route.action == "delete_namespace":
            touches = [requests.clearing(layout, drops=collection != index)]
        elif route.action == "records":
            touches = requests.record_touches(request.body, layout)
        elif route.action == "documents":
            verb = route.endpoint.path.rpartition("/")[2]
            touches = requests.document_touches(verb, request.body, layout)
        apply = self._applying(index, route, namespace, lambda: requests.read_body(request.body))
        return await self._relay.write({collection: touches}, request, apply)

    async def _write_records(self, index: str, route: Route, request: HttpRequest) -> HttpResponse:
        action = route.action
        home = self._home_of(index)
        head = requests.read_head(request.body)
        namespace = canonical_namespace(head.namespace)
        collection = collection_of(index, namespace, home)
        layout = home if namespace == home.namespace else replace(home, namespace=namespace)
        if action == "update" and head.only_asks:
            access = self._front.reading(collection)
            if access.upstream is not None:
                return await access.upstream.send(request)
        touched = {collection: requests.touches(action, head, layout)}
        whole = (collection, layout) if action == "upsert" and index == self._index else None
        apply = self._applying(index, route, namespace, lambda: _sized(request.body))
        return await self._relay.write(touched, request, apply, whole=whole)

    def _applying(
        self, index: str, route: Route, namespace: str, body: Callable[[], Json]
    ) -> Callable[[Store], Awaitable[HttpResponse]]:
        async def apply(store: Store) -> HttpResponse:
            action = self._actions.get(route.action)
            if action is None:
                return await _refusing(route)(store)
            answer = await action(self._shelf(index, store), namespace, body())
            return answers.success(answer, (WRITTEN_AT, self._positions.next()))

        return apply

    async def _undocumented(self, index: str, request: HttpRequest) -> HttpResponse:
        what = f"{request.method} {request.path}"

        async def apply(store: Store) -> HttpResponse:
            raise Unsupported(f"{what} is not served here: it is not an endpoint that was documented")

        if request.method in ("GET", "HEAD", "OPTIONS"):
            access = self._front.reading(index)
            if access.upstream is not None:
                return await access.upstream.send(request)
            return await apply(store_of(access))
        touched = {name: [Unknown(what)] for name in self._collections(index)}
        return await self._relay.write(touched, request, apply)

    async def _forwarded(self, access: Access, route: Route, request: HttpRequest) -> HttpResponse:
        if access.upstream is None:
            raise Unsupported(f"{route.endpoint.path} is not served here: {route.endpoint.why}")
        return await access.upstream.send(request)

    # The control plane.

    async def _control(self, route: Route, values: Values, request: HttpRequest) -> HttpResponse:
        name = values.get("index_name")
        version = (request.header(b"x-pinecone-api-version") or b"").decode("latin-1")
        if route.endpoint.decision is Decision.SERVE:
            access = self._front.reading(name)
            if access.upstream is not None:
                return await self._relay.describe(request)
            store = store_of(access)
            if name is None:
                return answers.success(await self._indexes.list(store, version))
            return answers.success(await self._indexes.describe(store, name, version))
        if route.endpoint.decision is Decision.FORWARD:
            return await self._forwarded(self._front.reading(None), route, request)
        return await self._change(route, name, version, request)

    async def _change(
        self, route: Route, name: str | None, version: str, request: HttpRequest
    ) -> HttpResponse:
        async def apply(store: Store) -> HttpResponse:
            if route.action == "create_index":
                made = await self._indexes.create(store, requests.read_object(request.body), version)
                return answers.success(made, status=201)
            if route.action == "configure_index" and name is not None:
                body = requests.read_object(request.body)
                return answers.success(await self._indexes.configure(store, name, body, version))
            if route.action == "delete_index" and name is not None:
                await self._indexes.delete(store, name)
                return HttpResponse(202)
            return await _refusing(route)(store)

        target = name if name is not None else requests.text(requests.read_object(request.body), "name")
        scopes = {"configure_index": Scope.SHAPE, "delete_index": Scope.DROP, "": Scope.RESTORE}
        scope = scopes.get(route.action)
        touches: list[Touch] = [Whole(scope)] if scope is not None else []
        touched = dict.fromkeys(self._collections(target), touches)
        return await self._relay.change(touched, request, apply)

    # Names.

    def _home_of(self, index: str) -> Layout:
        return self._home if index == self._index else _unknown(index)

    def _collection(self, index: str, namespace: str | None) -> str:
        return collection_of(index, canonical_namespace(namespace), self._home_of(index))

    def _collections(self, index: str) -> Sequence[str]:
        """The collections of an index that are known to matter: its own, and those of its namespaces under migration."""
        return [index, *(one for one in self._front.concerned() if one != index and belongs_to(one, index))]

    def _host_of(self, index: str) -> str:
        return self._data_host if index == self._index else f"{self._data_host}{_PREFIX}{index}"

    def _shelf(self, index: str, store: Store) -> Shelf:
        return Shelf(store, index, self._home_of(index))


def _unknown(index: str) -> Layout:
    return Layout(index, "values", "sparse_values")


def _refusing(route: Route) -> Callable[[Store], Awaitable[HttpResponse]]:
    async def apply(store: Store) -> HttpResponse:
        raise Unsupported(f"{route.endpoint.path} is not served here: {route.endpoint.why}")

    return apply


def _sized(body: bytes) -> Json:
    if len(body) > _MOST_BYTES:
        raise answers.TooLarge(
            f"Error, message length too large: found {len(body)} bytes, the limit is: {_MOST_BYTES} bytes"
        )
    return requests.read_body(body)
