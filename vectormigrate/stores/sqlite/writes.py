"""Writing rows. Everything here runs inside one transaction of the writer and is committed with it, or not at all.

A batch goes in with one `executemany`. When SQLite refuses a row (a constraint, a CHECK, a trigger), the batch is
taken back and goes in again row by row, so that only the bad ones are left out. Records that the shape can never
hold have been sorted out before (`stores.admission`).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain, islice
from typing import Any, TypeAlias

import apsw

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import Field
from vectormigrate.model.errors import RecordRefused
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.payload_columns import column_of
from vectormigrate.model.record import Payload, RecordId, id_text

from . import vectors
from .database import savepoint
from .errors import REFUSING, STORE
from .followed import NUMBER, VECTOR
from .rows import Reader
from .table import Flavour, Table, quoted
from .values import decode_json, encode_json, encoder, stored_as_they_are
from .virtual import QORTEX_IDS

Row: TypeAlias = tuple[Any, ...]

_VALUES_A_STATEMENT = 1000
"""SQLite works without the interpreter's lock for one statement. For single rows, getting it back costs more than the
row, and a thread that computes makes each of them wait for it: so one statement writes as many rows as have these
values.
"""


@dataclass(frozen=True, slots=True)
class Rows:
    """A batch as SQLite takes it: `keys[i]` and `values[i]` belong to the record at `places[i]` of the batch."""

    places: list[int]
    keys: list[Row]
    values: list[Row]
    refused: list[Refusal]


def refusal(table: Table, row: int, record_id: RecordId, reason: str) -> Refusal:
    """The refusal of one record."""
    text = id_text(record_id)[:200].encode(errors="backslashreplace").decode()
    error = RecordRefused(
        f"record {text} is refused: {reason}",
        hint="mend the record at the source, or what the target takes",
        store=STORE,
        collection=table.name,
        ids=(text,),
    )
    return Refusal(row, record_id, error)


def encode(table: Table, batch: Batch, known: Sequence[Refusal] = ()) -> Rows:
    """The rows of a batch, without those that are known to be refused."""
    count = len(batch)
    if known:
        skipped = {item.row for item in known}
        good = [row for row in range(count) if row not in skipped]
        kept = encode(table, batch.take(good))
        later = [replace(item, row=good[item.row]) for item in kept.refused]
        return Rows([good[place] for place in kept.places], kept.keys, kept.values, [*known, *later])
    columns: list[Sequence[Any]] = [
        vectors.encode(column.field, batch.vectors.get(column.field.name), count) for column in table.vectors
    ]
    written = [column for column in table.fields if not column.generated]
    payloads = batch.payload or [{} for _ in range(count)]
    refused: list[Refusal] = []
    columns += [_encoded(table, column.field, batch, payloads, refused) for column in written]
    if table.dynamic:
        declared = {column.field.name for column in table.fields}
        columns.append(_dynamic(table, declared, batch, payloads, refused))
    out = {item.row for item in refused}
    places = [row for row in range(count) if row not in out]
    rows = list(zip(*columns, strict=True)) if columns else [()] * count
    refused = list({item.row: item for item in refused}.values())
    keys = table.stored_ids(batch.ids)
    if out:
        keys, rows = [keys[row] for row in places], [rows[row] for row in places]
    return Rows(places, keys, rows, refused)


def _encoded(
    table: Table,
    field: Field,
    batch: Batch,
    payloads: Sequence[Payload],
    refused: list[Refusal],
) -> Sequence[Any]:
    values = column_of(payloads, field.name)
    ready = stored_as_they_are(field.type, values)
    if ready is not None:
        return ready
    encode_value = encoder(field.type)
    stored: list[Any] = []
    for row, value in enumerate(values):
        try:
            stored.append(encode_value(value))
        except (ValueError, OverflowError) as error:
            stored.append(None)
            refused.append(refusal(table, row, batch.ids[row], f"field {field.name!r}: {error}"))
    return stored


def _dynamic(
    table: Table, declared: set[str], batch: Batch, payloads: Sequence[Payload], refused: list[Refusal]
) -> list[Any]:
    texts: list[Any] = []
    for row, payload in enumerate(payloads):
        rest = {key: value for key, value in payload.items() if key not in declared} if declared else payload
        try:
            texts.append(encode_json(rest) if rest else None)
        except (ValueError, OverflowError) as error:
            texts.append(None)
            refused.append(refusal(table, row, batch.ids[row], str(error)))
    return texts


def apply(
    connection: apsw.Connection,
    table: Table,
    batch: Batch,
    rows: Rows,
    put: Callable[[list[Row], list[Row]], int],
) -> tuple[int, list[Refusal]]:
    """Put all rows, or, when SQLite refuses one, each by itself. Gives what was put and what was refused."""
    try:
        with savepoint(connection):
            return put(rows.keys, rows.values), rows.refused
    except (*REFUSING, apsw.SQLError):
        # vec0 reports a bad value as an SQL error; a real one comes again with the first row.
        pass
    done, refused = 0, list(rows.refused)
    for place, key, value in zip(rows.places, rows.keys, rows.values, strict=True):
        try:
            with savepoint(connection):
                done += put([key], [value])
        except REFUSING as error:
            refused.append(refusal(table, place, batch.ids[place], str(error)))
        except apsw.SQLError as error:
            if table.flavour is Flavour.PLAIN and not table.beside:
                raise
            refused.append(refusal(table, place, batch.ids[place], str(error)))
    return done, sorted(refused, key=lambda item: item.row)


class PlainWriter:
    """Writes a plain table."""

    def __init__(self, connection: apsw.Connection, table: Table) -> None:
        self._connection = connection
        self._table = table
        self._exact = all(key.exact for key in table.keys)
        self._columns = _written(table)
        names = [key.sql for key in table.keys] + self._columns
        self._most = max(1, _VALUES_A_STATEMENT // len(names))
        self._row = f"({', '.join('?' * len(names))})"
        self._insert = f"INSERT INTO {quoted(table.name)} ({', '.join(names)}) VALUES "  # noqa: S608 quoted names

    def upsert(self, keys: list[Row], values: list[Row]) -> int:
        """Replace or add."""
        conflict = ", ".join(key.sql for key in self._table.keys)
        sets = ", ".join(f"{name} = excluded.{name}" for name in self._columns)
        action = f" ON CONFLICT ({conflict}) DO " + (f"UPDATE SET {sets}" if sets else "NOTHING")
        if self._exact:
            rows = _joined(keys, values)
            while some := list(islice(rows, self._most)):
                marks = ", ".join([self._row] * len(some))
                self._connection.execute(f"{self._insert}{marks}{action}", tuple(chain.from_iterable(some)))
            return len(keys)
        sql = f"{self._insert}{self._row}{action}"
        # Under a collation the row in the way may be another record, which must not be replaced by this one.
        own = " AND ".join(f"{name} = excluded.{name} COLLATE BINARY" for name in conflict.split(", "))
        for row in _joined(keys, values):
            changed = self._connection.execute(
                f"{sql} WHERE {own} RETURNING 1" if sets else sql, row
            ).fetchall()
            if sets and not changed:
                raise apsw.ConstraintError("its key equals another record's under the column's collation")
        return len(keys)

    def insert(self, keys: list[Row], values: list[Row]) -> int:
        """Add what is not there; gives how many were added."""
        conflict = ", ".join(key.sql for key in self._table.keys)
        sql = f"{self._insert}{self._row} ON CONFLICT ({conflict}) DO NOTHING RETURNING 1"
        return len(self._connection.executemany(sql, _joined(keys, values)).fetchall())

    def delete(self, keys: Iterable[Row]) -> None:
        """Remove."""
        sql = f"DELETE FROM {quoted(self._table.name)} WHERE {self._is_key()}"  # noqa: S608 quoted names
        self._connection.executemany(sql, map(self._bound, keys))

    def patch(self, keys: Sequence[Row], payload: Payload) -> None:
        """Set payload keys of the rows that are there."""
        written = {column.field.name: column for column in self._table.fields if not column.generated}
        sets, values, rest = [], [], {}
        for name, value in payload.items():
            if name not in written:
                rest[name] = value
                continue
            sets.append(f"{written[name].sql} = ?")
            values.append(encoder(written[name].field.type)(value))
        name = quoted(self._table.name)
        if sets:
            sql = f"UPDATE {name} SET {', '.join(sets)} WHERE {self._is_key()}"  # noqa: S608 quoted names
            self._connection.executemany(sql, [(*values, *self._bound(key)) for key in keys])
        if rest:
            self._patch_dynamic(keys, rest)

    def _patch_dynamic(self, keys: Sequence[Row], rest: Payload) -> None:
        name, column = quoted(self._table.name), self._table.dynamic
        for key in keys:
            found = self._connection.execute(
                f"SELECT {column} FROM {name} WHERE {self._is_key()}",  # noqa: S608 quoted names
                self._bound(key),
            ).fetchall()
            if found:
                held = decode_json(found[0][0])
                merged = {**(held if isinstance(held, dict) else {}), **rest}
                self._connection.execute(
                    f"UPDATE {name} SET {column} = ? WHERE {self._is_key()}",  # noqa: S608 quoted names
                    (encode_json(merged), *self._bound(key)),
                )

    def _is_key(self) -> str:
        # The collation finds the row by the index, the second look says whether it is the very one.
        return " AND ".join(
            f"{key.sql} = ?" if key.exact else f"{key.sql} = ? AND {key.sql} = ? COLLATE BINARY"
            for key in self._table.keys
        )

    def _bound(self, key: Row) -> Row:
        if self._exact:
            return key
        pairs = (
            (part,) if column.exact else (part, part)
            for column, part in zip(self._table.keys, key, strict=True)
        )
        return tuple(part for pair in pairs for part in pair)


class FollowedWriter(PlainWriter):
    """Writes a table with a vec0 table beside it, to which the table's trigger brings what is inserted and nothing else."""

    def __init__(self, connection: apsw.Connection, table: Table) -> None:
        super().__init__(connection, table)
        name, index, key = quoted(table.name), quoted(table.beside), table.keys[0].sql
        self._counted = key == quoted(NUMBER)
        self._number = f"SELECT {quoted(NUMBER)} FROM {name} WHERE {key} = ?"  # noqa: S608 quoted names
        self._placed = f"SELECT rowid FROM {quoted(table.beside + '_rowids')} WHERE rowid = ?"  # noqa: S608 quoted names
        self._forget = f"DELETE FROM {index} WHERE rowid = ?"  # noqa: S608 quoted names
        row = f"{quoted(NUMBER)}, {quoted(VECTOR)}"
        self._copy = f"INSERT INTO {index} ({row}) SELECT {row} FROM {name} WHERE {quoted(NUMBER)} = ?"  # noqa: S608 quoted names

    def upsert(self, keys: list[Row], values: list[Row]) -> int:
        """Replace or add."""
        held = self._numbers(keys)
        self._take_out(keys if self._counted else held)
        done = super().upsert(keys, values)
        self._connection.executemany(self._copy, held)
        return done

    def insert(self, keys: list[Row], values: list[Row]) -> int:
        """Add what is not there; gives how many were added."""
        if self._counted:
            held = set(self._numbers(keys))
            self._take_out([key for key in keys if key not in held])
        return super().insert(keys, values)

    def delete(self, keys: Iterable[Row]) -> None:
        """Remove."""
        keys = list(keys)
        self._take_out(keys if self._counted else self._numbers(keys))
        super().delete(keys)

    def _numbers(self, keys: Sequence[Row]) -> list[Row]:
        """Of the rows that are there."""
        return self._connection.executemany(self._number, keys).fetchall()

    def _take_out(self, numbers: Sequence[Row]) -> None:
        """Out of the vec0 table: also what an application deleted in the plain table alone, which would be in the way."""
        placed = self._connection.executemany(self._placed, numbers).fetchall()
        self._connection.executemany(self._forget, placed)


