"""Records into a collection, and out of it for good.

Every write waits until it is applied and asks for strong ordering, so that two writes of one id end in the second; an
answer that is not "completed" is Unresolved. A server that refuses a batch for one record is asked by halves until
that record is found.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import (
    CollectionMissing,
    PermissionDenied,
    RecordRefused,
    StoreBroken,
    StoreError,
    Unresolved,
)
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import check_request
from vectormigrate.stores.place import RequestTooLarge, unresolved
from vectormigrate.stores.qdrant.errors import unfinished
from vectormigrate.stores.qdrant.ids import is_point_id, write_id
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import messages, payloads, points

from .catalog import CAPABILITIES, Catalog, Opened
from .link import Link, path_of
from .reader import Reader

_HOPELESS = 16
"""Rows refused one by one, none accepted, after which the request is at fault and not its rows."""
_LIMIT = CAPABILITIES.write_bytes or 0
_DONE = points_pb2.UpdateStatus.Value("Completed")
_ORDERED = "?wait=true&ordering=strong"


class Writer:
    """Writes. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader
        self._link = catalog.link

    def upsert(self, name: str, batch: Batch) -> WriteResult:
        check_request(batch.ids, CAPABILITIES, name)
        opened = self._catalog.opened(name)
        refused = {refusal.row: refusal for refusal in opened.admission.refusals(batch)}
        sender = _Sender(self._link, opened, batch)
        rows = [row for row in range(len(batch)) if row not in refused]
        try:
            for part in sender.parts(rows):
                sender.send(part)
        except CollectionMissing:
            self._catalog.forget(name)
            raise
        for row, fault in sender.faults.items():
            refused[row] = opened.admission.refusal(row, batch.ids[row], fault)
        return WriteResult(len(batch) - len(refused), tuple(refused[row] for row in sorted(refused)))

    def patch(self, name: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        check_request(ids, CAPABILITIES, name)
        opened = self._catalog.opened(name)
        fault = opened.admission.payload_fault(payload, whole=False) or _payload_fault(payload)
        if fault:
            refusals = [opened.admission.refusal(row, record_id, fault) for row, record_id in enumerate(ids)]
            return WriteResult(0, tuple(refusals))
        if None in payload.values():
            return self._patch_with_null(name, ids, payload)
        # By filter, for a request that names the ids is refused when one of them is not there.
        body = {"payload": payloads.to_plain(payload), "filter": {"must": [{"has_id": _point_ids(ids)}]}}
        return self._apply(name, "points/payload", ids, body)

    def _patch_with_null(self, name: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        """To set a key to null removes it in Qdrant, so payloads with one are read, changed and written whole."""
        held = self._reader.fetch(name, ids)
        operations = [
            {
                "overwrite_payload": {
                    "payload": payloads.to_plain({**old, **payload}),
                    "filter": {"must": [{"has_id": [write_id(record_id)]}]},
                }
            }
            for record_id, old in zip(held.ids, held.payload, strict=True)
        ]
        if operations:
            body = msgspec.json.encode({"operations": operations})
            self.update(name, "POST", "points/batch", body)
        return WriteResult(len(ids))

    def delete(self, name: str, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, CAPABILITIES, name)
        return self._apply(name, "points/delete", ids, {"points": _point_ids(ids)})

    def _apply(self, name: str, path: str, ids: Sequence[RecordId], body: dict[str, Any]) -> WriteResult:
        if not any(map(is_point_id, ids)):
            self._catalog.describe(name)
        else:
            self.update(name, "POST", path, msgspec.json.encode(body))
        return WriteResult(len(ids))

    def update(self, name: str, method: str, path: str, body: bytes) -> None:
        """One write by REST, applied when this returns."""
        try:
            update(self._link, name, method, path, body)
        except CollectionMissing:
            self._catalog.forget(name)
            raise

    def pass_queue(self, name: str) -> None:
        """Return behind every write that the server had taken: one that changes nothing, at the end of each queue."""
        nothing = b'{"filter":{"must":[{"has_id":[]}]}}'
        try:
            self.update(name, "POST", "points/delete", nothing)
        except PermissionDenied:
            return  # who may only read cannot wait for what others wrote without waiting


def update(link: Link, name: str, method: str, path: str, body: bytes) -> None:
    """One write by REST. Raises Unresolved unless the server says that it is done."""
    place = link.place(name, writing=True)
    raw = link.rest(method, path_of(name, path + _ORDERED), body, collection=name, writing=True)
    try:
        result = msgspec.json.decode(raw)["result"]
        statuses = {str(one["status"]) for one in (result if isinstance(result, list) else [result])}
    except (msgspec.DecodeError, KeyError, TypeError):
        raise place.error(StoreBroken, "qdrant sent an answer that cannot be read") from None
    if statuses != {"completed"}:
        raise unfinished(" and ".join(sorted(statuses - {"completed"})), place)


class _Sender:
    """Upserts rows of a batch in requests of bounded size, and finds the rows that the server refuses."""

    def __init__(self, link: Link, opened: Opened, batch: Batch) -> None:
        self._link = link
        self._name = opened.shape.name
        self._most = opened.batch_limit
        self._batch = batch
        self._writer = messages.PointWriter(batch) if link.fast else None
        self._encoded: dict[int, bytes] = {}
        self.accepted = False
        """Whether anything was applied."""
        self.faults: dict[int, str] = {}

    def parts(self, rows: Sequence[int]) -> Iterator[list[int]]:
        """The rows in parts that fit one request each."""
        part: list[int] = []
        size = 0
        for row in rows:
            encoded = self._encode(row)
            if encoded is None:
                continue
            if part and (size + len(encoded) > _LIMIT or len(part) == self._most):
                yield part
                part, size = [], 0
            part.append(row)
            size += len(encoded)
        if part:
            yield part

    def _encode(self, row: int) -> bytes | None:
        """A row as it goes into a request; None, and a fault, if it cannot be written."""
        try:
            if self._writer is not None:
                encoded = self._writer.write(row)
            else:
                encoded = points.dump(points.write_point(self._batch, row))
        except ValueError as error:
            self.faults[row] = str(error)
            return None
        self._encoded[row] = encoded
        return encoded

    def send(self, rows: Sequence[int]) -> None:
        """Apply these rows; those that cannot be are in `faults`."""
        try:
            self._send(rows)
            self.accepted = True
        except (RecordRefused, RequestTooLarge) as error:
            if len(rows) > 1:
                self.send(rows[: len(rows) // 2])
                self.send(rows[len(rows) // 2 :])
                return
            self.faults[rows[0]] = error.message
            if len(self.faults) >= _HOPELESS and not self.accepted:
                place = self._link.place(self._name)
                raise place.error(StoreError, f"no record is accepted: {error.message}") from None
        except StoreError as error:
            if self.accepted and error.retryable and not isinstance(error, Unresolved):
                raise unresolved(error) from None
            raise

    def _send(self, rows: Sequence[int]) -> None:
        encoded = [self._encoded[row] for row in rows]
        if not self._link.fast:
            update(self._link, self._name, "PUT", "points", b'{"points":[' + b",".join(encoded) + b"]}")
            return
        head = points_pb2.UpsertPoints(
            collection_name=self._name,
            wait=True,
            ordering=points_pb2.WriteOrdering(type=points_pb2.WriteOrderingType.Strong),
        )
        answer = self._link.call(
            "Upsert",
            messages.upsert_request(head, encoded),
            points_pb2.PointsOperationResponse,
            collection=self._name,
            writing=True,
        )
        if answer.result.status != _DONE:
            status = points_pb2.UpdateStatus.Name(answer.result.status).lower()
            raise unfinished(status, self._link.place(self._name, writing=True))


def _point_ids(ids: Sequence[RecordId]) -> list[int | str]:
    return [write_id(record_id) for record_id in ids if is_point_id(record_id)]


def _payload_fault(payload: Payload) -> str:
    try:
        payloads.to_plain(payload)
    except ValueError as error:
        return str(error)
    return ""
