"""Following a live migration that waits for a word; one that is followed to its end is in `test_live.py`."""

import io
import os
import signal
import threading
from functools import partial

import pytest

from tests.fakes.served import ServedProcess
from vectormigrate.cli.following import BEGINS
from vectormigrate.cli.main import main


class Watched(io.StringIO):
    """Does something as soon as something is said."""

    def __init__(self, reactions):
        super().__init__()
        self._reactions = reactions

    def write(self, text):
        for words, then in self._reactions.items():
            if words in text:
                then()
        return super().write(text)


@pytest.fixture
def followed(terminal):
    """Follows a migration and does something to the daemon while it waits to be attested."""
    terminal.source()
    words = ("serve", "--dialect", "neutral", "--listen", "127.0.0.1:0")
    with ServedProcess(terminal.directory, *words) as process:

        def follow(then):
            end = partial(process.end, signal.SIGKILL)
            err = Watched({"then: vectormigrate attest docs": partial(then, process), BEGINS: end})
            flags = [*terminal.flags(), "--mode", "proxied", "--follow"]
            code = main(["migrate", "docs", *flags], environ=terminal.environ, out=io.StringIO(), err=err)
            return code, err.getvalue()

        yield follow


def test_ctrl_c_ends_the_looking_and_not_the_migration(followed, terminal):
    code, told = followed(lambda _: threading.Timer(0.1, os.kill, (os.getpid(), signal.SIGINT)).start())
    assert code == 130
    assert "the daemon goes on with it" in told
    assert terminal.run("status", "docs", "--json").document["phase"] == "passthrough"


def test_a_daemon_that_ends_is_told(followed):
    code, told = followed(lambda process: process.end(signal.SIGKILL))
    assert code == 4
    assert "the daemon that ran 'docs' has ended" in told


def test_that_it_waits_for_a_while_behind_the_word_is_told(followed, terminal):
    code, told = followed(lambda _: threading.Thread(target=terminal.run, args=("attest", "docs")).start())
    assert (code, told.count(BEGINS)) == (4, 1), told  # the daemon was ended as soon as it was said
