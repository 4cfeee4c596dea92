"""Every way of failing has a place in the tree, and says whether a write may have been applied."""

from __future__ import annotations

import pytest

from vectormigrate.model import errors as tree
from vectormigrate.stores.pinecone import errors
from vectormigrate.stores.pinecone.errors import Place, from_status, message_of

PLACE = Place("127.0.0.1", "docs")


@pytest.mark.parametrize(
    ("status", "reading", "writing"),
    [
        (400, tree.StoreError, tree.RecordRefused),
        (401, tree.AuthenticationFailed, tree.AuthenticationFailed),
        (402, tree.PermissionDenied, tree.PermissionDenied),
        (403, tree.PermissionDenied, tree.PermissionDenied),
        (404, tree.CollectionMissing, tree.CollectionMissing),
        (408, tree.StoreDown, tree.Unresolved),
        (409, tree.CollectionExists, tree.CollectionExists),
        (413, errors.RequestTooLarge, errors.RequestTooLarge),
        (414, errors.RequestTooLarge, errors.RequestTooLarge),
        (422, tree.StoreError, tree.RecordRefused),
        (429, tree.Throttled, tree.Throttled),
        (500, tree.StoreDown, tree.Unresolved),
        (501, tree.Unsupported, tree.Unsupported),
        (502, tree.StoreDown, tree.Unresolved),
        (503, tree.StoreDown, tree.Unresolved),
        (504, tree.StoreDown, tree.Unresolved),
    ],
)
def test_a_status_has_its_error(status, reading, writing):
    for kind, how in ((reading, False), (writing, True)):
        error = from_status(status, {"message": "why"}, PLACE, writing=how)
        assert type(error) is kind
        assert "why" in error.message
        assert (error.collection, error.store) == ("docs", "pinecone 127.0.0.1")


def test_a_namespace_that_is_not_there_is_no_missing_index():
    error = from_status(404, {"code": 5, "message": "Namespace not found"}, PLACE)
    assert type(error) is errors.NamespaceMissing


def test_a_missing_index_is_named():
    assert "'docs'" in from_status(404, None, PLACE).message


def test_the_wait_that_was_asked_for_is_kept():
    assert from_status(429, None, PLACE, retry_after=3.5).retry_after == 3.5


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"code": 3, "message": "why", "details": []}, "why"),
        ({"error": {"code": "X", "message": "why"}, "status": 400}, "why"),
        ({"detail": "why"}, "why"),
        ("why\nand more", "why"),
        ("x" * 400, "x" * 297 + "..."),
        ({}, ""),
        (None, ""),
        ([1], ""),
    ],
)
def test_both_shapes_of_a_body_are_read(body, said):
    assert message_of(body) == said


def test_without_an_answer_a_write_is_unresolved_and_a_read_is_not():
    assert isinstance(errors.no_answer(PLACE, "reset", writing=True), tree.Unresolved)
    assert isinstance(errors.no_answer(PLACE, "reset", writing=False), tree.StoreDown)
    assert isinstance(errors.never_sent(PLACE, "refused"), tree.Unreachable)
    assert isinstance(errors.unreadable(PLACE, "not JSON"), tree.StoreBroken)
