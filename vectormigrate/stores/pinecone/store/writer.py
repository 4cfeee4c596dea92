"""Records into an index, and out of it for good.

A request holds 1,000 records and 2 MB, so one write may be several requests. When some of them were applied and
another was not, the write is Unresolved: sending it again mends it. An update can add and change metadata keys and
never take one away, so a patch that changes how a key is held writes the record anew.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import replace
from typing import TypeVar

import numpy as np
import orjson

from vectormigrate.model.batch import Batch, Column, SparseColumn
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.errors import RecordRefused, StoreError, Unresolved
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import check_request
from vectormigrate.stores.pinecone.errors import RequestTooLarge, unresolved
from vectormigrate.stores.pinecone.wire import admission
from vectormigrate.stores.pinecone.wire.metadata import split
from vectormigrate.stores.pinecone.wire.records import encode_vectors, from_key, sent_namespace
from vectormigrate.stores.pinecone.wire.shape import Keys

from .catalog import Catalog, Opened
from .deleter import Deleter
from .freshness import Canary
from .link import together
from .reader import Reader

A = TypeVar("A")

MOST_RECORDS = 1000
MOST_BYTES = 2_000_000
"""Of one request: "2 MB", less what surrounds the records."""
_ENVELOPE = 1200
_AT_ONCE = 4
_HOPELESS = 16
"""Rows refused one by one, none accepted, after which the request is at fault and not its rows."""


class Writer:
    """Writes; tells `Freshness` of each write."""

    def __init__(
        self, catalog: Catalog, reader: Reader, deleter: Deleter, capabilities: Capabilities
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._deleter = deleter
        self._capabilities = capabilities

    async def upsert(self, opened: Opened, batch: Batch) -> WriteResult:
        check_request(batch.ids, self._capabilities, opened.place.collection)
        refused = {refusal.row: refusal for refusal in opened.admission.refusals(batch)}
        rows = [row for row in range(len(batch)) if row not in refused]
        good = batch.take(rows) if refused else batch
        encoded = encode_vectors(good, opened.layout)
        faults = admission.faults(good, opened.layout, encoded)
        sender = _Sender(self._catalog, self._reader, self._deleter, opened, good, encoded)
        await sender.send([row for row in range(len(good)) if row not in faults])
        for place, fault in (faults | sender.faults).items():
            row = rows[place]
            refused[row] = opened.admission.refusal(row, batch.ids[row], fault)
        return WriteResult(len(batch) - len(refused), tuple(refused[row] for row in sorted(refused)))

    async def patch(self, opened: Opened, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        """Reads the records: whether an update will do depends on how they hold the keys."""
        check_request(ids, self._capabilities, opened.place.collection)
        fault = opened.admission.payload_fault(payload, whole=False)
        if fault:
            refusals = [opened.admission.refusal(row, one, fault) for row, one in enumerate(ids)]
            return WriteResult(0, tuple(refusals))
        held = await self._reader.fetch(opened, ids, bare=False)
        parts = split(payload)
        plain = [
            not parts.ints and not parts.rest and not any(type(old.get(key)) is int for key in payload)
            for old in held.payload
        ]
        await together(
            lambda row: self._update(opened, held.slice(row, row + 1), payload),
            [row for row in range(len(held)) if plain[row]],
            at_once=_AT_ONCE,
        )
        others = held.take([row for row in range(len(held)) if not plain[row]])
        others = replace(others, payload=[{**old, **payload} for old in others.payload])
        places = {record_id: row for row, record_id in enumerate(ids)}
        refused = [
            Refusal(places[refusal.id], refusal.id, refusal.error)
            for refusal in (await self.upsert(opened, others)).refused
        ]
        return WriteResult(len(ids) - len(refused), tuple(refused))

    async def _update(self, opened: Opened, one: Batch, payload: Payload) -> None:
        namespace, given = from_key(opened.layout, one.ids[0], one.partition[0] if one.partition else None)
        body = {"namespace": sent_namespace(namespace), "id": given, "setMetadata": payload}
        answer = await self._catalog.call(opened, "POST", "/vectors/update", body=body, writing=True)
        after = replace(one, payload=[{**one.payload[0], **payload}])
        opened.freshness.wrote(namespace, answer, _shows(self._reader, opened, namespace, given, after))

    async def delete(self, opened: Opened, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, self._capabilities, opened.place.collection)
        groups: dict[str, list[str]] = {}
        for namespace, one in await self._reader.candidates(opened, ids):
            groups.setdefault(namespace, []).append(one)
        await _all_or_unresolved(opened, lambda one: self._deleter.delete(opened, *one), list(groups.items()))
        return WriteResult(len(ids))


class _Sender:
    """Upserts the rows of one encoded batch, and when a server refuses them all for one, finds that one."""

    def __init__(
        self,
        catalog: Catalog,
        reader: Reader,
        deleter: Deleter,
        opened: Opened,
        batch: Batch,
        encoded: Sequence[bytes],
    ) -> None:
        self._catalog = catalog
        self._reader = reader
        self._deleter = deleter
        self._opened = opened
        self._batch = batch
        self._encoded = encoded
        self._accepted = False
        self.faults: dict[int, str] = {}

    async def send(self, rows: Sequence[int]) -> None:
        """Apply these rows; those that cannot be are in `faults`."""
        groups: dict[str, list[int]] = {}
        for row in rows:
            groups.setdefault(self._where(row)[0], []).append(row)
        if self._opened.layout.keys is Keys.PARTITIONED and rows:
            await self._make_way(groups)
        requests = [(name, some) for name, part in groups.items() for some in self._requests(part)]
        await _all_or_unresolved(self._opened, lambda one: self._send(*one), requests)

    def _where(self, row: int) -> tuple[str, str]:
        partition = self._batch.partition[row] if self._batch.partition else None
        return from_key(self._opened.layout, self._batch.ids[row], partition)

    async def _make_way(self, groups: dict[str, list[int]]) -> None:
        """Take records out of the namespaces that they are no longer to be in."""
        everywhere = await self._catalog.namespaces(self._opened)
        for name, rows in groups.items():
            ids = [self._where(row)[1] for row in rows]
            elsewhere = [(other, one) for other in everywhere if other != name for one in ids]
            for other, stale in (await self._reader.present(self._opened, elsewhere)).items():
                await self._deleter.delete(self._opened, other, list(stale))

    def _requests(self, rows: Sequence[int]) -> list[list[int]]:
        requests: list[list[int]] = []
        size = 0
        for row in rows:
            length = len(self._encoded[row]) + 1
            if not requests or size + length > MOST_BYTES - _ENVELOPE or len(requests[-1]) == MOST_RECORDS:
                requests.append([])
                size = 0
            requests[-1].append(row)
            size += length
        return requests

    async def _send(self, namespace: str, rows: Sequence[int]) -> None:
        body = b'{"vectors":[%b],"namespace":%b}' % (
            b",".join([self._encoded[row] for row in rows]),
            orjson.dumps(sent_namespace(namespace)),
        )
        opened = self._opened
        try:
            answer = await self._catalog.call(opened, "POST", "/vectors/upsert", body=body, writing=True)
        except (RecordRefused, RequestTooLarge) as error:
            if len(rows) > 1:
                await self._send(namespace, rows[: len(rows) // 2])
                await self._send(namespace, rows[len(rows) // 2 :])
                return
            self.faults[rows[0]] = error.message
            if len(self.faults) >= _HOPELESS and not self._accepted:
                raise opened.place.error(StoreError, f"no record is accepted: {error.message}") from None
            return
        self._accepted = True
        last = self._batch.slice(rows[-1], rows[-1] + 1)
        shows = _shows(self._reader, opened, namespace, self._where(rows[-1])[1], last)
        opened.freshness.wrote(namespace, answer, shows)


async def _all_or_unresolved(opened: Opened, act: Callable[[A], Awaitable[None]], items: Sequence[A]) -> None:
    """Do several things side by side. When one fails of several, nobody knows what was applied of the whole."""
    try:
        await together(act, items, at_once=_AT_ONCE)
    except StoreError as error:
        if len(items) > 1 and error.retryable and not isinstance(error, Unresolved):
            message = f"part of the write may be applied: {error.message}"
            raise unresolved(opened.place, message, error.retry_after) from None
        raise


def _shows(reader: Reader, opened: Opened, namespace: str, given: str, wanted: Batch) -> Canary:
    """Fetch and list show a record as it was written last."""

    async def look() -> bool:
        held = await reader.located(opened, [(namespace, given)])
        return len(held) == 1 and _same(held, wanted) and await reader.is_listed(opened, namespace, given)

    return Canary(frozenset({given}), False, look)


def _same(held: Batch, wanted: Batch) -> bool:
    """Whether two batches of one record hold the same; numbers may differ in their last digit, as lookalikes of
    Pinecone let them.
    """
    if held.payload[0] != (wanted.payload[0] if wanted.payload else {}):
        return False
    return all(_alike(column, wanted.vectors.get(name)) for name, column in held.vectors.items())


def _alike(one: Column, other: Column | None) -> bool:
    if other is None or not one.has(0) or not other.has(0):
        return not one.has(0) and (other is None or not other.has(0))
    if isinstance(one, SparseColumn) and isinstance(other, SparseColumn):
        if not np.array_equal(one.row(0).indices, other.row(0).indices):
            return False
        return np.allclose(one.row(0).values, other.row(0).values)
    return np.allclose(one.values, other.values)
