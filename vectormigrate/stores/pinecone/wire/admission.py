"""What Pinecone alone refuses in a record, found before it is sent: the rest of the batch need not suffer for it.

`stores.admission` has passed the records before: ids, dimensions, numbers and weights are right.
"""

from __future__ import annotations

import numpy as np
import orjson

from vectormigrate.model.batch import Batch, DenseColumn
from vectormigrate.model.record import Payload

from .metadata import MAX_BYTES, to_metadata
from .records import Malformed, from_key, id_fault
from .shape import Layout


def faults(batch: Batch, layout: Layout, encoded: list[bytes]) -> dict[int, str]:
    """What is wrong with the records that Pinecone would refuse, by row. `encoded` are their vector objects."""
    found: dict[int, str] = {}
    for row, record_id in enumerate(batch.ids):
        try:
            namespace, given = from_key(layout, record_id, batch.partition[row] if batch.partition else None)
        except Malformed as error:
            found[row] = str(error)
            continue
        fault = id_fault(given) or (
            "" if namespace.isascii() and len(namespace) <= 512 else "no such namespace can be"
        )
        if fault:
            found[row] = fault
    _dense_faults(batch, layout, found)
    for row, text in enumerate(encoded):
        if len(text) > MAX_BYTES and batch.payload and row not in found:
            fault = metadata_fault(batch.payload[row])
            if fault:
                found[row] = fault
    return found


def metadata_fault(payload: Payload) -> str:
    """Why no record can have this payload; empty when one can."""
    size = len(orjson.dumps(to_metadata(payload)))
    return f"its metadata takes {size} bytes, and pinecone holds {MAX_BYTES}" if size > MAX_BYTES else ""


def _dense_faults(batch: Batch, layout: Layout, found: dict[int, str]) -> None:
    column = batch.vectors.get(layout.dense or "")
    if not isinstance(column, DenseColumn):
        return
    zero = ~column.values.any(axis=1)
    if column.present is not None:
        zero &= column.present
    for row in np.flatnonzero(zero):
        found.setdefault(int(row), "a dense vector must have a number that is not zero")
