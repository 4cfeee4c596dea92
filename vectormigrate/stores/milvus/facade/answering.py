"""Requests answered from a store: a message in, a handler called, a message out. REST's are the same messages."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import Any, TypeAlias

from google.protobuf.message_factory import GetMessageClass

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import CollectionMissing
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2, schema_pb2
from vectormigrate.stores.milvus.wire.fields import (
    Output,
    template_values,
    write_column,
    write_fields,
    write_ids,
)
from vectormigrate.stores.milvus.wire.native import layout_of
from vectormigrate.stores.milvus.wire.schema import DataType
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid
from vectormigrate.stores.turns import Turns

from . import collections, defining, fusing, ranking, reading, searching
from .capture import DATABASE, collection_of
from .endpoints import Route
from .grouping import Grouping, column_of
from .problems import Problem, invalid, not_served
from .stamps import Stamps
from .writing import Writer

VERSION = "2.6.4"
"""Of Milvus: what clients look up what they may ask for by."""

_METHODS = milvus_pb2.DESCRIPTOR.services_by_name["MilvusService"].methods
REQUESTS: dict[str, Any] = {method.name: GetMessageClass(method.input_type) for method in _METHODS}
REPLIES: dict[str, Any] = {method.name: GetMessageClass(method.output_type) for method in _METHODS}

OfServer: TypeAlias = Callable[[Store, Any], Awaitable[Any]]
OfCollection: TypeAlias = Callable[[Store, CollectionShape, Any], Awaitable[Any]]


def status_of(reply: Any) -> Any:
    """The Status of a reply; None for a message that has none."""
    if reply.DESCRIPTOR.name == "Status":
        return reply
    return reply.status if "status" in reply.DESCRIPTOR.fields_by_name else None


class Answers:
    """Answers from any store, with one clock for all of them."""

    def __init__(self, stamps: Stamps) -> None:
        self._stamps = stamps
        self._turns = Turns()
        self._of_server: dict[str, OfServer] = {
            "Connect": self._connect,
            "GetVersion": _version,
            "CheckHealth": _health,
            "AllocTimestamp": self._allocate,
            "GetComponentStates": _components,
            "ListDatabases": _databases,
            "ShowCollections": collections.show,
            "HasCollection": _has_collection,
            "DescribeAlias": collections.describe_alias,
            "ListAliases": collections.list_aliases,
            "Flush": _flush,
            "FlushAll": self._flush_all,
            "GetFlushState": _flushed,
            "GetFlushAllState": _all_flushed,
            "GetLoadState": _load_state,
            "CreateCollection": defining.create,
            "DropCollection": _drop,
            "CreateAlias": defining.change_alias,
            "AlterAlias": defining.change_alias,
            "DropAlias": defining.change_alias,
        }
        self._of_collection: dict[str, OfCollection] = {
            "DescribeCollection": collections.describe,
            "GetCollectionStatistics": collections.statistics,
            "GetPartitionStatistics": collections.partition_statistics,
            "HasPartition": collections.has_partition,
            "ShowPartitions": collections.show_partitions,
            "GetLoadingProgress": collections.loading_progress,
            "DescribeIndex": collections.describe_index,
            "GetIndexStatistics": collections.index_statistics,
            "GetIndexState": collections.index_state,
            "GetIndexBuildProgress": collections.index_progress,
            "LoadCollection": defining.load,
            "LoadPartitions": defining.load,
            "ReleaseCollection": defining.release,
            "ReleasePartitions": defining.release,
            "TruncateCollection": defining.truncate,
            "CreateIndex": defining.create_index,
            "AlterIndex": _taken,
            "DropIndex": defining.drop_index,
            "CreatePartition": defining.create_partition,
            "DropPartition": defining.drop_partition,
            "Query": self._query,
            "Search": self._search,
            "HybridSearch": self._hybrid,
            "Insert": self._insert,
            "Upsert": self._upsert,
            "Delete": self._delete,
        }

    def check(self, route: Route) -> None:
        """Raise Problem for what no store can answer, before anything is marked for it."""
        if route.rpc not in self._of_server and route.rpc not in self._of_collection:
            raise not_served(f"{route.rpc or 'this request'} is not served here: {route.why}")

    async def answer(self, store: Store, name: str, route: Route, message: Any) -> Any:
        """The reply to a request; `name` is the store's for the collection that it is about. Raises Problem, StoreError."""
        self.check(route)
        of_server = self._of_server.get(route.rpc)
        if of_server is not None:
            return await of_server(store, message)
        if not name:
            raise invalid("collection name should not be empty")
        return await self._of_collection[route.rpc](store, await store.describe(name), message)

    # The server.

    async def _connect(self, store: Store, message: Any) -> Any:
        info = common_pb2.ServerInfo(build_tags=VERSION, deploy_mode="STANDALONE")
        return milvus_pb2.ConnectResponse(server_info=info, identifier=self._stamps.take())

    async def _allocate(self, store: Store, message: Any) -> Any:
        return milvus_pb2.AllocTimestampResponse(timestamp=self._stamps.take())

    async def _flush_all(self, store: Store, message: Any) -> Any:
        return milvus_pb2.FlushAllResponse(flush_all_ts=self._stamps.take())

    # Records.

    async def _query(self, store: Store, shape: CollectionShape, message: Any) -> Any:
        collections.check_loaded(shape)
        asked = _asked(message)
        layout = layout_of(shape)
        if reading.COUNT in asked.output:
            number = await reading.count(store, shape, asked)
            column = schema_pb2.FieldData(type=DataType.Int64, field_name=reading.COUNT)
            column.scalars.long_data.data.append(number)
            return milvus_pb2.QueryResults(
                fields_data=[column], collection_name=shape.name, output_fields=[reading.COUNT]
            )
        batch, output = await reading.query(store, shape, asked)
        return milvus_pb2.QueryResults(
            fields_data=write_fields(batch, output, layout, key=True),
            collection_name=shape.name,
            output_fields=[layout.key.name, *output.names],
            primary_field_name=layout.key.name,
            session_ts=self._stamps.take(),
        )

    async def _search(self, store: Store, shape: CollectionShape, message: Any) -> Any:
        collections.check_loaded(shape)
        try:
            asked = searching.read_asked(message, _values(message))
            searching.check_readable(shape, asked)
        except Problem as problem:
            return await self._ranked(store, shape, "Search", message, problem)
        found = await searching.search(store, shape, asked)
        return self._found(shape, *found, asked.limit, asked.grouping)

    async def _hybrid(self, store: Store, shape: CollectionShape, message: Any) -> Any:
        collections.check_loaded(shape)
        try:
            fusion, parts = fusing.read_hybrid(
                message, lambda part: searching.read_asked(part, _values(part))
            )
            for part in parts:
                searching.check_readable(shape, part)
        except Problem as problem:
            return await self._ranked(store, shape, "HybridSearch", message, problem)
        inside = [
            part if part.partitions else replace(part, partitions=list(message.partition_names))
            for part in parts
        ]
        found = await fusing.hybrid(store, shape, inside, fusion, list(message.output_fields))
        return self._found(shape, *found, fusion.limit)

    async def _ranked(
        self, store: Store, shape: CollectionShape, rpc: str, message: Any, problem: Problem
    ) -> Any:
        """What has this problem, answered by another Milvus if that is what the store is."""
        if not ranking.passable(problem, store, message):
            raise problem
        rankings, output, limit, grouping = await ranking.ranked(store, shape, rpc, message)
        return self._found(shape, rankings, output, limit, grouping)

    def _found(
        self,
        shape: CollectionShape,
        rankings: list[searching.Ranking],
        output: Output,
        limit: int,
        grouping: Grouping | None = None,
    ) -> Any:
        layout = layout_of(shape)
        found = searching.joined(rankings)
        names = [layout.key.name, *output.names] if output.key else output.names
        values = [value for ranking in rankings for value in ranking.groups]
        grouped = write_column(column_of(grouping, layout), values) if grouping is not None else None
        results = schema_pb2.SearchResultData(
            num_queries=len(rankings),
            top_k=limit,
            fields_data=write_fields(found, output, layout, key=output.key),
            scores=[score for ranking in rankings for score in ranking.scores],
            ids=write_ids(found.ids, layout),
            topks=[len(ranking.batch) for ranking in rankings],
            output_fields=names,
            primary_field_name=layout.key.name,
            group_by_field_value=grouped,
        )
        return milvus_pb2.SearchResults(
            results=results, collection_name=shape.name, session_ts=self._stamps.take()
        )

    async def _insert(self, store: Store, shape: CollectionShape, message: Any) -> Any:
        ids = await Writer(store, shape, self._turns, self._stamps).put(message)
        return self._changed(shape, ids, insert_cnt=len(ids))

    async def _upsert(self, store: Store, shape: CollectionShape, message: Any) -> Any:
        writer = Writer(store, shape, self._turns, self._stamps)
        ids = await writer.put(message, partial=message.partial_update)
        return self._changed(shape, ids, upsert_cnt=len(ids))

    async def _delete(self, store: Store, shape: CollectionShape, message: Any) -> Any:
        count = await Writer(store, shape, self._turns, self._stamps).delete(message)
        return milvus_pb2.MutationResult(delete_cnt=count, timestamp=self._stamps.take())

    def _changed(self, shape: CollectionShape, ids: Sequence[RecordId], **counts: int) -> Any:
        return milvus_pb2.MutationResult(
            IDs=write_ids(ids, layout_of(shape)),
            succ_index=range(len(ids)),
            acknowledged=True,
            timestamp=self._stamps.take(),
            **counts,
        )


