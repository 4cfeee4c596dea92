"""What a person sees of the demonstration: what it does, how far it is, what that proved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TextIO

WIDTH = 30


@dataclass(slots=True)
class Teller:
    """Lines on a stream; with `quiet` none. A bar moves only on a terminal."""

    out: TextIO
    quiet: bool = False
    _bar: bool = False

    @property
    def live(self) -> bool:
        """Whether somebody watches the bar."""
        return not self.quiet and self.out.isatty()

    def title(self, line: str) -> None:
        self._line(f"\n{line}")

    def did(self, line: str) -> None:
        self._line(f"  {line}")

    def progress(self, what: str, done: int, total: int) -> None:
        """Move the bar, which the next line replaces."""
        if not self.live:
            return
        filled = WIDTH * done // total if total else 0
        self.out.write(f"\r  {what} {'#' * filled}{'.' * (WIDTH - filled)} {done:,} of {total:,}\x1b[K")
        self.out.flush()
        self._bar = True

    def _line(self, line: str) -> None:
        if self.quiet:
            return
        if self._bar:
            self.out.write("\r\x1b[K")
            self._bar = False
        self.out.write(line + "\n")
        self.out.flush()
