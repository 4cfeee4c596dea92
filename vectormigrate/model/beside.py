"""What a target has no place for, kept beside the record, so that the way back has it: sparse vectors and partitions.

A sparse vector stands there as JSON, arrives whole and comes home to the bit, but is searched by nobody meanwhile: `plan` says
so. A partition is its name. The surprise: to the rest of a plan both are declared fields of the source, planned and converted
by the table that plans every other.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from .batch import Column, SparseColumn, sparse_column
from .capabilities import Capabilities
from .collection import CollectionShape, Field, FieldType, VectorKind
from .plan import PARTITION, PLACE, SPARSE, Fate, MappingOptions, VectorPlan
from .record import SparseVector

_TEXT = frozenset({FieldType.TEXT})
_TEXTUAL = frozenset({FieldType.JSON, FieldType.TEXT})

Note = dict[str, Any]
"""What stands under `plan.SPARSE`: vector names to `{"indices": [...], "values": [...]}`."""


def put_beside(
    source: CollectionShape,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    options: MappingOptions,
) -> tuple[CollectionShape, MappingOptions, tuple[VectorPlan, ...]]:
    """The source with fields in place of what goes this way, what was said about the rest, and the plans of the vectors. As
    given where the target has places of its own, or no room for any key.
    """
    source, options = _partitions(source, capabilities, existing, options)
    wanted = [one for one in source.vectors if one.kind is VectorKind.SPARSE and one.name not in options.drop]
    if capabilities.sparse or not wanted or not _room(capabilities, existing, SPARSE, _TEXTUAL):
        return source, options, ()
    rename = dict(options.rename or {})
    reason = f"the target has no sparse vectors: kept as JSON beside it, under {SPARSE!r}, and not searchable"
    plans = tuple(
        VectorPlan(one.name, rename.pop(one.name, one.name), Fate.CONVERTED, reason=reason) for one in wanted
    )
    rest = tuple(one for one in source.vectors if one not in wanted)
    fields = (*source.fields, Field(SPARSE, FieldType.JSON))
    return replace(source, vectors=rest, fields=fields), replace(options, rename=rename), plans


def _partitions(
    source: CollectionShape,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    options: MappingOptions,
) -> tuple[CollectionShape, MappingOptions]:
    """The source with its partition as one more field, which may be given another name than ours."""
    has = capabilities.partitions if existing is None else existing.partitions
    rename = {PARTITION: PLACE, **(options.rename or {})}
    unwanted = not source.partitions or has or PARTITION in options.drop
    if unwanted or not _room(capabilities, existing, rename[PARTITION], _TEXT):
        return source, options
    field = Field(PARTITION, FieldType.TEXT, indexed=True)
    return replace(source, fields=(*source.fields, field), partitions=()), replace(options, rename=rename)


def _room(
    capabilities: Capabilities, existing: CollectionShape | None, key: str, types: frozenset[FieldType]
) -> bool:
    """Whether the target, there or still to be made, has room under a key for values of one of these types."""
    if existing is None:
        return capabilities.dynamic or bool(capabilities.field_types & types)
    held = existing.field_named(key)
    return existing.dynamic if held is None else held.type in types


def written(columns: Mapping[str, Column], plans: Sequence[VectorPlan]) -> dict[int, Note]:
    """By row, what is to stand under `SPARSE`; no row for a record without any of these vectors."""
    notes: dict[int, Note] = {}
    for plan in plans:
        column = columns.get(plan.source)
        if not isinstance(column, SparseColumn):
            continue
        bounds, indices = column.indptr.tolist(), column.indices.tolist()
        # By their shortest texts: 0.1 of float32 is 0.1 to whoever reads it, and the same float32 again.
        values = column.values.astype(np.str_).astype(np.float64).tolist()
        for row in range(len(bounds) - 1):
            if column.has(row):
                span = slice(bounds[row], bounds[row + 1])
                vector = {"indices": indices[span], "values": values[span]}
                notes.setdefault(row, {})[plan.target] = vector
    return notes


def read(notes: Sequence[Any], plans: Sequence[VectorPlan]) -> dict[str, Column]:
    """The vectors of these records, by the source's names. What stands there and is none of ours says nothing: `is_ours`."""
    return {
        plan.source: sparse_column(
            [_vector(note.get(plan.target)) if isinstance(note, dict) else None for note in notes]
        )
        for plan in plans
    }


def is_ours(note: Any, plans: Sequence[VectorPlan]) -> bool:
    """Whether all that stands under `SPARSE` can be read as vectors of these plans."""
    if note is None:
        return True
    known = {plan.target for plan in plans}
    return (
        isinstance(note, dict)
        and note.keys() <= known
        and all(_vector(one) is not None for one in note.values())
    )


def _vector(told: Any) -> SparseVector | None:
    match told:
        case {"indices": list(indices), "values": list(values)} if len(indices) == len(values):
            try:
                return SparseVector(np.array(indices, np.int64), np.array(values, np.float32))
            except (TypeError, ValueError, OverflowError):
                return None
        case _:
            return None
