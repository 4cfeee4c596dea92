"""Exact search: every row is scored inside SQLite, by sqlite-vec's distance functions where it has one.

What sqlite-vec has no function for (dot products, Jaccard, float16, sparse and multi-vectors) is scored by a Python
function that SQLite calls with each BLOB. A vec0 table that is asked without a filter answers by its own KNN.
"""

from __future__ import annotations

import math
from typing import Any

import apsw
import numpy as np

from vectormigrate.model.collection import Element, Metric, VectorField, VectorKind
from vectormigrate.model.errors import ShapeMismatch, StoreBroken
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import SparseVector

from . import filters, vectors
from .errors import STORE
from .rows import Reader
from .scores import scorer
from .table import Flavour, Table, VectorColumn, quoted
from .virtual import QORTEX_IDS

_SCORE = "vectormigrate_score"
_MOST_NEIGHBOURS = 4096
"""The largest k that vec0 takes."""
_NATIVE = {
    # A vector of length zero has no angle; it scores 0.
    Metric.COSINE: "coalesce(1.0 - vec_distance_cosine({}, ?), 0.0)",
    Metric.EUCLID: "vec_distance_L2({}, ?)",
    Metric.MANHATTAN: "vec_distance_L1({}, ?)",
}


def search(connection: apsw.Connection, table: Table, query: Query) -> list[Match]:
    """The nearest records. Raises ShapeMismatch for a vector that does not fit."""
    column = _column(table, query)
    metric = column.field.metric or Metric.COSINE
    rows = (
        _neighbours(connection, table, column, metric, query)
        if _has_knn(table, column, query)
        else _ranked(connection, table, column, metric, query)
    )
    width = len(table.keys)
    ids = [table.record_id(row[:width]) for row in rows]
    records: dict[Any, Any] = {}
    if query.with_record and ids:
        records = {record.id: record for record in Reader(table).fetch(connection, ids).records()}
    return [
        Match(record_id, math.nan if row[width] is None else row[width], records.get(record_id))
        for record_id, row in zip(ids, rows, strict=True)
    ]


def _column(table: Table, query: Query) -> VectorColumn:
    for column in table.vectors:
        if column.field.name == query.using:
            _check_fits(table, column.field, query)
            return column
    raise ShapeMismatch(
        f"table {table.name!r} has no vector {query.using!r}",
        hint=f"it has: {', '.join(column.field.name for column in table.vectors) or 'none'}",
        store=STORE,
        collection=table.name,
    )


def _check_fits(table: Table, field: VectorField, query: Query) -> None:
    sparse = isinstance(query.vector, SparseVector)
    fits = sparse == (field.kind is VectorKind.SPARSE)
    if fits and not sparse and field.dim is not None:
        wanted = (field.dim + 7) // 8 if field.element is Element.BINARY else field.dim
        fits = np.asarray(query.vector).shape[-1:] == (wanted,)
    if not fits:
        raise ShapeMismatch(
            f"the query does not fit vector {field.name!r} of {field.dim} dimensions",
            store=STORE,
            collection=table.name,
        )


def _has_knn(table: Table, column: VectorColumn, query: Query) -> bool:
    return (
        table.flavour is not Flavour.PLAIN
        and query.filter is None
        and column.field.element is Element.FLOAT32
        and 0 < query.limit <= _MOST_NEIGHBOURS
    )


def _neighbours(
    connection: apsw.Connection, table: Table, column: VectorColumn, metric: Metric, query: Query
) -> list[tuple[Any, ...]]:
    name = column.sql.removeprefix("v.")
    key = quoted(table.row_key)
    score = "1.0 - n.distance" if metric is Metric.COSINE else "n.distance"
    sql = f"{quoted(table.name)} AS n WHERE n.{name} MATCH ? AND n.k = ?"
    if table.flavour is Flavour.QORTEX:
        nearest = f"SELECT n.{key} AS row_id, n.distance FROM {sql}"  # noqa: S608 quoted names
        sql = f"({nearest}) AS n JOIN {QORTEX_IDS} AS r ON r.row_id = n.row_id"
    shown = "r.id" if table.flavour is Flavour.QORTEX else f"n.{key}"
    sql = f"SELECT {shown}, {score} FROM {sql} ORDER BY n.distance"  # noqa: S608 quoted names
    vector = vectors.encode_one(column.field, np.asarray(query.vector))
    return connection.execute(sql, (vector, query.limit)).fetchall()


def _ranked(
    connection: apsw.Connection, table: Table, column: VectorColumn, metric: Metric, query: Query
) -> list[tuple[Any, ...]]:
    condition = filters.translate(query.filter, table) if query.filter is not None else filters.Condition()
    native = _native(column.field, metric)
    leaves = condition.leaves

    def leaf(*given: Any) -> int:
        return int(leaves[given[0]].holds(*given[1:]))

    connection.create_scalar_function(filters.LEAF, leaf)
    values: list[Any] = []
    if native is None:
        score_of: Any = scorer(column.field, metric, query.vector)
        connection.create_scalar_function(_SCORE, score_of, 1)
        score = f"{_SCORE}({column.sql})"
    else:
        score = native.format(column.sql)
        values.append(vectors.encode_one(column.field, np.asarray(query.vector)))
    direction = "DESC" if metric.higher_is_nearer else "ASC"
    sql = (
        f"SELECT {table.order()}, {score} AS score FROM {table.source} "  # noqa: S608 quoted
        f"WHERE {column.sql} IS NOT NULL AND ({condition.sql}) "
        f"ORDER BY {len(table.keys) + 1} {direction} NULLS LAST, {table.order()} LIMIT ?"
    )
    try:
        return connection.execute(sql, (*values, *condition.values, query.limit)).fetchall()
    except apsw.SQLError as error:
        raise StoreBroken(
            f"table {table.name!r}: vector {column.field.name!r} of some record cannot be compared: {error}",
            hint="a vector there has another length; a scan names the record",
            store=STORE,
            collection=table.name,
        ) from None


def _native(field: VectorField, metric: Metric) -> str | None:
    """sqlite-vec's expression of the score, with a place for the column; None when it has none."""
    if field.kind is not VectorKind.DENSE:
        return None
    if field.element is Element.FLOAT32:
        return _NATIVE.get(metric)
    if field.element is Element.BINARY and metric is Metric.HAMMING and (field.dim or 1) % 8 == 0:
        return "vec_distance_hamming(vec_bit({}), vec_bit(?))"
    return None
