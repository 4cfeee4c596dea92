import msgspec
import pytest

from vectormigrate.engine import work
from vectormigrate.model.errors import StateFull, Unreachable

REQUESTS = [
    work.Lease(),
    work.OpenPage(1, None, "i:9", "nonce", 3),
    work.Report(
        1, 2, "i:4", 3, ("i:5",), 100, True, (work.Letter("i:1", "refused", "why", "hint"),), ("i:2",), True
    ),
    work.Finish(1, 2),
    work.Release(1, lost=True),
    work.ForeignAmong(("i:1",), untouched=True),
    work.KeepPreImages((("i:1", b"\x00\xff"),)),
    work.Compared(1, 10, ({"kind": "missing"},), {"digest": "a"}),
    work.Told("Warned", {"message": "m"}),
]


@pytest.mark.parametrize("request_", REQUESTS, ids=lambda request: type(request).__name__)
def test_every_request_travels(request_):
    data = msgspec.msgpack.encode(request_)
    assert msgspec.msgpack.decode(data, type=work.Request) == request_


def test_every_request_is_tried_here():
    assert {type(request) for request in REQUESTS} == set(work.Request.__args__)


def test_assignments_are_told_from_other_answers():
    assignment = work.Assignment("compare", 1, None, None, span={"lower": None})
    for answer in (assignment, 5, True, ("i:1",), None):
        assert msgspec.msgpack.decode(msgspec.msgpack.encode(answer), type=work.Answer) == answer


def test_the_first_error_of_nested_groups():
    first = Unreachable("gone")
    group = ExceptionGroup("", [ExceptionGroup("", [first]), StateFull("full")])
    assert work.first_error(group) is first
