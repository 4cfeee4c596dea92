"""REST requests answered from a store: a body read, a handler called, its answer written."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from vectormigrate.stores.base import Store
from vectormigrate.stores.qdrant.ids import read_path_id
from vectormigrate.stores.qdrant.wire import requests
from vectormigrate.stores.qdrant.wire.changes import CHANGES, Change, names_shards, read_changes
from vectormigrate.stores.qdrant.wire.points import dump
from vectormigrate.stores.qdrant.wire.questions import Groups, Invalid, Refused, Retrieve, Search, Wanted
from vectormigrate.stores.qdrant.wire.responses import (
    success,
    updated,
    write_aliases,
    write_facet,
    write_found,
    write_groups,
    write_names,
    write_offsets,
    write_pairs,
    write_slice,
)
from vectormigrate.stores.turns import Turns

from . import collections, grouping, querying, reading
from .endpoints import Found
from .problems import INVALID, UNIMPLEMENTED, Problem, bad_body, not_served, told, wrong_input
from .querying import place_of
from .writing import Writer

VERSION = "1.19.0"
"""Of Qdrant: what clients compare their own with."""

JSON = (b"content-type", b"application/json")
TEXT = (b"content-type", b"text/plain; charset=utf-8")


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back: `result` in the envelope, or bare for the few endpoints that have none."""

    result: Any
    bare: bool = False

    @property
    def content_type(self) -> tuple[bytes, bytes]:
        return TEXT if isinstance(self.result, bytes) else JSON

    def body(self, seconds: float) -> bytes:
        """The bytes of it. Raises ValueError for what JSON cannot hold."""
        if isinstance(self.result, bytes):
            return self.result
        return dump(self.result) if self.bare else success(self.result, seconds)


Value = TypeVar("Value")
Handler: TypeAlias = Callable[[Store, Found, bytes], Awaitable[Any]]


def read(reader: Callable[[bytes], Value], body: bytes) -> Value:
    """A request's body as what it asks for. Raises Problem."""
    try:
        return reader(body)
    except Refused as error:
        raise not_served(str(error)) from None
    except Invalid as error:
        raise Problem(422, INVALID, f"Validation error in JSON body: {error}") from None
    except ValueError as error:
        raise bad_body(error) from None


async def _get_point(store: Store, found: Found, body: bytes) -> Any:
    try:
        record_id = read_path_id(found.values[1])
    except ValueError:
        raise wrong_input(f'Can not recognize "{found.values[1]}" as point id') from None
    request = Retrieve((record_id,), Wanted(vectors=True))
    return told(write_found, await reading.point(store, found.values[0], request))[0]


async def _retrieve(store: Store, found: Found, body: bytes) -> Any:
    request = read(requests.read_retrieve, body)
    return told(write_found, await reading.retrieve(store, found.values[0], request))


async def _scroll(store: Store, found: Found, body: bytes) -> Any:
    request = read(requests.read_scroll, body)
    return told(write_slice, await reading.scroll(store, found.values[0], request))


async def _count(store: Store, found: Found, body: bytes) -> Any:
    request = read(requests.read_count, body)
    return {"count": await reading.count(store, found.values[0], request)}


def _searching(reader: Callable[[bytes], Search], *, envelope: bool = False) -> Handler:
    """The handler of one search; `envelope` is for the newer endpoints, which put points into an object."""

    async def handler(store: Store, found: Found, body: bytes) -> Any:
        points = await _points(store, found, read(reader, body))
        return {"points": points} if envelope else points

    return handler


def _searching_several(reader: Callable[[bytes], Search], *, envelope: bool = False) -> Handler:
    async def handler(store: Store, found: Found, body: bytes) -> Any:
        asked = [read(reader, one) for one in read(requests.each, body)]
        several = [await _points(store, found, one) for one in asked]
        return [{"points": points} for points in several] if envelope else several

    return handler


async def _points(store: Store, found: Found, request: Search) -> Any:
    return told(write_found, await querying.answer(await place_of(store, found.values[0]), request))


def _grouping(reader: Callable[[bytes], Groups]) -> Handler:
    async def handler(store: Store, found: Found, body: bytes) -> Any:
        request = read(reader, body)
        return told(write_groups, await grouping.groups(await place_of(store, found.values[0]), request))

    return handler


