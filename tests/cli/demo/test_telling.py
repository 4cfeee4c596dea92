"""What a person sees, on a terminal and not."""

import io

from vectormigrate.cli.demo.telling import Teller


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


def test_lines_without_a_terminal_are_plain():
    out = io.StringIO()
    tell = Teller(out)
    tell.title("1. SQLite to Postgres")
    tell.progress("copying", 10, 100)
    tell.did("killed")
    assert out.getvalue() == "\n1. SQLite to Postgres\n  killed\n"
    assert not tell.live


def test_a_bar_moves_on_a_terminal_and_gives_way_to_the_next_line():
    out = Terminal()
    tell = Teller(out)
    tell.progress("copying", 1500, 3000)
    assert "1,500 of 3,000" in out.getvalue()
    assert "#" * 15 + "." * 15 in out.getvalue()
    tell.did("killed")
    assert out.getvalue().endswith("\r\x1b[K  killed\n")


def test_quiet_says_nothing():
    out = Terminal()
    tell = Teller(out, quiet=True)
    tell.title("a")
    tell.did("b")
    tell.progress("c", 1, 2)
    assert out.getvalue() == ""
    assert not tell.live
