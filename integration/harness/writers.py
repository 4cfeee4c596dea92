"""Threads that write to an application's collection until they are stopped; what each writes is for the test to say."""

from __future__ import annotations

import threading
from abc import ABC, abstractmethod
from collections.abc import Iterable
from typing import Generic, TypeVar

Name = TypeVar("Name")


class Threads(ABC, Generic[Name]):
    """One thread a name."""

    pause = 0.03
    """Seconds between two writes of one."""

    def __init__(self, names: Iterable[Name]) -> None:
        self._ended = threading.Event()
        self._threads = [threading.Thread(target=self._write, args=(one,), daemon=True) for one in names]

    @abstractmethod
    def _write(self, name: Name) -> None:
        """Write, as long as `_again`."""

    def _again(self) -> bool:
        """Whether to go on, a pause later."""
        return not self._ended.wait(self.pause)

    def start(self) -> None:
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._ended.set()
        for thread in self._threads:
            thread.join(60)
            assert not thread.is_alive()
