"""Writing, one batch at a time: the blocking half of upsert, insert, patch, delete.

A batch goes by binary COPY: straight into the table when its ids are believed to be new, else into a temporary
table and from there by `insert ... on conflict`; a few records are parameters of that statement. A record is replaced whole: a column that it does not mention gets
its default, and generated columns are left to the server. When the server refuses a value, halves of the batch are
tried, inside the same transaction, until the record that is to blame stands alone: the others are written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace

import psycopg

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.payload_columns import PayloadColumns, Values, column_of, keys_of
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.admission import Admission

from . import vectors
from .connections import Connection, OnWire
from .copycodec import Raw, frame_rows
from .errors import is_data_error, reason
from .reading import key_in
from .shape import Column, Table

_FEW = 8
"""Rows that travel as parameters of one statement: a table of their own would cost them more than the write itself."""


@dataclass(frozen=True, slots=True)
class _Encoded:
    """A batch as raw fields, and which of its rows are fit to be written."""

    columns: list[tuple[Column, Raw]]
    groups: list[tuple[frozenset[str], list[int]]]
    """Rows by the columns that are left to their defaults."""


class Writer:
    """Writes to one table."""

    def __init__(self, table: Table, capabilities: Capabilities) -> None:
        self._table = table
        # Payloads are checked by the codecs, which know the column's own limits: the admission sees none.
        self._admission = Admission(replace(table.shape, fields=(), dynamic=True), capabilities)
        self._fields = [column for column in table.fields if not column.generated]
        self._known = {column.name for column in table.fields}
        self._optional = frozenset(column.name for column in self._fields if column.has_default)

    def upsert(self, connection: Connection, batch: Batch, *, fresh: bool) -> WriteResult:
        return self._write(connection, batch, lambda rows: self._replace(connection, rows, fresh=fresh))

    def insert(self, connection: Connection, batch: Batch) -> WriteResult:
        return self._write(connection, batch, lambda rows: self._merge(connection, rows, keep=True))

    def patch(self, connection: Connection, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        loose = {key: value for key, value in payload.items() if key not in self._known}
        sets, values = [], []
        try:
            if loose and self._table.dynamic is None:
                raise ValueError(f"there is no column {min(loose)!r}")
            for column in self._fields:
                if column.name in payload:
                    values.append(_parameter(column, payload[column.name]))
                    sets.append(f"{column.sql} = ${len(values)}::{column.sql_type}")
            if loose and self._table.dynamic is not None:
                values.append(self._table.dynamic.codec.encode(loose)[1:].decode())
                name = self._table.dynamic.sql
                sets.append(f"{name} = coalesce({name}, '{{}}'::jsonb) || ${len(values)}::jsonb")
        except ValueError as error:
            return WriteResult(
                0, tuple(self._admission.refusal(row, id_, str(error)) for row, id_ in enumerate(ids))
            )
        held = [record_id for record_id in ids if self._table.holds(record_id)]
        if held and sets:
            connection.execute(
                f"update {self._table.sql} set {', '.join(sets)} where {key_in(self._table, held)}",  # noqa: S608 quoted
                values,
            )
        return WriteResult(len(ids))

    def delete(self, connection: Connection, ids: Sequence[RecordId]) -> WriteResult:
        held = [record_id for record_id in ids if self._table.holds(record_id)]
        if held:
            connection.execute(f"delete from {self._table.sql} where {key_in(self._table, held)}")  # noqa: S608 quoted
        return WriteResult(len(ids))

    def _write(
        self, connection: Connection, batch: Batch, apply: Callable[[list[tuple[Column, Raw]]], int]
    ) -> WriteResult:
        columns = {
            name: vectors.fit(column, self._table.shape.vector(name)) if self._has(name) else column
            for name, column in batch.vectors.items()
        }
        batch = replace(batch, vectors=columns)
        refused = {refusal.row: refusal for refusal in self._admission.refusals(replace(batch, payload=[]))}
        encoded = self._encode(batch, refused)
        written = 0
        for left_out, rows in encoded.groups:
            mentioned = [(column, raws) for column, raws in encoded.columns if column.name not in left_out]
            written += self._bisect(connection, batch, mentioned, rows, refused, apply)
        return WriteResult(written, tuple(refused[row] for row in sorted(refused)))

    def _has(self, vector: str) -> bool:
        return any(field.name == vector for _, field in self._table.vectors)

    def _bisect(
        self,
        connection: Connection,
        batch: Batch,
        columns: list[tuple[Column, Raw]],
        rows: list[int],
        refused: dict[int, Refusal],
        apply: Callable[[list[tuple[Column, Raw]]], int],
    ) -> int:
        whole = len(rows) == len(batch)
        picked = [(column, raws if whole else [raws[row] for row in rows]) for column, raws in columns]
        try:
            with connection.transaction() if len(batch) > 1 else nullcontext():
                return apply(picked)
        except psycopg.Error as error:
            if not is_data_error(error):
                raise
            if len(batch) == 1:
                connection.rollback()  # it stood for itself: a savepoint is two more ways there and back
            if len(rows) == 1:
                row = rows[0]
                refused[row] = self._admission.refusal(row, batch.ids[row], reason(error))
                return 0
        middle = len(rows) // 2
        return sum(
            self._bisect(connection, batch, columns, half, refused, apply)
            for half in (rows[:middle], rows[middle:])
        )

    # From records to raw fields.

    def _encode(self, batch: Batch, refused: dict[int, Refusal]) -> _Encoded:
        count = len(batch)
        payloads = batch.payload or [{}] * count
        faults: dict[int, str] = {}
        columns: list[tuple[Column, Raw]] = []
        for place, key in enumerate(self._table.keys):
            parts = [record_id[place] for record_id in batch.ids] if len(self._table.keys) > 1 else batch.ids  # type: ignore[index] # compound
            columns.append((key.column, _encode_all(key.column, parts, refused, faults)))
        for column, field in self._table.vectors:
            held = batch.vectors.get(field.name)
            if held is not None and not column.generated:
                columns.append((column, vectors.encode(held, field, count)))
        for column in self._fields:
            values = column_of(payloads, column.name)
            raws = _encode_all(column, values, refused, faults)
            if column.not_null and not column.has_default:
                faults.update(
                    {
                        row: f"field {column.name!r} may not be null"
                        for row, raw in enumerate(raws)
                        if raw is None and row not in faults
                    }
                )
            columns.append((column, raws))
        self._encode_loose(payloads, columns, refused, faults)
        for row in faults.keys() - refused.keys():
            refused[row] = self._admission.refusal(row, batch.ids[row], faults[row])
        return _Encoded(columns, self._groups(payloads, refused))

    def _encode_loose(
        self,
        payloads: Sequence[Payload],
        columns: list[tuple[Column, Raw]],
        refused: dict[int, Refusal],
        faults: dict[int, str],
    ) -> None:
        known = self._known
        loose: Sequence[Payload] = payloads
        if not keys_of(payloads) - known:
            loose = [{}] * len(payloads)
        elif known:
            loose = [{key: payload[key] for key in payload if key not in known} for payload in payloads]
        if self._table.dynamic is not None:
            columns.append((self._table.dynamic, _encode_all(self._table.dynamic, loose, refused, faults)))
            return
        for row, keys in enumerate(loose):
            if keys:
                faults.setdefault(row, f"there is no column {min(keys)!r}")

    def _groups(
        self, payloads: Sequence[Payload], refused: dict[int, Refusal]
    ) -> list[tuple[frozenset[str], list[int]]]:
        if isinstance(payloads, PayloadColumns):  # all of one group
            rows = [row for row in range(len(payloads)) if row not in refused]
            return [(self._optional.difference(payloads.columns), rows)] if rows else []
        groups: dict[frozenset[str], list[int]] = {}
        for row, payload in enumerate(payloads):
            if row not in refused:
                left_out = self._optional.difference(payload) if self._optional else self._optional
                groups.setdefault(left_out, []).append(row)
        return list(groups.items())

    # From raw fields to the table.

    def _replace(self, connection: Connection, columns: list[tuple[Column, Raw]], *, fresh: bool) -> int:
        if fresh and all(column.native for column, _ in columns):
            names = ", ".join(column.sql for column, _ in columns)
            try:
                with connection.transaction():
                    return _copy_in(connection, f"{self._table.sql} ({names})", columns)
            except psycopg.errors.UniqueViolation:
                pass
        return self._merge(connection, columns, keep=False)

    def _merge(self, connection: Connection, columns: list[tuple[Column, Raw]], *, keep: bool) -> int:
        names = ", ".join(column.sql for column, _ in columns)
        picked = ", ".join(
            column.sql if column.native else f"{column.sql}::{column.sql_type}" for column, _ in columns
        )
        count = len(columns[0][1])
        few = count <= _FEW
        rows = f"{_listed(columns)} as few ({names})" if few else self._staged(connection, columns)
        action = "do nothing" if keep else self._action(columns)
        cursor = connection.execute(
            f"insert into {self._table.sql} ({names}) overriding system value"  # noqa: S608 quoted
            f" select {picked} from {rows} on conflict ({self._table.key_sql}) {action}",
            _parameters(columns) if few else None,
        )
        return cursor.rowcount if keep else count

    def _staged(self, connection: Connection, columns: list[tuple[Column, Raw]]) -> str:
        """The name of a table of this session that holds these rows."""
        wire = ", ".join(f"{column.sql} {column.wire_type}" for column, _ in columns)
        digest = hashlib.blake2b(f"{self._table.sql} {wire}".encode(), digest_size=8).hexdigest()
        stage = f"pg_temp.vectormigrate_{digest}"
        # Rows stay in one piece on the way through: out-of-line storage would write each vector twice.
        connection.execute(
            f"create temp table if not exists vectormigrate_{digest} ({wire})"
            " with (toast_tuple_target = 8160) on commit delete rows"
        )
        connection.execute(f"delete from {stage}")  # noqa: S608 our own name
        _copy_in(connection, stage, columns)
        return stage

    def _action(self, columns: list[tuple[Column, Raw]]) -> str:
        keys = {key.column.name for key in self._table.keys}
        given = {column.name for column, _ in columns}
        every = [column for column, _ in self._table.vectors] + list(self._table.fields)
        sets = [
            f"{column.sql} = {f'excluded.{column.sql}' if column.name in given else 'default'}"
            for column in [*every, *([self._table.dynamic] if self._table.dynamic else [])]
            if column.name not in keys and not column.generated and not column.always_identity
        ]
        return f"do update set {', '.join(sets)}" if sets else "do nothing"


def _listed(columns: list[tuple[Column, Raw]]) -> str:
    """Rows as a list of parameters, numbered column by column: their types are told with them, so that the table's own
    rules for assigning them apply.
    """
    count = len(columns[0][1])
    rows = (", ".join(f"${place * count + row + 1}" for place in range(len(columns))) for row in range(count))
    return f"(values {', '.join(f'({row})' for row in rows)})"


def _parameters(columns: list[tuple[Column, Raw]]) -> list[OnWire]:
    """What `_listed` numbers."""
    return [OnWire(raw, column.wire_oid) for column, raws in columns for raw in raws]


def _copy_in(connection: Connection, into: str, columns: list[tuple[Column, Raw]]) -> int:
    raws = [raws for _, raws in columns]
    with connection.cursor().copy(f"copy {into} from stdin (format binary)".encode()) as stream:
        for piece in frame_rows(raws):
            stream.write(piece)
    return len(raws[0])


def _encode_all(column: Column, values: Values, refused: dict[int, Refusal], faults: dict[int, str]) -> Raw:
    """Each value's bytes. A value that the column cannot hold is a fault of its row."""
    values, encode = column.codec.encoding(values)
    try:
        return [None if value is None else encode(value) for value in values]
    except ValueError:
        raws: Raw = []
    for row, value in enumerate(values):
        raw = None
        if value is not None and row not in refused:
            try:
                raw = encode(value)
            except ValueError as error:
                faults.setdefault(row, f"field {column.name!r}: {error}")
        raws.append(raw)
    return raws


def _parameter(column: Column, value: object) -> object:
    """A value as psycopg sends it, checked as a batch would be. JSON goes as its text."""
    if value is None:
        if column.not_null:
            raise ValueError(f"field {column.name!r} may not be null")
        return None
    raw = column.codec.encode(value)
    if column.type_name in ("json", "jsonb"):
        return (raw[1:] if column.type_name == "jsonb" else raw).decode()
    return value
