"""Codes, texts and what they stand for: none of it retried here, all of it told apart."""

from __future__ import annotations

import pytest

from vectormigrate.model.errors import (
    AuthenticationFailed,
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
from vectormigrate.stores.milvus.errors import (
    MessageTooLarge,
    Place,
    from_status,
    from_transport,
)

PLACE = Place("db:19530", "docs")


@pytest.mark.parametrize(
    ("code", "details", "dialled", "kind"),
    [
        (
            "UNAVAILABLE",
            "failed to connect to all addresses; last error: Connection refused",
            True,
            Unreachable,
        ),
        ("UNAVAILABLE", "DNS resolution failed for nowhere", False, Unreachable),
        ("UNAVAILABLE", "recvmsg: Connection reset by peer", True, Unresolved),
        ("UNAVAILABLE", "Socket closed", False, Unreachable),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", True, Unresolved),
        ("DEADLINE_EXCEEDED", "Deadline Exceeded", False, Unreachable),
        ("CANCELLED", "Channel closed!", True, Unresolved),
        ("INTERNAL", "boom", True, Unresolved),
        ("UNAUTHENTICATED", "auth check failure, please check username", True, AuthenticationFailed),
        (
            "UNKNOWN",
            "auth check failure, please check username and password are correct",
            True,
            AuthenticationFailed,
        ),
        ("PERMISSION_DENIED", "no", True, PermissionDenied),
        ("RESOURCE_EXHAUSTED", "CLIENT: Received message larger than max (5 vs. 4)", True, MessageTooLarge),
        ("RESOURCE_EXHAUSTED", "request rate limit", True, Throttled),
        ("UNIMPLEMENTED", "unknown method", True, Unsupported),
    ],
)
def test_a_call_without_an_answer(code, details, dialled, kind):
    error = from_transport(code, details, PLACE, dialled=dialled)
    assert type(error) is kind
    assert error.collection == "docs"
    assert "db:19530" in error.store


@pytest.mark.parametrize(
    ("code", "legacy", "reason", "kind"),
    [
        (100, 4, "collection not found", CollectionMissing),
        (0, 4, "can't find collection", CollectionMissing),
        (8, 49, "request is rejected by grpc RateLimiter", Throttled),
        (9, 48, "quota exceeded[reason=memory quota exceeded]", StoreDown),
        (1, 56, "service not ready", StoreDown),
        (101, 0, "collection not loaded", StoreDown),
        (0, 101, "call load() before search", StoreDown),
        (65535, 1, "permission deny to user bob", PermissionDenied),
        (1400, 1, "need authenticate", AuthenticationFailed),
        (800, 1, "database not found[database=x]", CollectionMissing),
        (1100, 1, "invalid parameter", StoreError),
        (1, 1, "something", StoreError),
        (65535, 1, "query results exceed the maxOutputSize Limit", MessageTooLarge),
    ],
)
def test_an_answer_with_a_status(code, legacy, reason, kind):
    assert type(from_status(code, legacy, reason, PLACE)) is kind


def test_success_is_no_error():
    assert from_status(0, 0, "", PLACE) is None


@pytest.mark.parametrize(("code", "legacy"), [(1100, 5), (6, 6), (1, 0), (1, 1), (65535, 1)])
def test_what_may_be_a_bad_row_is_one_in_a_write_only(code, legacy):
    reason = "field text exceeds max length"
    assert type(from_status(code, legacy, reason, PLACE, writing=True)) is RecordRefused
    assert type(from_status(code, legacy, "no such field", PLACE)) is StoreError


@pytest.mark.parametrize(("code", "legacy"), [(0, 1), (1, 1), (5, 1), (65535, 1), (1100, 1)])
def test_a_full_disk_is_no_records_fault(code, legacy):
    reason = "[Errno 28] Error writing bytes to file. Detail: [errno 28] No space left on device"
    reading = from_status(code, legacy, reason, PLACE)
    written = from_status(code, legacy, reason, PLACE, writing=True)
    assert (type(reading), type(written)) == (StoreDown, Unresolved)
    assert written is not None
    assert (written.exit_code, written.retryable) == (5, True)
    assert "the disk of milvus is full" in written.message
    assert "free some space" in written.hint


def test_a_retriable_status_is_no_bad_row():
    error = from_status(65535, 1, "node is leaving", PLACE, retriable=True, writing=True)
    assert type(error) is StoreDown


def test_long_reasons_are_cut_to_one_line():
    error = from_status(1100, 1, "x" * 1000 + "\nstack", PLACE)
    assert error is not None
    assert len(error.message) < 320
    assert "\n" not in error.message
