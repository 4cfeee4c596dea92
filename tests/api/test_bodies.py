import pytest

from vectormigrate.api import bodies
from vectormigrate.model.documents import Events
from vectormigrate.model.errors import RequestRefused


def test_documents_go_out_and_come_in():
    assert bodies.dump(Events([], 5)) == b'{"events":[],"after":5}'
    assert bodies.dump({"x": float("nan")}) == b'{"x":null}'
    assert bodies.plain(Events([], 5)) == {"events": [], "after": 5}
    assert bodies.arguments(b"", None) == {}
    assert bodies.arguments(b'{"a": 1}', "Application/JSON; charset=utf-8") == {"a": 1}


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"{", "application/json", 400),
        (b"[1]", "application/json", 400),
        (b"[" * 100_000, "application/json", 400),
        (b"\xff", "application/json", 400),
        (b"{}", None, 415),
        (b"{}", "text/plain", 415),
        (b"a=b", "application/x-www-form-urlencoded", 415),
    ],
)
def test_what_is_no_object_is_refused(body, kind, status):
    with pytest.raises(RequestRefused) as refused:
        bodies.arguments(body, kind)
    assert refused.value.status == status
