"""gRPC calls answered from a store: a message read, a handler called, its answer written. The handlers are REST's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any, TypeAlias, TypeVar

from google.protobuf.message import DecodeError

from vectormigrate.stores.base import Store
from vectormigrate.stores.qdrant.pb import collections_pb2, points_pb2, qdrant_pb2
from vectormigrate.stores.qdrant.wire import calls, replies, requests, settings
from vectormigrate.stores.routing import Route
from vectormigrate.stores.turns import Turns

from . import collections, reading, searching
from .problems import INVALID, UNIMPLEMENTED, Problem, told
from .rest import VERSION
from .writing import Writer

Value = TypeVar("Value")
Handler: TypeAlias = Callable[[Store, Any], Awaitable[Any]]

SERVING = b"\x08\x01"
"""A health check's answer that all is well: its one field, 1."""


def parse(kind: Any, data: bytes) -> Any:
    """The message of a call. Raises Problem."""
    try:
        return kind.FromString(data)
    except DecodeError as error:
        raise Problem(400, INVALID, f"the request cannot be read: {error}") from None


def read(reader: Callable[[Any], Value], message: Any) -> Value:
    """A message as what it asks for. Raises Problem."""
    try:
        return reader(message)
    except requests.Refused as error:
        raise Problem(400, UNIMPLEMENTED, f"Bad request: {error}") from None
    except ValueError as error:
        raise Problem(400, INVALID, f"Wrong input: {error}") from None


async def _retrieve(store: Store, message: Any) -> Any:
    found = await reading.retrieve(store, message.collection_name, read(calls.read_retrieve, message))
    return points_pb2.GetResponse(result=told(replies.write_retrieved, found))


async def _scroll(store: Store, message: Any) -> Any:
    request = read(calls.read_scroll, message)
    return told(replies.write_slice, await reading.scroll(store, message.collection_name, request))


async def _count(store: Store, message: Any) -> Any:
    count = await reading.count(store, message.collection_name, read(calls.read_count, message))
    return points_pb2.CountResponse(result=points_pb2.CountResult(count=count))


async def _query(store: Store, message: Any) -> Any:
    found = await searching.nearest(store, message.collection_name, read(calls.read_query, message))
    return points_pb2.QueryResponse(result=told(replies.write_scored, found))


async def _query_batch(store: Store, message: Any) -> Any:
    asked = [read(calls.read_query, one) for one in message.query_points]
    return points_pb2.QueryBatchResponse(result=await _each(store, message.collection_name, asked))


async def _search(store: Store, message: Any) -> Any:
    found = await searching.nearest(store, message.collection_name, read(calls.read_search, message))
    return points_pb2.SearchResponse(result=told(replies.write_scored, found))


async def _search_batch(store: Store, message: Any) -> Any:
    asked = [read(calls.read_search, one) for one in message.search_points]
    return points_pb2.SearchBatchResponse(result=await _each(store, message.collection_name, asked))


async def _each(store: Store, collection: str, asked: Sequence[requests.Nearest]) -> list[Any]:
    found = [await searching.nearest(store, collection, one) for one in asked]
    return [points_pb2.BatchResult(result=told(replies.write_scored, points)) for points in found]


async def _list(store: Store, message: Any) -> Any:
    names = [collections_pb2.CollectionDescription(name=name) for name in await store.collections()]
    return collections_pb2.ListCollectionsResponse(collections=names)


async def _describe(store: Store, message: Any) -> Any:
    shape = await store.describe(message.collection_name)
    info = replies.write_collection(shape, await store.count(message.collection_name))
    return collections_pb2.GetCollectionInfoResponse(result=info)


async def _exists(store: Store, message: Any) -> Any:
    there = await collections.exists(store, message.collection_name)
    return collections_pb2.CollectionExistsResponse(result=collections_pb2.CollectionExists(exists=there))


async def _aliases(store: Store, message: Any) -> Any:
    return replies.write_aliases(await collections.aliases(store, None))


async def _collection_aliases(store: Store, message: Any) -> Any:
    return replies.write_aliases(await collections.aliases(store, message.collection_name))


async def _create(store: Store, message: Any) -> Any:
    await collections.create(store, message.collection_name, read(settings.read_create, message))
    return collections_pb2.CollectionOperationResponse(result=True)


async def _update(store: Store, message: Any) -> Any:
    await collections.update(store, message.collection_name, settings.read_update(message))
    return collections_pb2.CollectionOperationResponse(result=True)


async def _drop(store: Store, message: Any) -> Any:
    there = await collections.drop(store, message.collection_name)
    return collections_pb2.CollectionOperationResponse(result=there)


async def _create_index(store: Store, message: Any) -> Any:
    text = message.field_type == points_pb2.FieldType.FieldTypeText and message.HasField("field_type")
    params = message.field_index_params.WhichOneof("index_params") == "text_index_params"
    await collections.index(store, message.collection_name, "text" if text or params else None)
    return replies.write_updated()


async def _delete_index(store: Store, message: Any) -> Any:
    await collections.index(store, message.collection_name, None)
    return replies.write_updated()


async def _version(store: Store, message: Any) -> Any:
    return qdrant_pb2.HealthCheckReply(title="qdrant - vector search engine", version=VERSION)


_HANDLERS: dict[str, tuple[Any, Handler]] = {
    "retrieve": (points_pb2.GetPoints, _retrieve),
    "scroll": (points_pb2.ScrollPoints, _scroll),
    "count": (points_pb2.CountPoints, _count),
    "query": (points_pb2.QueryPoints, _query),
    "query_batch": (points_pb2.QueryBatchPoints, _query_batch),
    "search": (points_pb2.SearchPoints, _search),
    "search_batch": (points_pb2.SearchBatchPoints, _search_batch),
    "list_collections": (collections_pb2.ListCollectionsRequest, _list),
    "describe_collection": (collections_pb2.GetCollectionInfoRequest, _describe),
    "collection_exists": (collections_pb2.CollectionExistsRequest, _exists),
    "list_aliases": (collections_pb2.ListAliasesRequest, _aliases),
    "collection_aliases": (collections_pb2.ListCollectionAliasesRequest, _collection_aliases),
    "create_collection": (collections_pb2.CreateCollection, _create),
    "update_collection": (collections_pb2.UpdateCollection, _update),
    "delete_collection": (collections_pb2.DeleteCollection, _drop),
    "create_index": (points_pb2.CreateFieldIndexCollection, _create_index),
    "delete_index": (points_pb2.DeleteFieldIndexCollection, _delete_index),
    "version": (qdrant_pb2.HealthCheckRequest, _version),
}


async def answer(store: Store, turns: Turns, route: Route, data: bytes) -> Any:
    """The message that answers a call. Raises Problem, StoreError."""
    if route.operation in calls.WRITES:
        return await _change(store, turns, route.operation, data)
    found = _HANDLERS.get(route.operation)
    if found is None:
        raise Problem(400, UNIMPLEMENTED, f"{route.path} is not served here: {route.why}")
    kind, handler = found
    return await handler(store, parse(kind, data))


async def _change(store: Store, turns: Turns, operation: str, data: bytes) -> Any:
    message = parse(calls.WRITES[operation], data)
    changes = read(lambda given: calls.read_changes(operation, given), message)
    if calls.names_shards(operation, message):
        raise Problem(400, UNIMPLEMENTED, "Bad request: there are no shard keys here")
    shape = await store.describe(message.collection_name)
    await Writer(store, turns, shape).apply(changes)
    return replies.write_updated(len(changes) if operation == "batch" else None)
