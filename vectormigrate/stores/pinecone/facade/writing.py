"""Upsert, update and delete, applied to a neutral store as strictly as Pinecone does.

Each takes the body of the request, in the spelling of the documentation, and gives the object of the answer. What
Pinecone refuses is refused before anything is written: a request is applied whole or not at all, but for records
that the store behind cannot hold.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from dataclasses import replace
from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn, batch_of_records
from vectormigrate.model.collection import FieldType
from vectormigrate.model.errors import RecordRefused
from vectormigrate.model.filter import Filter, matches
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.base import Content
from vectormigrate.stores.pinecone.errors import NamespaceMissing
from vectormigrate.stores.pinecone.filters import from_json
from vectormigrate.stores.pinecone.wire import metadata, requests
from vectormigrate.stores.pinecone.wire.records import Malformed, decode_vectors, id_fault
from vectormigrate.stores.pinecone.wire.shape import Keys
from vectormigrate.stores.turns import Turns

from .rooms import Room, Shelf

Json = dict[str, Any]

MOST_RECORDS = 1000
"""Records of an upsert, ids of a delete."""
_VECTOR = ("id", "values", "sparseValues", "metadata")
_UPDATE = ("id", "values", "sparseValues", "setMetadata", "namespace", "filter", "dryRun")


class Writing:
    """Writes to the records of a store's indexes."""

    def __init__(self) -> None:
        self._turns = Turns()

    async def upsert(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """Replace records whole, or add them, in a namespace that need not be there."""
        requests.only(body, ("vectors", "namespace"))
        if fault := id_fault(namespace):
            raise Malformed(fault.replace("Vector ID", "Namespace"))
        vectors = _checked(body.get("vectors"))
        room, there = await shelf.planned(namespace)
        last = {one["id"]: one for one in vectors}  # of the same id twice, the last one counts
        batch = decode_vectors(list(last.values()), room.layout, namespace)
        _check_values(batch, room)
        if not there:
            room = await shelf.made(room)
        typed = [_typed(payload, room) for payload in batch.payload]
        async with self._turns.hold(room.collection, map(str, batch.ids)):
            _raise_refused(await self._put(room, replace(batch, payload=typed)))
        return {"upsertedCount": len(vectors)}

    async def _put(self, room: Room, batch: Batch) -> WriteResult:
        size = room.store.capabilities.write_batch
        refused: list[Refusal] = []
        for start in range(0, len(batch), size):
            done = await room.store.upsert(room.collection, batch.slice(start, start + size))
            refused += done.refused
        return WriteResult(len(batch) - len(refused), tuple(refused))

    async def update(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """Change values or metadata of one record, or metadata of all that match a filter."""
        requests.only(body, _UPDATE)
        given, where = requests.text(body, "id"), body.get("filter")
        if bool(given) == bool(where):
            raise Malformed("an update must have either an id or a filter")
        changes = body.get("setMetadata")
        payload = _payload(changes) if changes is not None else {}
        room = await shelf.room(namespace)
        if where:
            return await self._update_matching(room, body, from_json(where), payload)
        if room is not None:
            async with self._turns.hold(room.collection, [str(room.key(given))]):
                await self._update_one(room, given, body, _typed(payload, room))
        return {}

    async def _update_matching(self, room: Room | None, body: Json, where: Filter, payload: Payload) -> Json:
        if body.get("values") or body.get("sparseValues"):
            raise Malformed("values cannot be updated by filter")
        asks = requests.flag(body, "dryRun")
        if not payload and not asks:
            raise Malformed("an update by filter must have setMetadata")
        matched = 0
        if room is not None:
            typed = _typed(payload, room)
            async with aclosing(self._matching(room, where)) as pages:
                async for keys in pages:
                    matched += len(keys)
                    if not asks:
                        _raise_refused(await room.store.patch(room.collection, keys, typed))
        return {"matchedRecords": matched}

    async def _update_one(self, room: Room, given: str, body: Json, payload: Payload) -> None:
        if not body.get("values") and not body.get("sparseValues"):
            if payload:
                _raise_refused(await room.store.patch(room.collection, [room.key(given)], payload))
            return
        vector = {"id": given, "values": body.get("values"), "sparseValues": body.get("sparseValues")}
        change = decode_vectors([vector], room.layout, room.layout.namespace)
        found = await room.fetch([given])
        if not len(found):
            return
        _check_values(change, room, partly=True)
        old, new = found.record(0), change.record(0)
        changed = replace(
            old,
            dense={**old.dense, **new.dense},
            sparse={**old.sparse, **new.sparse},
            payload={**old.payload, **payload},
        )
        batch = batch_of_records([changed], room.shape.vectors, partitioned=bool(room.shape.partitions))
        _raise_refused(await room.store.upsert(room.collection, batch))

    async def delete(self, shelf: Shelf, namespace: str, body: Json) -> Json:
        """Remove records by their ids, by a filter, or all of a namespace."""
        requests.only(body, ("ids", "deleteAll", "namespace", "filter"))
        ids, where = requests.texts(body, "ids", MOST_RECORDS), body.get("filter")
        everything = requests.flag(body, "deleteAll")
        if [bool(ids), bool(where), everything].count(True) != 1:
            raise Malformed("a delete must have exactly one of ids, filter and deleteAll")
        condition = from_json(where) if where else None
        room = await present(shelf, namespace)
        if ids:
            keys = room.keys(ids)
            async with self._turns.hold(room.collection, map(str, keys)):
                if room.layout.keys is Keys.PARTITIONED:  # the id alone does not say where it is
                    keys = (await room.fetch(ids)).ids
                if keys:
                    _raise_refused(await room.store.delete(room.collection, keys))
        else:
            await self.clear(room, condition)
        return {}

    async def clear(self, room: Room, where: Filter | None) -> None:
        """Remove the records that match, or all."""
        async with aclosing(self._matching(room, where)) as pages:
            async for keys in pages:
                _raise_refused(await room.store.delete(room.collection, keys))

    async def _matching(self, room: Room, where: Filter | None) -> AsyncGenerator[list[RecordId], None]:
        """The keys of records that match, some at a time, in the turn of these records while they are being used."""
        size = room.store.capabilities.write_batch
        async with aclosing(room.pages(where, content=Content.IDS)) as pages:
            async for page, _ in pages:
                for start in range(0, len(page), size):
                    part = page.slice(start, start + size)
                    async with self._turns.hold(room.collection, map(str, part.ids)):
                        keys = part.ids if where is None else await _still(room, part, where)
                        if keys:
                            yield keys


async def present(shelf: Shelf, namespace: str) -> Room:
    """The room of a namespace. Raises NamespaceMissing when there is none."""
    room = await shelf.room(namespace)
    if room is None:
        raise NamespaceMissing("Namespace not found", collection=shelf.index)
    return room


def _checked(given: Any) -> list[Json]:
    if not isinstance(given, list) or not given:
        raise Malformed("an upsert must have at least one vector")
    if len(given) > MOST_RECORDS:
        raise Malformed(f"an upsert may have at most {MOST_RECORDS} vectors, but has {len(given)}")
    for one, vector in zip(requests.ids_of(given), given, strict=True):
        requests.only(vector, _VECTOR)
        fault = id_fault(one) or metadata.fault(_metadata(vector))
        if fault:
            raise Malformed(fault)
    return given


def _metadata(vector: Mapping[str, Any]) -> Json:
    held = vector.get("metadata")
    if held is None:
        return {}
    if not isinstance(held, dict):
        raise Malformed("metadata must be an object")
    return held


def _payload(changes: Any) -> Payload:
    fault = metadata.fault(_metadata({"metadata": changes}))
    if fault:
        raise Malformed(fault)
    return metadata.from_metadata(changes)


def _check_values(batch: Batch, room: Room, *, partly: bool = False) -> None:
    """What every record must have: a dense index a dense vector that is not all zeros, a sparse one a sparse vector."""
    layout = room.layout
    if layout.dense is None:
        column = batch.vectors.get(layout.sparse) if layout.sparse is not None else None
        if column is not None and column.present is not None and not column.present.all():
            raise Malformed("Vectors of a sparse index must have sparse values")
        return
    dense = batch.vectors[layout.dense]
    assert isinstance(dense, DenseColumn)
    present = np.ones(len(batch), np.bool_) if dense.present is None else dense.present
    if not partly and not present.all():
        raise Malformed(f"Vector dimension 0 does not match the dimension of the index {layout.dim}")
    if not dense.values[present].any(axis=1).all():
        raise Malformed("Dense vectors must contain at least one non-zero value.")


def _typed(payload: Payload, room: Room) -> Payload:
    """Numbers as integers where the collection declares so: Pinecone's clients have doubles only."""
    whole = [
        field.name
        for field in room.shape.fields
        if field.type is FieldType.INT and isinstance(payload.get(field.name), float)
    ]
    return payload | {name: int(payload[name]) for name in whole if payload[name].is_integer()}


def _raise_refused(result: WriteResult) -> None:
    if result.refused:
        first = result.refused[0]
        more = f", and {len(result.refused) - 1} more" if len(result.refused) > 1 else ""
        raise RecordRefused(f"{first.error.message}{more}", ids=first.error.ids)


async def _still(room: Room, found: Batch, where: Filter) -> list[RecordId]:
    """Those that match now: a write may have come between the search and the turn."""
    batch = await room.store.fetch(room.collection, found.ids)
    return [one for row, one in enumerate(batch.ids) if matches(where, one, batch.payload[row])]
