"""What the catalog says of a table, as a `Table`: which columns are the key, vectors, payload, and how each travels.

The key is a unique column that a comment marks as such, else the primary key, else the smallest unique index over
columns that cannot be null. What the database counts instead of such a key is no payload. Things that SQL has no
place for are kept in comments that people can read: `vectormigrate: metric cosine` on a vector column before its
index exists, `vectormigrate: other payload keys` on the jsonb column that holds undeclared keys, `vectormigrate: id NAME`
on a table with a compound key, and `vectormigrate: key instead of COLUMN` on the column that is the key where another one
only counts. A table that somebody else made has none of them.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorIndex,
)
from vectormigrate.model.errors import CollectionMissing, StoreBroken
from vectormigrate.model.record import RecordId, ScalarId

from . import likeness, vectors
from .connections import Connection
from .errors import STORE
from .names import TableName, literal, parse, quote
from .values import CODECS, TEXT, Codec, array_codec

COMMENT = "vectormigrate: "
DYNAMIC_COMMENT = COMMENT + "other payload keys"
KEY_COMMENT = COMMENT + "key instead of "
COUNTER = "counter"
"""In a shape's native part: the name of the column that only counts."""
_METRIC = re.compile(rf"{COMMENT}metric (\w+)")
_ID = re.compile(rf"{COMMENT}id (.+)")
_KEY_KINDS = {
    "int2": IdKind.INT,
    "int4": IdKind.INT,
    "int8": IdKind.INT,
    "text": IdKind.TEXT,
    "varchar": IdKind.TEXT,
    "uuid": IdKind.UUID,
}
_KEY_CASTS = {IdKind.INT: "bigint", IdKind.TEXT: "text", IdKind.UUID: "uuid"}
_ID_TYPES: dict[IdKind, type] = {IdKind.INT: int, IdKind.TEXT: str, IdKind.UUID: UUID}
METRICS = {
    "l2": Metric.EUCLID,
    "ip": Metric.DOT,
    "cosine": Metric.COSINE,
    "l1": Metric.MANHATTAN,
    "hamming": Metric.HAMMING,
    "jaccard": Metric.JACCARD,
}
"""By the middle part of pgvector's operator classes: vector_l2_ops, bit_hamming_ops, ..."""
_INT64 = (-(2**63), 2**63 - 1)
_AS_TEXT = frozenset(
    (
        *(
            "inet",
            "cidr",
            "macaddr",
            "macaddr8",
            "interval",
            "timetz",
            "tsvector",
            "tsquery",
            "varbit",
            "bit",
        ),
        *("point", "line", "lseg", "box", "path", "polygon", "circle", "jsonpath", "pg_lsn"),
        *("int4range", "int8range", "numrange", "tsrange", "tstzrange", "daterange"),
    )
)
"""Types of every Postgres that travel as text, and are what they were where they arrive."""

_FIND = """\
select c.oid, n.nspname, c.relname, c.relkind, obj_description(c.oid, 'pg_class')
from pg_class c join pg_namespace n on n.oid = c.relnamespace
where c.relkind in ('r', 'p', 'v', 'm', 'f') and c.relname in ($1::text, lower($1::text))
  and case when $2::text is null then pg_table_is_visible(c.oid) else n.nspname in ($2::text, lower($2::text)) end
order by c.relname = $1::text desc, n.nspname = coalesce($2::text, n.nspname) desc limit 1
"""
_COLUMNS = """\
select a.attnum, a.attname, format_type(a.atttypid, a.atttypmod), a.attnotnull, a.atthasdef or a.attidentity <> '',
       a.attgenerated <> '', a.attidentity, b.typname, b.typcategory = 'A', e.typname, e.oid,
       case when t.typtype = 'd' then t.typtypmod else a.atttypmod end,
       col_description(a.attrelid, a.attnum),
       getdatabaseencoding() = 'UTF8' and case co.collprovider
           when 'c' then co.collcollate in ('C', 'POSIX')
           when 'b' then true
           when 'd' then d.datlocprovider = 'b' or d.datlocprovider = 'c' and d.datcollate in ('C', 'POSIX')
           else false end,
       a.attidentity = 'a', a.atttypid::int8
from pg_attribute a
join pg_type t on t.oid = a.atttypid
join pg_type b on b.oid = case when t.typtype = 'd' then t.typbasetype else t.oid end
left join pg_type e on e.oid = b.typelem and b.typcategory = 'A'
left join pg_collation co on co.oid = a.attcollation
join pg_database d on d.datname = current_database()
where a.attrelid = $1 and a.attnum > 0 and not a.attisdropped order by a.attnum
"""
_INDEXES = """\
select am.amname, string_to_array(i.indkey::text, ' ')::int[], i.indnkeyatts, i.indisprimary,
       i.indisunique and i.indimmediate, oc.opcname, c.reloptions, pg_get_expr(i.indexprs, i.indrelid)
from pg_index i join pg_class c on c.oid = i.indexrelid join pg_am am on am.oid = c.relam
join pg_opclass oc on oc.oid = i.indclass[0]
where i.indrelid = $1 and i.indisvalid and i.indpred is null
order by i.indisprimary desc, i.indnkeyatts, i.indexrelid
"""


