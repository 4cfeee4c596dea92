"""Collections, partitions, indexes and aliases as any store has them, told as Milvus tells them."""

from __future__ import annotations

import zlib
from collections.abc import Sequence
from typing import Any

from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2
from vectormigrate.stores.milvus.wire.native import DIALECT, described_of, indexes_of
from vectormigrate.stores.milvus.wire.schema import DEFAULT_PARTITION

from .capture import DATABASE
from .problems import Problem, no_alias, no_collection, no_index, no_partition
from .reading import Asked, count

_STATE = common_pb2.LoadState
_RELEASED = 101
"""The code of "collection not loaded"."""


def is_loaded(shape: CollectionShape) -> bool:
    """Whether it can be read: what nobody released is loaded."""
    return bool(shape.native.get(DIALECT, {}).get("loaded", True))


def check_loaded(shape: CollectionShape) -> None:
    """Raise Problem for one that was released, or never loaded."""
    if not is_loaded(shape):
        raise Problem(_RELEASED, f"collection not loaded[collection={shape.name}]", _RELEASED)


def partitions_of(shape: CollectionShape) -> list[str]:
    """All names, the default one first."""
    return [DEFAULT_PARTITION, *shape.partitions]


def number_of(name: str) -> int:
    """A number that stands for a name for good: clients want to see one, and use it for nothing."""
    return 440_000_000_000_000_000 + zlib.crc32(name.encode())


# Telling.


async def describe(store: Store, shape: CollectionShape, message: Any) -> Any:
    answer = described_of(shape)
    answer.collectionID = number_of(shape.name)
    answer.db_name = DATABASE
    answer.aliases.extend(
        sorted(alias for alias, name in (await aliases(store)).items() if name == shape.name)
    )
    return answer


async def show(store: Store, message: Any) -> Any:
    names = await store.collections()
    if message.collection_names:
        names = [name for name in names if name in message.collection_names]
    loaded = [is_loaded(await store.describe(name)) for name in names]
    return milvus_pb2.ShowCollectionsResponse(
        collection_names=names,
        collection_ids=[number_of(name) for name in names],
        inMemory_percentages=[100 * one for one in loaded],
        query_service_available=loaded,
        shards_num=[1] * len(names),
    )


async def statistics(store: Store, shape: CollectionShape, message: Any) -> Any:
    pairs = [common_pb2.KeyValuePair(key="row_count", value=str(await store.count(shape.name)))]
    return milvus_pb2.GetCollectionStatisticsResponse(stats=pairs)


async def partition_statistics(store: Store, shape: CollectionShape, message: Any) -> Any:
    found = await count(store, shape, Asked(partitions=[message.partition_name]))
    pairs = [common_pb2.KeyValuePair(key="row_count", value=str(found))]
    return milvus_pb2.GetPartitionStatisticsResponse(stats=pairs)


async def has_partition(store: Store, shape: CollectionShape, message: Any) -> Any:
    return milvus_pb2.BoolResponse(value=message.partition_name in partitions_of(shape))


async def show_partitions(store: Store, shape: CollectionShape, message: Any) -> Any:
    names = partitions_of(shape)
    if message.partition_names:
        names = [name for name in names if name in message.partition_names]
    return milvus_pb2.ShowPartitionsResponse(
        partition_names=names,
        partitionIDs=[number_of(f"{shape.name}/{name}") for name in names],
        inMemory_percentages=[100 * is_loaded(shape)] * len(names),
    )


async def load_state(store: Store, shape: CollectionShape, message: Any) -> Any:
    check_partitions(shape, message.partition_names)
    return milvus_pb2.GetLoadStateResponse(
        state=_STATE.LoadStateLoaded if is_loaded(shape) else _STATE.LoadStateNotLoad
    )


async def loading_progress(store: Store, shape: CollectionShape, message: Any) -> Any:
    check_partitions(shape, message.partition_names)
    done = 100 * is_loaded(shape)
    return milvus_pb2.GetLoadingProgressResponse(progress=done, refresh_progress=done)


async def aliases(store: Store) -> dict[str, str]:
    """Other names, to the collections: those that the store has, or that a migrated collection had."""
    found = dict(await store.aliases())
    for name in await store.collections():
        held = (await store.describe(name)).native.get(DIALECT, {}).get("aliases", ())
        found |= dict.fromkeys(held, name)
    return found


async def list_aliases(store: Store, message: Any) -> Any:
    known = await aliases(store)
    wanted = message.collection_name
    if wanted and wanted not in await store.collections():
        raise no_collection(wanted)
    names = sorted(alias for alias, name in known.items() if not wanted or name == wanted)
    return milvus_pb2.ListAliasesResponse(db_name=DATABASE, collection_name=wanted, aliases=names)


async def describe_alias(store: Store, message: Any) -> Any:
    name = (await aliases(store)).get(message.alias)
    if name is None:
        raise no_alias(message.alias)
    return milvus_pb2.DescribeAliasResponse(db_name=DATABASE, alias=message.alias, collection=name)


async def describe_index(store: Store, shape: CollectionShape, message: Any) -> Any:
    found = await _indexes(store, shape, message)
    return milvus_pb2.DescribeIndexResponse(index_descriptions=found)


async def index_statistics(store: Store, shape: CollectionShape, message: Any) -> Any:
    found = await _indexes(store, shape, message)
    return milvus_pb2.GetIndexStatisticsResponse(index_descriptions=found)


async def index_state(store: Store, shape: CollectionShape, message: Any) -> Any:
    await _indexes(store, shape, message)
    return milvus_pb2.GetIndexStateResponse(state=common_pb2.IndexState.Finished)


async def index_progress(store: Store, shape: CollectionShape, message: Any) -> Any:
    found = (await _indexes(store, shape, message))[0]
    return milvus_pb2.GetIndexBuildProgressResponse(
        indexed_rows=found.indexed_rows, total_rows=found.total_rows
    )


async def _indexes(store: Store, shape: CollectionShape, message: Any) -> list[Any]:
    field = getattr(message, "field_name", "")  # not every one of these requests has one
    found = [
        index
        for index in indexes_of(shape)
        if (not message.index_name or message.index_name in (index.index_name, index.field_name))
        and (not field or field == index.field_name)
    ]
    if not found:
        raise no_index(message.index_name or field)
    rows = await store.count(shape.name)
    for index in found:
        index.indexed_rows = index.total_rows = rows
        index.indexID = number_of(f"{shape.name}/{index.index_name}")
    return found


def check_partitions(shape: CollectionShape, names: Sequence[str]) -> None:
    """Raise Problem for one that is not there."""
    for name in names:
        if name not in partitions_of(shape):
            raise no_partition(name)
