"""What a client is told when something is wrong: Milvus' codes, in a `Status` inside a good reply, and its REST shape.

Errors of the model become problems here, so the rest of the facade raises either. Servers send a new `code` and a legacy
`error_code` together, and clients look at either, so every problem has both.
"""

from __future__ import annotations

from typing import Any

from vectormigrate.model import errors
from vectormigrate.stores.milvus.pb import common_pb2

_LEGACY = common_pb2.ErrorCode

SERVICE_DOWN, INTERNAL, RATE_LIMIT, DENIED, UNIMPLEMENTED = 2, 5, 8, 9, 10
COLLECTION_MISSING, PARTITION_MISSING, INDEX_MISSING, DATABASE_MISSING, ALIAS_MISSING = (
    100,
    200,
    700,
    800,
    1600,
)
INVALID, MISSING_PARAMETER = 1100, 1802
_NOT_APPLIED = frozenset(
    {RATE_LIMIT, UNIMPLEMENTED, 100, 101, 103, 200, 201, 700, 701, 702, 800, 1600, 1601, 1602}
)
_LITE_INVALID = 6
"""Milvus Lite's word for an illegal argument: both codes of it."""


class Problem(Exception):
    """An answer that is an error."""

    def __init__(
        self, code: int, text: str, legacy: int = _LEGACY.UnexpectedError, *, retry: bool = False
    ) -> None:
        super().__init__(text)
        self.code = code
        self.text = text
        self.legacy = legacy
        self.retry = retry

    def fill(self, status: Any) -> None:
        """Write it into a Status message."""
        status.code = self.code
        status.error_code = self.legacy
        status.reason = self.text
        status.detail = self.text
        status.retriable = self.retry


def invalid(text: str) -> Problem:
    """The request can be read and cannot be meant."""
    return Problem(INVALID, f"{text}: invalid parameter", _LEGACY.IllegalArgument)


def not_served(text: str) -> Problem:
    """A well-formed request for something that cannot be answered faithfully here."""
    return Problem(UNIMPLEMENTED, f"{text}: service unimplemented")


def no_collection(name: str) -> Problem:
    """There is no such collection."""
    return Problem(
        COLLECTION_MISSING,
        f"can't find collection[database=default][collection={name}]: collection not found",
        _LEGACY.CollectionNotExists,
    )


def no_partition(name: str) -> Problem:
    """There is no such partition."""
    return Problem(PARTITION_MISSING, f"partition not found[partition={name}]")


def no_database(name: str) -> Problem:
    """There is no such database."""
    return Problem(DATABASE_MISSING, f"database not found[database={name}]")


def no_index(name: str) -> Problem:
    """There is no such index."""
    return Problem(INDEX_MISSING, f"index not found[indexName={name}]", _LEGACY.IndexNotExist)


def no_alias(name: str) -> Problem:
    """There is no such alias."""
    return Problem(ALIAS_MISSING, f"alias not found[database=default][alias={name}]")


def problem_of(error: errors.VectormigrateError) -> Problem:
    """The problem that an error of a store or of the front is for the client."""
    if isinstance(error, errors.CollectionMissing) and error.collection:
        return no_collection(error.collection)
    code, legacy, retry = next(row for kind, row in _TABLE if isinstance(error, kind))
    return Problem(
        code, f"{error.message}; {error.hint}" if error.hint else error.message, legacy, retry=retry
    )


def definite(error: Exception) -> Problem:
    """What a store made of a write, if it is settled, be it in part; raises the error again if nobody knows yet."""
    if isinstance(error, Problem):
        return error
    if isinstance(error, errors.VectormigrateError) and not isinstance(
        error, errors.Unresolved | errors.StoreDown
    ):
        return problem_of(error)
    raise error


def refused(code: int, legacy: int) -> bool:
    """Whether a status that Milvus answered with says that nothing was applied."""
    if code == _LITE_INVALID and legacy == _LITE_INVALID:
        return True
    return code in _NOT_APPLIED or 1100 <= code < 1200 or 1400 <= code < 1500 or 1800 <= code < 1900


_DOWN = (SERVICE_DOWN, _LEGACY.UnexpectedError, False)
_WRONG = (INVALID, _LEGACY.IllegalArgument, False)
_TABLE: tuple[tuple[type[errors.VectormigrateError], tuple[int, int, bool]], ...] = (
    (errors.CollectionMissing, (COLLECTION_MISSING, _LEGACY.CollectionNotExists, False)),
    (errors.CollectionExists, _WRONG),
    (errors.ShapeMismatch, _WRONG),
    (errors.RecordRefused, _WRONG),
    (errors.StoreBroken, _WRONG),
    (errors.Unsupported, (UNIMPLEMENTED, _LEGACY.UnexpectedError, False)),
    (errors.Throttled, (RATE_LIMIT, _LEGACY.RateLimit, True)),
    (errors.PermissionDenied, (1402, _LEGACY.PermissionDenied, False)),
    (errors.AuthenticationFailed, (1401, _LEGACY.PermissionDenied, False)),
    (errors.PhaseError, (DENIED, _LEGACY.ForceDeny, False)),
    (errors.UsageError, _WRONG),
    (errors.Unresolved, (INTERNAL, _LEGACY.UnexpectedError, False)),
    (errors.StoreDown, _DOWN),
    (errors.Unreachable, _DOWN),
    (errors.StateError, _DOWN),
    (errors.VectormigrateError, (INTERNAL, _LEGACY.UnexpectedError, False)),
)
"""The first kind that an error is decides: code, legacy code, whether the client may try again."""
