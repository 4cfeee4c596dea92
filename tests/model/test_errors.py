"""The tree of errors: codes are unique, each says whether to retry, and the `--json` form reads back."""

from __future__ import annotations

import re

import pytest

from vectormigrate.model import errors
from vectormigrate.model.errors import VectormigrateError

TREE = [
    value
    for value in vars(errors).values()
    if isinstance(value, type) and issubclass(value, VectormigrateError)
]


def test_codes_are_unique_and_readable():
    codes = [error.code for error in TREE]
    assert len(set(codes)) == len(codes)
    assert all(re.fullmatch("[a-z_]+", code) for code in codes)


@pytest.mark.parametrize("error", TREE)
def test_every_error_says_what_it_means_and_how_it_ends(error: type[VectormigrateError]):
    assert error.__doc__
    assert "code" in vars(error)
    assert error.retryable in (True, False)
    assert 1 <= error.exit_code <= 7


def test_what_may_pass_is_retryable_and_nothing_else():
    assert {error.__name__ for error in TREE if error.retryable} == {
        "StateLocked", "StateFull", "Unreachable", "Throttled", "Unresolved", "StoreDown", "RateLimited", "Stopped",
    }  # fmt: skip


def test_the_document_leaves_out_what_is_empty():
    assert errors.StoreDown("full").as_dict() == {"code": "store_down", "message": "full", "retryable": True}
    full = errors.Throttled("slow", hint="wait", store="s", collection="c", ids=("i:1",), retry_after=2.5)
    assert full.as_dict() == {
        "code": "throttled",
        "message": "slow",
        "retryable": True,
        "hint": "wait",
        "store": "s",
        "collection": "c",
        "ids": ("i:1",),
        "retry_after": 2.5,
    }
    assert str(full) == "slow"
    again = errors.error_from_dict(full.as_dict())
    assert type(again) is errors.Throttled
    assert again.as_dict() == full.as_dict()


def test_an_unknown_code_is_still_an_error():
    unknown = errors.error_from_dict({"code": "from_the_future", "message": "what", "retryable": True})
    assert type(unknown) is VectormigrateError
    assert unknown.message == "what"


@pytest.mark.parametrize("error", TREE)
def test_every_error_reads_back_as_itself(error: type[VectormigrateError]):
    assert type(errors.error_from_dict(error("what").as_dict())) is error
