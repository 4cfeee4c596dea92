"""Which HTTP status an error is: the same wherever we speak an API of our own."""

from __future__ import annotations

from .errors import (
    AuthenticationFailed,
    CaptureMissing,
    CaptureTaken,
    CollectionExists,
    CollectionMissing,
    Forbidden,
    MigrationExists,
    Overloaded,
    PermissionDenied,
    PhaseError,
    RateLimited,
    RecordRefused,
    RequestRefused,
    ShapeMismatch,
    StateError,
    StateMissing,
    StoreDown,
    Throttled,
    Unauthorized,
    UnknownMigration,
    Unreachable,
    Unresolved,
    Unsupported,
    UsageError,
    VectormigrateError,
)

_STATUS: tuple[tuple[type[VectormigrateError], int], ...] = (
    (Unauthorized, 401),
    (Forbidden, 403),
    (RateLimited, 429),
    (CollectionMissing, 404),
    (CollectionExists, 409),
    (CaptureMissing, 409),
    (CaptureTaken, 409),
    (ShapeMismatch, 422),
    (RecordRefused, 422),
    (UnknownMigration, 404),
    (MigrationExists, 409),
    (Unsupported, 422),
    (UsageError, 400),
    (AuthenticationFailed, 401),
    (PermissionDenied, 403),
    (PhaseError, 409),
    (Throttled, 429),
    (Unreachable, 502),
    (Unresolved, 504),
    (StoreDown, 503),
    (Overloaded, 503),
    (StateMissing, 404),
    (StateError, 503),
)


def status_of(error: VectormigrateError, otherwise: int = 500) -> int:
    """The status, or that one for an error that says nothing of whose fault it is."""
    if isinstance(error, RequestRefused):
        return error.status
    return next((status for kind, status in _STATUS if isinstance(error, kind)), otherwise)
