"""Batches of several collections as those of one: in one order, each record once.

What the store around them does with it is `placed.py`.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from typing import Any
from uuid import UUID

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Filter, matches
from vectormigrate.model.join import joined
from vectormigrate.model.record import RecordId

from .base import Content

_TWICE = "_vm_parts"
"""All that is told of a record that is in several places."""


def key(one: RecordId) -> Any:
    """What ids of a mergeable order are sorted by. Where integers and UUIDs stand side by side, integers come first."""
    return (isinstance(one, UUID), one)


def without(batch: Batch, ids: set[RecordId]) -> Batch:
    rows = [row for row, one in enumerate(batch.ids) if one not in ids]
    return batch if len(rows) == len(batch) else batch.take(rows)


def in_order(found: Sequence[Batch], ids: Sequence[RecordId]) -> Batch:
    """In the order asked for."""
    batch = joined([one for one in found if len(one)] or [Batch([])])
    rows = {one: row for row, one in enumerate(batch.ids)}
    return batch.take([rows[one] for one in ids if one in rows])


def unlike(ids: list[RecordId], content: Content) -> Batch:
    """Records that are like nothing, because nobody knows which of several they are."""
    if content is Content.IDS:
        return Batch(ids, payload=[{} for _ in ids])
    return Batch(ids, payload=[{_TWICE: "in several parts"} for _ in ids])


def matching(batch: Batch, where: Filter | None, content: Content) -> Batch:
    """What of these records a scan gives. What a vendor's own words mean nobody else can say: they are believed to match."""
    if where is not None:
        with suppress(Unsupported):
            batch = batch.take(
                [
                    row
                    for row, one in enumerate(batch.ids)
                    if matches(where, one, batch.payload[row] if batch.payload else {})
                ]
            )
    return Batch(batch.ids, payload=[{} for _ in batch.ids]) if content is Content.IDS else batch
