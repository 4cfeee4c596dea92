"""Which points of an upsert Qdrant holds to the bit as they are read here: those need not be read back.

Its JSON parser is fast and not exact: a number may come out one unit of a double's last place off. That is the same
32-bit float unless the number lies that close to the middle between two; payloads keep the double, so in them only
short numbers are certain. Over gRPC numbers travel as they are, and all of this is beside the point.
"""

from __future__ import annotations

import re

import numpy as np

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, Element, Metric, VectorKind
from vectormigrate.model.record import Array

from .changes import Upsert
from .points import read_points

_DOUBTFUL = re.compile(rb"[\d.]{17,}|\d[eE][-+\d]")
"""More than fifteen digits, or an exponent, anywhere in a payload: texts that look like it only cost a read."""
_BEYOND = np.uint64(2**29 - 1)
"""The bits of a double's fraction that a 32-bit float does not have."""
_MIDDLE, _NEAR = 2**28, 8
"""Where between two floats those bits say the middle is, and how many of a double's last places count as close to it."""
_PLAIN = float(np.finfo(np.float32).smallest_normal), float(np.finfo(np.float32).max)
"""Between these, and at zero, a float has all its bits."""


def keeps_as_given(shape: CollectionShape) -> bool:
    """Whether a collection of Qdrant holds all its vectors as they were put: neither at length one nor rounded."""
    datatypes = shape.native.get("qdrant", {}).get("vectors", {})
    return not any("datatype" in settings for settings in datatypes.values()) and all(
        vector.kind is VectorKind.SPARSE
        or (vector.element is Element.FLOAT32 and vector.metric is not Metric.COSINE)
        for vector in shape.vectors
    )


def certain(change: Upsert, shape: CollectionShape) -> Batch:
    """The points of an upsert that a collection `keeps_as_given`, but for those that may be a little different there.

    Of an id that is given twice, the last. Raises ValueError.
    """
    doubtful = {row for row, point in enumerate(change.texts) if _DOUBTFUL.search(bytes(point.payload))}

    def seen(row: int, numbers: Array) -> None:
        if not _rounds_surely(numbers):
            doubtful.add(row)

    if change.texts:
        batch = read_points(change.texts, shape.vectors, ids=change.ids, seen=seen)
    else:
        batch = change.read(shape.vectors)
    last = {record_id: row for row, record_id in enumerate(batch.ids)}
    rows = [row for row in last.values() if row not in doubtful]
    return batch if len(rows) == len(batch) else batch.take(sorted(rows))


def _rounds_surely(numbers: Array) -> bool:
    """Whether no double (float64, any shape) would be another 32-bit float if it were a last place or two off."""
    sizes = np.abs(numbers)
    if len(sizes) and not (sizes.min() >= _PLAIN[0] and sizes.max() < _PLAIN[1]):
        plain = (sizes == 0) | ((sizes >= _PLAIN[0]) & (sizes < _PLAIN[1]))
        if not plain.all():
            return False
    places = numbers.view(np.uint64) & _BEYOND
    places -= np.uint64(_MIDDLE - _NEAR)  # what lies below it becomes very large
    return bool((places > np.uint64(2 * _NEAR)).all())
