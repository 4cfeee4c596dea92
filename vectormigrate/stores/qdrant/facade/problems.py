"""What a client is told when something is wrong: Qdrant's own words, its HTTP status and its gRPC code.

Errors of the model become problems here, so the rest of the facade raises either.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

from vectormigrate.model import errors

Value = TypeVar("Value")
Written = TypeVar("Written")

OK, INVALID, DEADLINE, NOT_FOUND, EXISTS, DENIED, EXHAUSTED = 0, 3, 4, 5, 6, 7, 8
PRECONDITION, OUT_OF_RANGE, UNIMPLEMENTED, INTERNAL, UNAVAILABLE, UNAUTHENTICATED = 9, 11, 12, 13, 14, 16
"""Codes of gRPC, by number: the names belong to a library that this does not need."""


class Problem(Exception):
    """An answer that is an error. `retry_after` is in seconds."""

    def __init__(self, status: int, code: int, text: str, retry_after: float | None = None) -> None:
        super().__init__(text)
        self.status = status
        self.code = code
        self.text = text
        self.retry_after = retry_after


def bad_body(error: ValueError) -> Problem:
    """The request's body cannot be read."""
    return Problem(400, INVALID, f"Format error in JSON body: {error}")


def wrong_input(text: str) -> Problem:
    """The request can be read and does not fit the collection."""
    return Problem(400, INVALID, f"Wrong input: {text}")


def not_found(text: str) -> Problem:
    """What the request is about is not there."""
    return Problem(404, NOT_FOUND, f"Not found: {text}")


def not_served(text: str) -> Problem:
    """A well-formed request for something that cannot be answered faithfully here."""
    return Problem(400, UNIMPLEMENTED, f"Bad request: {text}")


def problem_of(error: errors.VectormigrateError) -> Problem:
    """The problem that an error of a store or of the front is for the client."""
    status, code, words = next(row for kind, row in _TABLE if isinstance(error, kind))
    if isinstance(error, errors.CollectionMissing) and error.collection:
        text = f"Collection `{error.collection}` doesn't exist!"
    elif isinstance(error, errors.CollectionExists) and error.collection:
        text = f"Collection `{error.collection}` already exists!"
    else:
        text = f"{error.message}; {error.hint}" if error.hint else error.message
    return Problem(status, code, f"{words}: {text}", error.retry_after)


def told(write: Callable[[Value], Written], value: Value) -> Written:
    """An answer, written. Raises Problem for what the transport cannot say: records of other stores can hold that."""
    try:
        return write(value)
    except ValueError as error:
        raise not_served(f"what was found cannot be told: {error}") from None


def definite(error: Exception) -> Problem:
    """What a store made of a write, if it is settled, be it in part; raises the error again if nobody knows yet."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, errors.VectormigrateError) and not isinstance(
        error, errors.Unresolved | errors.StoreDown
    ):
        return problem_of(error)
    raise error


_SERVICE = "Service internal error"
_TABLE: tuple[tuple[type[errors.VectormigrateError], tuple[int, int, str]], ...] = (
    (errors.CollectionMissing, (404, NOT_FOUND, "Not found")),
    (errors.CollectionExists, (409, EXISTS, "Wrong input")),
    (errors.ShapeMismatch, (400, INVALID, "Wrong input")),
    (errors.RecordRefused, (400, INVALID, "Wrong input")),
    (errors.Unsupported, (400, UNIMPLEMENTED, "Bad request")),
    (errors.Throttled, (429, EXHAUSTED, "Rate limiting exceeded")),
    (errors.Unreachable, (503, UNAVAILABLE, _SERVICE)),
    (errors.StoreDown, (503, UNAVAILABLE, _SERVICE)),
    (errors.Unresolved, (504, DEADLINE, "Timeout")),
    (errors.PermissionDenied, (403, DENIED, "Forbidden")),
    (errors.PhaseError, (403, PRECONDITION, "Forbidden")),
    (errors.StateError, (503, UNAVAILABLE, _SERVICE)),
    (errors.UsageError, (400, INVALID, "Bad request")),
    (errors.VectormigrateError, (500, INTERNAL, _SERVICE)),
)
"""The first kind that an error is decides."""