_TEXT, _TEXTS = 25, 1009
"""Numbers of `text` and `text[]`, the same in every Postgres."""


@dataclass(frozen=True, slots=True)
class Column:
    """One column. A type that has no codec of its own travels as text, cast by the server (`native` is False)."""

    name: str
    sql_type: str
    type_name: str
    oid: int
    """Of its type."""
    codec: Codec
    native: bool = True
    not_null: bool = False
    has_default: bool = False
    generated: bool = False
    always_identity: bool = False
    bytes_order: bool = False

    @property
    def sql(self) -> str:
        return quote(self.name)

    @property
    def wire_type(self) -> str:
        """The type in which values travel."""
        if self.native:
            return self.sql_type
        return "text[]" if self.codec.type is FieldType.ARRAY else "text"

    @property
    def wire_oid(self) -> int:
        """The number of that type."""
        if self.native:
            return self.oid
        return _TEXTS if self.codec.type is FieldType.ARRAY else _TEXT

    @property
    def selected(self) -> str:
        """The expression that reads it in the type in which it travels."""
        return self.sql if self.native else f"{self.sql}::{self.wire_type}"


@dataclass(frozen=True, slots=True)
class KeyColumn:
    """One column of the key, and what its values are as ids."""

    column: Column
    kind: IdKind

    @property
    def cast(self) -> str:
        """The type that a bound is cast to; an integer key of any width is compared as bigint."""
        if self.column.native:
            return _KEY_CASTS[self.kind]
        return "bpchar" if self.column.type_name == "bpchar" else self.column.sql_type

    @property
    def order(self) -> KeyOrder:
        if self.kind is IdKind.INT:
            return KeyOrder.NUMERIC
        if self.kind is IdKind.UUID:
            return KeyOrder.UUID
        return KeyOrder.BYTES if self.column.native and self.column.bytes_order else KeyOrder.OTHER

    def literal(self, value: ScalarId) -> str:
        """A bound in SQL. What no key can be equal to is moved to the place where it would stand."""
        if isinstance(value, int):
            return f"'{max(_INT64[0], min(value, _INT64[1]))}'::{self.cast}"
        # No stored text holds a NUL, so everything behind "a\0b" is behind "a".
        text = str(value).split("\0", 1)[0]
        return f"{literal(text)}::{self.cast}"

    def holds(self, value: object) -> bool:
        """Whether this column could hold the value at all."""
        if isinstance(value, int):
            return self.kind is IdKind.INT and not isinstance(value, bool) and _INT64[0] <= value <= _INT64[1]
        if isinstance(value, str):
            return self.kind is IdKind.TEXT and "\0" not in value and not _has_surrogate(value)
        return self.kind is IdKind.UUID and isinstance(value, UUID)


@dataclass(frozen=True, slots=True)
class Table:
    """Everything that reading and writing need to know of one table."""

    sql: str
    keys: tuple[KeyColumn, ...]
    vectors: tuple[tuple[Column, VectorField], ...]
    fields: tuple[Column, ...]
    dynamic: Column | None
    shape: CollectionShape
    indexed_halves: frozenset[str] = frozenset()
    """Vectors whose index is over their cast to halfvec."""

    @property
    def key_sql(self) -> str:
        return ", ".join(key.column.sql for key in self.keys)

    @property
    def order(self) -> str:
        """The key for ORDER BY, in a query that calls the table `r`: a bare name would mean the column as selected,
        which for a key that is read as text has another order.
        """
        return ", ".join(f"r.{key.column.sql}" for key in self.keys)

    def bound(self, operator: str, record_id: RecordId) -> str:
        """A condition on the key, compared in the database with the columns' own collations."""
        parts = record_id if isinstance(record_id, tuple) else (record_id,)
        if len(parts) != len(self.keys):
            raise StoreBroken(
                "a cursor does not fit the key of this table", store=STORE, collection=self.shape.name
            )
        bounds = ", ".join(key.literal(part) for key, part in zip(self.keys, parts, strict=True))
        return f"({self.key_sql}) {operator} ({bounds})"

    def holds(self, record_id: RecordId) -> bool:
        """Whether a record of this id could be in this table."""
        parts = record_id if isinstance(record_id, tuple) else (record_id,)
        compound = isinstance(record_id, tuple)
        return (
            compound == (len(self.keys) > 1)
            and len(parts) == len(self.keys)
            and all(key.holds(part) for key, part in zip(self.keys, parts, strict=True))
        )


