"""What errors of ours are to a client, and what Milvus' own statuses say of a write."""

from __future__ import annotations

import pytest

from vectormigrate.model import errors
from vectormigrate.stores.milvus.facade.problems import Problem, definite, invalid, problem_of, refused
from vectormigrate.stores.milvus.pb import common_pb2


def _all(kind):
    yield kind
    for child in kind.__subclasses__():
        yield from _all(child)


@pytest.mark.parametrize("kind", list(_all(errors.VectormigrateError)), ids=lambda kind: kind.__name__)
def test_every_error_is_a_problem_with_both_codes(kind):
    problem = problem_of(kind("it went wrong", hint="look"))
    status = common_pb2.Status()
    problem.fill(status)
    assert status.code
    assert status.error_code
    assert status.reason == "it went wrong; look"


def test_only_what_is_throttled_may_be_sent_again_at_once():
    retried = [kind for kind in _all(errors.VectormigrateError) if problem_of(kind("x")).retry]
    assert retried == [errors.Throttled]


def test_a_missing_collection_is_told_in_milvus_words():
    problem = problem_of(errors.CollectionMissing("x", collection="c"))
    assert (problem.code, problem.legacy) == (100, 4)
    assert "can't find collection" in problem.text


def test_what_is_settled():
    settled = invalid("x")
    assert definite(settled) is settled
    assert isinstance(definite(errors.RecordRefused("x")), Problem)
    for unsettled in (errors.Unresolved("x"), errors.StoreDown("x"), KeyError("x")):
        with pytest.raises(type(unsettled)):
            definite(unsettled)


@pytest.mark.parametrize(
    ("code", "legacy", "certain"),
    [
        (1100, 5, True),
        (100, 4, True),
        (8, 49, True),
        (6, 6, True),
        (6, 1, False),
        (5, 1, False),
        (65535, 1, False),
        (2, 1, False),
    ],
)
def test_what_a_status_says_of_a_write(code, legacy, certain):
    assert refused(code, legacy) is certain
