"""Records to and from Pinecone's vector objects, and the small words around them: namespaces, ids, scores.

The surprises: the default namespace has three spellings, indices of a sparse vector come in any order, and the
score of a euclidean index is the *square* of the distance. Vectors go to JSON straight from their arrays; coming
back they pass through a list for an instant, because parsing so and converting at once is four times as fast as
any parser that keeps the text (3.6 against 16 ms for 100 x 768).
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np
import orjson

from vectormigrate.model.batch import Batch, Column, DenseColumn, SparseColumn, sparse_column
from vectormigrate.model.collection import IdKind, Metric
from vectormigrate.model.record import Array, Payload, RecordId, ScalarId, SparseVector

from .metadata import from_metadata, to_metadata
from .shape import DEFAULT_NAMESPACE, Keys, Layout

_NUMPY = orjson.OPT_SERIALIZE_NUMPY
MAX_SPARSE_INDEX = 2**32 - 1
MAX_WEIGHTS = 2048
"""Of a sparse vector; older descriptions say 1,000, and then the server refuses the rest."""


class Malformed(ValueError):
    """A body that is not what Pinecone's API describes; the message is fit for an answer of status 400."""


# Namespaces and ids.


def canonical_namespace(given: str | None) -> str:
    """The one spelling of a namespace: absent, "" and "__default__" are the same."""
    return given or DEFAULT_NAMESPACE


def sent_namespace(namespace: str) -> str:
    """A canonical namespace as every server understands it: older ones would take "__default__" for a name."""
    return "" if namespace == DEFAULT_NAMESPACE else namespace


def to_key(layout: Layout, namespace: str, given: str) -> RecordId:
    """The id of a record of that collection. Raises Malformed when the id cannot be one of it."""
    if layout.keys is not Keys.NAMESPACED:
        return given
    kinds = layout.part_kinds
    return (_part(kinds[0], canonical_namespace(namespace)), _part(kinds[1], given))


def from_key(layout: Layout, record_id: RecordId, partition: str | None = None) -> tuple[str, str]:
    """Namespace and id, canonical, of a record of that collection. Raises Malformed for an id of another kind."""
    if layout.keys is Keys.NAMESPACED:
        if not isinstance(record_id, tuple) or len(record_id) != 2:
            raise Malformed("the id of a record is its namespace and its id")
        return str(record_id[0]), str(record_id[1])
    if not isinstance(record_id, str):
        raise Malformed(f"an id must be a string, not {type(record_id).__name__}")
    namespace = layout.namespace if layout.keys is Keys.ID else canonical_namespace(partition)
    return namespace, record_id


def to_partition(namespace: str) -> str | None:
    """The partition that a namespace is, where namespaces are partitions; the default one is none."""
    return None if namespace == DEFAULT_NAMESPACE else namespace


def _part(kind: IdKind, text: str) -> ScalarId:
    part: ScalarId = text
    try:
        if kind is IdKind.INT:
            part = int(text)
        elif kind is IdKind.UUID:
            part = UUID(text)
    except ValueError:
        raise Malformed(f"{text!r} is not {kind}") from None
    if str(part) != text:
        raise Malformed(f"{text!r} is not how {kind} is written here")
    return part


def id_fault(given: str) -> str:
    """Why Pinecone would refuse an id, in words like its own; empty when it would not."""
    if not given.isascii():
        return f"Vector ID must be ASCII, but got '{given}'"
    if "\0" in given:
        return "Vector ID must not contain NUL"
    if not 1 <= len(given) <= 512:
        return f"Vector ID must be between 1 and 512 characters, but has {len(given)}"
    return ""


# Records going out.


def encode_vectors(batch: Batch, layout: Layout) -> list[bytes]:
    """Each record of a batch as the JSON of a vector object, `{"id", "values", "sparseValues", "metadata"}`.

    What Pinecone refuses is not looked for here: see `admission`.
    """
    dense, sparse = _dense(batch, layout), _sparse(batch, layout)
    encoded = []
    for row, record_id in enumerate(batch.ids):
        partition = batch.partition[row] if batch.partition else None
        vector: dict[str, Any] = {"id": from_key(layout, record_id, partition)[1]}
        if dense is not None and dense.has(row):
            vector["values"] = np.ascontiguousarray(dense.values[row], np.float32)
        if sparse is not None and sparse.has(row):
            vector["sparseValues"] = sparse_values(sparse.row(row))
        if batch.payload and batch.payload[row]:
            vector["metadata"] = to_metadata(batch.payload[row])
        encoded.append(orjson.dumps(vector, option=_NUMPY))
    return encoded


