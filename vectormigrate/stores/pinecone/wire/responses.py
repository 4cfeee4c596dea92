"""What a facade answers, as the objects that become JSON or protobuf, and Pinecone's own answers read back.

Vectors stay arrays up to the last step (orjson writes them from there). Errors have two shapes: the data plane's
`{code, message, details}` with a gRPC code, and the control plane's `{error: {code, message}, status}`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import orjson

from vectormigrate.model.collection import Metric
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, Record
from vectormigrate.stores.pinecone.filters import from_json

from .metadata import INTS, to_metadata
from .records import from_key, from_score, read_numbers, sparse_values, to_key, to_score
from .shape import Layout

Json = dict[str, Any]

CODES = {
    "INVALID_ARGUMENT": (3, 400),
    "OUT_OF_RANGE": (11, 400),
    "UNAUTHENTICATED": (16, 401),
    "PERMISSION_DENIED": (7, 403),
    "NOT_FOUND": (5, 404),
    "ALREADY_EXISTS": (6, 409),
    "FAILED_PRECONDITION": (9, 412),
    "RESOURCE_EXHAUSTED": (8, 429),
    "INTERNAL": (13, 500),
    "UNIMPLEMENTED": (12, 501),
    "UNAVAILABLE": (14, 503),
    "DEADLINE_EXCEEDED": (4, 504),
}
"""The words of an error: its gRPC code and its HTTP status."""

_NUMPY = orjson.OPT_SERIALIZE_NUMPY


def to_json(answer: Mapping[str, Any]) -> bytes:
    """The bytes of an answer; arrays in the shortest digits that read back as they are."""
    return orjson.dumps(answer, option=_NUMPY)


def data_error(word: str, message: str) -> Json:
    """The body of an error of the data plane."""
    return {"code": CODES[word][0], "message": message, "details": []}


def control_error(word: str, message: str) -> Json:
    """The body of an error of the control plane."""
    return {"error": {"code": word, "message": message}, "status": CODES[word][1]}


# Records.


def shown_metadata(payload: Payload) -> Json:
    """Metadata of a record that need not have come from Pinecone: nulls are left out, for Pinecone has none, and
    what metadata has no word for stands under the reserved key of `metadata`.
    """
    metadata = to_metadata(
        {key: value for key, value in payload.items() if value is not None and value != []}
    )
    metadata.pop(INTS, None)
    return metadata | {key: value for key, value in payload.items() if value == []}


def vector_object(record: Record, layout: Layout, *, values: bool = True, metadata: bool = True) -> Json:
    """A record as fetch and query show it."""
    shown: Json = {"id": from_key(layout, record.id, record.partition)[1], "values": []}
    if values:
        if layout.dense is not None and layout.dense in record.dense:
            shown["values"] = np.ascontiguousarray(record.dense[layout.dense], np.float32)
        if layout.sparse is not None and layout.sparse in record.sparse:
            shown["sparseValues"] = sparse_values(record.sparse[layout.sparse])
    if metadata and record.payload:
        shown["metadata"] = shown_metadata(record.payload)
    return shown


def scored(shown: Json, metric: Metric, neutral: float) -> Json:
    """A match: the vector object with Pinecone's score, in 32 bits as Pinecone has it."""
    return {**shown, "score": float(np.float32(to_score(metric, neutral)))}


def with_next(answer: Json, token: str | None) -> Json:
    """A page; without `pagination` it is the last one."""
    if token is not None:
        answer["pagination"] = {"next": token}
    return answer


USAGE = {"readUnits": 1}
"""Nothing is billed here; Pinecone never answers zero."""


# Pinecone's own answers.


def read_search(
    request: Mapping[str, Any], answer: Mapping[str, Any], layout: Layout, metric: Metric
) -> tuple[Query, list[Match]] | None:
    """A query and its matches in neutral terms; None for one that has none (by id, hybrid, with an unknown filter)."""
    vector = request.get("vector")
    if (
        layout.dense is None
        or not isinstance(vector, list)
        or request.get("sparseVector")
        or request.get("id")
    ):
        return None
    given = request.get("filter")
    condition = from_json(given) if given else None
    values = read_numbers([vector], layout.dim or len(vector))[0]
    query = Query(values, layout.dense, limit=int(request.get("topK", 10)), filter=condition)
    return query, _matches(answer.get("matches") or (), layout, metric)


def _matches(given: Sequence[Mapping[str, Any]], layout: Layout, metric: Metric) -> list[Match]:
    return [
        Match(to_key(layout, layout.namespace, match["id"]), from_score(metric, match.get("score", 0.0)))
        for match in given
    ]