def _values(message: Any) -> dict[str, Any]:
    try:
        return template_values(message.expr_template_values)
    except ExpressionInvalid as error:
        raise invalid(str(error)) from None


def _asked(message: Any) -> reading.Asked:
    params = {pair.key: pair.value for pair in message.query_params}
    grouped = [name for name in ("group_by_fields", "order_by_fields") if params.get(name)]
    if grouped:
        raise not_served(f"a query by {grouped[0]} is not answered here")
    try:
        limit, offset = params.get("limit", ""), params.get("offset", "")
        return reading.Asked(
            message.expr,
            _values(message),
            list(message.output_fields),
            list(message.partition_names),
            int(limit) if limit and int(limit) >= 0 else None,
            int(offset or 0),
            "iterator" in params,
        )
    except ValueError as error:
        raise invalid(f"limit and offset are whole numbers: {error}") from None


async def _version(store: Store, message: Any) -> Any:
    return milvus_pb2.GetVersionResponse(version=VERSION)


async def _health(store: Store, message: Any) -> Any:
    return milvus_pb2.CheckHealthResponse(isHealthy=True)


async def _components(store: Store, message: Any) -> Any:
    return milvus_pb2.ComponentStates(state=milvus_pb2.ComponentInfo(state_code=common_pb2.StateCode.Healthy))


