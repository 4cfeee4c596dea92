"""A search: the statement for a query, the settings that make an approximate index answer in full, the scores."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.base import Content

from . import vectors
from .connections import Connection
from .errors import STORE
from .filters import Translation
from .reading import fetch
from .shape import Column, Table
from .tables import Extension, default_metric, ensure_extension

_OPERATORS = {
    Metric.COSINE: "<=>",
    Metric.DOT: "<#>",
    Metric.EUCLID: "<->",
    Metric.MANHATTAN: "<+>",
    Metric.HAMMING: "<~>",
    Metric.JACCARD: "<%>",
}
_MAX_EF_SEARCH = 1000


def search(connection: Connection, table: Table, query: Query) -> list[Match]:
    """The nearest records, nearest first. Raises ShapeMismatch for a vector that does not fit."""
    column, field = _target(table, query)
    held = ensure_extension(connection)
    metric = field.metric or default_metric(field)
    _tune(connection, query, held)
    translation = Translation(table)
    type_name = column.type_name
    expression = column.sql
    if field.name in table.indexed_halves and not query.exact:
        type_name, expression = "halfvec", f"{column.sql}::{held.prefix}halfvec({field.dim})"
    wanted = _vector_text(query.vector, field)
    cast = f"bit({field.dim})" if type_name == "bit" else f"{held.prefix}{type_name}"
    given = translation.parameter(wanted, cast)
    distance = f"({expression} operator({held.prefix}{_OPERATORS[metric]}) {given})"
    where = f"{column.sql} is not null"
    if query.filter is not None:
        where += f" and {translation.condition(query.filter)}"
    keys = ", ".join(key.column.selected for key in table.keys)
    rows = connection.execute(
        f"select {distance}, {keys} from {table.sql} where {where} order by {distance} limit {int(query.limit)}",  # noqa: S608 quoted
        translation.parameters,
        binary=True,
    ).fetchall()
    matches = [Match(row[1] if len(row) == 2 else tuple(row[1:]), _score(metric, row[0])) for row in rows]
    return _with_records(connection, table, matches) if query.with_record else matches


def _target(table: Table, query: Query) -> tuple[Column, VectorField]:
    for column, field in table.vectors:
        if field.name != query.using:
            continue
        sparse = isinstance(query.vector, SparseVector)
        fits = sparse == (field.kind is VectorKind.SPARSE)
        if fits and not isinstance(query.vector, SparseVector):
            fits = field.row_width in (None, query.vector.shape[-1])
        if fits:
            return column, field
        raise ShapeMismatch(
            f"the query's vector does not fit {field.name!r}, which is {field.kind} with {field.dim} dimensions",
            hint="search with a vector of the same kind and dimension",
            store=STORE,
            collection=table.shape.name,
        )
    raise ShapeMismatch(
        f"there is no vector {query.using!r}",
        hint=f"there are: {', '.join(field.name for _, field in table.vectors) or 'none'}",
        store=STORE,
        collection=table.shape.name,
    )


def _tune(connection: Connection, query: Query, held: Extension) -> None:
    """For this transaction only. Settings of an extension exist once it is loaded, so they are set as custom ones."""
    if query.exact:
        connection.execute("set local enable_indexscan = off")
        return
    search = min(max(query.limit, 40), _MAX_EF_SEARCH)
    connection.execute(f"set local hnsw.ef_search = {search}")
    if held.version >= (0, 8):
        # Without it a filter, or a limit above ef_search, would leave the answer short.
        connection.execute("set local hnsw.iterative_scan = strict_order")
        connection.execute("set local ivfflat.iterative_scan = relaxed_order")


def _vector_text(vector: Array | SparseVector, field: VectorField) -> str:
    if isinstance(vector, SparseVector):
        pairs = zip(vector.indices.tolist(), vector.values.tolist(), strict=True)
        inside = ",".join(f"{index + 1}:{value!r}" for index, value in pairs if value)
        return f"{{{inside}}}/{field.dim or vectors.MAX_SPARSE_DIM}"
    if field.element is Element.BINARY:
        return "".join(map(str, np.unpackbits(vector).tolist()))
    return "[" + ",".join(map(repr, np.asarray(vector, np.float32).tolist())) + "]"


def _score(metric: Metric, distance: float) -> float:
    match metric:
        case Metric.COSINE:
            return 1.0 - distance
        case Metric.DOT:
            return -distance
        case _:
            return float(distance)


def _with_records(connection: Connection, table: Table, matches: list[Match]) -> list[Match]:
    batch = fetch(connection, table, [match.id for match in matches], Content.FULL)
    records = {record.id: record for record in batch.records()}
    return [replace(match, record=records[match.id]) for match in matches if match.id in records]
