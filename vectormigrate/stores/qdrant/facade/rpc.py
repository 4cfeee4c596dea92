"""gRPC calls answered from a store: a message read, a handler called, its answer written. The handlers are REST's."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any, TypeAlias, TypeVar

from google.protobuf.message import DecodeError

from vectormigrate.stores.base import Store
from vectormigrate.stores.qdrant.pb import collections_pb2, points_pb2, qdrant_pb2
from vectormigrate.stores.qdrant.wire import asking, calls, replies, settings
from vectormigrate.stores.qdrant.wire.questions import Groups, Refused, Search
from vectormigrate.stores.routing import Route
from vectormigrate.stores.turns import Turns

from . import collections, grouping, querying, reading
from .problems import INVALID, UNIMPLEMENTED, Problem, told
from .querying import place_of
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
    except Refused as error:
        raise Problem(400, UNIMPLEMENTED, f"Bad request: {error}") from None
    except ValueError as error:
        raise Problem(400, INVALID, f"Wrong input: {error}") from None


async def _retrieve(store: Store, message: Any) -> Any:
    found = await reading.retrieve(store, message.collection_name, read(asking.read_retrieve, message))
    return points_pb2.GetResponse(result=told(replies.write_retrieved, found))


async def _scroll(store: Store, message: Any) -> Any:
    request = read(asking.read_scroll, message)
    return told(replies.write_slice, await reading.scroll(store, message.collection_name, request))


async def _count(store: Store, message: Any) -> Any:
    count = await reading.count(store, message.collection_name, read(asking.read_count, message))
    return points_pb2.CountResponse(result=points_pb2.CountResult(count=count))


def _searching(reader: Callable[[Any], Search], reply: Any) -> Handler:
    async def handler(store: Store, message: Any) -> Any:
        return reply(result=await _points(store, message.collection_name, read(reader, message)))

    return handler


def _searching_several(reader: Callable[[Any], Search], reply: Any, name: str) -> Handler:
    """The handler of a batch, whose searches are in the field `name`."""

    async def handler(store: Store, message: Any) -> Any:
        asked = [read(reader, one) for one in getattr(message, name)]
        found = [await _points(store, message.collection_name, one) for one in asked]
        return reply(result=[points_pb2.BatchResult(result=points) for points in found])

    return handler


async def _points(store: Store, collection: str, request: Search) -> Any:
    return told(replies.write_scored, await querying.answer(await place_of(store, collection), request))


def _grouping(reader: Callable[[Any], Groups], reply: Any) -> Handler:
    async def handler(store: Store, message: Any) -> Any:
        request, place = read(reader, message), await place_of(store, message.collection_name)
        return reply(result=told(replies.write_groups, await grouping.groups(place, request)))

    return handler


async def _facet(store: Store, message: Any) -> Any:
    request, place = read(asking.read_facet, message), await place_of(store, message.collection_name)
    return points_pb2.FacetResponse(hits=told(replies.write_facet, await grouping.facet(place, request)))


def _measuring(writer: Callable[..., Any], reply: Any) -> Handler:
    async def handler(store: Store, message: Any) -> Any:
        request, place = read(asking.read_matrix, message), await place_of(store, message.collection_name)
        return reply(result=writer(*await grouping.matrix(place, request)))

    return handler


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
    "query": (points_pb2.QueryPoints, _searching(asking.read_search, points_pb2.QueryResponse)),
    "query_batch": (
        points_pb2.QueryBatchPoints,
        _searching_several(asking.read_search, points_pb2.QueryBatchResponse, "query_points"),
    ),
    "query_groups": (
        points_pb2.QueryPointGroups,
        _grouping(asking.read_groups, points_pb2.QueryGroupsResponse),
    ),
    "search": (points_pb2.SearchPoints, _searching(asking.read_older_search, points_pb2.SearchResponse)),
    "search_batch": (
        points_pb2.SearchBatchPoints,
        _searching_several(asking.read_older_search, points_pb2.SearchBatchResponse, "search_points"),
    ),
    "search_groups": (
        points_pb2.SearchPointGroups,
        _grouping(asking.read_older_groups, points_pb2.SearchGroupsResponse),
    ),
    "recommend": (
        points_pb2.RecommendPoints,
        _searching(asking.read_recommend, points_pb2.RecommendResponse),
    ),
    "recommend_batch": (
        points_pb2.RecommendBatchPoints,
        _searching_several(asking.read_recommend, points_pb2.RecommendBatchResponse, "recommend_points"),
    ),
    "recommend_groups": (
        points_pb2.RecommendPointGroups,
        _grouping(asking.read_recommend_groups, points_pb2.RecommendGroupsResponse),
    ),
    "discover": (points_pb2.DiscoverPoints, _searching(asking.read_discover, points_pb2.DiscoverResponse)),
    "discover_batch": (
        points_pb2.DiscoverBatchPoints,
        _searching_several(asking.read_discover, points_pb2.DiscoverBatchResponse, "discover_points"),
    ),
    "facet": (points_pb2.FacetCounts, _facet),
    "matrix_pairs": (
        points_pb2.SearchMatrixPoints,
        _measuring(replies.write_pairs, points_pb2.SearchMatrixPairsResponse),
    ),
    "matrix_offsets": (
        points_pb2.SearchMatrixPoints,
        _measuring(replies.write_offsets, points_pb2.SearchMatrixOffsetsResponse),
    ),
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
