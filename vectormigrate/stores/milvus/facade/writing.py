"""Inserts, upserts and deletes applied to any store, refused as strictly as Milvus refuses them.

An insert of a key that is there replaces its record: Milvus itself would keep both and return either. A partial upsert is
read, changed and written back, one writer a record at a time.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch, DenseColumn, batch_of_records
from vectormigrate.model.batch import Column as Vectors
from vectormigrate.model.collection import CollectionShape, IdKind
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.record import Payload, Record, RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.wire.fields import Given, read_given, template_values
from vectormigrate.stores.milvus.wire.native import LIKE, layout_of, rules_of
from vectormigrate.stores.milvus.wire.records import encode
from vectormigrate.stores.milvus.wire.schema import DEFAULT_PARTITION
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid
from vectormigrate.stores.turns import Turns

from .matching import choose
from .problems import invalid, no_partition, not_served, problem_of
from .stamps import Stamps


class Writer:
    """Writes to one collection of a store."""

    def __init__(self, store: Store, shape: CollectionShape, turns: Turns, stamps: Stamps) -> None:
        self._store = store
        self._shape = shape
        self._turns = turns
        self._stamps = stamps
        self._layout = layout_of(shape)
        self._rules = rules_of(shape)

    async def put(self, message: Any, *, partial: bool = False) -> list[RecordId]:
        """Apply an InsertRequest or UpsertRequest; the keys of its rows. Raises Problem before anything is written for
        what Milvus would refuse.
        """
        if message.namespace or len(getattr(message, "field_ops", ())):
            raise not_served("namespaces and operations on fields are not known here")
        given = self._read(message)
        partition = self._partition(message.partition_name)
        ids = self._keys(given)
        last = sorted({record_id: row for row, record_id in enumerate(ids)}.values())
        async with self._turns.hold(self._shape.name, ids):
            if partial:
                batch = await self._merged(given, [ids[row] for row in last], last, partition)
            else:
                batch = self._complete(given, ids).take(last)
                if self._shape.partitions:
                    batch = replace(batch, partition=[partition] * len(batch))
            self._check(batch)
            await self._put(batch)
        return ids

    def _read(self, message: Any) -> Given:
        if self._rules.computed:
            raise not_served(f"field {self._rules.computed[0]!r} is computed by Milvus itself")
        try:
            given = read_given(message.fields_data, message.num_rows, self._layout)
        except ExpressionInvalid as error:
            raise invalid(str(error)) from None
        if not given.rows:
            raise invalid("there are no rows")
        return given

    def _partition(self, name: str) -> str | None:
        if not name or name == DEFAULT_PARTITION:
            return None
        if name not in self._shape.partitions:
            raise no_partition(name)
        return name

    def _keys(self, given: Given) -> list[RecordId]:
        name = self._layout.key.name
        if self._layout.auto_id and given.ids is None:
            first = self._stamps.take(given.rows)
            numbers = range(first, first + given.rows)
            return list(numbers) if self._layout.id_kind is IdKind.INT else [str(one) for one in numbers]
        if given.ids is None:
            raise invalid(f"field {name} is missing")
        limit = self._layout.key.max_length
        for row, key in enumerate(given.ids):
            if isinstance(key, str) is not (self._layout.id_kind is IdKind.TEXT):
                raise invalid(f"field {name} holds a key of the wrong type")
            if isinstance(key, str) and limit is not None and len(key.encode()) > limit:
                raise invalid(_too_long(name, row, len(key.encode()), limit))
        return given.ids

    def _complete(self, given: Given, ids: list[RecordId]) -> Batch:
        """The rows with a value for every field. Raises Problem for one that must be given."""
        for column in self._layout.fields:
            default = self._rules.defaults.get(column.name)
            if column.name not in given.names and default is None and not column.nullable:
                raise invalid(
                    f"fieldSchema({column.name}) has no corresponding fieldData pass in: it is neither nullable "
                    "nor has it a default value"
                )
            for row, payload in enumerate(given.payload):
                if payload.get(column.name) is None:
                    payload[column.name] = default
                    if default is None and not column.nullable:
                        raise invalid(f"field {column.name} of row {row} is null and not nullable")
        for column in self._layout.vectors:
            held = given.vectors.get(column.name)
            if not column.nullable and (held is None or not _all_there(held)):
                raise invalid(f"fieldSchema({column.name}) has no corresponding fieldData pass in")
            if (
                isinstance(held, DenseColumn)
                and held.values.dtype.kind == "f"
                and not np.isfinite(held.values).all()
            ):
                raise invalid(f"field {column.name} holds NaN or infinity")
        return Batch(ids, given.vectors, given.payload)

    def _check(self, batch: Batch) -> None:
        fields = tuple(replace(column, has_default=False) for column in self._layout.fields)
        faults = encode(batch, replace(self._layout, vectors=(), fields=fields), LIKE).faults
        if faults:
            row = min(faults)
            raise invalid(f"row {row}: {faults[row]}")

    async def _merged(
        self, given: Given, ids: list[RecordId], rows: Sequence[int], partition: str | None
    ) -> Batch:
        """The rows as they are with what is given of them changed; a new one must be whole."""
        held = {record.id: record for record in (await self._store.fetch(self._shape.name, ids)).records()}
        fresh = [place for place, record_id in enumerate(ids) if record_id not in held]
        news = Batch(ids, {name: column.take(np.asarray(rows)) for name, column in given.vectors.items()})
        news = replace(news, payload=[given.payload[row] for row in rows])
        whole: dict[RecordId, Record] = {}
        if fresh:
            part = news.take(fresh)
            complete = self._complete(
                Given(len(fresh), part.ids, list(part.payload), dict(part.vectors), given.names), part.ids
            )
            whole = {record.id: replace(record, partition=partition) for record in complete.records()}
        merged = [whole.get(record.id) or _merge(held[record.id], record) for record in news.records()]
        return batch_of_records(merged, self._shape.vectors, partitioned=bool(self._shape.partitions))

    async def _put(self, batch: Batch) -> None:
        size = self._store.capabilities.write_batch
        for start in range(0, len(batch), size):
            _accepted(await self._store.upsert(self._shape.name, batch.slice(start, start + size)))

    async def delete(self, message: Any) -> int:
        """Apply a DeleteRequest; how many records it was about."""
        if not message.expr.strip():
            raise invalid("expr cannot be empty")
        try:
            values = template_values(message.expr_template_values)
        except ExpressionInvalid as error:
            raise invalid(str(error)) from None
        partitions = [message.partition_name] if message.partition_name else []
        chosen = choose(self._store, self._shape, message.expr, values, partitions)
        ids = chosen.predicate.ids
        if ids is None:
            ids = tuple(await chosen.ids())
        elif chosen.partitions is not None:
            ids = tuple((await chosen.listed(ids)).ids)
        async with self._turns.hold(self._shape.name, ids):
            size = self._store.capabilities.write_batch
            for start in range(0, len(ids), size):
                _accepted(await self._store.delete(self._shape.name, ids[start : start + size]))
        return len(ids)


def _accepted(result: WriteResult) -> None:
    """Raise for the first record that the store refused; those that it took, it has."""
    if result.refused:
        raise problem_of(result.refused[0].error)


def _too_long(name: str, row: int, size: int, limit: int) -> str:
    return (
        f"length of varchar field {name} exceeds max length, row number: {row}, length: {size}, "
        f"max length: {limit}"
    )


def _all_there(column: Vectors) -> bool:
    return column.present is None or bool(column.present.all())


def _merge(old: Record, new: Record) -> Record:
    payload: Payload = {**old.payload, **new.payload}
    return replace(
        old, dense={**old.dense, **new.dense}, sparse={**old.sparse, **new.sparse}, payload=payload
    )
