"""Weights by frequency: what `modifier: idf` makes of a sparse query, ln((n - df + 0.5) / (df + 0.5) + 1) for each of its indices.

Qdrant keeps these counts, deleted points included until it cleans up. Here the points are looked at for every search: right, and as
slow as the collection is large, so beyond some number it is refused.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import aclosing

import numpy as np

from vectormigrate.model.batch import SparseColumn
from vectormigrate.model.collection import VectorField
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.base import Store

from .matching import MOST, Condition, pages
from .problems import not_served


async def weighted(
    store: Store, collection: str, field: VectorField, vectors: Sequence[SparseVector]
) -> list[SparseVector]:
    """Queries of a vector with their values weighted, as 32-bit floats. Raises Problem where too many points have it."""
    indices = np.unique(np.concatenate([vector.indices for vector in vectors]))
    total, having = 0, np.zeros(len(indices))
    async with aclosing(pages(store, collection, Condition())) as batches:
        async for batch in batches:
            column = batch.vectors.get(field.name)
            if not isinstance(column, SparseColumn):
                continue
            total += sum(column.has(row) for row in range(len(batch)))
            having += _counts(indices, column.indices)
            if total > MOST:
                raise not_served(
                    f"more than {MOST} points would be counted to weight {field.name!r} by frequency"
                )
    weights = np.log((total - having + 0.5) / (having + 0.5) + 1)
    return [
        SparseVector(
            one.indices, (one.values * weights[np.searchsorted(indices, one.indices)]).astype(np.float32)
        )
        for one in vectors
    ]


def _counts(indices: Array, held: Array) -> Array:
    """How often each of these ascending indices is among those held."""
    if not len(indices):
        return np.zeros(0)
    places = np.minimum(np.searchsorted(indices, held), len(indices) - 1)
    return np.bincount(places[indices[places] == held], minlength=len(indices))
