"""Which tenants a process has woken, in a file that outlives it: killed, it cannot put them to sleep again, and the next one can.

A process holds the lock of its own file for as long as it lives. So a file whose lock is free is one of a process that is
gone, or of one that could not reach the server in the end. Blocking.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
from pathlib import Path
from uuid import uuid4


class Woken:
    """Tenants of one server, by class. Without a folder it remembers as long as it lives."""

    def __init__(self, folder: str, server: str) -> None:
        name = hashlib.sha256(server.encode()).hexdigest()[:16]
        self._folder = Path(folder) if folder else None
        self._prefix = f"weaviate-woken-{name}-"
        self._held: dict[Path, int] = {}
        """Files, ours and those of processes that are gone, by path: descriptors that hold their locks."""
        self._own: int | None = None
        self._woken: set[tuple[str, str]] = set()

    def add(self, name: str, tenant: str) -> None:
        """Durable when it returns. To be called before the tenant is woken."""
        self._woken.add((name, tenant))
        if self._folder is None:
            return
        if self._own is None:
            self._own = self._begin(self._folder)
        os.write(self._own, json.dumps([name, tenant]).encode() + b"\n")
        os.fsync(self._own)

    def _begin(self, folder: Path) -> int:
        # It gets its name once it is locked: until then nobody looks for it.
        nameless, path = folder / f".{uuid4().hex}", folder / f"{self._prefix}{uuid4().hex}"
        descriptor = os.open(nameless, os.O_CREAT | os.O_EXCL | os.O_WRONLY | os.O_APPEND, 0o600)
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        nameless.rename(path)
        self._held[path] = descriptor
        return descriptor

    def all(self) -> list[tuple[str, str]]:
        """Class and tenant of what was woken and not put to sleep, by processes that are gone as well."""
        for path in self._folder.glob(f"{self._prefix}*") if self._folder else ():
            if path not in self._held:
                self._adopt(path)
        return sorted(self._woken)

    def _adopt(self, path: Path) -> None:
        try:
            descriptor = os.open(path, os.O_RDONLY)
        except FileNotFoundError:
            return
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:  # its process lives
            os.close(descriptor)
            return
        self._held[path] = descriptor
        for line in path.read_bytes().splitlines():
            try:
                name, tenant = json.loads(line)
            except ValueError:
                continue  # cut off by the kill, and so before the tenant was woken
            self._woken.add((str(name), str(tenant)))

    def end(self, *, settled: bool) -> None:
        """Forget everything if it is `settled`; else leave it to whoever comes next."""
        for path, descriptor in self._held.items():
            if settled:
                path.unlink(missing_ok=True)
            os.close(descriptor)
        self._held.clear()
        self._woken.clear()
        self._own = None
