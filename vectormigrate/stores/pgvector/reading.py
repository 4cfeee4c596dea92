"""Reading, one page at a time: the blocking half of scan, fetch, count, split.

Pages are keyset pages through binary COPY, which has no parameters: bounds are quoted literals, cast to the type of
the key, and compared by the server. Fields are taken apart while the server sends.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

from vectormigrate.model.batch import Batch, Column
from vectormigrate.model.errors import StoreBroken
from vectormigrate.model.payload_columns import PayloadColumns, Values
from vectormigrate.model.record import Payload, RecordId, id_text, parse_id
from vectormigrate.stores.base import Content, Page, Range

from . import vectors
from .connections import Connection, copy_out
from .copycodec import Fields, read_columns
from .errors import STORE
from .shape import Table

_SAMPLE_FROM = 2_000_000
"""Rows from which on `split` looks at a sample of the table instead of at every key."""
_SAMPLE_ROWS = 200_000


def read_page(connection: Connection, table: Table, span: Range, limit: int, content: Content) -> Page | None:
    """The first records of a range; None when there are none."""
    conditions = [
        table.bound(operator, parse_id(cursor))
        for operator, cursor in ((">", span.lower), ("<=", span.upper))
        if cursor is not None
    ]
    where = f" where {' and '.join(conditions)}" if conditions else ""
    batch = _read(connection, table, f"{where} order by {table.order} limit {limit}", content)
    return Page(batch, id_text(batch.ids[-1])) if batch.ids else None


def fetch(connection: Connection, table: Table, ids: Sequence[RecordId], content: Content) -> Batch:
    """The records of these ids, in the order asked for."""
    wanted = [record_id for record_id in ids if table.holds(record_id)]
    found = _read(connection, table, f" where {key_in(table, wanted)}", content)
    places = {record_id: row for row, record_id in enumerate(found.ids)}
    return found.take([places[record_id] for record_id in wanted if record_id in places])


def key_in(table: Table, ids: Sequence[RecordId]) -> str:
    """The condition that the key is one of these ids."""
    if not ids:
        return "false"
    rows = ", ".join(
        "("
        + ", ".join(
            key.literal(part)
            for key, part in zip(
                table.keys, record_id if isinstance(record_id, tuple) else (record_id,), strict=True
            )
        )
        + ")"
        for record_id in ids
    )
    # A list of rows would be planned as so many ORs; a list of values is looked up.
    return f"({table.key_sql}) in ({f'values {rows}' if len(table.keys) > 1 else rows})"


def count(connection: Connection, table: Table) -> int:
    row = connection.execute(f"select count(*) from {table.sql}").fetchone()  # noqa: S608 quoted
    assert row is not None
    return int(row[0])


def split(connection: Connection, table: Table, parts: int) -> list[Range]:
    """Ranges between quantiles of the key: of every key, or of a sample of whole blocks when there are many."""
    row = connection.execute(
        "select reltuples from pg_class where oid = $1::regclass", [table.sql]
    ).fetchone()
    estimate = float(row[0]) if row else 0.0
    source = f"{table.sql} r"
    if estimate > _SAMPLE_FROM:
        # Repeatable: a plan that is made twice over the same table is the same plan.
        source += f" tablesample system ({100 * _SAMPLE_ROWS / estimate:.6f}) repeatable (0)"
    places = [f"k{place}" for place in range(len(table.keys))]
    numbered = ", ".join(
        f"{key.column.selected} as {place}" for key, place in zip(table.keys, places, strict=True)
    )
    # The last key of each tile but the last; tiles never share a key, since keys are distinct.
    query = (
        f"select {', '.join(places)} from (select {numbered}, row_number() over (order by {table.order}) as place,"  # noqa: S608 quoted
        f" count(*) over () as total from {source}) t where place < total"
        f" and place * {parts} / total > (place - 1) * {parts} / total order by place"
    )
    columns = _copy(connection, query, len(places))
    cursors = [id_text(record_id) for record_id in _ids(table, columns)][: parts - 1]
    edges = [None, *cursors, None]
    return [Range(lower, upper) for lower, upper in pairwise(edges)]


def _read(connection: Connection, table: Table, tail: str, content: Content) -> Batch:
    selected = [key.column.selected for key in table.keys]
    if content is Content.FULL:
        selected += [column.sql for column, _ in table.vectors]
    if content is not Content.IDS:
        selected += [column.selected for column in _payload_columns(table)]
    query = f"select {', '.join(selected)} from {table.sql} r{tail}"  # noqa: S608 quoted
    return decode(table, _copy(connection, query, len(selected)), content)


def _copy(connection: Connection, query: str, width: int) -> list[Fields]:
    return read_columns(copy_out(connection, query), width)


def _payload_columns(table: Table) -> list[Any]:
    return [*table.fields, *([table.dynamic] if table.dynamic else [])]


def decode(table: Table, columns: list[Fields], content: Content) -> Batch:
    """Records out of raw fields in the order key, vectors, fields, undeclared keys."""
    ids = _ids(table, columns)
    if content is Content.IDS:
        return Batch(ids, {}, [{} for _ in ids])
    start = len(table.keys)
    held: dict[str, Column] = {}
    wanted = table.vectors if content is Content.FULL else ()
    for place, (_, field) in enumerate(wanted, start):
        try:
            held[field.name] = vectors.decode(columns[place], field)
        except vectors.MixedDimensions as error:
            raise StoreBroken(
                f"column {field.name!r} mixes dimensions: record {id_text(ids[error.row])} has {error}",
                hint="move the records of each dimension into a table of their own; a retry cannot help",
                store=STORE,
                collection=table.shape.name,
                ids=(id_text(ids[error.row]),),
            ) from None
    start += len(wanted)
    payloads, faults = _payloads(table, columns[start:], len(ids))
    return Batch(ids, held, payloads, faults=faults)


def _ids(table: Table, columns: list[Fields]) -> list[RecordId]:
    parts = [list(key.column.codec.column(column)) for key, column in zip(table.keys, columns, strict=False)]
    return parts[0] if len(parts) == 1 else list(zip(*parts, strict=True))


def _payloads(table: Table, columns: list[Fields], count: int) -> tuple[Sequence[Payload], dict[int, str]]:
    """The payloads, and by row why one could not be read whole."""
    names = [column.name for column in table.fields]
    faults: dict[int, str] = {}
    decoded = [
        _values(column, fields, faults)
        for column, fields in zip(_payload_columns(table), columns, strict=True)
    ]
    if table.dynamic is None:
        return PayloadColumns(dict(zip(names, decoded, strict=True)), count), faults
    name = table.dynamic.name
    loose = [
        value if isinstance(value, dict) else ({} if value is None else {name: value})
        for value in decoded[-1]
    ]
    if not names:
        return loose, faults
    declared = zip(*decoded[:-1], strict=True)
    whole = [
        {**keys, **dict(zip(names, row, strict=True))} for keys, row in zip(loose, declared, strict=True)
    ]
    return whole, faults


def _values(column: Any, fields: Fields, faults: dict[int, str]) -> Values:
    """The values of a column; None, and a fault, where one is such that Python has none for it."""
    try:
        values: Values = column.codec.column(fields)
    except ValueError:
        one_by_one: list[Any] = []
        for row, raw in enumerate(fields.raws()):
            try:
                one_by_one.append(None if raw is None else column.codec.decode(raw))
            except ValueError as error:
                one_by_one.append(None)
                faults.setdefault(row, f"field {column.name!r} cannot be read: {error}")
        return one_by_one
    return values
