"""Where the next page begins."""

import base64

import pytest

from vectormigrate.model.cursor import behind, next_cursor
from vectormigrate.model.errors import UsageError


def test_a_full_page_has_one_behind_it():
    rows = [("a", 1), ("b", 2)]
    told = next_cursor(rows, 2, lambda row: row)
    assert behind(told, str, int) == ("b", 2)
    assert next_cursor(rows, 3, lambda row: row) == ""
    assert behind(None, str) is None
    assert behind("", str) is None


@pytest.mark.parametrize("odd", ["?", "abc", "W10", "ÿ", "WzEsMl0", "eyJhIjoxfQ", "A" * 5, "\ud800"])
def test_what_is_none_of_this_list(odd):
    with pytest.raises(UsageError, match="no cursor of this list"):
        behind(odd, str, str)


@pytest.mark.parametrize(
    ("made_up", "kinds"),
    [
        ("[" * 9_000, (str,)),
        (f"[{2**63}]", (int,)),
        ('["\\ud800"]', (str,)),
        ("[true]", (int,)),
        ("[1.0]", (int,)),
    ],
)
def test_what_was_made_up(made_up, kinds):
    with pytest.raises(UsageError, match="no cursor of this list"):
        behind(base64.urlsafe_b64encode(made_up.encode()).decode(), *kinds)
