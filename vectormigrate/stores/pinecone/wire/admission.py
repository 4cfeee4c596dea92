"""What Pinecone alone refuses in a record, found before it is sent: the rest of the batch need not suffer for it.

`stores.admission` has passed the records before: ids, dimensions and numbers are right.
"""

from __future__ import annotations

import numpy as np
import orjson

from vectormigrate.model.batch import Batch, DenseColumn, SparseColumn

from .metadata import MAX_BYTES, to_metadata
from .records import MAX_SPARSE_INDEX, Malformed, from_key, id_fault
from .shape import Layout

MAX_SPARSE = 2048
"""Most weights of a sparse vector; older descriptions say 1,000, and then the server refuses the rest."""


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
    _sparse_faults(batch, layout, found)
    for row, text in enumerate(encoded):
        if len(text) > MAX_BYTES and batch.payload and row not in found:
            size = len(orjson.dumps(to_metadata(batch.payload[row])))
            if size > MAX_BYTES:
                found[row] = f"its metadata takes {size} bytes, and pinecone holds {MAX_BYTES}"
    return found


def _dense_faults(batch: Batch, layout: Layout, found: dict[int, str]) -> None:
    column = batch.vectors.get(layout.dense or "")
    if not isinstance(column, DenseColumn):
        return
    zero = ~column.values.any(axis=1)
    if column.present is not None:
        zero &= column.present
    for row in np.flatnonzero(zero):
        found.setdefault(int(row), "a dense vector must have a number that is not zero")


def _sparse_faults(batch: Batch, layout: Layout, found: dict[int, str]) -> None:
    column = batch.vectors.get(layout.sparse or "")
    if not isinstance(column, SparseColumn):
        return
    counts = np.diff(column.indptr)
    bad = (counts > MAX_SPARSE) | (counts == 0)
    if column.present is not None:
        bad &= column.present
    for row in np.flatnonzero(bad):
        found.setdefault(int(row), f"a sparse vector must have 1 to {MAX_SPARSE} weights")
    outside = (column.indices < 0) | (column.indices > MAX_SPARSE_INDEX)
    rows = np.searchsorted(column.indptr, np.flatnonzero(outside), side="right") - 1
    found.update((int(row), f"a sparse vector has an index beyond {MAX_SPARSE_INDEX}") for row in rows)
