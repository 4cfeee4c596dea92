"""Records into a collection, and out of it.

A batch replaces each object whole and answers with the objects that failed. What can never be held is refused; what
failed for a reason of the server's makes the write unresolved, for nobody knows what a replica has of it.

Weaviate makes a class of its own for objects of one that is not there, so a write asks first whether it still is.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import CollectionMissing, RecordRefused, StoreError, Unresolved
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.payload_columns import keys_of
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import check_request
from vectormigrate.stores.place import RequestTooLarge, unresolved
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.errors import from_object
from vectormigrate.stores.weaviate.filters import by_id
from vectormigrate.stores.weaviate.wire.messages import write_batch_object
from vectormigrate.stores.weaviate.wire.values import native_type

from .catalog import CAPABILITIES, Catalog, Opened
from .reader import Reader, object_ids

_LIMIT = CAPABILITIES.write_bytes or 0
_NAME = re.compile(CAPABILITIES.name_pattern)
_RESERVED = CAPABILITIES.reserved_names
_MOST_PROPERTIES = 200
"""Of a class, beyond which keys that nobody declared are kept without one of their own: each costs files and memory."""


class Writer:
    """Writes. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader
        self._tenants = catalog.tenants
        self._consistency = catalog.link.consistency

    def upsert(self, name: str, batch: Batch) -> WriteResult:
        check_request(batch.ids, CAPABILITIES, name)
        opened = self._catalog.opened(name)
        refused = {refusal.row: refusal for refusal in opened.admission.refusals(batch)}
        rows = [row for row in range(len(batch)) if row not in refused]
        sent = False
        if rows:
            self._catalog.check_there(opened)
            opened = self._declared(opened, batch)
        try:
            for part in self._parts(opened, batch, rows, refused):
                self._send(opened, batch, part, refused)
                sent = True
        except StoreError as error:
            if sent and error.retryable and not isinstance(error, Unresolved):
                raise unresolved(error) from None
            raise
        return WriteResult(len(batch) - len(refused), tuple(refused[row] for row in sorted(refused)))

    def _declared(self, opened: Opened, batch: Batch) -> Opened:
        """The class, with properties for the keys of these records that nobody declared: as far as they can be, so that
        applications find by them.
        """
        properties = opened.layout.properties
        if not opened.layout.meta or not (strange := keys_of(batch.payload) - properties.keys()):
            return opened
        kinds: dict[str, str] = {}
        for payload in batch.payload:
            for key in strange & payload.keys() - kinds.keys():
                if (kind := native_type(payload[key])) and _NAME.fullmatch(key):
                    kinds[key] = kind
        room = _MOST_PROPERTIES - len(properties)
        kept = {key: kinds[key] for key in sorted(kinds)[: max(0, room)] if key not in _RESERVED}
        return self._catalog.declare(opened, kept)

    def _parts(
        self, opened: Opened, batch: Batch, rows: Sequence[int], refused: dict[int, Refusal]
    ) -> Iterator[list[tuple[int, Any]]]:
        """Objects, with their rows, in parts of one tenant that fit one request each; what cannot be written is refused."""
        part: list[tuple[int, Any]] = []
        size = 0
        for row in rows:
            try:
                message = write_batch_object(batch, row, opened.layout)
            except ValueError as error:
                refused[row] = opened.admission.refusal(row, batch.ids[row], str(error))
                continue
            if opened.tenant:
                message.tenant = opened.tenant
            weight = message.ByteSize()
            if part and (size + weight > _LIMIT or message.tenant != part[-1][1].tenant):
                yield part
                part, size = [], 0
            part.append((row, message))
            size += weight
        if part:
            yield part

    def _send(
        self, opened: Opened, batch: Batch, part: Sequence[tuple[int, Any]], refused: dict[int, Refusal]
    ) -> None:
        name = opened.shape.name
        request = pb.BatchObjectsRequest(
            objects=[message for _, message in part], consistency_level=self._consistency
        )
        tenant = part[0][1].tenant
        try:
            answer = self._tenants.call("BatchObjects", request, collection=name, tenant=tenant)
        except RequestTooLarge:
            if len(part) == 1:
                row = part[0][0]
                refused[row] = opened.admission.refusal(
                    row, batch.ids[row], "it is larger than a request may be"
                )
                return
            half = len(part) // 2
            self._send(opened, batch, part[:half], refused)
            self._send(opened, batch, part[half:], refused)
            return
        place = self._catalog.link.place(name, writing=True)
        for failed in answer.errors:
            row = part[failed.index][0]
            error = from_object(failed.error, place)
            if not isinstance(error, RecordRefused):
                raise error
            refused[row] = opened.admission.refusal(row, batch.ids[row], error.message)

    def patch(self, name: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        """Read, change, and write whole: what a property cannot say stands in one of ours, which a merge would miss."""
        check_request(ids, CAPABILITIES, name)
        opened = self._catalog.opened(name)
        if fault := opened.admission.payload_fault(payload, whole=False):
            refusals = [opened.admission.refusal(row, record_id, fault) for row, record_id in enumerate(ids)]
            return WriteResult(0, tuple(refusals))
        held = self._reader.fetch(name, ids)
        changed = Batch(
            held.ids, held.vectors, [{**old, **payload} for old in held.payload], None, held.faults
        )
        refused = self.upsert(name, changed).refused
        rows = {record_id: row for row, record_id in enumerate(ids)}
        placed = tuple(Refusal(rows[one.id], one.id, one.error) for one in refused)
        return WriteResult(len(ids) - len(placed), placed)

    def delete(self, name: str, ids: Sequence[RecordId]) -> WriteResult:
        check_request(ids, CAPABILITIES, name)
        opened = self._catalog.opened(name)
        place = self._catalog.link.place(name, writing=True)
        for tenant, uuids in object_ids(opened, ids).items():
            request = pb.BatchDeleteRequest(
                collection=opened.layout.name,
                tenant=tenant or None,
                filters=by_id(uuids),
                consistency_level=self._consistency,
            )
            try:
                answer = self._tenants.call("BatchDelete", request, collection=name)
            except CollectionMissing:
                self._catalog.forget(name)
                raise
            if answer.failed:
                raise place.error(
                    Unresolved,
                    f"weaviate failed to delete {answer.failed} of {answer.matches} records",
                    "it is safe to send the whole write again",
                )
        return WriteResult(len(ids))
