"""Where to listen, as a user writes it: `HOST:PORT`, `unix:PATH` or `systemd:NAME` for a socket that is inherited."""

from __future__ import annotations

import contextlib
import errno
import ipaddress
import re
import socket
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vectormigrate.model.errors import UsageError

_TCP = re.compile(r"(?:\[(?P<six>[0-9A-Fa-f:.]+)\]|(?P<host>[^:\[\]/]+)):(?P<port>\d{1,5})")
_LONGEST_PATH = 107
"""Bytes that the kernel takes for the path of a Unix socket."""


@dataclass(frozen=True, slots=True)
class Address:
    """One place to listen. Exactly one of `host`, `path` and `name` is set."""

    host: str = ""
    port: int = 0
    """0 lets the kernel choose."""
    path: str = ""
    name: str = ""

    @classmethod
    def parse(cls, text: str, origin: str) -> Address:
        """Raises UsageError that names where the text came from."""
        kind, colon, rest = text.partition(":")
        if colon and kind == "unix" and rest.startswith("/") and len(rest.encode()) <= _LONGEST_PATH:
            return cls(path=rest)
        if colon and kind == "systemd" and rest:
            return cls(name=rest)
        found = _TCP.fullmatch(text)
        if found is None or int(found["port"]) > 65_535 or kind in ("unix", "systemd"):
            raise UsageError(
                f"{origin} must be HOST:PORT, unix:/PATH or systemd:NAME, not {text[:80]!r}",
                hint="for example 127.0.0.1:6333, or [::1]:6333",
            )
        return cls(host=found["six"] or found["host"], port=int(found["port"]))

    def __str__(self) -> str:
        if self.path:
            return f"unix:{self.path}"
        if self.name:
            return f"systemd:{self.name}"
        return f"[{self.host}]:{self.port}" if ":" in self.host else f"{self.host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether only this machine can connect, as far as the address tells."""
        if not self.host or self.host == "localhost":
            return not self.name
        try:
            return ipaddress.ip_address(self.host).is_loopback
        except ValueError:
            return False

    def bind(self, backlog: int, inherited: Mapping[str, socket.socket]) -> socket.socket:
        """A listening socket of the caller's, not blocking. Raises UsageError when it cannot be had."""
        try:
            bound = self._inherited(inherited) if self.name else self._bound(backlog)
        except OSError as error:
            taken = error.errno == errno.EADDRINUSE
            raise UsageError(
                f"cannot listen at {self}: {'it is taken' if taken else error.strerror or error}",
                hint="end what listens there, or choose another address" if taken else "",
            ) from None
        bound.setblocking(False)
        return bound

    def _inherited(self, inherited: Mapping[str, socket.socket]) -> socket.socket:
        if self.name not in inherited:
            known = ", ".join(sorted(inherited)) or "none"
            raise UsageError(
                f"no socket {self.name!r} was inherited",
                hint=f"inherited sockets: {known}; FileDescriptorName= of the socket unit gives the name",
            )
        return inherited[self.name].dup()

    def _bound(self, backlog: int) -> socket.socket:
        if self.path:
            _remove_stale(self.path)
            bound = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            where: str | tuple[str, int] = self.path
        else:
            infos = socket.getaddrinfo(self.host, self.port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
            # A name like localhost has two: the older is what clients of vendors try first.
            family, kind, protocol, _, found = min(infos, key=lambda info: info[0] != socket.AF_INET)
            bound = socket.socket(family, kind, protocol)
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            where = (str(found[0]), self.port)
        try:
            bound.bind(where)
            bound.listen(backlog)
        except BaseException:
            bound.close()
            raise
        return bound

    def forget(self) -> None:
        """Remove the file of a Unix socket."""
        if self.path:
            Path(self.path).unlink(missing_ok=True)


def _remove_stale(path: str) -> None:
    """Remove a socket that a dead process left; whatever else stands there makes `bind` fail."""
    with contextlib.suppress(OSError):
        if not stat.S_ISSOCK(Path(path).stat().st_mode):
            return
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            probe.settimeout(1)
            try:
                probe.connect(path)
            except ConnectionRefusedError:
                Path(path).unlink()


def bound_address(bound: socket.socket) -> Address:
    """What a socket really is bound to."""
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        return Address(path=str(name))
    return Address(host=str(name[0]), port=int(name[1]))
