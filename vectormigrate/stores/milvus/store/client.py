"""What the port promises, as blocking calls: each method here runs in a thread of the store.

Two surprises of Milvus decide how it writes. A key is unique in a partition, not in a collection, so a record that
moves is first deleted where it was. And Milvus Lite merges an upsert into the old row, so a row that would keep
an undeclared key is deleted first. When such a write fails in the middle it is Unresolved: sending it again mends it.
"""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

from pymilvus.grpc_gen import common_pb2, milvus_pb2

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    RecordRefused,
    StoreBroken,
    StoreDown,
    StoreError,
    Throttled,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.stores.admission import Admission, check_request
from vectormigrate.stores.milvus import filters
from vectormigrate.stores.milvus.errors import MessageTooLarge, unresolved
from vectormigrate.stores.milvus.wire import requests, results
from vectormigrate.stores.milvus.wire.records import Encoded, encode, upsert_request
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

PAGE_BYTES = 32 * 2**20
_POLL = 0.1
_HOPELESS = 16
"""Rows refused one by one, none accepted, after which the request is at fault and not its rows."""


@dataclass(slots=True)
class Opened:
    """What is known of a collection; told anew by `describe`."""

    layout: Layout
    shape: CollectionShape
    partitions: tuple[str, ...]
    indexed: tuple[str, ...]
    admission: Admission
    loaded: bool = False


