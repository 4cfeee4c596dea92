"""The generated pages are those of this code, and say what they are for."""

from pathlib import Path

import pytest

from vectormigrate.api.commands import COMMANDS
from vectormigrate.cli import reference
from vectormigrate.daemon.settings import SETTINGS

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.mark.parametrize("page", ["settings", "requests", "errors"])
def test_the_page_in_the_documents_is_that_of_the_code(page):
    assert (DOCS / f"{page}.md").read_text() == getattr(reference, page)(), "make reference"


def test_every_setting_has_its_row_and_no_cell_breaks_it():
    rows = [line for line in reference.settings().splitlines() if line.startswith("| `")]
    assert {row.split("`")[1] for row in rows} >= {setting.key for setting in SETTINGS}
    assert all(row.replace("\\|", "").count("|") == 4 for row in rows)
    assert (
        "| `batch_size` | whole number | Most records of one write. Default: 100 records."
        in reference.settings()
    )


def test_every_request_is_told_with_its_scope_and_what_it_does():
    told = reference.requests()
    assert all(f"`{route.method} {route.url}`" in told for one in COMMANDS for route in one.routes)
    assert "/rollback` | [`rollback`](commands.md#rollback) | operate | destroys, lasts |" in told
    assert "/capture/check` | [`capture`](commands.md#capture) | operate | looks |" in told
    assert "/capture/remove` | [`capture`](commands.md#capture) | operate | destroys |" in told
    assert "`GET /v1/keys` | [`keys`](commands.md#keys) | admin | looks |" in told


def test_every_error_has_a_row_by_its_code():
    told = reference.errors()
    assert (
        "| `unresolved` | Timeout or reset after the request left: it may have been applied, or may still be. | 5 | 504 | yes |"
        in told
    )
    assert "| `request_refused` |" in told
    assert " 4xx |" in told
    assert told.count("\n| `") == len(
        {line.split("`")[1] for line in told.splitlines() if line.startswith("| `")}
    )
