"""Which points of an upsert Qdrant holds to the bit as they are read here: those need not be read back.

Its JSON parser is fast and not exact: a number may come out one unit of a double's last place off. That is the same
32-bit float unless the number lies that close to the middle between two; payloads keep the double, so in them only
short numbers are certain. Over gRPC numbers travel as they are, and all of this is beside the point.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

import numpy as np
import orjson

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, Element, Metric, VectorKind

from .changes import Upsert
from .points import WirePoint

_DOUBTFUL = re.compile(rb"[\d.]{17,}|\d[eE][-+\d]")
"""More than fifteen digits, or an exponent, anywhere in a payload: texts that look like it only cost a read."""
_NUMBERS = re.compile(rb"\[[^\[\]{}\"]*\]")
"""The innermost lists of a vector's text."""


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
    batch = change.read(shape.vectors)
    last = {record_id: row for row, record_id in enumerate(batch.ids)}
    rows = [row for row in last.values() if not change.texts or _is_certain(change.texts[row])]
    return batch if len(rows) == len(batch) else batch.take(sorted(rows))


def _is_certain(point: WirePoint) -> bool:
    if _DOUBTFUL.search(bytes(point.payload)):
        return False
    return all(_rounds_surely(orjson.loads(text)) for text in _NUMBERS.findall(bytes(point.vector)))


def _rounds_surely(numbers: Sequence[float]) -> bool:
    exact = np.array(numbers, np.float64)
    rounded = exact.astype(np.float32)
    middle = np.spacing(np.abs(rounded)).astype(np.float64) / 2
    gap = np.abs(np.abs(exact - rounded) - middle)
    return bool((gap > 8 * np.spacing(np.abs(exact))).all())