class Client:
    """Blocking operations over one link."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self._opened: dict[str, Opened] = {}
        # Milvus Lite takes one writer at a time, and so do the pairs of delete and upsert.
        self._write_lock = threading.Lock()

    @property
    def server(self) -> Server:
        return self.link.server

    # Looking around, making, unmaking.

    def collections(self) -> list[str]:
        answer = self.link.call("ShowCollections", milvus_pb2.ShowCollectionsRequest())
        return sorted(answer.collection_names)

    def describe(self, name: str) -> Opened:
        """Ask for everything about a collection and remember it."""
        self._opened.pop(name, None)
        request = milvus_pb2.DescribeCollectionRequest(collection_name=name)
        layout = read_layout(self.link.call("DescribeCollection", request, name).schema)
        if layout.collection != name:  # an alias
            layout = replace(layout, collection=name)
        indexes = self._indexes(name)
        shown = self.link.call("ShowPartitions", milvus_pb2.ShowPartitionsRequest(collection_name=name), name)
        shape = read_shape(layout, indexes, list(shown.partition_names))
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
        self._load(opened)
        return opened.shape

    def finish_load(self, wanted: CollectionShape) -> None:
        name = wanted.name
        opened = self.describe(name)
        self._flush(name)
        shape = settle_shape(wanted, self.server)
        for indexing in index_requests(shape, opened.indexed, self.server):
            self.link.call("CreateIndex", indexing, name, timeout=self.link.slow_timeout)
        self._wait(lambda: all(_is_built(index) for index in self._indexes(name)), name, "its index is built")
        self._load(self.describe(name))

    def drop(self, name: str) -> None:
        self._opened.pop(name, None)
        with contextlib.suppress(CollectionMissing):
            self.link.call("DropCollection", milvus_pb2.DropCollectionRequest(collection_name=name), name)

    def _flush(self, name: str) -> None:
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

    def _load(self, opened: Opened) -> None:
        name = opened.layout.collection
        if opened.loaded or self._is_loaded(name):
            opened.loaded = True
            return
        if any(vector.kind == "sparse" for vector in opened.shape.vectors) and not self.server.sparse:
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
        self._load(opened)
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
        self._load(opened)
        return self.link.call(method, request, name)

    def count(self, name: str) -> int:
        opened = self.readable(name)
        return results.read_count(self.read("Query", requests.count_request(opened.layout), opened))

    def page(
        self, name: str, expression: str, limit: int, *, bare: bool = False, condition: str = ""
    ) -> tuple[Batch, bool]:
        """The records with the lowest keys that match, and whether there may be more; `bare` reads only ids."""
        opened = self.readable(name)
        layout = opened.layout
        row = 64 if bare else layout.row_bytes
        size = max(1, min(limit, self.server.page_limit or limit, PAGE_BYTES // row))
        whole = f"({expression}) and ({condition})" if condition else expression
        output = [layout.key.name] if bare else layout.output
        answer, size = self._fitting(opened, whole, output, size)
        batch = self._batch(answer, layout, bare=bare)
        _check_order(batch.ids, self.link.place(name).error)
        if not batch.ids:
            return batch, False
        if opened.partitions and not bare:
            last = filters.key_between(layout.key.name, layout.id_kind, None, batch.ids[-1])
            batch = replace(batch, partition=self._partitions(opened, f"({whole}) and {last}", batch.ids))
        return batch, not self.server.lite or len(batch) >= size

    def _fitting(self, opened: Opened, expression: str, output: Sequence[str], size: int) -> tuple[Any, int]:
        """A page of at most `size` rows, fewer when they weigh too much, and how many were asked for."""
        while True:
            request = requests.query_request(opened.layout, expression, output, limit=size)
            try:
                return self.read("Query", request, opened), size
            except MessageTooLarge:
                if size == 1:
                    raise
                size //= 2

    def fetch(self, name: str, ids: Sequence[RecordId], *, bare: bool = False) -> Batch:
        opened = self.readable(name)
        layout = opened.layout
        kind = int if layout.id_kind == "int" else str
        wanted = [record_id for record_id in ids if type(record_id) is kind and _has_literal(record_id)]
        output = [layout.key.name] if bare else layout.output
        found: list[Batch] = []
        size = max(1, min(self.server.page_limit or 16_384, PAGE_BYTES // layout.row_bytes))
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            expression = filters.key_in(layout.key.name, part)
            request = requests.query_request(layout, expression, output)
            batch = self._batch(self.read("Query", request, opened), layout, bare=bare)
            if opened.partitions and not bare and batch.ids:
                batch = replace(batch, partition=self._partitions(opened, expression, batch.ids))
            rows = {record_id: row for row, record_id in enumerate(batch.ids)}
            found.append(batch.take([rows[record_id] for record_id in part if record_id in rows]))
        return results.joined(found)

    def _batch(self, answer: Any, layout: Layout, *, bare: bool) -> Batch:
        if bare:
            ids = results.read_ids(answer, layout)
            return Batch(ids, {}, [{} for _ in ids])
        return results.read_batch(answer, layout, self.server)

    def _partitions(self, opened: Opened, expression: str, ids: Sequence[RecordId]) -> list[str | None]:
        """The partition of each of these records, asked of each partition since no answer carries it."""
        found: dict[RecordId, str | None] = {}
        for partition in opened.partitions:
            request = requests.query_request(
                opened.layout,
                expression,
                [opened.layout.key.name],
                limit=self.server.page_limit or 2 * len(ids),
                partitions=[partition],
            )
            named = None if partition == DEFAULT_PARTITION else partition
            for record_id in results.read_ids(self.read("Query", request, opened), opened.layout):
                if found.setdefault(record_id, named) != named:
                    raise self.link.place(opened.layout.collection).error(
                        StoreBroken,
                        f"record {id_text(record_id)[:200]} is in two partitions at once",
                        "delete one of the two",
                    )
        return [found.get(record_id) for record_id in ids]

    # Writing.

    def upsert(self, name: str, batch: Batch) -> WriteResult:
        check_request(batch.ids, self.server.capabilities(), name)
        opened = self.opened(name)
        if not len(batch):
            return WriteResult(0)
        if opened.layout.auto_id:
            raise self.link.place(name).error(
                Unsupported, f"collection {name!r} makes its own ids, so records would lose theirs"
            )
        refused = {refusal.row: refusal for refusal in opened.admission.refusals(batch)}
        rows = [row for row in range(len(batch)) if row not in refused]
        if rows:
            encoded = encode(batch.take(rows) if refused else batch, opened.layout, self.server)
            for place, fault in self._write(opened, encoded).items():
                row = rows[place]
                refused[row] = opened.admission.refusal(row, batch.ids[row], fault)
        return WriteResult(len(batch) - len(refused), tuple(refused[row] for row in sorted(refused)))

    def _write(self, opened: Opened, encoded: Encoded) -> dict[int, str]:
        """Apply the good rows; what is wrong with the others, by row."""
        faults = dict(encoded.faults)
        groups: dict[str, list[int]] = {}
        for row in range(len(encoded.batch)):
            if row not in faults:
                partition = encoded.batch.partition[row] if encoded.batch.partition else None
                groups.setdefault(partition or DEFAULT_PARTITION, []).append(row)
        sender = _Sender(self, opened, encoded)
        deleted = False
        with self._one_writer():
            try:
                deleted = self._make_way(opened, encoded, groups)
                for partition, rows in groups.items():
                    sender.send(rows, partition)
            except StoreError as error:
                if (deleted or sender.accepted) and error.retryable and not isinstance(error, Unresolved):
                    raise unresolved(error) from None
                raise
        return faults | sender.faults

    def _one_writer(self) -> contextlib.AbstractContextManager[Any]:
        return self._write_lock if self.server.lite else contextlib.nullcontext()

    def _make_way(self, opened: Opened, encoded: Encoded, groups: dict[str, list[int]]) -> bool:
        """Delete rows that would outlive an upsert, whole or in part; says whether there were any."""
        layout = opened.layout
        moved: list[RecordId] = []
        merging: list[RecordId] = []
        for partition, rows in groups.items():
            others = [other for other in opened.partitions if other != partition]
            if others:
                self._load(opened)
                ids = [encoded.batch.ids[row] for row in rows]
                expression = filters.key_in(layout.key.name, ids)
                request = requests.query_request(layout, expression, [layout.key.name], partitions=others)
                moved += results.read_ids(self.read("Query", request, opened), layout)
            if layout.dynamic and self.server.merges_on_upsert:
                merging += self._merging(opened, encoded, rows)
        stale = list(dict.fromkeys([*moved, *merging]))
        if stale:
            self._delete(opened, stale)
        if moved and self.server.lite:
            # Until it is flushed there, a tombstone is forgotten when its key is written again, and the old row of
            # another partition comes back.
            self._flush(layout.collection)
        return bool(stale)

    def _merging(self, opened: Opened, encoded: Encoded, rows: Sequence[int]) -> Iterator[RecordId]:
        self._load(opened)
        layout = opened.layout
        declared = {column.name for column in layout.fields}
        new = {encoded.batch.ids[row]: encoded.meta_keys[row] | declared for row in rows}
        request = requests.query_request(layout, filters.key_in(layout.key.name, list(new)), ["$meta"])
        answer = self.read("Query", request, opened)
        bare = replace(layout, vectors=(), fields=())
        old = results.read_batch(answer, bare, self.server)
        for record_id, payload in zip(old.ids, old.payload, strict=True):
            if payload.keys() - new[record_id]:
                yield record_id

    def patch(self, name: str, ids: Sequence[RecordId], payload: dict[str, Any]) -> WriteResult:
        check_request(ids, self.server.capabilities(), name)
        opened = self.opened(name)
        if not ids:
            return WriteResult(0)
        fault = opened.admission.payload_fault(payload, whole=False)
        if fault:
            refusals = [opened.admission.refusal(row, record_id, fault) for row, record_id in enumerate(ids)]
            return WriteResult(0, tuple(refusals))
        held = self.fetch(name, ids)
        places = {record_id: row for row, record_id in enumerate(ids)}
        patched = replace(held, payload=[{**old, **payload} for old in held.payload])
        refused = [
            Refusal(places[refusal.id], refusal.id, refusal.error)
            for refusal in self.upsert(name, patched).refused
        ]
        return WriteResult(len(ids) - len(refused), tuple(refused))

    def delete(self, name: str, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, self.server.capabilities(), name)
        opened = self.opened(name)
        kind = int if opened.layout.id_kind == "int" else str
        known = [record_id for record_id in ids if type(record_id) is kind and _has_literal(record_id)]
        if known:
            if filters.INT64_MIN in known:  # deleted by a range, which is a query
                self._load(opened)
            with self._one_writer():
                self._delete(opened, known)
        return WriteResult(len(ids))

    def _delete(self, opened: Opened, ids: Sequence[RecordId]) -> None:
        expression = filters.key_in(opened.layout.key.name, ids)
        request = requests.delete_request(opened.layout.collection, expression)
        try:
            self.link.call("Delete", request, opened.layout.collection)
        except CollectionMissing:
            self.forget(opened.layout.collection)
            raise


class _Sender:
    """Upserts rows, and when a server refuses them all for one, finds that one."""

    def __init__(self, client: Client, opened: Opened, encoded: Encoded) -> None:
        self._client = client
        self._opened = opened
        self._encoded = encoded
        self.accepted = False
        """Whether anything was applied."""
        self.faults: dict[int, str] = {}

    def send(self, rows: Sequence[int], partition: str) -> None:
        """Apply these rows; those that cannot be are in `faults`."""
        name = self._opened.layout.collection
        try:
            self._client.link.call(
                "Upsert", upsert_request(self._encoded, rows, partition, self._opened.layout), name
            )
            self.accepted = True
        except RecordRefused as error:
            if len(rows) > 1:
                self.send(rows[: len(rows) // 2], partition)
                self.send(rows[len(rows) // 2 :], partition)
                return
            self.faults[rows[0]] = error.message
            if len(self.faults) >= _HOPELESS and not self.accepted:
                place = self._client.link.place(name)
                raise place.error(StoreError, f"no record is accepted: {error.message}") from None
        except CollectionMissing:
            self._client.forget(name)
            raise


def _is_built(index: Any) -> bool:
    return bool(index.state in (common_pb2.IndexState.Finished, common_pb2.IndexState.IndexStateNone)) and (
        not index.pending_index_rows
    )


def _has_literal(record_id: RecordId) -> bool:
    if isinstance(record_id, int):
        return filters.INT64_MIN <= record_id <= filters.INT64_MAX
    return not any("\ud800" <= letter <= "\udfff" for letter in str(record_id))


def _check_order(ids: Sequence[RecordId], error: Callable[[type[StoreError], str], StoreError]) -> None:
    """A page out of key order has lost records; better to stop than to go on from its last key."""
    if any(not left < right for left, right in pairwise(ids)):  # type: ignore[operator]  # keys of one kind
        raise error(StoreBroken, "milvus sent a page that is not in the order of its keys")
