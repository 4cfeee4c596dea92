"""REST requests answered from a store: the table of handlers, and what a server says of itself."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

from vectormigrate.stores.base import Store

from . import batches, objects, schema
from .asked import Answer, Asked, Handler, Served, told
from .graphql import answer_query
from .names import Place
from .problems import UNIMPLEMENTED, Problem, not_served

VERSION = "1.38.11"
"""Of Weaviate: what clients look at to know what they can ask for."""


async def _meta(served: Served, store: Store, asked: Asked) -> Answer:
    return told(
        {"grpcMaxMessageSize": 104_858_000, "hostname": "http://[::]:8080", "modules": {}, "version": VERSION}
    )


async def _nodes(served: Served, store: Store, asked: Asked) -> Answer:
    node = {
        "batchStats": {"queueLength": 0, "ratePerSecond": 0},
        "name": "vectormigrate",
        "operationalMode": "ReadWrite",
        "shards": None,
        "status": "HEALTHY",
        "version": VERSION,
    }
    if asked.query.text("output") == "verbose":
        raise not_served("the shards of a node")
    return told({"nodes": [node]})


async def _root(served: Served, store: Store, asked: Asked) -> Answer:
    return told({"links": [{"href": "/v1/meta", "name": "Meta information about this instance/cluster"}]})


async def _alive(served: Served, store: Store, asked: Asked) -> Answer:
    return Answer(200)


async def _openid(served: Served, store: Store, asked: Asked) -> Answer:
    return Answer(404)


async def _graphql(served: Served, store: Store, asked: Asked) -> Answer:
    return told(await answer_query(store, served.names, asked.mapping()))


async def _graphql_batch(served: Served, store: Store, asked: Asked) -> Answer:
    return told([await answer_query(store, served.names, one) for one in asked.items()])


def _of_schema(handler: Callable[[Store, Place, Any, str], Awaitable[schema.Told]]) -> Handler:
    async def handle(served: Served, store: Store, asked: Asked) -> Answer:
        values = asked.found.values
        place = served.names.place(values.get("class", ""))
        body = asked.json() if asked.body else None
        said = await handler(store, place, body, values.get("tenant", ""))
        return Answer(said.status) if said.value is None else told(said.value, said.status)

    return handle


_HANDLERS: dict[str, Handler] = {
    "root": _root,
    "alive": _alive,
    "openid": _openid,
    "meta": _meta,
    "nodes": _nodes,
    "graphql": _graphql,
    "graphql_batch": _graphql_batch,
    **objects.HANDLERS,
    **batches.HANDLERS,
    **{operation: _of_schema(handler) for operation, handler in schema.HANDLERS.items()},
}


async def answer(served: Served, store: Store, asked: Asked) -> Answer:
    """The answer to one request. Raises Problem, StoreError."""
    route = asked.found.route
    handler = _HANDLERS.get(route.operation)
    if not route.known:
        raise Problem(404, UNIMPLEMENTED, f"there is no {route.method} of this path")
    if handler is None:
        raise not_served(f"{route.method} {route.path}: {route.why}")
    return await handler(served, store, asked)
