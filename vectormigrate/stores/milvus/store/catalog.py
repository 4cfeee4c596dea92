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
    StoreDown,
    StoreError,
    Throttled,
    Unsupported,
)
from vectormigrate.stores.admission import Admission
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2
from vectormigrate.stores.milvus.wire.native import native_of
from vectormigrate.stores.milvus.wire.schema import (
    DEFAULT_PARTITION,
    Layout,
    index_requests,
    read_layout,
    read_shape,
    settle_shape,
    write_schema,
)
from vectormigrate.stores.milvus.wire.server import Server

from .link import Link

_POLL = 0.1


@dataclass(slots=True)
class Opened:
    """What is known of a collection; told anew by `describe`."""

    layout: Layout
    shape: CollectionShape
    partitions: tuple[str, ...]
    indexed: tuple[str, ...]
    admission: Admission
    loaded: bool = False


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

    def aliases(self) -> dict[str, str]:
        """Other names, to the collection that each stands for. A server that knows none has none."""
        found: dict[str, str] = {}
        for name in self.collections():
            with contextlib.suppress(CollectionMissing):
                found |= dict.fromkeys(self._aliases_of(name), name)
        return found

    def _aliases_of(self, name: str) -> list[str]:
        try:
            answer = self.link.call("ListAliases", milvus_pb2.ListAliasesRequest(collection_name=name), name)
        except Unsupported:
            return []
        return list(answer.aliases)

    def describe(self, name: str) -> Opened:
        """Ask for everything about a collection and remember it."""
        self._opened.pop(name, None)
        request = milvus_pb2.DescribeCollectionRequest(collection_name=name)
        described = self.link.call("DescribeCollection", request, name)
        layout = read_layout(described.schema)
        if layout.collection != name:  # an alias
            layout = replace(layout, collection=name)
        indexes = self._indexes(name)
        shown = self.link.call("ShowPartitions", milvus_pb2.ShowPartitionsRequest(collection_name=name), name)
        shape = read_shape(layout, indexes, list(shown.partition_names))
        shape = replace(
            shape, native=native_of(described, indexes, self._aliases_of(name), lite=self.server.lite)
        )
        opened = Opened(
            layout,
            shape,
            () if layout.partition_key or not shape.partitions else tuple(shown.partition_names),
            tuple(index.field_name for index in indexes),
            Admission(shape, self.server.capabilities()),
        )
        self._opened[name] = opened
        return opened

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

    def forget(self, name: str) -> None:
        """Ask anew about a collection that turned out to be gone."""
        self._opened.pop(name, None)

    def opened(self, name: str) -> Opened:
        return self._opened.get(name) or self.describe(name)

    def check_create(self, wanted: CollectionShape) -> None:
        """Raise what `create` would raise for this shape."""
        write_schema(settle_shape(wanted, self.server))

    def create(self, wanted: CollectionShape) -> CollectionShape:
        shape = settle_shape(wanted, self.server)
        name = shape.name
        has = milvus_pb2.HasCollectionRequest(collection_name=name)
        if self.link.call("HasCollection", has, name).value:
            raise self.link.place(name).error(CollectionExists, f"milvus has a collection {name!r} already")
        request = milvus_pb2.CreateCollectionRequest(
            collection_name=name,
            schema=write_schema(shape),
            consistency_level=common_pb2.ConsistencyLevel.Strong,
        )
        self.link.call("CreateCollection", request, name)
        for partition in shape.partitions:
            if partition != DEFAULT_PARTITION:
                making = milvus_pb2.CreatePartitionRequest(collection_name=name, partition_name=partition)
                self.link.call("CreatePartition", making, name)
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
        name = wanted.name
        opened = self.describe(name)
        self.flush(name)
        shape = settle_shape(wanted, self.server)
        for indexing in index_requests(shape, opened.indexed, self.server):
            self.link.call("CreateIndex", indexing, name, timeout=self.link.slow_timeout)
        self._wait(lambda: all(_is_built(index) for index in self._indexes(name)), name, "its index is built")
        self.load(self.describe(name))

    def drop(self, name: str) -> None:
        self._opened.pop(name, None)
        with contextlib.suppress(CollectionMissing):
            self.link.call("DropCollection", milvus_pb2.DropCollectionRequest(collection_name=name), name)

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