async def _databases(store: Store, message: Any) -> Any:
    return milvus_pb2.ListDatabasesResponse(db_names=[DATABASE])


async def _has_collection(store: Store, message: Any) -> Any:
    known = {*await store.collections(), *await collections.aliases(store)}
    return milvus_pb2.BoolResponse(value=message.collection_name in known)


async def _load_state(store: Store, message: Any) -> Any:
    try:
        shape = await store.describe(collection_of(message) or "")
    except CollectionMissing:
        return milvus_pb2.GetLoadStateResponse(state=common_pb2.LoadState.LoadStateNotExist)
    return await collections.load_state(store, shape, message)


async def _drop(store: Store, message: Any) -> Any:
    """Of a collection that is not there too: Milvus takes that for done."""
    try:
        shape = await store.describe(message.collection_name)
    except CollectionMissing:
        return common_pb2.Status()
    return await defining.drop(store, shape, message)


async def _flush(store: Store, message: Any) -> Any:
    """Every write is durable already."""
    for name in message.collection_names:
        await store.describe(name)
    return milvus_pb2.FlushResponse()


async def _flushed(store: Store, message: Any) -> Any:
    return milvus_pb2.GetFlushStateResponse(flushed=True)


async def _all_flushed(store: Store, message: Any) -> Any:
    return milvus_pb2.GetFlushAllStateResponse(flushed=True)


async def _taken(store: Store, shape: CollectionShape, message: Any) -> Any:
    return common_pb2.Status()
