"""Whether a failed write may still be applied, for every way that a server has to fail."""

import pytest

from vectormigrate.model.errors import (
    AuthenticationFailed,
    CollectionExists,
    CollectionMissing,
    PermissionDenied,
    RecordRefused,
    StoreDown,
    StoreError,
    Throttled,
    Unreachable,
    Unresolved,
    Unsupported,
)
from vectormigrate.stores.place import RequestTooLarge
from vectormigrate.stores.qdrant.errors import (
    Place,
    from_code,
    from_status,
    unfinished,
)

READING = Place("host:6333", "docs")
WRITING = Place("host:6333", "docs", writing=True)
MISSING = "Not found: Collection `docs` doesn't exist!"
TOO_LARGE = "JSON payload (33554433 bytes) is larger than allowed (limit: 33554432 bytes)."


@pytest.mark.parametrize(
    ("status", "said", "reading", "writing"),
    [
        (400, "Wrong input: Vector dimension error: expected dim: 4, got 3", StoreError, RecordRefused),
        (422, "Validation error in JSON body", StoreError, RecordRefused),
        (400, TOO_LARGE, RequestTooLarge, RequestTooLarge),
        (413, "", RequestTooLarge, RequestTooLarge),
        (404, MISSING, CollectionMissing, CollectionMissing),
        (409, "Wrong input: Collection `docs` already exists!", CollectionExists, CollectionExists),
        (400, "Wrong input: Collection `docs` already exists!", CollectionExists, CollectionExists),
        (401, "Must provide an API key", AuthenticationFailed, AuthenticationFailed),
        (403, "Invalid API key or JWT", AuthenticationFailed, AuthenticationFailed),
        (403, "Forbidden: Global manage access is required", PermissionDenied, PermissionDenied),
        (403, "Storage locked: for a snapshot", StoreDown, StoreDown),
        (405, "Qdrant is running in standalone mode", Unsupported, Unsupported),
        (429, "Rate limiting exceeded: too many requests", Throttled, Throttled),
        (507, "Insufficient storage: quota", StoreDown, StoreDown),
        (408, "Timeout: 60 s", StoreDown, Unresolved),
        (500, "Service internal error: panic", StoreDown, Unresolved),
        (
            500,
            "Service internal error: No space left on device: WAL buffer size exceeds",
            StoreDown,
            StoreDown,
        ),
        (502, "<html>bad gateway</html>", StoreDown, Unresolved),
        (503, "Shard temporarily unavailable", StoreDown, Unresolved),
    ],
)
def test_statuses(status, said, reading, writing):
    assert type(from_status(status, said, READING)) is reading
    assert type(from_status(status, said, WRITING)) is writing


@pytest.mark.parametrize(
    ("code", "details", "reading", "writing"),
    [
        ("INVALID_ARGUMENT", "Wrong input: no", StoreError, RecordRefused),
        ("NOT_FOUND", MISSING, CollectionMissing, CollectionMissing),
        ("ALREADY_EXISTS", "", CollectionExists, CollectionExists),
        ("UNAUTHENTICATED", "Invalid API key or JWT", AuthenticationFailed, AuthenticationFailed),
        (
            "PERMISSION_DENIED",
            "Write access to collection docs is required",
            PermissionDenied,
            PermissionDenied,
        ),
        ("RESOURCE_EXHAUSTED", "Rate limiting exceeded", Throttled, Throttled),
        ("RESOURCE_EXHAUSTED", "Insufficient storage: full", StoreDown, StoreDown),
        (
            "OUT_OF_RANGE",
            "Error, decoded message length too large: found 5, limit 4",
            RequestTooLarge,
            RequestTooLarge,
        ),
        ("UNIMPLEMENTED", "", Unsupported, Unsupported),
        ("UNAVAILABLE", "failed to connect to all addresses: Connection refused", Unreachable, Unreachable),
        ("UNAVAILABLE", "Socket closed", StoreDown, Unresolved),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", StoreDown, Unresolved),
        ("CANCELLED", "", StoreDown, Unresolved),
        ("INTERNAL", "Service internal error", StoreDown, Unresolved),
        ("UNKNOWN", "", StoreDown, Unresolved),
    ],
)
def test_codes(code, details, reading, writing):
    assert type(from_code(code, details, READING)) is reading
    assert type(from_code(code, details, WRITING)) is writing


def test_the_wait_that_was_asked_for_is_kept():
    assert from_status(429, "slow down", WRITING, retry_after=3.0).retry_after == 3.0
    assert from_code("RESOURCE_EXHAUSTED", "slow down", WRITING, retry_after=3.0).retry_after == 3.0


def test_who_and_what_an_error_is_about():
    error = from_status(404, MISSING, READING)
    assert (error.store, error.collection) == ("qdrant host:6333", "docs")
    assert "'docs'" in error.message
    assert len(from_status(400, "x" * 1000 + "\nmore", READING).message) < 400


def test_a_write_that_is_not_completed_is_unresolved():
    for status in ("acknowledged", "wait_timeout", "clock_rejected"):
        assert type(unfinished(status, WRITING)) is Unresolved
