"""Making tables, and making them searchable once they are loaded: statements, and what PostgreSQL can index.

Vectors wider than an index takes get what pgvector's own documentation advises, an index over their cast to
`halfvec`; where that does not reach either, none, and the comment of the column says why. An index kind that
pgvector does not have becomes HNSW, except `flat`, which is no index.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import assert_never

import psycopg

from vectormigrate.model.collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    Metric,
    VectorField,
    VectorIndex,
    VectorKind,
)
from vectormigrate.model.errors import CollectionExists, CollectionMissing, PermissionDenied, Unsupported

from . import likeness, vectors
from .connections import Connection
from .errors import STORE, reason
from .names import TableName, check_length, literal, parse, quote
from .shape import COMMENT, COUNTER, DYNAMIC_COMMENT, KEY_COMMENT, METRICS, Table, find, load

MAX_DIM = 16_000
_MAX_INDEXED = {"vector": 2_000, "halfvec": 4_000, "bit": 64_000, "sparsevec": vectors.MAX_SPARSE_DIM}
_TYPES = {(kind, element): name for name, (kind, element) in vectors.TYPES.items()}
_SQL_TYPES = {
    FieldType.BOOL: "boolean",
    FieldType.INT: "bigint",
    FieldType.FLOAT: "double precision",
    FieldType.TEXT: "text",
    FieldType.BYTES: "bytea",
    FieldType.DECIMAL: "numeric",
    FieldType.DATETIME: "timestamp with time zone",
    FieldType.DATETIME_NAIVE: "timestamp without time zone",
    FieldType.DATE: "date",
    FieldType.TIME: "time without time zone",
    FieldType.UUID: "uuid",
    FieldType.JSON: "jsonb",
}
_KEY_TYPES = {IdKind.INT: "bigint", IdKind.TEXT: 'text collate "C"', IdKind.UUID: "uuid"}
_OPCLASSES = {metric: word for word, metric in METRICS.items()}
_LIMITS = {"m": (2, 100), "ef_construction": (4, 1000), "lists": (1, 32768)}
_TOO_LARGE = ("54000", "0A000", "22000")
_DISK_FULL = "53100"


@dataclass(frozen=True, slots=True)
class Extension:
    """pgvector as installed in this database."""

    schema: str
    version: tuple[int, ...]

    @property
    def prefix(self) -> str:
        return quote(self.schema) + "."


_CURRENT = Extension("public", (0, 8, 0))
"""What a database gets that has none yet."""


def extension(connection: Connection) -> Extension | None:
    """What is installed; None when nothing is."""
    row = connection.execute(
        "select n.nspname, e.extversion from pg_extension e join pg_namespace n on n.oid = e.extnamespace"
        " where e.extname = 'vector'"
    ).fetchone()
    return None if row is None else Extension(row[0], tuple(int(part) for part in row[1].split(".")))


def ensure_extension(connection: Connection) -> Extension:
    """Install pgvector into the database if it is not. Raises Unsupported, PermissionDenied."""
    held = extension(connection)
    if held is not None:
        return held
    if not connection.execute("select 1 from pg_available_extensions where name = 'vector'").fetchone():
        raise Unsupported(
            "the server has no pgvector",
            hint="install the package pgvector for this version of PostgreSQL on the server",
            store=STORE,
        )
    try:
        with connection.transaction():
            connection.execute("create extension if not exists vector")
    except psycopg.errors.InsufficientPrivilege:
        raise PermissionDenied(
            "this user may not install the extension pgvector into the database",
            hint="let the database's owner run: create extension vector",
            store=STORE,
        ) from None
    except (psycopg.errors.UniqueViolation, psycopg.errors.DuplicateObject):
        # Another session was quicker; the extension is there once its transaction is.
        pass
    held = extension(connection)
    assert held is not None
    return held


_LOCATE = """\
select case when has_function_privilege('pg_control_system()', 'execute')
            then (select system_identifier::text from pg_control_system())
            else coalesce(inet_server_addr()::text, 'local') || ':' || current_setting('port') end,
       (select oid from pg_database where datname = current_database())
"""


def locate(connection: Connection, collection: str) -> str:
    """The cluster's own name, the database and the table, however they were reached."""
    name = parse(collection)
    cluster, database = connection.execute(_LOCATE).fetchall()[0]
    found = find(connection, name)
    return f"pgvector:{cluster}/{database}/{name.text if found is None else found[0]}"


