"""Death at a named point, for tests of what a crash leaves behind: `VECTORMIGRATE_KILL_AT=swap.turned:2` ends the process by
SIGKILL when it comes to that point (`model.points`) for the second time. Without the variable nothing is armed.

A worker process takes its owner along: one machine has lost its power.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Mapping

from vectormigrate.model.errors import UsageError
from vectormigrate.model.points import ARMED, POINTS

VARIABLE = "VECTORMIGRATE_KILL_AT"


def arm(environ: Mapping[str, str], *victims: int, kill: Callable[[int, int], None] = os.kill) -> None:
    """Arm this process to kill these, itself last, as the environment says. Raises UsageError for what it cannot mean."""
    given = environ.get(VARIABLE)
    if not given:
        return
    name, _, nth = given.partition(":")
    if name not in POINTS or not (nth or "1").isdigit():
        raise UsageError(f"{VARIABLE} is NAME or NAME:NTH, with the name of a point, not {given!r}")
    ARMED.append(_Trap(name, int(nth or "1"), victims, kill).reached)


class _Trap:
    """Counts how often one point is reached."""

    def __init__(
        self, name: str, nth: int, victims: tuple[int, ...], kill: Callable[[int, int], None]
    ) -> None:
        self._name = name
        self._left = nth
        self._victims = victims
        self._kill = kill
        self._lock = threading.Lock()

    def reached(self, point: str) -> None:
        if point != self._name:
            return
        with self._lock:
            self._left -= 1
            due = self._left == 0
        if due:
            os.write(2, f"killed at {point}\n".encode())
            for victim in self._victims:
                self._kill(victim, signal.SIGKILL)
