"""The one place of the daemon that spawns: named tasks in one group, and what it means when one of them dies.

A task that returns is done. One that raises takes everything with it: a daemon without its replay or its watchdog only
looks alive, and its supervisor starts a new one. What must not do that (a handler of one request) catches its own.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine
from types import TracebackType
from typing import Any, Self

from vectormigrate.model.errors import VectormigrateError

logger = logging.getLogger(__name__)


class Supervisor:
    """An async context manager that ends when all of its tasks have. The first error of one of them comes out of it."""

    def __init__(self) -> None:
        self._group = asyncio.TaskGroup()
        self._all: set[asyncio.Task[Any]] = set()
        self._lasting: set[asyncio.Task[Any]] = set()

    def spawn(self, work: Coroutine[Any, Any, Any], *, name: str = "") -> asyncio.Task[Any]:
        """Run to its end."""
        task = self._group.create_task(work, name=name or None)
        self._all.add(task)
        task.add_done_callback(self._all.discard)
        return task

    def spawn_lasting(self, work: Coroutine[Any, Any, Any], *, name: str) -> None:
        """Run until the block ends, and cancel it then."""
        task = self.spawn(work, name=name)
        self._lasting.add(task)
        task.add_done_callback(self._lasting.discard)

    def abandon(self) -> None:
        """Cancel whatever still runs."""
        for task in tuple(self._all):
            task.cancel()

    async def __aenter__(self) -> Self:
        await self._group.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for task in tuple(self._lasting):
            task.cancel()
        try:
            await self._group.__aexit__(kind, error, trace)
        except BaseExceptionGroup as group:
            raise _first(group) from None


def _first(group: BaseExceptionGroup[BaseException]) -> BaseException:
    """The error that tells most: what is foreseen before what is not; the others are logged."""
    errors = list(_flat(group))
    errors.sort(key=lambda error: not isinstance(error, VectormigrateError))
    for other in errors[1:]:
        logger.error("and beside it: %s", other, exc_info=other)
    return errors[0]


def _flat(group: BaseExceptionGroup[BaseException]) -> list[BaseException]:
    found: list[BaseException] = []
    for error in group.exceptions:
        found += _flat(error) if isinstance(error, BaseExceptionGroup) else [error]
    return found