async def _facet(store: Store, found: Found, body: bytes) -> Any:
    request = read(requests.read_facet, body)
    return write_facet(await grouping.facet(await place_of(store, found.values[0]), request))


def _measuring(writer: Callable[..., Any]) -> Handler:
    async def handler(store: Store, found: Found, body: bytes) -> Any:
        request = read(requests.read_matrix, body)
        return writer(*await grouping.matrix(await place_of(store, found.values[0]), request))

    return handler


async def _version(store: Store, found: Found, body: bytes) -> Any:
    return {"title": "qdrant - vector search engine", "version": VERSION}


async def _health(store: Store, found: Found, body: bytes) -> Any:
    return b"all shards are ready" if found.route.path == "/readyz" else b"healthz check passed"


async def _telemetry(store: Store, found: Found, body: bytes) -> Any:
    names = await store.collections()
    return {"id": "vectormigrate", "collections": {"number_of_collections": len(names)}}


async def _list_collections(store: Store, found: Found, body: bytes) -> Any:
    return write_names(await store.collections())


async def _describe(store: Store, found: Found, body: bytes) -> Any:
    return await collections.describe(store, found.values[0])


async def _exists(store: Store, found: Found, body: bytes) -> Any:
    return {"exists": await collections.exists(store, found.values[0])}


async def _list_aliases(store: Store, found: Found, body: bytes) -> Any:
    return write_aliases(await collections.aliases(store, found.collection))


async def _create(store: Store, found: Found, body: bytes) -> Any:
    await collections.create(store, found.values[0], collections.read_settings(body))
    return True


async def _update(store: Store, found: Found, body: bytes) -> Any:
    await collections.update(store, found.values[0], collections.read_settings(body))
    return True


async def _drop(store: Store, found: Found, body: bytes) -> Any:
    return await collections.drop(store, found.values[0])


async def _index(store: Store, found: Found, body: bytes) -> Any:
    settings = collections.read_settings(body)
    await collections.index(store, found.values[0], settings.get("field_schema", settings.get("field_type")))
    return updated()


_HANDLERS: dict[str, Handler] = {
    "get_point": _get_point,
    "retrieve": _retrieve,
    "scroll": _scroll,
    "count": _count,
    "query": _searching(requests.read_search, envelope=True),
    "query_batch": _searching_several(requests.read_search, envelope=True),
    "query_groups": _grouping(requests.read_groups),
    "search": _searching(requests.read_older_search),
    "search_batch": _searching_several(requests.read_older_search),
    "search_groups": _grouping(requests.read_older_groups),
    "recommend": _searching(requests.read_recommend),
    "recommend_batch": _searching_several(requests.read_recommend),
    "recommend_groups": _grouping(requests.read_recommend_groups),
    "discover": _searching(requests.read_discover),
    "discover_batch": _searching_several(requests.read_discover),
    "facet": _facet,
    "matrix_pairs": _measuring(write_pairs),
    "matrix_offsets": _measuring(write_offsets),
    "version": _version,
    "health": _health,
    "telemetry": _telemetry,
    "list_collections": _list_collections,
    "describe_collection": _describe,
    "collection_exists": _exists,
    "list_aliases": _list_aliases,
    "collection_aliases": _list_aliases,
    "create_collection": _create,
    "update_collection": _update,
    "delete_collection": _drop,
    "create_index": _index,
    "delete_index": _index,
}
_BARE = frozenset({"version", "health"})


async def answer(store: Store, turns: Turns, found: Found, body: bytes) -> Answer:
    """The answer to one request. Raises Problem, StoreError."""
    operation = found.route.operation
    if operation in CHANGES:
        return Answer(await _change(store, turns, found, body))
    handler = _HANDLERS.get(operation)
    if not found.route.known:
        raise Problem(404, UNIMPLEMENTED, f"Not found: there is no {found.route.method} of this path")
    if handler is None:
        raise not_served(f"{found.route.method} {found.route.path} is not served here: {found.route.why}")
    return Answer(await handler(store, found, body), operation in _BARE)


async def _change(store: Store, turns: Turns, found: Found, body: bytes) -> Any:
    operation = found.route.operation
    changes: list[Change] = read(lambda text: read_changes(operation, text), body)
    if names_shards(operation, body):
        raise not_served("there are no shard keys here")
    shape = await store.describe(found.values[0])
    await Writer(store, turns, shape).apply(changes)
    return [updated() for _ in changes] if operation == "batch" else updated()
