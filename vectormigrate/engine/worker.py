"""A worker: asks for ranges and works on them, several at once, until the coordinator has nothing left.

The same code runs in this process, in a worker process and anywhere else that can reach a coordinator. It knows
neither how its stores were opened nor how its requests travel.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Mapping

from vectormigrate.engine.work import Assignment, Coordinator, Lease, first_error
from vectormigrate.model.errors import VectormigrateError

Task = Callable[[Assignment], Awaitable[None]]
"""Works on one assignment to its end, telling the coordinator as it goes."""


class Worker:
    """Runs `concurrency` assignments at once; `tasks` says how to do each kind of work."""

    def __init__(self, coordinator: Coordinator, tasks: Mapping[str, Task], *, concurrency: int) -> None:
        self._coordinator = coordinator
        self._tasks = tasks
        self._concurrency = concurrency

    async def run(self) -> None:
        """Work until there is nothing left. The first error ends all assignments and is raised."""
        failure: VectormigrateError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._concurrency):
                    group.create_task(self._lane(), name=f"lane-{number}")
        except* VectormigrateError as errors:
            failure = first_error(errors)
        if failure is not None:
            raise failure

    async def _lane(self) -> None:
        while True:
            assignment: Assignment | None = await self._coordinator.ask(Lease())
            if assignment is None:
                return
            await self._tasks[assignment.work](assignment)
