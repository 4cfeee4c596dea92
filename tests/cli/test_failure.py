"""Errors as people and programs see them."""

import io
import json

from vectormigrate.cli.failure import LONGEST, lines, show
from vectormigrate.model.errors import RecordRefused, StateLocked, Throttled

WHOLE = Throttled(
    "milvus asks to slow down",
    hint="lower --max-rate",
    store="milvus",
    collection="docs",
    ids=tuple(f"i:{number}" for number in range(7)),
    retry_after=2.5,
)


def test_everything_that_is_known_is_told():
    assert lines(WHOLE) == [
        "error: milvus asks to slow down",
        "  where: milvus: docs",
        "  ids:   i:0, i:1, i:2, i:3, i:4 ...",
        "  retry: can help, after 2.5 s",
        "  hint:  lower --max-rate",
    ]


def test_what_is_not_known_is_left_out():
    assert lines(RecordRefused("too long")) == [
        "error: too long",
        "  retry: cannot help until something is changed",
    ]


def test_an_error_fits_a_screen_and_steers_no_terminal():
    told = lines(RecordRefused("no\nfit \x1b[2J", hint="h" * 5000, ids=("s:" + "x" * 3000, "s:n\0l")))
    assert told[0] == "error: no\\nfit \\x1b[2J"
    assert told[1].endswith("..., s:n\\x00l")
    assert max(map(len, told)) <= LONGEST
    assert len(told[1]) < 120


def test_text_goes_to_standard_error():
    out, err = io.StringIO(), io.StringIO()
    assert show(StateLocked("in use"), as_json=False, out=out, err=err) == 7
    assert out.getvalue() == ""
    assert err.getvalue().startswith("error: in use\n  retry: can help")


def test_a_document_goes_to_standard_output():
    out, err = io.StringIO(), io.StringIO()
    assert show(WHOLE, as_json=True, out=out, err=err) == 5
    assert err.getvalue() == ""
    document = json.loads(out.getvalue())
    assert document["format_version"] == 1
    assert document["error"] == {**WHOLE.as_dict(), "ids": list(WHOLE.ids), "exit_code": 5}
