"""Signals: the first asks the work to end at a safe point, the second leaves at once.

Leaving at once is safe as well, as any crash is; it only costs the page that was under way.
"""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

WATCHED = (signal.SIGINT, signal.SIGTERM)


@dataclass(slots=True)
class Stop:
    """What has been asked so far."""

    received: signal.Signals | None = None

    @property
    def exit_code(self) -> int | None:
        """128 and the signal's number, as a shell has it; None when nothing was asked."""
        return None if self.received is None else 128 + self.received


@contextmanager
def stopping(
    ask: Callable[[signal.Signals], None], leave: Callable[[int], object] = os._exit
) -> Iterator[Stop]:
    """While the block runs, turn the first signal into `ask` and the second into `leave(code)`.

    Inside a running event loop only. The default handlers are back when the block ends. In another thread than the main one
    it watches nothing: signals are the business of the program that the thread is of.
    """
    loop = asyncio.get_running_loop()
    stop = Stop()

    def receive(number: signal.Signals) -> None:
        if stop.received is not None:
            leave(128 + number)
            return
        stop.received = number
        ask(number)

    watched = WATCHED if threading.current_thread() is threading.main_thread() else ()
    for number in watched:
        loop.add_signal_handler(number, receive, number)
    try:
        yield stop
    finally:
        for number in watched:
            loop.remove_signal_handler(number)
