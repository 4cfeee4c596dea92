"""What a client is told when something is wrong: Weaviate's own shape, its HTTP status and its gRPC code.

Errors of the model become problems here, so the rest of the facade raises either. Over gRPC Weaviate tells nearly
everything as UNKNOWN, and clients know it so.
"""

from __future__ import annotations

import msgspec

from vectormigrate.model import errors

OK, UNKNOWN, INVALID, DEADLINE, NOT_FOUND, DENIED, EXHAUSTED = 0, 2, 3, 4, 5, 7, 8
UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 12, 13, 14, 16
"""Codes of gRPC, by number: the names belong to a library that this does not need."""


class Problem(Exception):
    """An answer that is an error; without a text, one without a body. `retry_after` is in seconds."""

    def __init__(self, status: int, code: int, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after


def failure(text: str) -> bytes:
    """The body of an error."""
    return msgspec.json.encode({"error": [{"message": text}]}) if text else b""


def bad_body(text: str) -> Problem:
    """The request's body cannot be read."""
    return Problem(400, INVALID, f"parsing body body from failed, because {text}")


def invalid(text: str) -> Problem:
    """The request can be read and does not fit the class."""
    return Problem(422, UNKNOWN, text)


def missing(text: str = "") -> Problem:
    """What the request is about is not there; over REST Weaviate mostly says no more."""
    return Problem(404, UNKNOWN, text)


def not_served(text: str) -> Problem:
    """A well-formed request for something that cannot be answered faithfully here."""
    return Problem(422, UNIMPLEMENTED, f"not served here: {text}")


def no_class(name: str) -> Problem:
    """There is no such class, told where an object of it was asked for."""
    return Problem(422, UNKNOWN, f"could not find class {name} in schema")


def problem_of(error: errors.VectormigrateError) -> Problem:
    """The problem that an error of a store or of the front is for the client."""
    status, code = next(row for kind, row in _TABLE if isinstance(error, kind))
    if isinstance(error, errors.CollectionMissing) and error.collection:
        return no_class(error.collection)
    text = f"{error.message}; {error.hint}" if error.hint else error.message
    return Problem(status, code, text, error.retry_after)


def definite(error: Exception) -> Problem:
    """What a store made of a write, if it is settled, be it in part; raises the error again if nobody knows yet."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, errors.VectormigrateError) and not isinstance(
        error, errors.Unresolved | errors.StoreDown
    ):
        return problem_of(error)
    raise error


_TABLE: tuple[tuple[type[errors.VectormigrateError], tuple[int, int]], ...] = (
    (errors.CollectionMissing, (422, UNKNOWN)),
    (errors.CollectionExists, (422, UNKNOWN)),
    (errors.ShapeMismatch, (422, UNKNOWN)),
    (errors.RecordRefused, (422, UNKNOWN)),
    (errors.Unsupported, (422, UNIMPLEMENTED)),
    (errors.Throttled, (429, EXHAUSTED)),
    (errors.Unreachable, (503, UNAVAILABLE)),
    (errors.StoreDown, (503, UNAVAILABLE)),
    (errors.Unresolved, (504, DEADLINE)),
    (errors.PermissionDenied, (403, DENIED)),
    (errors.AuthenticationFailed, (401, UNAUTHENTICATED)),
    (errors.PhaseError, (403, DENIED)),
    (errors.StateError, (503, UNAVAILABLE)),
    (errors.UsageError, (422, UNKNOWN)),
    (errors.VectormigrateError, (500, INTERNAL)),
)
"""The first kind that an error is decides."""