def sparse_values(vector: SparseVector) -> dict[str, Array]:
    """A sparse vector as `{"indices", "values"}`; arrays, for orjson with OPT_SERIALIZE_NUMPY."""
    return {
        "indices": np.ascontiguousarray(vector.indices, np.int64),
        "values": np.ascontiguousarray(vector.values, np.float32),
    }


def _dense(batch: Batch, layout: Layout) -> DenseColumn | None:
    column = batch.vectors.get(layout.dense) if layout.dense is not None else None
    return column if isinstance(column, DenseColumn) else None


def _sparse(batch: Batch, layout: Layout) -> SparseColumn | None:
    column = batch.vectors.get(layout.sparse) if layout.sparse is not None else None
    return column if isinstance(column, SparseColumn) else None


# Records coming in.


def decode_vectors(vectors: Sequence[Mapping[str, Any]], layout: Layout, namespace: str) -> Batch:
    """Vector objects of one namespace, parsed, as a batch. Raises Malformed for what is not one."""
    ids: list[RecordId] = [to_key(layout, namespace, _text(vector, "id")) for vector in vectors]
    columns: dict[str, Column] = {}
    if layout.dense is not None:
        columns[layout.dense] = _dense_column([vector.get("values") for vector in vectors], layout.dim)
    sparse = [vector.get("sparseValues") for vector in vectors]
    if layout.sparse is not None:
        columns[layout.sparse] = sparse_column(
            [None if not given else read_sparse(given) for given in sparse]
        )
    elif any(sparse):
        raise Malformed("Index configuration does not support sparse values")
    payload: list[Payload] = [from_metadata(vector.get("metadata")) for vector in vectors]
    partition = [to_partition(namespace)] * len(ids) if layout.keys is Keys.PARTITIONED else None
    return Batch(ids, columns, payload, partition)


def _dense_column(rows: Sequence[Any], dim: int | None) -> DenseColumn:
    present = np.array([bool(row) for row in rows], dtype=np.bool_)
    held = [row for row in rows if row]
    width = dim or (len(held[0]) if held else 0)
    values = np.zeros((len(rows), width), np.float32)
    if held:
        values[present] = read_numbers(held, width)
    return DenseColumn(values, None if present.all() else present)


def read_numbers(rows: Sequence[Sequence[float]], width: int) -> Array:
    """Parsed lists of numbers as a (n, width) float32 array. Raises Malformed for anything else in them."""
    for row in rows:
        if not isinstance(row, list) or len(row) != width:
            given = len(row) if isinstance(row, list) else 0
            raise Malformed(f"Vector dimension {given} does not match the dimension of the index {width}")
    try:
        with np.errstate(over="ignore"):
            values = np.array(rows).astype(np.float32, casting="same_kind", copy=False)
    except (TypeError, ValueError):
        raise Malformed("Vector values must be numbers") from None
    if rows and width and values.shape != (len(rows), width):
        raise Malformed("Vector values must be numbers")
    if not np.isfinite(values).all():
        raise Malformed("Vector values must be finite 32-bit numbers")
    return values.reshape(len(rows), width)


def read_sparse(given: Any) -> SparseVector:
    """`{"indices", "values"}`, parsed, as a sparse vector in ascending order. Raises Malformed."""
    indices, values = (
        (given.get("indices"), given.get("values")) if isinstance(given, Mapping) else (None, None)
    )
    if not isinstance(indices, list) or not isinstance(values, list) or len(indices) != len(values):
        raise Malformed("Sparse vector must have as many indices as values")
    if not indices:
        raise Malformed("Sparse vector must contain at least one value")
    if any(type(index) is not int or not 0 <= index <= MAX_SPARSE_INDEX for index in indices):
        raise Malformed("Sparse vector indices must be unsigned 32-bit integers")
    places = np.array(indices, np.int64)
    order = np.argsort(places, kind="stable")
    places = places[order]
    if len(places) > 1 and not (places[1:] > places[:-1]).all():
        raise Malformed("Sparse vector indices must be unique")
    return SparseVector(places, read_numbers([values], len(values))[0][order])


def _text(vector: Mapping[str, Any], key: str) -> str:
    value = vector.get(key)
    if not isinstance(value, str):
        raise Malformed(f"a vector must have an {key!r} that is a string")
    return value


# Scores.


def to_score(metric: Metric, neutral: float) -> float:
    """A neutral score as Pinecone shows it."""
    return neutral * neutral if metric is Metric.EUCLID else neutral


def from_score(metric: Metric, score: float) -> float:
    """Pinecone's score with the sign and scale of `Metric`: euclidean indexes answer the squared distance."""
    return math.sqrt(max(score, 0.0)) if metric is Metric.EUCLID else score
