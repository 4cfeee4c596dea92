"""Log lines of a serving process."""

import io
import json
import logging

import pytest

from vectormigrate.daemon.logs import logging_to, redacted, set_level

OURS = logging.getLogger("vectormigrate.daemon.listeners.http")
LIBRARY = logging.getLogger("aiohttp.client")


def test_lines_go_where_they_should_from_a_level_on_that_can_change():
    stream = io.StringIO()
    with logging_to(stream, "info"):
        OURS.info("one")
        OURS.debug("two")
        set_level("debug")
        OURS.debug("three")
        set_level("error")
        OURS.warning("four")
    OURS.error("five")
    lines = stream.getvalue().splitlines()
    assert [line.rpartition(": ")[2] for line in lines] == ["one", "three"]
    assert "INFO vectormigrate.daemon.listeners.http" in lines[0]
    assert lines[0].partition(" ")[0].endswith("Z")


def test_debug_lines_of_libraries_stay_unsaid():
    stream = io.StringIO()
    with logging_to(stream, "debug"):
        LIBRARY.info("a request with a key in it")
        LIBRARY.warning("trouble")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("trouble\n")


def test_a_line_of_json_holds_what_was_said_beside_it():
    stream = io.StringIO()
    with logging_to(stream, "info", "json"):
        OURS.warning("gap %s", "opened", extra={"migration": "docs", "held_ms": 4.5})
        LIBRARY.warning("trouble")
    first, second = (json.loads(line) for line in stream.getvalue().splitlines())
    assert (first["event"], first["migration"], first["held_ms"]) == ("gap opened", "docs", 4.5)
    assert (first["level"], first["logger"]) == ("warning", OURS.name)
    assert second["event"] == "trouble"


@pytest.mark.parametrize("form", ["text", "json"])
def test_an_exception_is_told_with_its_traceback_and_without_its_secrets(form):
    stream = io.StringIO()
    with logging_to(stream, "info", form):
        try:
            raise ValueError("no way to postgresql://app:hidden@host/db")
        except ValueError:
            OURS.exception("it broke")
    assert "ValueError: no way to postgresql://app:***@host/db" in stream.getvalue()
    assert stream.getvalue().count("\n") == (1 if form == "json" else stream.getvalue().count("\n"))


FORGED = "\n2026-01-01T00:00:00Z INFO vectormigrate: all is well\r\x1b[2J\u2028"


def test_nobody_can_write_a_line_of_ours():
    stream = io.StringIO()
    with logging_to(stream, "info"):
        OURS.info("id %s", FORGED)
    assert len(stream.getvalue().splitlines()) == 1
    assert stream.getvalue()[:-1].isprintable()


def test_nor_by_what_an_exception_says():
    stream = io.StringIO()
    with logging_to(stream, "info"):
        try:
            raise ValueError(FORGED)
        except ValueError:
            OURS.exception("it broke")
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith("it broke")
    assert all(line.startswith("  ") and line.isprintable() for line in rest)


@pytest.mark.parametrize(
    ("text", "clean"),
    [
        ("Authorization: Bearer abcdefgh12345678", "Authorization: Bearer ***"),
        ("api_key=s3cr3t&limit=3", "api_key=***&limit=3"),
        ("{'api-key': 's3cr3t'}", "{'api-key': '***'}"),
        ('password="p w"', 'password="*** w"'),
        ("postgresql://app:p%40ss@host:5432/db", "postgresql://app:***@host:5432/db"),
        ("http://host:6333/docs", "http://host:6333/docs"),
        ("sent whsec_c2VjcmV0c2VjcmV0", "sent whsec_***"),
        ("3 tokens: fine", "3 tokens: fine"),
    ],
)
def test_what_looks_like_a_secret_is_taken_out(text, clean):
    assert redacted(text) == clean
