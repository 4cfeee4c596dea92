"""Records out of a collection: counted, page by page in the order of keys, by id.

The surprises: only a page that is asked for as an iterator asks is in the order of keys on every server, and no
answer says which partition a record is in.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import pairwise
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import IdKind
from vectormigrate.model.errors import StoreBroken, StoreError
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.stores.base import Content
from vectormigrate.stores.milvus import filters
from vectormigrate.stores.milvus.errors import MessageTooLarge
from vectormigrate.stores.milvus.wire import requests, results
from vectormigrate.stores.milvus.wire.schema import DEFAULT_PARTITION, Layout

from .catalog import Catalog, Opened

_PAGE_BYTES = 32 * 2**20
"""What an answer is meant to weigh at most: half of what the strictest server sends."""
_COUNTED = 100_000
"""Ids of one answer, where records are counted one by one."""


@dataclass(frozen=True, slots=True)
class Condition:
    """An expression; `values` are serialized TemplateValues, for what it says as `{name}`."""

    text: str = ""
    values: Mapping[str, bytes] = field(default_factory=dict)


EVERYTHING = Condition()


class Reader:
    """Reads. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self._link = catalog.link

    def count(self, name: str) -> int:
        opened = self._catalog.readable(name)
        if opened.layout.partition and self._catalog.server.lite:
            return self._listed(opened)
        return results.read_count(self._catalog.read("Query", requests.count_request(opened.layout), opened))

    def _listed(self, opened: Opened) -> int:
        """The records of one partition, one by one: Milvus Lite counts the whole collection, whatever it is asked."""
        key = opened.layout.key.name
        total, last, more = 0, None, True
        while more:
            beyond = filters.key_between(key, opened.layout.id_kind, last, None)
            batch, more = self.page(opened.shape.name, beyond, _COUNTED, content=Content.IDS)
            total += len(batch)
            last = batch.ids[-1] if len(batch) else last
        return total

    def page(
        self,
        name: str,
        expression: str,
        limit: int,
        *,
        content: Content = Content.FULL,
        condition: Condition = EVERYTHING,
    ) -> tuple[Batch, bool]:
        """The records with the lowest keys that match, and whether there may be more."""
        opened = self._catalog.readable(name)
        layout, bare = _wanted(opened.layout, content), content is Content.IDS
        row = 64 if bare else layout.row_bytes
        size = max(1, min(limit, self._catalog.server.page_limit or limit, _PAGE_BYTES // row))
        whole = f"({expression}) and ({condition.text})" if condition.text else expression
        output = [layout.key.name] if bare else layout.output
        answer, size = self._fitting(opened, replace(condition, text=whole), output, size)
        batch = self._batch(answer, layout, bare=bare)
        _check_order(batch.ids, self._link.place(name).error)
        if not batch.ids:
            return batch, False
        if opened.partitions and not bare:
            last = filters.key_between(layout.key.name, layout.id_kind, None, batch.ids[-1])
            upto = replace(condition, text=f"({whole}) and {last}")
            batch = replace(batch, partition=self._partitions(opened, upto, batch.ids))
        return batch, not self._catalog.server.lite or len(batch) >= size

    def _fitting(
        self, opened: Opened, condition: Condition, output: Sequence[str], size: int
    ) -> tuple[Any, int]:
        """A page of at most `size` rows, fewer when they weigh too much, and how many were asked for."""
        while True:
            request = requests.query_request(
                opened.layout, condition.text, output, limit=size, values=condition.values
            )
            try:
                return self._catalog.read("Query", request, opened), size
            except MessageTooLarge:
                if size == 1:
                    raise
                size //= 2

    def fetch(self, name: str, ids: Sequence[RecordId], *, content: Content = Content.FULL) -> Batch:
        opened = self._catalog.readable(name)
        layout, bare = _wanted(opened.layout, content), content is Content.IDS
        wanted = [record_id for record_id in ids if fits_key(layout, record_id)]
        output = [layout.key.name] if bare else layout.output
        found: list[Batch] = []
        size = max(1, min(self._catalog.server.page_limit or 16_384, _PAGE_BYTES // layout.row_bytes))
        for start in range(0, len(wanted), size):
            part = wanted[start : start + size]
            expression = filters.key_in(layout.key.name, part)
            request = requests.query_request(layout, expression, output)
            batch = self._batch(self._catalog.read("Query", request, opened), layout, bare=bare)
            if opened.partitions and not bare and batch.ids:
                batch = replace(batch, partition=self._partitions(opened, Condition(expression), batch.ids))
            rows = {record_id: row for row, record_id in enumerate(batch.ids)}
            found.append(batch.take([rows[record_id] for record_id in part if record_id in rows]))
        return results.joined(found)

    def _batch(self, answer: Any, layout: Layout, *, bare: bool) -> Batch:
        if bare:
            ids = results.read_ids(answer, layout)
            return Batch(ids, {}, [{} for _ in ids])
        return results.read_batch(answer, layout, self._catalog.server)

    def _partitions(self, opened: Opened, condition: Condition, ids: Sequence[RecordId]) -> list[str | None]:
        """The partition of each of these records, asked of each partition since no answer carries it."""
        found: dict[RecordId, str | None] = {}
        for partition in opened.partitions:
            request = requests.query_request(
                opened.layout,
                condition.text,
                [opened.layout.key.name],
                limit=self._catalog.server.page_limit or 2 * len(ids),
                partitions=[partition],
                values=condition.values,
            )
            named = None if partition == DEFAULT_PARTITION else partition
            for record_id in results.read_ids(self._catalog.read("Query", request, opened), opened.layout):
                if found.setdefault(record_id, named) != named:
                    raise self._link.place(opened.layout.collection).error(
                        StoreBroken,
                        f"record {id_text(record_id)[:200]} is in two partitions at once",
                        "delete one of the two, or move each partition by itself (--each-partition)",
                    )
        return [found.get(record_id) for record_id in ids]


def _wanted(layout: Layout, content: Content) -> Layout:
    """What is read of records: their vectors are most of what they weigh."""
    return layout if content is Content.FULL else replace(layout, vectors=())


def fits_key(layout: Layout, record_id: RecordId) -> bool:
    """Whether an id could be there at all: of the key's kind, and one that can be sent."""
    if layout.id_kind is IdKind.INT:
        return type(record_id) is int and filters.INT64_MIN <= record_id <= filters.INT64_MAX
    return isinstance(record_id, str) and not any("\ud800" <= letter <= "\udfff" for letter in record_id)


def _check_order(ids: Sequence[RecordId], error: Callable[[type[StoreError], str], StoreError]) -> None:
    """A page out of key order has lost records; better to stop than to go on from its last key."""
    if any(not left < right for left, right in pairwise(ids)):  # type: ignore[operator]  # keys of one kind
        raise error(StoreBroken, "milvus sent a page that is not in the order of its keys")
