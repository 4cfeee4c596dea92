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
from vectormigrate.stores.weaviate.errors import Place, TenantAsleep, from_code, from_object, from_status

READING = Place("host:8080", "Docs")
WRITING = Place("host:8080", "Docs", writing=True)


@pytest.mark.parametrize(
    ("status", "said", "kind"),
    [
        (401, "anonymous access not enabled", AuthenticationFailed),
        (403, "forbidden: no permission", PermissionDenied),
        (404, "", CollectionMissing),
        (405, "method not allowed", Unsupported),
        (413, "too large", RequestTooLarge),
        (422, "class name Docs already exists", CollectionExists),
        (422, "tenant not active: 't2'", TenantAsleep),
        (422, "'x' is not a valid property name", StoreError),
        (422, "could not find class Docs in schema", CollectionMissing),
        (422, "could not get tenants: class not found", CollectionMissing),
        (422, 'class "Docs" not found', CollectionMissing),
        (429, "too many", Throttled),
        (500, "store is read-only", StoreDown),
        (503, "", StoreDown),
        (408, "", StoreDown),
    ],
)
def test_statuses(status, said, kind):
    assert type(from_status(status, said, READING)) is kind


@pytest.mark.parametrize(
    ("code", "said", "reading", "writing"),
    [
        ("UNKNOWN", "parse params: could not find class Docs in schema", CollectionMissing, CollectionMissing),
        ("UNKNOWN", "explorer: list class: tenant not active: 't2'", TenantAsleep, TenantAsleep),
        ("UNKNOWN", "invalid search term, only stopwords provided", StoreError, RecordRefused),
        ("UNKNOWN", "store is read-only", StoreDown, Unresolved),
        ("UNKNOWN", "cannot achieve consistency level QUORUM", StoreDown, Unresolved),
        ("UNAVAILABLE", "failed to connect to all addresses; connection refused", Unreachable, Unreachable),
        ("UNAVAILABLE", "Socket closed", StoreDown, Unresolved),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", StoreDown, Unresolved),
        ("UNAUTHENTICATED", "no key", AuthenticationFailed, AuthenticationFailed),
        ("PERMISSION_DENIED", "rbac", PermissionDenied, PermissionDenied),
        ("RESOURCE_EXHAUSTED", "grpc: received message larger than max (5 vs. 4)", RequestTooLarge, RequestTooLarge),
        ("RESOURCE_EXHAUSTED", "slow down", Throttled, Throttled),
        ("UNIMPLEMENTED", "unknown method", Unsupported, Unsupported),
    ],
)  # fmt: skip
def test_codes(code, said, reading, writing):
    assert type(from_code(code, said, READING)) is reading
    assert type(from_code(code, said, WRITING)) is writing


def test_an_object_of_a_batch_is_refused_for_good_or_nobody_knows():
    assert type(from_object("requires an integer, the given value is 'x'", WRITING)) is RecordRefused
    assert type(from_object('tenant not found: "t3"', WRITING)) is RecordRefused
    assert type(from_object("broadcast: cannot achieve consistency level ALL", WRITING)) is Unresolved


def test_errors_say_where_they_happened_and_what_to_do():
    error = from_code("UNKNOWN", "tenant not active: 't2'", READING)
    assert (error.store, error.collection) == ("weaviate host:8080", "Docs")
    assert "wake_tenants" in error.hint
    assert from_status(429, "", READING, retry_after=3.0).retry_after == 3.0