def check_create(connection: Connection, shape: CollectionShape) -> None:
    """Raise what `create` would raise for this shape. A database without pgvector is taken to get a current one."""
    name = parse(shape.name)
    _check_schema(connection, name, shape.name)
    allowed = connection.execute(
        "select has_schema_privilege(coalesce($1, current_schema()), 'create')", [name.schema]
    ).fetchone()
    if allowed == (False,):
        raise PermissionDenied(
            "this user may not create a table there",
            hint=f"grant create on schema {quote(name.schema or 'public')} to this user, or use another one",
            store=STORE,
            collection=shape.name,
        )
    create_statements(shape, name, extension(connection) or _CURRENT)


def create(connection: Connection, shape: CollectionShape) -> Table:
    """Make the table, without its vector indexes. Raises CollectionExists, Unsupported, CollectionMissing."""
    name = parse(shape.name)
    _check_schema(connection, name, shape.name)
    existing = find(connection, name)
    if existing is not None and existing[1].table == name.table:
        raise CollectionExists(
            f"there is already a table {shape.name!r}",
            hint="choose another name, or drop it first",
            store=STORE,
            collection=shape.name,
        )
    for statement in create_statements(shape, name, ensure_extension(connection)):
        connection.execute(statement)
    return load(connection, shape.name)


def _check_schema(connection: Connection, name: TableName, collection: str) -> None:
    if (
        name.schema
        and not connection.execute("select 1 from pg_namespace where nspname = $1", [name.schema]).fetchone()
    ):
        raise CollectionMissing(
            f"there is no schema {name.schema!r} for the table {collection!r}",
            hint=f"create it first: create schema {quote(name.schema)}",
            store=STORE,
            collection=collection,
        )


def create_statements(shape: CollectionShape, name: TableName, held: Extension) -> list[str]:
    """The DDL of a shape. Pure."""
    parts = shape.id.parts or (shape.id,)
    columns = [(part.name or "id", _key_column(part, shape)) for part in parts]
    names = [part.name or "id" for part in parts]
    comments = []
    for vector in shape.vectors:
        column = vector.name or "vector"
        names.append(column)
        needed = "" if vector.nullable else " not null"
        columns.append((column, f"{quote(column)} {_vector_type(vector, shape, held)}{needed}"))
        if vector.metric is not None:
            comments.append((column, f"{COMMENT}metric {vector.metric}"))
    for field in shape.fields:
        names.append(field.name)
        said = likeness.additions(shape, field.name) + ("" if field.nullable else " not null")
        columns.append((field.name, f"{quote(field.name)} {_field_type(field)}{said}"))
    if shape.dynamic:
        dynamic = _free_name("payload", names)
        names.append(dynamic)
        columns.append((dynamic, f"{quote(dynamic)} jsonb not null default '{{}}'::jsonb"))
        comments.append((dynamic, DYNAMIC_COMMENT))
    _check_names(names, shape)
    counter = shape.native.get(STORE, {}).get(COUNTER)
    if counter and not shape.id.parts:
        names.append(counter)
        columns.append((counter, f"{quote(counter)} bigint generated by default as identity"))
        comments.append((shape.id.name or "id", f"{KEY_COMMENT}{counter}"))
    key = ", ".join(quote(part.name or "id") for part in parts)
    lines = [*likeness.in_order(shape, columns), f"primary key ({key})", *likeness.checks(shape)]
    made = [f"create table {name.sql} ({', '.join(lines)})"]
    if shape.id.parts:
        comments.append(("", f"{COMMENT}id {shape.id.name}"))
    return made + [
        f"comment on {f'column {name.sql}.{quote(column)}' if column else f'table {name.sql}'} is {literal(text)}"
        for column, text in (likeness.comments(shape) | dict(comments)).items()
    ]


def _key_column(part: IdField, shape: CollectionShape) -> str:
    name = part.name or "id"
    kind = likeness.key_type(shape, name, part.kind) or _KEY_TYPES[part.kind]
    return f"{quote(name)} {kind}{likeness.additions(shape, name)} not null"


def _check_names(names: list[str], shape: CollectionShape) -> None:
    for name in names:
        check_length(name, shape.name)
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise Unsupported(
            f"the key, the vectors and the fields share one set of column names, and {twice[0]!r} is there twice",
            hint="rename one of them with --rename",
            store=STORE,
            collection=shape.name,
        )