def writer(connection: apsw.Connection, table: Table) -> Writer:
    """The writer of a table's flavour."""
    if table.flavour is not Flavour.PLAIN:
        return VirtualWriter(connection, table)
    return (FollowedWriter if table.beside else PlainWriter)(connection, table)


def patch(
    connection: apsw.Connection, table: Table, ids: Sequence[RecordId], payload: Payload
) -> WriteResult:
    """Set payload keys of the records that are there; the payload is known to fit."""
    if table.flavour is Flavour.PLAIN:
        try:
            with savepoint(connection):
                keys = [table.stored_id(record_id) for record_id in ids if table.may_hold(record_id)]
                PlainWriter(connection, table).patch(keys, payload)
        except (*REFUSING, ValueError) as error:
            return WriteResult(
                0, tuple(refusal(table, row, record_id, str(error)) for row, record_id in enumerate(ids))
            )
        return WriteResult(len(ids))
    # vec0 updates no partition column in place, so the whole record is written again.
    held = Reader(table).fetch(connection, ids)
    news = replace(held, payload=[{**old, **payload} for old in held.payload])
    _, refused = apply(connection, table, news, encode(table, news), VirtualWriter(connection, table).upsert)
    place = {record_id: row for row, record_id in enumerate(ids)}
    moved = tuple(replace(item, row=place[item.id]) for item in refused)
    return WriteResult(len(ids) - len(moved), moved)


