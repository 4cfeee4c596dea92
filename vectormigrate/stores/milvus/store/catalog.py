"""Collections as a whole: looked at and remembered, made, loaded, indexed; and calls on one that is loaded.

Milvus reads only what is loaded, and loads only what is indexed. A collection that is not loaded, because its server
was started again or somebody released it, is loaded when it is read.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from vectormigrate.model.collection import CollectionShape, VectorKind
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    ShapeMismatch,
    StoreDown,
    StoreError,
    Throttled,
    Unsupported,
)
from vectormigrate.stores.admission import Admission
from vectormigrate.stores.milvus.errors import missing
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2
from vectormigrate.stores.milvus.wire.declared import data_types
from vectormigrate.stores.milvus.wire.declared import properties as properties_of
from vectormigrate.stores.milvus.wire.native import DIALECT, native_of
from vectormigrate.stores.milvus.wire.requests import count_request
from vectormigrate.stores.milvus.wire.results import read_count
from vectormigrate.stores.milvus.wire.schema import (
    DEFAULT_PARTITION,
    Layout,
    index_requests,
    read_layout,
    read_shape,
    settle_shape,
    write_schema,
)
from vectormigrate.stores.milvus.wire.server import QUANTISING, Server

from .link import Link

_POLL = 0.1
_MADE_FOR = ("vectormigrate.made_for", "partitions")
"""A property of a collection that was made because a partition of it was wanted: it goes with the last of them."""


@dataclass(slots=True)
class Opened:
    """What is known of a collection; told anew by `describe`."""

    layout: Layout
    shape: CollectionShape
    partitions: tuple[str, ...]
    indexed: tuple[str, ...]
    admission: Admission
    loaded: bool = False
    elsewhere: tuple[str, ...] = ()
    """Where this is one partition, the others in which its keys must not be: on Milvus Lite, which has each key once."""


def _with_quantised(shape: CollectionShape) -> CollectionShape:
    """The shape, its vectors saying of themselves whether their index searches by fewer bits than they have."""
    words = {one.name: f"milvus:{one.index.kind}" for one in shape.vectors if one.index}
    return replace(
        shape,
        vectors=tuple(
            replace(one, quantised=word) if (word := words.get(one.name, "")) in QUANTISING else one
            for one in shape.vectors
        ),
    )


def split_name(name: str) -> tuple[str, str]:
    """A collection's name and its partition's; "" for the collection as a whole."""
    collection, _, partition = name.partition("/")
    return collection, partition


class Catalog:
    """The collections of one Milvus, over one link. Blocking; safe to share between threads."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._opened: dict[str, Opened] = {}

    @property
    def server(self) -> Server:
        return self.link.server

    def collections(self) -> list[str]:
        answer = self.link.call("ShowCollections", milvus_pb2.ShowCollectionsRequest())
        return sorted(answer.collection_names)

    def aliases(self, collection: str = "") -> dict[str, str]:
        """Other names, to the collection that each stands for: those of one, or of all. A server that knows none has none."""
        found: dict[str, str] = {}
        for asked in [collection] if collection else self.collections():
            with contextlib.suppress(CollectionMissing):
                name = self._real_name(asked) if collection else asked
                found |= dict.fromkeys(self._aliases_of(name), name)
        return found

    def _real_name(self, name: str) -> str:
        request = milvus_pb2.DescribeCollectionRequest(collection_name=name)
        return read_layout(self.link.call("DescribeCollection", request, name).schema).collection

    def _aliases_of(self, name: str) -> list[str]:
        try:
            answer = self.link.call("ListAliases", milvus_pb2.ListAliasesRequest(collection_name=name), name)
        except Unsupported:
            return []
        return list(answer.aliases)

    def partitions(self, name: str) -> dict[str, str]:
        """The partitions of a collection, each to the collection that it is by itself; none where a key makes them."""
        opened = self.describe(name)
        return {partition: f"{name}/{partition}" for partition in opened.partitions}

    def describe(self, name: str) -> Opened:
        """Ask for everything about a collection, or one partition of it, and remember it."""
        self.forget(name)
        collection, partition = split_name(name)
        request = milvus_pb2.DescribeCollectionRequest(collection_name=collection)
        described = self.link.call("DescribeCollection", request, name)
        layout = read_layout(described.schema)
        if layout.collection != collection:  # an alias
            layout = replace(layout, collection=collection)
        indexes = self._indexes(collection)
        names = self._partitions(collection)
        shape = read_shape(layout, indexes, names)
        shape = replace(
            _with_quantised(shape),
            native=native_of(described, indexes, self._aliases_of(collection), lite=self.server.lite),
        )
        known = () if layout.partition_key or not shape.partitions else tuple(names)
        if partition:
            if partition not in names or layout.partition_key:
                raise missing(self.link.place(name))
            layout = replace(layout, partition=partition)
            shape = replace(shape, name=name, partitions=())
        others = tuple(one for one in known if one != partition)
        opened = Opened(
            layout,
            shape,
            () if partition else known,
            tuple(index.field_name for index in indexes),
            Admission(shape, self.server.capabilities()),
            elsewhere=others if partition and self.server.lite else (),
        )
        self._opened[name] = opened
        return opened

    def _partitions(self, collection: str) -> list[str]:
        request = milvus_pb2.ShowPartitionsRequest(collection_name=collection)
        return list(self.link.call("ShowPartitions", request, collection).partition_names)

    def _indexes(self, name: str) -> list[Any]:
        try:
            request = milvus_pb2.DescribeIndexRequest(collection_name=name)
            return list(self.link.call("DescribeIndex", request, name).index_descriptions)
        except CollectionMissing:
            raise
        except StoreError as error:
            if "index" in error.message.casefold() and not error.retryable:
                return []  # "index not found" is how servers say that there is none
            raise

    def _is_left_over(self, name: str) -> bool:
        """Whether a collection was made for partitions that are gone, and holds nothing."""
        request = milvus_pb2.DescribeCollectionRequest(collection_name=name)
        described = self.link.call("DescribeCollection", request, name)
        made = _MADE_FOR in [(pair.key, pair.value) for pair in described.properties]
        if not made or len(self._partitions(name)) > 1:
            return False
        opened = self.readable(name)
        return read_count(self.read("Query", count_request(opened.layout), opened)) == 0

    def forget(self, name: str) -> None:
        """Ask anew about a collection that turned out to be gone, and about its partitions."""
        for known in [known for known in self._opened if known == name or split_name(known)[0] == name]:
            self._opened.pop(known, None)

    def opened(self, name: str) -> Opened:
        return self._opened.get(name) or self.describe(name)

    def check_create(self, wanted: CollectionShape) -> None:
        """Raise what `create` would raise for this shape."""
        name, partition = split_name(wanted.name)
        shape = settle_shape(replace(wanted, name=name), self.server)
        write_schema(shape, self.server)
        if partition and self._has(name):
            self._check_like(wanted.name, self.describe(name), shape)

    def _check_like(self, name: str, opened: Opened, wanted: CollectionShape) -> None:
        """A partition has the fields of its collection."""
        there = opened.shape
        if opened.layout.partition_key:
            raise self.link.place(name).error(
                Unsupported, f"the partitions of {there.name!r} are made by a key, not by name"
            )
        fields = [{(one.name, one.type) for one in shape.fields} for shape in (there, wanted)]
        vectors = [{(one.name, one.kind, one.element, one.dim) for one in s.vectors} for s in (there, wanted)]
        if (
            there.id.kind is not wanted.id.kind
            or there.dynamic is not wanted.dynamic
            or fields[0] != fields[1]
            or vectors[0] != vectors[1]
            or not self._alike(there, wanted)
        ):
            raise self.link.place(name).error(
                ShapeMismatch,
                f"collection {there.name!r} has other fields than the partition would need",
                "all partitions of a collection have the same fields: choose another collection",
            )

    @staticmethod
    def _alike(there: CollectionShape, wanted: CollectionShape) -> bool:
        """Whether fields that came with types of Milvus' own find the same ones."""
        types = data_types(there)
        return all(types.get(name) == kinds for name, kinds in data_types(wanted).items())

    def _has(self, name: str) -> bool:
        has = milvus_pb2.HasCollectionRequest(collection_name=name)
        return bool(self.link.call("HasCollection", has, name).value)

    def create(self, wanted: CollectionShape) -> CollectionShape:
        name, partition = split_name(wanted.name)
        if not partition:
            return self._create(wanted)
        self.check_create(wanted)
        if not self._has(name):
            self._create(replace(wanted, name=name), _MADE_FOR)
        if partition in self._partitions(name) and partition != DEFAULT_PARTITION:
            raise self.link.place(wanted.name).error(
                CollectionExists, f"collection {name!r} has a partition {partition!r} already"
            )
        if partition != DEFAULT_PARTITION:
            self._make_partition(name, partition)
        return self.describe(wanted.name).shape

    def _make_partition(self, name: str, partition: str) -> None:
        request = milvus_pb2.CreatePartitionRequest(collection_name=name, partition_name=partition)
        self.link.call("CreatePartition", request, name)

    def _create(self, wanted: CollectionShape, *properties: tuple[str, str]) -> CollectionShape:
        shape = settle_shape(wanted, self.server)
        name = shape.name
        if self._has(name):
            raise self.link.place(name).error(CollectionExists, f"milvus has a collection {name!r} already")
        told = shape.native.get(DIALECT) or {}
        request = milvus_pb2.CreateCollectionRequest(
            collection_name=name,
            schema=write_schema(shape, self.server),
            consistency_level=told.get("consistency_level", common_pb2.ConsistencyLevel.Strong),
            shards_num=told.get("shards_num", 0),
        )
        for key, value in (*properties_of(shape).items(), *properties):
            request.properties.add(key=key, value=value)
        self.link.call("CreateCollection", request, name)
        for partition in shape.partitions:
            if partition != DEFAULT_PARTITION:
                self._make_partition(name, partition)
        # A real server loads, and so reads, only what has its indexes. Milvus Lite can wait, and builds faster later.
        for_now = (
            shape
            if not self.server.lite
            else replace(
                shape, fields=(), vectors=tuple(vector for vector in shape.vectors if vector.index is None)
            )
        )
        for indexing in index_requests(for_now, (), self.server):
            self.link.call("CreateIndex", indexing, name, timeout=self.link.slow_timeout)
        opened = self.describe(name)
        self.load(opened)
        return opened.shape

    def finish_load(self, wanted: CollectionShape) -> None:
        name, _ = split_name(wanted.name)
        opened = self.describe(name)
        self.flush(name)
        shape = settle_shape(replace(wanted, name=name), self.server)
        for indexing in index_requests(shape, opened.indexed, self.server):
            self.link.call("CreateIndex", indexing, name, timeout=self.link.slow_timeout)
        self._wait(lambda: all(_is_built(index) for index in self._indexes(name)), name, "its index is built")
        self.load(self.describe(name))

    def add_alias(self, alias: str, name: str) -> None:
        self.link.call("CreateAlias", milvus_pb2.CreateAliasRequest(collection_name=name, alias=alias), name)

    def drop(self, name: str) -> None:
        self.forget(name)
        collection, partition = split_name(name)
        with contextlib.suppress(CollectionMissing):
            if not partition:
                for alias in self._aliases_of(name):  # what has one is not dropped
                    self.link.call("DropAlias", milvus_pb2.DropAliasRequest(alias=alias), name)
                request = milvus_pb2.DropCollectionRequest(collection_name=name)
                self.link.call("DropCollection", request, name)
            elif partition in self._partitions(collection) and partition != DEFAULT_PARTITION:
                self._drop_partition(collection, partition)
                if self._is_left_over(collection):
                    self.drop(collection)

    def _drop_partition(self, collection: str, partition: str) -> None:
        if not self.server.lite:  # a server drops only what is not loaded
            releasing = milvus_pb2.ReleasePartitionsRequest(
                collection_name=collection, partition_names=[partition]
            )
            self.link.call("ReleasePartitions", releasing, collection)
        request = milvus_pb2.DropPartitionRequest(collection_name=collection, partition_name=partition)
        self.link.call("DropPartition", request, collection)

    def flush(self, name: str) -> None:
        """Seal what was written, and wait until it is."""
        answer = self._flushed(name)
        segments = answer.coll_segIDs[name].data if name in answer.coll_segIDs else []
        asking = milvus_pb2.GetFlushStateRequest(
            segmentIDs=segments, flush_ts=answer.coll_flush_ts.get(name, 0), collection_name=name
        )
        self._wait(lambda: bool(self.link.call("GetFlushState", asking, name).flushed), name, "it is flushed")

    def _flushed(self, name: str) -> Any:
        request = milvus_pb2.FlushRequest(collection_names=[name])
        deadline = time.monotonic() + self.link.slow_timeout
        while True:
            try:
                return self.link.call("Flush", request, name, timeout=self.link.slow_timeout)
            except Throttled:  # servers allow one flush in ten seconds
                if time.monotonic() > deadline:
                    raise
                time.sleep(1.0)

    def load(self, opened: Opened) -> None:
        """Make a collection readable, if it is not."""
        name = opened.layout.collection
        if opened.loaded or self._is_loaded(name):
            opened.loaded = True
            return
        if (
            any(vector.kind is VectorKind.SPARSE for vector in opened.shape.vectors)
            and not self.server.sparse
        ):
            raise self.link.place(name).error(
                Unsupported, f"collection {name!r} has a sparse field, and loading it would stop this server"
            )
        request = milvus_pb2.LoadCollectionRequest(collection_name=name, replica_number=1)
        self.link.call("LoadCollection", request, name, timeout=self.link.slow_timeout)
        self._wait(lambda: self._is_loaded(name), name, "it is loaded")
        opened.loaded = True

    def _is_loaded(self, name: str) -> bool:
        answer = self.link.call("GetLoadState", milvus_pb2.GetLoadStateRequest(collection_name=name), name)
        return bool(answer.state == common_pb2.LoadState.LoadStateLoaded)

    def _wait(self, done: Callable[[], bool], name: str, what: str) -> None:
        deadline = time.monotonic() + self.link.slow_timeout
        while not done():
            if time.monotonic() > deadline:
                raise self.link.place(name).error(StoreDown, f"gave up waiting for {name!r} until {what}")
            time.sleep(_POLL)

    # Reading.

    def readable(self, name: str) -> Opened:
        """A collection that can be queried: loaded, if it was not."""
        opened = self.opened(name)
        self.load(opened)
        return opened

    def read(self, method: str, request: Any, opened: Opened) -> Any:
        """A query or search; a collection that was released meanwhile is loaded again, once."""
        name = opened.layout.collection
        try:
            return self.link.call(method, request, name)
        except CollectionMissing:
            self.forget(name)
            raise
        except StoreDown:
            if self._is_loaded(name):
                raise
        opened.loaded = False
        self.load(opened)
        return self.link.call(method, request, name)


def _is_built(index: Any) -> bool:
    return bool(index.state in (common_pb2.IndexState.Finished, common_pb2.IndexState.IndexStateNone)) and (
        not index.pending_index_rows
    )