def _free_name(wanted: str, taken: list[str]) -> str:
    name, number = wanted, 2
    while name in taken:
        name, number = f"{wanted}_{number}", number + 1
    return name


def _vector_type(vector: VectorField, shape: CollectionShape, held: Extension) -> str:
    name = _TYPES.get((vector.kind, vector.element))
    fault = ""
    if name is None:
        fault = f"a {vector.kind} vector of {vector.element}"
    elif name in ("halfvec", "sparsevec") and held.version < (0, 7):
        fault = f"{name}: it came with pgvector 0.7, and the server has {'.'.join(map(str, held.version))}"
    elif name in ("vector", "halfvec") and (vector.dim or 0) > MAX_DIM:
        fault = f"{vector.dim} dimensions, the most is {MAX_DIM}"
    elif name == "bit" and (vector.dim is None or vector.dim % 8):
        fault = f"a binary vector of {vector.dim} bits: whole bytes are needed"
    if name is None or fault:
        raise Unsupported(
            f"vector {vector.name!r} cannot be held: {fault}",
            hint="leave it behind with --drop, or upgrade pgvector where that is what is missing",
            store=STORE,
            collection=shape.name,
        )
    if name == "bit":
        return f"bit({vector.dim})"
    dim = vector.dim or (vectors.MAX_SPARSE_DIM if name == "sparsevec" else None)
    return f"{held.prefix}{name}" + (f"({dim})" if dim else "")


def _field_type(field: Field) -> str:
    if own := likeness.own_type(field):
        return own
    if field.type is not FieldType.ARRAY:
        return _SQL_TYPES.get(field.type, "jsonb")
    if field.element in (None, FieldType.JSON, FieldType.ANY, FieldType.ARRAY):
        return "jsonb"
    return _SQL_TYPES[field.element] + "[]"


# After the load.


def finish_load(connection: Connection, shape: CollectionShape, memory: str) -> None:
    """Build the indexes that the shape asks for and the table lacks, and let the planner know the table."""
    table = load(connection, shape.name)
    held = ensure_extension(connection)
    connection.execute(
        "select set_config('maintenance_work_mem', $1, true)"
        " where pg_size_bytes(current_setting('maintenance_work_mem')) < pg_size_bytes($1)",
        [memory],
    )
    for wanted in shape.vectors:
        found = next((field for _, field in table.vectors if field.name == wanted.name), None)
        if wanted.index is not None and found is not None and found.index is None:
            _build(
                connection,
                table,
                replace(found, metric=wanted.metric or found.metric, index=wanted.index),
                held,
            )
    if _build_like(connection, table, shape):
        table = load(connection, shape.name)
    for field in shape.fields:
        present = table.shape.field_named(field.name)
        if field.indexed and present is not None and not present.indexed:
            _build_plain(connection, table, present)
    _advance_sequences(connection, table)
    connection.execute(f"analyze {table.sql}")


def _build(connection: Connection, table: Table, field: VectorField, held: Extension) -> None:
    statement = index_statement(table.sql, field, held)
    fault = "" if statement else _why_not(field)
    if statement and statement != "flat":
        fault = _try_index(connection, statement)
    if fault:
        metric = f"metric {field.metric}; " if field.metric else ""
        text = literal(f"{COMMENT}{metric}not indexed: {fault}")
        connection.execute(f"comment on column {table.sql}.{quote(field.name)} is {text}")


def index_statement(table: str, field: VectorField, held: Extension) -> str:
    """The statement that builds a vector's index; "flat" when none is wanted, "" when none is possible. Pure."""
    assert field.index is not None
    if field.index.kind == "flat":
        return "flat"
    type_name = _TYPES[field.kind, field.element]
    metric = field.metric or default_metric(field)
    method = "ivfflat" if field.index.kind == "ivfflat" and _ivfflat_can(type_name, metric) else "hnsw"
    expression = quote(field.name)
    halved = field.index.params.get("cast") == "halfvec" and type_name == "vector" and held.version >= (0, 7)
    if (halved and field.dim) or (field.dim or 0) > _MAX_INDEXED[type_name]:
        if type_name != "vector" or (field.dim or 0) > _MAX_INDEXED["halfvec"] or held.version < (0, 7):
            return ""
        type_name, expression = "halfvec", f"({expression}::{held.prefix}halfvec({field.dim}))"
    opclass = f"{held.prefix}{type_name}_{_OPCLASSES[metric]}_ops"
    options = _options(method, field.index)
    return f"create index on {table} using {method} ({expression} {opclass}){options}"


