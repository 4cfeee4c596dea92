"""Log lines of a serving process."""

import io
import logging

from vectormigrate.daemon.logs import logging_to, set_level

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


def test_debug_lines_of_libraries_stay_unsaid():
    stream = io.StringIO()
    with logging_to(stream, "debug"):
        LIBRARY.info("a request with a key in it")
        LIBRARY.warning("trouble")
    assert stream.getvalue().count("\n") == 1
    assert stream.getvalue().endswith("trouble\n")
