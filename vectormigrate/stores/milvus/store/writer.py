"""Records into a collection, and out of it for good.

Two surprises of Milvus decide how it writes. A key is unique in a partition, not in a collection, so a record that
moves is first deleted where it was; when such a write fails in the middle it is Unresolved, and sending it again mends it.
And Milvus Lite merges an upsert into the old row, which would keep undeclared keys: there an insert is what replaces a row,
whole and in one request (`Server.replacing`).
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import (
    CollectionMissing,
    RecordRefused,
    StoreError,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import check_request
from vectormigrate.stores.base import Content
from vectormigrate.stores.milvus import filters
from vectormigrate.stores.milvus.wire import requests, results
from vectormigrate.stores.milvus.wire.records import Encoded, encode, upsert_request
from vectormigrate.stores.milvus.wire.schema import DEFAULT_PARTITION
from vectormigrate.stores.place import unresolved

from .catalog import Catalog, Opened
from .reader import Reader, fits_key

_HOPELESS = 16
"""Rows refused one by one, none accepted, after which the request is at fault and not its rows."""


class Writer:
    """Writes. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader
        # Milvus Lite takes one writer at a time, and so do the pairs of delete and upsert.
        self._write_lock = threading.Lock()

    def upsert(self, name: str, batch: Batch) -> WriteResult:
        check_request(batch.ids, self._catalog.server.capabilities(), name)
        opened = self._catalog.opened(name)
        if not len(batch):
            return WriteResult(0)
        if opened.layout.auto_id:
            raise self._catalog.link.place(name).error(
                Unsupported, f"collection {name!r} makes its own ids, so records would lose theirs"
            )
        refused = {refusal.row: refusal for refusal in opened.admission.refusals(batch)}
        rows = [row for row in range(len(batch)) if row not in refused]
        if rows:
            encoded = encode(batch.take(rows) if refused else batch, opened.layout, self._catalog.server)
            for place, fault in self._write(opened, encoded).items():
                row = rows[place]
                refused[row] = opened.admission.refusal(row, batch.ids[row], fault)
        return WriteResult(len(batch) - len(refused), tuple(refused[row] for row in sorted(refused)))

    def _write(self, opened: Opened, encoded: Encoded) -> dict[int, str]:
        """Apply the good rows; what is wrong with the others, by row."""
        faults = {**encoded.faults, **self._held_elsewhere(opened, encoded)}
        groups: dict[str, list[int]] = {}
        for row in range(len(encoded.batch)):
            if row not in faults:
                partition = encoded.batch.partition[row] if encoded.batch.partition else None
                groups.setdefault(partition or opened.layout.partition or DEFAULT_PARTITION, []).append(row)
        sender = _Sender(self._catalog, opened, encoded)
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

    def _held_elsewhere(self, opened: Opened, encoded: Encoded) -> dict[int, str]:
        """Rows whose keys are in another partition, where writing them here would take them away there."""
        if not opened.elsewhere:
            return {}
        self._catalog.load(opened)
        layout = opened.layout
        expression = filters.key_in(layout.key.name, encoded.batch.ids)
        request = requests.query_request(layout, expression, [layout.key.name], partitions=opened.elsewhere)
        held = set(results.read_ids(self._catalog.read("Query", request, opened), layout))
        fault = "its key is in another partition, and Milvus Lite has each key once in a collection"
        return {row: fault for row, record_id in enumerate(encoded.batch.ids) if record_id in held}

    def _one_writer(self) -> contextlib.AbstractContextManager[Any]:
        return self._write_lock if self._catalog.server.lite else contextlib.nullcontext()

    def _make_way(self, opened: Opened, encoded: Encoded, groups: dict[str, list[int]]) -> bool:
        """Delete rows that would outlive an upsert, in another partition; says whether there were any."""
        layout = opened.layout
        moved: list[RecordId] = []
        for partition, rows in groups.items():
            others = [other for other in opened.partitions if other != partition]
            if others:
                self._catalog.load(opened)
                ids = [encoded.batch.ids[row] for row in rows]
                expression = filters.key_in(layout.key.name, ids)
                request = requests.query_request(layout, expression, [layout.key.name], partitions=others)
                moved += results.read_ids(self._catalog.read("Query", request, opened), layout)
        if moved:
            self._delete(opened, list(dict.fromkeys(moved)))
        if moved and self._catalog.server.lite:
            # Until it is flushed there, a tombstone is forgotten when its key is written again, and the old row of
            # another partition comes back.
            self._catalog.flush(layout.collection)
        return bool(moved)

    def patch(self, name: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        check_request(ids, self._catalog.server.capabilities(), name)
        opened = self._catalog.opened(name)
        if not ids:
            return WriteResult(0)
        fault = opened.admission.payload_fault(payload, whole=False)
        if fault:
            refusals = [opened.admission.refusal(row, record_id, fault) for row, record_id in enumerate(ids)]
            return WriteResult(0, tuple(refusals))
        held = self._reader.fetch(name, ids)
        places = {record_id: row for row, record_id in enumerate(ids)}
        patched = replace(held, payload=[{**old, **payload} for old in held.payload])
        refused = [
            Refusal(places[refusal.id], refusal.id, refusal.error)
            for refusal in self.upsert(name, patched).refused
        ]
        return WriteResult(len(ids) - len(refused), tuple(refused))

    def delete(self, name: str, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, self._catalog.server.capabilities(), name)
        opened = self._catalog.opened(name)
        known = [record_id for record_id in ids if fits_key(opened.layout, record_id)]
        if opened.elsewhere:  # Milvus Lite deletes a key wherever it is
            known = self._reader.fetch(name, known, content=Content.IDS).ids
        if known:
            if filters.INT64_MIN in known:  # deleted by a range, which is a query
                self._catalog.load(opened)
            with self._one_writer():
                self._delete(opened, known)
        return WriteResult(len(ids))

    def _delete(self, opened: Opened, ids: Sequence[RecordId]) -> None:
        expression = filters.key_in(opened.layout.key.name, ids)
        request = requests.delete_request(opened.layout, expression)
        try:
            self._catalog.link.call("Delete", request, opened.layout.collection)
        except CollectionMissing:
            self._catalog.forget(opened.shape.name)
            raise


class _Sender:
    """Upserts rows, and when a server refuses them all for one, finds that one."""

    def __init__(self, catalog: Catalog, opened: Opened, encoded: Encoded) -> None:
        self._catalog = catalog
        self._opened = opened
        self._encoded = encoded
        self.accepted = False
        """Whether anything was applied."""
        self.faults: dict[int, str] = {}

    def send(self, rows: Sequence[int], partition: str) -> None:
        """Apply these rows; those that cannot be are in `faults`."""
        name = self._opened.layout.collection
        try:
            request = upsert_request(self._encoded, rows, partition, self._opened.layout)
            self._catalog.link.call(self._catalog.server.replacing, request, name)
            self.accepted = True
        except RecordRefused as error:
            if len(rows) > 1:
                self.send(rows[: len(rows) // 2], partition)
                self.send(rows[len(rows) // 2 :], partition)
                return
            self.faults[rows[0]] = error.message
            if len(self.faults) >= _HOPELESS and not self.accepted:
                place = self._catalog.link.place(name)
                raise place.error(StoreError, f"no record is accepted: {error.message}") from None
        except CollectionMissing:
            self._catalog.forget(name)
            raise