def _ivfflat_can(type_name: str, metric: Metric) -> bool:
    return type_name != "sparsevec" and metric not in (Metric.MANHATTAN, Metric.JACCARD)


def _options(method: str, index: VectorIndex) -> str:
    names = ("lists",) if method == "ivfflat" else ("m", "ef_construction")
    given: dict[str, int] = {}
    for name in names:
        value = index.params.get(name)
        if isinstance(value, int):
            low, high = _LIMITS[name]
            given[name] = min(max(value, low), high)
    if "m" in given and method == "hnsw":
        given["ef_construction"] = max(given.get("ef_construction", 64), 2 * given["m"])
    return f" with ({', '.join(f'{name} = {value}' for name, value in given.items())})" if given else ""


def _why_not(field: VectorField) -> str:
    most = _MAX_INDEXED[_TYPES[field.kind, field.element]]
    if field.element is Element.FLOAT32 and field.kind is VectorKind.DENSE:
        most = _MAX_INDEXED["halfvec"]
    return f"{field.dim} dimensions, and pgvector indexes at most {most}"


def _try_index(connection: Connection, statement: str) -> str:
    """Build an index; why the data does not allow it, or "". Raises what a retry might cure."""
    for workers in (None, 0):
        try:
            with connection.transaction():
                if workers is not None:
                    connection.execute(f"set local max_parallel_maintenance_workers = {workers}")
                connection.execute(statement)
        except psycopg.Error as error:
            if error.sqlstate in _TOO_LARGE:
                return reason(error)
            # A parallel build needs shared memory of that size, and containers have little: one worker needs none.
            if error.sqlstate != _DISK_FULL or workers is not None:
                raise
        else:
            return ""
    return ""


def _build_like(connection: Connection, table: Table, shape: CollectionShape) -> bool:
    """Build the indexes that the table had where it comes from; whether there were any."""
    here = {one["text"] for one in likeness.told(table.shape).get(likeness.INDEXES) or ()}
    lacking = [one for one in likeness.indexes(shape) if one not in here]
    for one in lacking:
        _try_index(connection, f"create index on {table.sql} using {one}")
    return bool(lacking)


def _build_plain(connection: Connection, table: Table, field: Field) -> None:
    method = "gin" if field.type in (FieldType.JSON, FieldType.ARRAY) else "btree"
    if field.type is FieldType.JSON and not _is_jsonb(table, field.name):
        return
    _try_index(connection, f"create index on {table.sql} using {method} ({quote(field.name)})")


def _is_jsonb(table: Table, name: str) -> bool:
    return any(column.name == name and column.type_name == "jsonb" for column in table.fields)


def _advance_sequences(connection: Connection, table: Table) -> None:
    """Let the application's own inserts go on behind the ids that were loaded."""
    whole = [key.column for key in table.keys if key.kind is IdKind.INT]
    whole += [column for column in table.fields if column.codec.type is FieldType.INT and column.has_default]
    for column in whole:
        connection.execute(
            "select setval(s, m) from (select pg_get_serial_sequence($1, $2)::regclass as s,"  # noqa: S608 quoted
            f" (select max({column.sql}) from {table.sql}) as m) x"
            " where s is not null and m > coalesce(pg_sequence_last_value(s), 0)",
            [table.sql, column.name],
        )


def default_metric(field: VectorField) -> Metric:
    """The metric to search by where nothing declares one."""
    match field.element:
        case Element.BINARY:
            return Metric.HAMMING
        case Element.FLOAT32 | Element.FLOAT16 | Element.INT8 | Element.UINT8:
            return Metric.COSINE
        case _:
            assert_never(field.element)


def made_shape(described: CollectionShape, wanted: CollectionShape) -> CollectionShape:
    """What was made, together with the indexes that are still to be built behind the load."""
    asked = {vector.name or "vector": vector.index for vector in wanted.vectors}
    indexed = {field.name for field in wanted.fields if field.indexed}
    return replace(
        described,
        vectors=tuple(
            replace(vector, index=_possible(replace(vector, index=asked.get(vector.name))))
            for vector in described.vectors
        ),
        fields=tuple(replace(field, indexed=field.name in indexed) for field in described.fields),
    )


def _possible(field: VectorField) -> VectorIndex | None:
    if field.index is None or field.index.kind == "flat":
        return None
    newest = Extension("public", (0, 8))
    return field.index if index_statement("t", field, newest) else None
