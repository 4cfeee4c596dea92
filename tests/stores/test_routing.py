"""Rows of a table, found by method and path."""

from __future__ import annotations

import pytest

from vectormigrate.stores.facade import Decision
from vectormigrate.stores.routing import Paths, Route

ROWS = [
    Route(method, path, Decision.SERVE, "", operation)
    for method, path, operation in (
        ("GET", "/", "root"),
        ("GET", "/things/{thing}", "one"),
        ("POST", "/things/search", "search"),
        ("GET", "/things/{thing}/{part}", "part"),
        ("GET", "/things/all/parts", "parts"),
    )
]


@pytest.mark.parametrize(
    ("method", "path", "operation", "values"),
    [
        ("GET", "", "root", ()),
        ("GET", "/", "root", ()),
        ("GET", "//things/a%20b/", "one", ("a b",)),
        ("GET", "/things/a%2Fb", "one", ("a/b",)),
        ("POST", "/things/search", "search", ()),
        ("GET", "/things/search", "one", ("search",)),
        ("GET", "/things/all/parts", "parts", ()),
        ("GET", "/things/all/other", "part", ("all", "other")),
    ],
)
def test_the_way_to_a_row(method, path, operation, values):
    found = Paths(ROWS).find(method, path)
    assert found is not None
    assert (found[0].operation, found[1]) == (operation, values)


@pytest.mark.parametrize(("method", "path"), [("PUT", "/"), ("GET", "/other"), ("GET", "/things/a/b/c")])
def test_what_stands_in_no_row(method, path):
    assert Paths(ROWS).find(method, path) is None


def test_what_a_row_says_of_itself():
    assert ROWS[3].names == ("thing", "part")
    assert ROWS[3].known
    assert not Route("GET", "", Decision.FORWARD).known
