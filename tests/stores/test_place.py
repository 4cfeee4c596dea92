"""What every vendor means alike: sent or not, answered or not, said whole or in part."""

import pytest

from vectormigrate.model.errors import CollectionMissing, StoreDown, Throttled, Unreachable, Unresolved
from vectormigrate.stores.place import Place, lost, missing, short, unreachable, unresolved


class Somewhere(Place):
    kind = "anystore"


READING = Somewhere("host:6333", "docs")
WRITING = Somewhere("host:6333", "docs", writing=True)


def test_an_error_says_where_and_what():
    error = missing(READING)
    assert type(error) is CollectionMissing
    assert (error.store, error.collection) == ("anystore host:6333", "docs")
    assert "'docs'" in error.message


def test_requests_that_never_left_and_answers_that_never_came():
    assert type(unreachable("[Errno 111] Connection refused", WRITING)) is Unreachable
    assert type(lost("timed out", WRITING)) is Unresolved
    assert type(lost("timed out", READING)) is StoreDown


@pytest.mark.parametrize(
    ("reason", "told"),
    [
        ("[Errno 111] Connection refused", ": connection refused"),
        ("[Errno -2] Name or service not known", ": unknown host"),
        ("certificate verify failed", ": its certificate is not accepted"),
        ("Something else\nat length", ": Something else"),
    ],
)
def test_why_nothing_could_be_sent_is_said_in_a_few_words(reason, told):
    assert unreachable(reason, READING).message.endswith(told)


def test_a_failure_behind_an_applied_part_is_unresolved():
    error = unresolved(WRITING.error(Throttled, "slow down", retry_after=3.0))
    assert type(error) is Unresolved
    assert (error.collection, error.retry_after) == ("docs", 3.0)
    assert "slow down" in error.message


def test_what_a_server_says_is_cut_to_a_line():
    assert short("\n one\ntwo") == "one"
    assert len(short("x" * 1000)) == 300
