"""Reading rows: SELECT statements made from a table, and their rows turned into batches, a column at a time."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any, TypeAlias

import apsw

from vectormigrate.model.batch import Batch, Column
from vectormigrate.model.collection import VectorField
from vectormigrate.model.payload_columns import PayloadColumns
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.base import Content, Page, Range

from . import vectors
from .chunks import Chunks
from .table import Flavour, Table
from .values import decode_all, decode_json

_IDS_A_STATEMENT = 500

_Rows: TypeAlias = tuple[list[tuple[Any, ...]], dict[int, str]]
"""Rows, and why some of them are not whole."""


def count(connection: apsw.Connection, table: Table) -> int:
    """The number of records."""
    return int(_one(connection, f"SELECT count(*) FROM {table.counted}", ())[0])  # noqa: S608 quoted names


def is_empty(connection: apsw.Connection, table: Table) -> bool:
    """Whether there is no record."""
    return not connection.execute(f"SELECT 1 FROM {table.counted} LIMIT 1").fetchall()  # noqa: S608 quoted names


def split(connection: apsw.Connection, table: Table, parts: int) -> list[Range]:
    """Ranges of equal size by the keys alone: an even cut where integers are dense, every n-th key elsewhere."""
    total = count(connection, table)
    parts = min(parts, total)
    if parts < 2:
        return [Range()]
    cuts = [table.cursor(table.record_id(key)) for key in _cut_keys(connection, table, total, parts)]
    return [Range(lower, upper) for lower, upper in pairwise([None, *cuts, None])]


def _cut_keys(connection: apsw.Connection, table: Table, total: int, parts: int) -> list[tuple[Any, ...]]:
    key = table.order()
    if len(table.keys) == 1:
        sql = f"SELECT min({key}), max({key}) FROM {table.counted}"  # noqa: S608 quoted names
        low, high = _one(connection, sql, ())
        if isinstance(low, int) and isinstance(high, int) and high - low + 1 <= total * 5 // 4:
            return [(low + (high - low + 1) * part // parts - 1,) for part in range(1, parts)]
    columns = f"SELECT {', '.join(part.sql for part in table.keys)} FROM {table.counted}"  # noqa: S608 quoted names
    behind = f" WHERE {table.key_tuple()} > {table.key_marks()}"
    rest = f" ORDER BY {key} LIMIT 1 OFFSET ?"
    cuts: list[tuple[Any, ...]] = []
    for place, after in pairwise([0, *sorted({total * part // parts for part in range(1, parts)})]):
        # From cut to cut along the index of the key: ten times as fast as numbering the rows.
        last = cuts[-1] if cuts else ()
        cuts += connection.execute(f"{columns}{behind if cuts else ''}{rest}", (*last, after - place - 1))
    return cuts


class Reader:
    """A table made ready for reading, all of each record or ids alone."""

    def __init__(self, table: Table, content: Content = Content.FULL) -> None:
        self._table = table
        self._full = content is not Content.IDS
        self._key_width = len(table.keys)
        self._in_chunks = table.flavour is not Flavour.PLAIN
        keys, vectors_, payload, source = [key.sql for key in table.keys], [], [], table.counted
        if self._full:
            vectors_ = ["c.chunk_id", "c.chunk_offset"] if self._in_chunks else [v.sql for v in table.vectors]
            payload = [column.shadow or column.sql for column in table.fields]
            payload += [table.dynamic] if table.dynamic else []
            source = table.placed or table.source
        self._columns = len(keys) + len(vectors_) + len(payload)
        self._select, self._select_keys, self._select_no_payload = (
            f"SELECT {', '.join(columns)} FROM {source}"  # noqa: S608 quoted names
            for columns in (keys + vectors_ + payload, keys, keys + vectors_ + ["NULL"] * len(payload))
        )

    def page(self, connection: apsw.Connection, span: Range, limit: int) -> Page | None:
        """The first `limit` records of a range; None when it is empty."""
        conditions: list[str] = []
        values: list[Any] = []
        for bound, sign in ((span.lower, ">"), (span.upper, "<=")):
            if bound is not None:
                conditions.append(f"{self._table.key_tuple()} {sign} {self._table.key_marks()}")
                values += self._table.bound(bound)
        where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
        tail = f"{where} ORDER BY {self._table.order()} LIMIT ?"
        rows, faults = self._rows(connection, tail, (*values, limit))
        if not rows:
            return None
        batch = self.batch(connection, rows, faults)
        return Page(batch, self._table.cursor(batch.ids[-1]))

    def fetch(self, connection: apsw.Connection, ids: Sequence[RecordId]) -> Batch:
        """The records of these ids that exist, in the order asked for."""
        wanted = {record_id: place for place, record_id in enumerate(ids)}
        rows: list[tuple[Any, ...]] = []
        faults: dict[int, str] = {}
        possible = [record_id for record_id in ids if self._table.may_hold(record_id)]
        for start in range(0, len(possible), _IDS_A_STATEMENT):
            some, wrong = self._some(connection, possible[start : start + _IDS_A_STATEMENT])
            faults |= {len(rows) + row: reason for row, reason in wrong.items()}
            rows += some
        batch = self.batch(connection, rows, faults)
        # A collation may have found an id that is written otherwise: that is another record.
        found = [row for row, record_id in enumerate(batch.ids) if record_id in wanted]
        return batch.take(sorted(found, key=lambda row: wanted[batch.ids[row]]))

    def _some(self, connection: apsw.Connection, ids: Sequence[RecordId]) -> _Rows:
        mark = self._table.key_marks()
        values = mark if self._key_width == 1 else f"VALUES {', '.join([mark] * len(ids))}"
        if self._key_width == 1:
            values = ", ".join([mark] * len(ids))
        bound = [part for record_id in ids for part in self._table.stored_id(record_id)]
        return self._rows(connection, f" WHERE {self._table.key_tuple()} IN ({values})", bound)

    def _rows(self, connection: apsw.Connection, tail: str, values: Sequence[Any]) -> _Rows:
        """What is selected, and by row the faults of texts that are not UTF-8. Nothing says which those are, so where there is
        one each record is asked for by itself.
        """
        try:
            return connection.execute(f"{self._select}{tail}", values).fetchall(), {}
        except UnicodeDecodeError:
            keys = connection.execute(f"{self._select_keys}{tail}", values).fetchall()
        rows: list[tuple[Any, ...]] = []
        faults: dict[int, str] = {}
        this = f" WHERE {self._table.key_tuple()} = {self._table.key_marks()}"
        for row, key in enumerate(keys):
            try:
                rows += connection.execute(f"{self._select}{this}", key).fetchall()
            except UnicodeDecodeError:
                rows += connection.execute(f"{self._select_no_payload}{this}", key).fetchall()
                faults[row] = "it holds a text that is not UTF-8"
        return rows, faults

    def batch(
        self,
        connection: apsw.Connection,
        rows: Sequence[tuple[Any, ...]],
        faults: dict[int, str] | None = None,
    ) -> Batch:
        """A batch out of selected rows, one without its vector and with a fault where that is none. `faults` are those that
        are known, by row. Raises StoreBroken for a key that is none.
        """
        columns: list[Sequence[Any]] = list(zip(*rows, strict=True)) if rows else [()] * self._columns
        ids = self._table.record_ids(columns[: self._key_width])
        if not self._full:
            return Batch(ids, {}, [{} for _ in ids])
        faults = dict(faults or {})
        rest = iter(columns[self._key_width :])
        if self._in_chunks:
            chunks = Chunks(connection, self._table, next(rest), next(rest))
            held: dict[str, Column] = {**chunks.vectors()}
            rest = iter([chunks.metadata(column, next(rest)) for column in self._table.fields])
        else:
            held = {v.field.name: self._vector(v.field, next(rest), faults) for v in self._table.vectors}
        decoded = {
            column.field.name: decode_all(column.field.type, values)
            for column, values in zip(self._table.fields, rest, strict=False)
        }
        payload = PayloadColumns(decoded, len(ids))
        if not self._table.dynamic:
            return Batch(ids, held, payload, faults=faults)
        whole = list(payload)
        for into, text in zip(whole, columns[-1], strict=True):
            _add_dynamic(into, text, self._table.dynamic)
        return Batch(ids, held, whole, faults=faults)

    def _vector(self, field: VectorField, blobs: Sequence[Any], faults: dict[int, str]) -> Column:
        try:
            return vectors.decode(field, blobs)
        except vectors.MalformedVectorError as error:
            for row, reason in error.reasons.items():
                faults.setdefault(row, f"vector {field.name!r} {reason}")
            held = [None if row in error.reasons else blob for row, blob in enumerate(blobs)]
            return vectors.decode(field, held)


def _add_dynamic(payload: Payload, text: Any, column: str) -> None:
    """Undeclared keys beside the declared ones; what is no JSON object is kept under the column's own name."""
    held = decode_json(text)
    if isinstance(held, dict):
        for key, value in held.items():
            payload.setdefault(key, value)
    elif held is not None:
        payload.setdefault(column.strip('"'), held)


def _one(connection: apsw.Connection, sql: str, values: Sequence[Any]) -> tuple[Any, ...]:
    rows: list[tuple[Any, ...]] = connection.execute(sql, values).fetchall()
    return rows[0]
