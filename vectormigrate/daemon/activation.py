"""What a supervisor such as systemd gives and is told: sockets that outlive this process, and words about its state.

The protocols are those of sd_listen_fds(3) and sd_notify(3): descriptors from 3 on, named by LISTEN_FDNAMES; and one
datagram a word to NOTIFY_SOCKET. A socket that is inherited keeps its queue while one process ends and the next begins,
so that a restart refuses nobody.
"""

from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Mapping
from contextlib import suppress

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import UsageError

_FIRST = 3
"""Descriptors below are standard input, output and error."""
_UNNAMED = "unknown"
"""What a socket without a name is called, as systemd has it."""


def inherited(
    environ: Mapping[str, str], *, own: int | None = None, first: int = _FIRST
) -> dict[str, socket.socket]:
    """The listening sockets that this process was started with, by name; empty when there are none or when they were
    meant for another process. Call once: the sockets are the caller's. Raises UsageError for what cannot be understood.
    """
    if environ.get("LISTEN_PID") != str(own or os.getpid()):
        return {}
    try:
        count = int(environ.get("LISTEN_FDS", "0"))
    except ValueError:
        raise UsageError("LISTEN_FDS is no number") from None
    given = environ.get("LISTEN_FDNAMES", "")
    names = given.split(":") if given else [_UNNAMED] * count
    if len(names) != count:
        raise UsageError(f"LISTEN_FDNAMES names {len(names)} sockets, and LISTEN_FDS says {count}")
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise UsageError(
            f"two inherited sockets are called {twice[0]!r}", hint="give each its FileDescriptorName="
        )
    return {name: _socket(descriptor) for descriptor, name in enumerate(names, first)}


def _socket(descriptor: int) -> socket.socket:
    try:
        os.set_inheritable(descriptor, False)  # not for the worker processes
        return socket.socket(fileno=descriptor)
    except OSError as error:
        raise UsageError(f"the inherited descriptor {descriptor} is no socket: {error.strerror}") from None


class Notifier:
    """Tells the supervisor. Says nothing, at no cost, when there is none."""

    def __init__(self, environ: Mapping[str, str], clock: Clock) -> None:
        self._clock = clock
        self._address = environ.get("NOTIFY_SOCKET", "").replace("@", "\0", 1)
        self._watchdog = self._period(environ)
        self._socket: socket.socket | None = None
        if self._address:
            self._socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
            self._socket.setblocking(False)

    @staticmethod
    def _period(environ: Mapping[str, str]) -> float | None:
        meant = environ.get("WATCHDOG_PID", str(os.getpid())) == str(os.getpid())
        given = environ.get("WATCHDOG_USEC", "")
        return int(given) / 2e6 if meant and given.isdigit() and int(given) else None

    def ready(self, status: str) -> None:
        """Everything is bound and open."""
        self._say("READY=1", f"STATUS={status}")

    def reloading(self) -> None:
        """Between this and `ready` the configuration is read again."""
        self._say("RELOADING=1", f"MONOTONIC_USEC={int(self._clock.monotonic() * 1e6)}")

    def stopping(self, status: str) -> None:
        """Nothing is accepted any more."""
        self._say("STOPPING=1", f"STATUS={status}")

    async def watch(self) -> None:
        """Say at half of the watchdog's period that the loop turns; for ever, or returns at once without a watchdog.

        To be run by the loop that does the work: what it proves is that this loop is not stuck.
        """
        while self._watchdog is not None and self._socket is not None:
            self._say("WATCHDOG=1")
            await asyncio.sleep(self._watchdog)

    def _say(self, *words: str) -> None:
        if self._socket is None:
            return
        with suppress(OSError):  # a supervisor that does not listen is no reason to stop serving
            self._socket.sendto("\n".join(words).encode(), self._address)

    def close(self) -> None:
        """Nothing more is told."""
        if self._socket is not None:
            self._socket.close()
            self._socket = None