@dataclass(frozen=True, slots=True)
class _Index:
    method: str
    columns: tuple[int, ...]
    unique: bool
    opclass: str
    options: dict[str, int | float | str | bool]
    expression: str | None


def load(connection: Connection, collection: str) -> Table:
    """Read the catalog. Raises CollectionMissing, StoreBroken when there is no usable key."""
    found = find(connection, parse(collection))
    if found is None:
        raise missing(collection)
    oid, name, comment = found
    rows = connection.execute(_COLUMNS, [oid]).fetchall()
    indexes = [_index(row) for row in connection.execute(_INDEXES, [oid]).fetchall()]
    columns = {row[0]: _column(row) for row in rows}
    comments = {row[1]: row[12] or "" for row in rows}
    marked = next((name for name, text in comments.items() if text.startswith(KEY_COMMENT)), None)
    counter = comments[marked].removeprefix(KEY_COMMENT) if marked else None
    keys = _keys(columns, indexes, marked, collection)
    key_names = {key.column.name for key in keys}
    others = [
        (number, column)
        for number, column in columns.items()
        if column.name not in key_names and column.name != counter
    ]
    modifiers = {row[0]: row[11] for row in rows}
    held = [
        (column, _vector(column, modifiers[number], comments[column.name], number, indexes))
        for number, column in others
        if _is_vector(column.type_name, modifiers[number])
    ]
    plain = [
        (number, column) for number, column in others if not _is_vector(column.type_name, modifiers[number])
    ]
    dynamic = next((column for _, column in plain if comments[column.name].startswith(DYNAMIC_COMMENT)), None)
    fields = [(number, column) for number, column in plain if column is not dynamic]
    shape = CollectionShape(
        collection,
        _id_field(keys, comment or "", rows),
        tuple(_with_dimension(connection, name.sql, column, field) for column, field in held),
        tuple(_field(column, modifiers[number], number, indexes) for number, column in fields),
        dynamic=dynamic is not None,
        native={
            STORE: {
                **likeness.read(connection, oid, name.sql, comment or ""),
                **({COUNTER: counter} if counter else {}),
            }
        },
    )
    halves = frozenset(
        column.name
        for column, _ in held
        if any(index.expression and _casts(index, column.name) for index in indexes)
    )
    paired = tuple((column, field) for (column, _), field in zip(held, shape.vectors, strict=True))
    return Table(name.sql, keys, paired, tuple(column for _, column in fields), dynamic, shape, halves)


def find(connection: Connection, name: TableName) -> tuple[int, TableName, str | None] | None:
    """The table that a name means: as written, else, as psql would have it, in lower case."""
    row = connection.execute(_FIND, [name.table, name.schema]).fetchone()
    return None if row is None else (row[0], TableName(row[2], row[1]), row[4])


def missing(collection: str) -> CollectionMissing:
    return CollectionMissing(
        f"there is no table {collection!r} that this user can see",
        hint="check the name, its schema and the search_path; names are case-sensitive when in upper case",
        store=STORE,
        collection=collection,
    )


def _column(row: tuple[Any, ...]) -> Column:
    _, name, sql_type, not_null, has_default, generated, _, type_name, is_array, element, element_oid = row[
        :11
    ]
    codec, native = CODECS.get(type_name), True
    if is_array:
        codec = array_codec(CODECS[element], element_oid) if element in CODECS else None
    if codec is None:
        codec, native = (array_codec(TEXT, 25) if is_array else TEXT), _is_vector(type_name, row[11])
    return Column(
        name,
        sql_type,
        type_name,
        row[15],
        codec,
        native=native,
        not_null=not_null,
        has_default=has_default,
        generated=generated,
        always_identity=row[14],
        bytes_order=bool(row[13]),
    )


def _index(row: tuple[Any, ...]) -> _Index:
    method, columns, key_count, _, unique, opclass, options, expression = row
    pairs = dict(option.split("=", 1) for option in options or ())
    params: dict[str, int | float | str | bool] = {
        name: int(value) if value.isdigit() else value for name, value in pairs.items()
    }
    return _Index(method, tuple(columns[:key_count]), unique, opclass, params, expression)


