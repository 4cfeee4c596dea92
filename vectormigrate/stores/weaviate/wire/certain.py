"""Which objects of a gRPC batch Weaviate holds exactly as they were sent: those need not be read back.

Certain is an object with all vectors of its class, whose properties are all declared and of types that Weaviate keeps
as they are: not phone numbers, which it completes, nor coordinates, which it rounds, nor what auto-schema would declare.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.record import Record, RecordId

from .layout import Layout
from .messages import plain_properties, read_batch_object
from .values import EXACT

_KEPT = frozenset({"text", "int", "number", "boolean", "date", "uuid", "blob"})


def certain(objects: Iterable[Any], layout: Layout) -> Batch:
    """The records of these `BatchObject` messages that are certain; of an id that is given twice, none."""
    found: dict[RecordId, Record | None] = {}
    for message in objects:
        record = _certain(message, layout)
        if record is not None:
            found[record.id] = None if record.id in found else record
    records = [record for record in found.values() if record is not None]
    if not records:
        return Batch([])
    widths = {name: vector.shape[-1] for name, vector in {**records[0].dense, **records[0].multi}.items()}
    vectors = [replace(one, dim=one.dim or widths[one.name]) for one in layout.vectors]
    try:
        return batch_of_records(records, vectors)
    except ValueError:  # they are not all of one length, so some were refused
        return Batch([])


def _certain(message: Any, layout: Layout) -> Record | None:
    try:
        record = read_batch_object(message, layout)
    except ValueError:
        return None
    names = [vector.name for vector in layout.vectors]
    if record.dense.keys() == {""} and len(names) == 1:  # one that is not named is the only one
        record = replace(record, dense={names[0]: record.dense[""]})
    given = record.dense.keys() | record.multi.keys()
    plain = plain_properties(message.properties, layout.properties)
    whole = given == {*names}
    return record if whole and all(_is_kept(name, plain, layout) for name in plain) else None


def _is_kept(name: str, plain: Mapping[str, Any], layout: Layout) -> bool:
    held = layout.properties.get(name)
    if held is None or held.element not in _KEPT:
        return False
    value = plain[name]
    values = value if isinstance(value, list) else [value]
    return held.element != "int" or all(isinstance(one, int | float) and abs(one) < EXACT for one in values)
