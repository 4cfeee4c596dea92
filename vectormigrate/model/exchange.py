"""Our own words for records, filters and searches as JSON values: what applications that call us directly say and hear.

Ids are text or numbers as the collection has them, a UUID as its text, a compound key as a list. Vectors are lists of
numbers, a sparse one `{"indices": [...], "values": [...]}`, a multi-vector a list of lists. Payload values that JSON has
no type for are written as `jsonvalue` does. Filters:

    {"and": [...]}, {"or": [...]}, {"not": {...}}, {"ids": [...]},
    {"field": "a" or ["a", "b"], "eq" | "ne" | "gt" | "gte" | "lt" | "lte" | "in": value}, {"field": ..., "exists": true},
    {"field": ..., "null": true}
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any
from uuid import UUID

import numpy as np

from .batch import Batch, batch_of_records
from .collection import CollectionShape, IdField, IdKind, VectorKind
from .errors import UsageError
from .filter import And, Compare, Comparison, Exists, Filter, HasId, In, IsNull, Not, Or
from .query import Match, Query
from .record import Array, Record, RecordId, ScalarId, SparseVector

_LIMIT = 10
_MOST = 2**31 - 1
"""The greatest limit: what every database counts with."""
_OF_A_RECORD = ("id", "vectors", "payload", "partition")
_OF_A_SEARCH = ("vector", "using", "limit", "filter", "exact", "with_record")


def read_id(value: Any, key: IdField) -> RecordId:
    """An id of a collection. Raises UsageError for what its key cannot hold."""
    if key.kind is not IdKind.COMPOUND:
        return _scalar(value, key.kind)
    if not isinstance(value, list) or len(value) != len(key.parts):
        raise UsageError(f"{value!r} is no id of this collection, which has a list of {len(key.parts)}")
    return tuple(_scalar(part, of.kind) for part, of in zip(value, key.parts, strict=True))


def _scalar(value: Any, kind: IdKind) -> ScalarId:
    if isinstance(value, int) and not isinstance(value, bool) and kind not in (IdKind.TEXT, IdKind.UUID):
        return value
    if isinstance(value, str) and kind is IdKind.TEXT:
        return value
    if isinstance(value, str) and kind is not IdKind.INT:
        try:
            return UUID(value)
        except ValueError:
            raise UsageError(f"{value!r} is no UUID") from None
    raise UsageError(f"{value!r} is no id of this collection, whose ids are {kind}")


def write_id(record_id: RecordId) -> Any:
    """An id as JSON."""
    if isinstance(record_id, tuple):
        return [write_id(part) for part in record_id]
    return str(record_id) if isinstance(record_id, UUID) else record_id


def read_records(values: Any, shape: CollectionShape) -> Batch:
    """Records of a collection. Raises UsageError."""
    if not isinstance(values, list):
        raise UsageError("records are a list")
    records = [_record(value, shape) for value in values]
    try:
        return batch_of_records(records, shape.vectors, partitioned=bool(shape.partitions))
    except ValueError as error:  # of a field without a declared dimension
        raise UsageError(f"the vectors do not have the shape of their fields: {error}") from None


def _record(value: Any, shape: CollectionShape) -> Record:
    if not isinstance(value, Mapping) or "id" not in value:
        raise UsageError("a record is an object with an id")
    only(value, _OF_A_RECORD, "a record")
    dense: dict[str, Array] = {}
    sparse: dict[str, SparseVector] = {}
    multi: dict[str, Array] = {}
    for name, given in _mapping(value.get("vectors", {}), "vectors").items():
        vector = read_vector(given, name, shape)
        kind = shape.vector(name).kind
        if isinstance(vector, SparseVector):
            sparse[name] = vector
        elif kind is VectorKind.MULTI:
            multi[name] = vector
        else:
            dense[name] = vector
    payload = dict(_mapping(value.get("payload", {}), "payload"))
    return Record(read_id(value["id"], shape.id), dense, sparse, multi, payload, value.get("partition"))


def only(value: Mapping[str, Any], known: Sequence[str], what: str) -> None:
    """Nothing else may be in it: what is misspelt would be lost without a word. Raises UsageError."""
    for name in value:
        if name not in known:
            raise UsageError(f"{what} has no {name!r}", hint=f"it has: {', '.join(known)}")


def _truth(asked: Mapping[str, Any], name: str) -> bool:
    value = asked.get(name, False)
    if not isinstance(value, bool):
        raise UsageError(f"{name!r} is true or false, not {value!r}")
    return value


def _mapping(value: Any, name: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UsageError(f"{name} is an object")
    return value


def read_vector(value: Any, name: str, shape: CollectionShape) -> Array | SparseVector:
    """One vector of a field: (dim,), (tokens, dim) or sparse. Raises UsageError."""
    try:
        field = shape.vector(name)
    except KeyError:
        raise UsageError(
            f"there is no vector {name!r}", hint=f"there are: {', '.join(one.name for one in shape.vectors)}"
        ) from None
    try:
        if field.kind is VectorKind.SPARSE:
            return _sparse(value)
        found = _numbers(value, field.element.dtype)
        whole = found.dtype.kind == "f" or bool((found == np.asarray(value)).all())
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        raise UsageError(f"vector {name!r} cannot be read: {error}") from None
    rank = 2 if field.kind is VectorKind.MULTI else 1
    if found.ndim != rank or field.row_width not in (None, found.shape[-1]):
        raise UsageError(f"vector {name!r} does not have the shape of its field, {field.dim} dimensions")
    if not whole:
        raise UsageError(f"vector {name!r} holds {field.element} numbers, which are whole")
    return found


def _numbers(value: Any, kind: str) -> Array:
    """Raises ValueError for what is infinite in this type or no number at all, and what numpy raises."""
    with np.errstate(over="ignore"):
        found: Array = np.asarray(value, dtype=kind)
    if found.dtype.kind == "f" and not np.isfinite(found).all():
        raise ValueError(f"it holds numbers that {kind} has not, or NaN")
    return found


def _sparse(value: Any) -> SparseVector:
    """Raises ValueError, and what a value of another kind raises."""
    if not isinstance(value, Mapping) or set(value) != {"indices", "values"}:
        raise ValueError("a sparse one is an object with indices and values")
    indices, values = np.asarray(value["indices"]), _numbers(value["values"], "float32")
    if indices.shape != values.shape or indices.ndim != 1 or indices.dtype.kind not in ("i", "u", "f"):
        raise ValueError("indices and values are lists of numbers, as many of one as of the other")
    order = np.argsort(indices, kind="stable")
    ascending = indices[order].astype(np.int64)
    if (ascending != indices[order]).any() or (ascending[:1] < 0).any() or (np.diff(ascending) == 0).any():
        raise ValueError("indices are whole numbers from 0 on, and none is there twice")
    return SparseVector(ascending, values[order])


def write_records(records: Iterable[Record]) -> list[dict[str, Any]]:
    """Records as JSON values; payloads as they are."""
    return [_written(record) for record in records]


def _written(record: Record) -> dict[str, Any]:
    vectors: dict[str, Any] = {
        name: vector.tolist() for name, vector in {**record.dense, **record.multi}.items()
    }
    for name, vector in record.sparse.items():
        vectors[name] = {"indices": vector.indices.tolist(), "values": vector.values.tolist()}
    written = {"id": write_id(record.id), "vectors": vectors, "payload": record.payload}
    return written if record.partition is None else {**written, "partition": record.partition}


def read_filter(value: Any, key: IdField) -> Filter:
    """A filter. Raises UsageError for anything that is none."""
    match value:
        case {"and": list(items), **rest} if not rest:
            return And(tuple(read_filter(item, key) for item in items))
        case {"or": list(items), **rest} if not rest:
            return Or(tuple(read_filter(item, key) for item in items))
        case {"not": item, **rest} if not rest:
            return Not(read_filter(item, key))
        case {"ids": list(ids), **rest} if not rest:
            return HasId(tuple(read_id(one, key) for one in ids))
        case {"field": field, **condition} if len(condition) == 1:
            ((word, held),) = condition.items()
            return _on_field(_path(field), str(word), held)
    raise UsageError(f"{value!r} is no filter", hint="the forms are in docs/neutral.md")


def _path(field: Any) -> tuple[str, ...]:
    parts = [field] if isinstance(field, str) else field
    if not isinstance(parts, list) or not parts or not all(isinstance(part, str) for part in parts):
        raise UsageError(f"{field!r} is no field: give its name, or a list of keys")
    return tuple(parts)


def _on_field(path: tuple[str, ...], word: str, value: Any) -> Filter:
    if word in set(Comparison):
        return Compare(path, Comparison(word), value)
    if word == "in" and isinstance(value, list):
        return In(path, tuple(value))
    conditions: dict[str, Filter] = {"exists": Exists(path), "null": IsNull(path)}
    plain = conditions.get(word)
    if plain is None or not isinstance(value, bool):
        raise UsageError(
            f"{word!r} is no condition with the value {value!r}", hint="the forms are in docs/neutral.md"
        )
    return plain if value else Not(plain)


def read_query(value: Any, shape: CollectionShape) -> Query:
    """A search. Raises UsageError."""
    asked = _mapping(value, "the search")
    only(asked, _OF_A_SEARCH, "a search")
    using = asked.get("using", shape.vectors[0].name if len(shape.vectors) == 1 else None)
    if using is None or "vector" not in asked:
        raise UsageError("a search has a vector, and `using` names its field where there is more than one")
    limit = asked.get("limit", _LIMIT)
    if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= _MOST:
        raise UsageError(f"the limit {limit!r} is not a number of records", hint=f"from 1 to {_MOST:,}")
    where = asked.get("filter")
    return Query(
        read_vector(asked["vector"], str(using), shape),
        str(using),
        limit,
        None if where is None else read_filter(where, shape.id),
        _truth(asked, "exact"),
        _truth(asked, "with_record"),
    )


def write_matches(matches: Sequence[Match]) -> list[dict[str, Any]]:
    """Hits, nearest first."""
    return [
        {"id": write_id(one.id), "score": one.score}
        | ({} if one.record is None else {"record": _written(one.record)})
        for one in matches
    ]
