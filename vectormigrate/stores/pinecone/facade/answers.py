"""Answers as they leave: headers, log sequence numbers, and every foreseen error in Pinecone's own words.

Which kind of error an exception is, is decided once, for REST and gRPC.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionExists,
    CollectionMissing,
    GateRefused,
    PermissionDenied,
    RecordRefused,
    ShapeMismatch,
    StateError,
    StoreDown,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
    VectormigrateError,
)
from vectormigrate.stores.front import Outcome
from vectormigrate.stores.pinecone.errors import NamespaceMissing
from vectormigrate.stores.pinecone.filters import BadFilter
from vectormigrate.stores.pinecone.wire import responses
from vectormigrate.stores.pinecone.wire.records import Malformed
from vectormigrate.stores.raw import Headers, HttpResponse, RpcReply

from .endpoints import Plane

WRITTEN_AT = "x-pinecone-request-lsn"
READ_AT = "x-pinecone-max-indexed-lsn"
FORESEEN = (VectormigrateError, Malformed, BadFilter)
"""What a facade answers instead of raising."""

DEFINITE = (
    *(
        Malformed,
        BadFilter,
        RecordRefused,
        ShapeMismatch,
        NamespaceMissing,
        CollectionMissing,
        CollectionExists,
    ),
    *(Unsupported, AuthenticationFailed, PermissionDenied),
)
"""Those that say of a write to a store what came of it: refused, as a whole or from there on."""

_JSON = (b"content-type", b"application/json")

_WORDS: tuple[tuple[type[Exception], str], ...] = (
    (Malformed, "INVALID_ARGUMENT"),
    (BadFilter, "INVALID_ARGUMENT"),
    (RecordRefused, "INVALID_ARGUMENT"),
    (ShapeMismatch, "INVALID_ARGUMENT"),
    (NamespaceMissing, "NOT_FOUND"),
    (CollectionMissing, "NOT_FOUND"),
    (CollectionExists, "ALREADY_EXISTS"),
    (Unsupported, "UNIMPLEMENTED"),
    (GateRefused, "FAILED_PRECONDITION"),
    (AuthenticationFailed, "UNAUTHENTICATED"),
    (PermissionDenied, "PERMISSION_DENIED"),
    (Throttled, "RESOURCE_EXHAUSTED"),
    (StoreDown, "UNAVAILABLE"),
    (StateError, "UNAVAILABLE"),
    (Unreachable, "UNAVAILABLE"),
    (Unresolved, "DEADLINE_EXCEEDED"),
)


class TooLarge(Malformed):
    """A request beyond the limit of bytes."""


def word_of(error: Exception) -> str:
    """What Pinecone calls an error of this kind."""
    if isinstance(error, TooLarge):
        return "OUT_OF_RANGE"
    return next((word for kind, word in _WORDS if isinstance(error, kind)), "INTERNAL")


def message_of(error: Exception) -> str:
    """What the client is told."""
    return error.message if isinstance(error, VectormigrateError) else str(error)


def failure(error: Exception, plane: Plane) -> HttpResponse:
    """An error as an HTTP answer."""
    return refusal(word_of(error), message_of(error), plane, retry_after=getattr(error, "retry_after", None))


def refusal(word: str, message: str, plane: Plane, *, retry_after: float | None = None) -> HttpResponse:
    """An error in the plane's shape."""
    shape = responses.data_error if plane is Plane.DATA else responses.control_error
    headers: Headers = [_JSON]
    if retry_after is not None:
        headers = [_JSON, (b"retry-after", str(max(1, round(retry_after))).encode())]
    return HttpResponse(responses.CODES[word][1], headers, responses.to_json(shape(word, message)))


def rpc_failure(error: Exception) -> RpcReply:
    """An error as the answer to a call."""
    return RpcReply(code=responses.CODES[word_of(error)][0], details=message_of(error))


def success(
    answer: Mapping[str, Any], position: tuple[str, int] | None = None, status: int = 200
) -> HttpResponse:
    """An answer, with the log sequence number of what it wrote or has seen."""
    headers = [_JSON]
    if position is not None:
        headers.append((position[0].encode(), str(position[1]).encode()))
    return HttpResponse(status, headers, responses.to_json(answer))


class Positions:
    """Log sequence numbers: microseconds of the wall clock that never repeat or go back, so that they outgrow those
    of the real service (which counts from zero) and of this process before it was restarted.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        """A position behind every one that was given."""
        self._last = max(self._last + 1, int(self._clock.now().timestamp() * 1e6))
        return self._last


# What Pinecone's own answers say about a write: correctness, outcome classes.

_DEFINITE = {400, 401, 402, 403, 404, 405, 409, 410, 411, 412, 413, 414, 415, 422, 429, 431, 501}
_DEFINITE_CODES = {0, 3, 5, 6, 7, 8, 9, 11, 12, 16}


def outcome_of(status: int) -> Outcome:
    """What an HTTP status says."""
    if status == 202:
        return Outcome.LATE
    return Outcome.ANSWERED if 200 <= status < 300 or status in _DEFINITE else Outcome.UNRESOLVED


def outcome_of_code(code: int) -> Outcome:
    """What a gRPC status says."""
    return Outcome.ANSWERED if code in _DEFINITE_CODES else Outcome.UNRESOLVED