def _written(table: Table) -> list[str]:
    columns = [column.sql for column in table.vectors]
    columns += [column.sql for column in table.fields if not column.generated]
    return columns + ([table.dynamic] if table.dynamic else [])


def _joined(keys: Sequence[Row], values: Sequence[Row]) -> Iterator[Row]:
    return (key + value for key, value in zip(keys, values, strict=True))


class VirtualWriter:
    """Writes a vec0 table; under the qortex layout through `vec_meta`."""

    def __init__(self, connection: apsw.Connection, table: Table) -> None:
        self._connection = connection
        self._qortex = table.flavour is Flavour.QORTEX
        key = table.row_key
        columns = [column.sql.removeprefix("v.") for column in table.vectors]
        columns += [column.sql.removeprefix("v.") for column in table.fields]
        marks = [column.placeholder for column in table.vectors] + ["?"] * len(table.fields)
        name = quoted(table.name)
        self._counted = table.counted
        self._key_sql = table.keys[0].sql
        self._insert = (
            f"INSERT INTO {name} ({', '.join([quoted(key), *columns])}) VALUES ({', '.join(['?', *marks])})"  # noqa: S608 quoted names
        )
        self._delete = f"DELETE FROM {name} WHERE {quoted(key)} = ?"  # noqa: S608 quoted names

    def upsert(self, keys: list[Row], values: list[Row]) -> int:
        """Replace or add."""
        # vec0 takes long to find out that there is nothing to delete; its shadow table knows at once.
        self.delete([key for key in keys if self._found(key)])
        return self._add(keys, values)

    def insert(self, keys: list[Row], values: list[Row]) -> int:
        """Add what is not there; gives how many were added."""
        there = {key for key in keys if self._found(key)}
        rows = [(key, value) for key, value in zip(keys, values, strict=True) if key not in there]
        return self._add([key for key, _ in rows], [value for _, value in rows])

    def delete(self, keys: Iterable[Row]) -> None:
        """Remove."""
        keys = list(keys)
        if self._qortex:
            held = [row for key in keys for row in self._found(key)]
            self._connection.executemany(self._delete, held)
            self._connection.executemany(f"DELETE FROM {QORTEX_IDS} WHERE id = ?", keys)  # noqa: S608 fixed name
        else:
            self._connection.executemany(self._delete, keys)

    def _found(self, key: Row) -> list[Row]:
        wanted = "r.row_id" if self._qortex else self._key_sql
        sql = f"SELECT {wanted} FROM {self._counted} WHERE {self._key_sql} = ?"  # noqa: S608 quoted names
        return self._connection.execute(sql, key).fetchall()

    def _add(self, keys: list[Row], values: list[Row]) -> int:
        if not self._qortex:
            self._connection.executemany(self._insert, _joined(keys, values))
            return len(keys)
        free = "SELECT coalesce(max(rowid), 0) FROM vec_index_rowids"
        last: Any = self._connection.execute(free).fetchall()[0][0]
        numbers = [(last + place,) for place in range(1, len(keys) + 1)]
        self._connection.executemany(self._insert, _joined(numbers, values))
        self._connection.executemany(
            f"INSERT INTO {QORTEX_IDS} (id, row_id) VALUES (?, ?)",  # noqa: S608 fixed name
            _joined(keys, numbers),
        )
        return len(keys)


Writer: TypeAlias = PlainWriter | VirtualWriter