def _keys(
    columns: dict[int, Column], indexes: list[_Index], marked: str | None, collection: str
) -> tuple[KeyColumn, ...]:
    for index in indexes:
        if not index.unique or index.expression or 0 in index.columns:
            continue
        members = [columns[number] for number in index.columns]
        wanted = marked is None or [column.name for column in members] == [marked]
        if wanted and all(column.not_null for column in members):
            return tuple(_key_column(column) for column in members)
    if marked is not None:
        raise StoreBroken(
            f"column {marked!r} is to be the key, and no unique index is over it alone, or it can be null",
            hint=f"create unique index on ... ({quote(marked)}); alter table ... alter {quote(marked)} set not null",
            store=STORE,
            collection=collection,
        )
    raise StoreBroken(
        "the table has no primary key, and no unique index over columns that cannot be null",
        hint="add one, such as: alter table ... add primary key (id); a view has to be replaced by its table",
        store=STORE,
        collection=collection,
    )


def _key_column(column: Column) -> KeyColumn:
    kind = _KEY_KINDS.get(column.type_name)
    if kind is not None:
        return KeyColumn(column, kind)
    return KeyColumn(replace(column, codec=TEXT, native=False), IdKind.TEXT)


def _id_field(keys: tuple[KeyColumn, ...], comment: str, rows: list[tuple[Any, ...]]) -> IdField:
    modifiers = {row[1]: row[11] for row in rows}
    parts = tuple(
        IdField(
            key.column.name,
            key.kind,
            key.order,
            4 * (modifiers[key.column.name] - 4)
            if key.column.type_name == "varchar" and modifiers[key.column.name] > 0
            else None,
        )
        for key in keys
    )
    if len(parts) == 1:
        return parts[0]
    named = _ID.search(comment)
    name = named.group(1) if named else "_".join(part.name for part in parts)
    return IdField(name, IdKind.COMPOUND, KeyOrder.OTHER, None, parts)


def _is_vector(type_name: str, modifier: int) -> bool:
    """A `bit` column is a vector when it fills bytes; fewer bits are flags."""
    return type_name in vectors.TYPES and (type_name != "bit" or modifier % 8 == 0)


def _vector(column: Column, modifier: int, comment: str, number: int, indexes: list[_Index]) -> VectorField:
    kind, element = vectors.TYPES[column.type_name]
    dim = modifier if modifier > 0 and modifier != vectors.MAX_SPARSE_DIM else None
    noted = _METRIC.search(comment)
    metric = Metric(noted.group(1)) if noted and noted.group(1) in set(Metric) else None
    index = None
    for candidate in indexes:
        if candidate.method not in ("hnsw", "ivfflat"):
            continue
        if number == candidate.columns[0] or _casts(candidate, column.name):
            params = dict(candidate.options)
            if candidate.expression:
                params["cast"] = "halfvec"
            metric = METRICS.get(candidate.opclass.split("_")[1], metric)
            index = VectorIndex(candidate.method, params)
            break
    quantised = f"{STORE}:halfvec" if index and "cast" in index.params else ""
    if not quantised and any(_quantises(candidate, column.name) for candidate in indexes):
        quantised = f"{STORE}:bit"
    return VectorField(column.name, kind, element, dim, metric, not column.not_null, index, quantised)


def _casts(index: _Index, name: str) -> bool:
    """Whether an expression index is over the column's cast to halfvec."""
    written = re.match(r"\(*(\"(?:[^\"]|\"\")+\"|\w+)\)?::[\w.\"]*halfvec", index.expression or "")
    return written is not None and written.group(1) in (name, quote(name))


def _quantises(index: _Index, name: str) -> bool:
    """Whether an expression index is over one bit for each number of the column."""
    written = re.match(r"\(*[\w.\"]*binary_quantize\(+(\"(?:[^\"]|\"\")+\"|\w+)\)", index.expression or "")
    return written is not None and written.group(1) in (name, quote(name))


def _with_dimension(connection: Connection, table: str, column: Column, field: VectorField) -> VectorField:
    """A column without a declared dimension has that of its rows; the first one speaks for all."""
    if field.dim is not None or column.type_name not in ("vector", "halfvec"):
        return field
    size = 4 if field.element is Element.FLOAT32 else 2
    row = connection.execute(
        f"select octet_length({column.type_name}_send({column.sql})) from {table}"  # noqa: S608 quoted
        f" where {column.sql} is not null limit 1"
    ).fetchone()
    return field if row is None else replace(field, dim=(row[0] - 4) // size)


def _field(column: Column, modifier: int, number: int, indexes: list[_Index]) -> Field:
    length = None
    if column.type_name in ("varchar", "bpchar") and modifier > 4:
        length = 4 * (modifier - 4)
    indexed = any(index.columns and index.columns[0] == number for index in indexes)
    own = f"{STORE}:{column.sql_type}" if column.native or column.type_name in _AS_TEXT else ""
    return Field(
        column.name, column.codec.type, not column.not_null, column.codec.element, length, indexed, own
    )


def _has_surrogate(text: str) -> bool:
    return not text.isascii() and any("\ud800" <= letter <= "\udfff" for letter in text)
