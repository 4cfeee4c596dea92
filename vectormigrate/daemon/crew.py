"""Crews: workers in this process, or in processes of their own, against a coordinator of this process.

A worker process that dies is replaced; what it had leased is handed out again from the last checkpoint. Processes are
spawned, never forked: gRPC channels do not survive a fork.
"""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

from vectormigrate.engine.work import (
    Assignment,
    Compared,
    Coordinator,
    Crew,
    Finish,
    Lease,
    Release,
    first_error,
)
from vectormigrate.engine.worker import Worker
from vectormigrate.model.errors import StoreBroken, VectormigrateError, error_from_dict
from vectormigrate.model.events import Event, WorkerLost

from .pipe import FROM_WORKER, Answered, Asked, Failed, Job, frame, read_frame, streams
from .recruits import Recruits
from .tasks import Stores, tasks

_MOST_LOST = 5
"""So many workers may die in one run before something is wrong with more than a worker."""

_LOOK = 0.1
"""Seconds between two looks whether it is somebody's turn."""


class LocalCrew:
    """One worker in this process, on stores that are open already."""

    def __init__(self, job: Job, stores: Stores) -> None:
        self._job = job
        self._stores = stores

    async def run(self, coordinator: Coordinator) -> None:
        """Work until nothing is left."""
        worker = Worker(
            coordinator, tasks(coordinator, self._job, self._stores), concurrency=self._job.concurrency
        )
        await worker.run()


class ProcessCrew:
    """Workers in `processes` processes of their own."""

    def __init__(
        self,
        job: Job,
        processes: int,
        migration_id: str,
        on_event: Callable[[Event], None],
        recruits: Recruits | None = None,
    ) -> None:
        """`recruits` are taken first."""
        self._recruits = recruits or Recruits()
        self._job = job
        self._processes = processes
        self._id = migration_id
        self._on_event = on_event
        self._lost = 0

    async def run(self, coordinator: Coordinator) -> None:
        """Take or start the processes, answer them until they end, replace those that die."""
        failure: VectormigrateError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for number in range(self._processes):
                    group.create_task(self._keep_one(coordinator), name=f"worker-{number}")
        except* VectormigrateError as errors:
            failure = first_error(errors)
        if failure is not None:
            raise failure

    async def _keep_one(self, coordinator: Coordinator) -> None:
        while (code := await _Process(self._job, coordinator, self._recruits).run()) != 0:
            self._lost += 1
            self._on_event(WorkerLost(self._id, code))
            if self._lost >= _MOST_LOST:
                raise StoreBroken(
                    f"{self._lost} worker processes ended without a word, the last with exit code {code}",
                    hint="look for memory limits and at the lines above; what was copied is kept, so resume goes on",
                )


class Together:
    """Crews side by side against one coordinator. This process takes part beside its worker processes: it copies while
    they start, which takes one that was not started ahead most of a second.
    """

    def __init__(self, *crews: Crew) -> None:
        self._crews = crews

    async def run(self, coordinator: Coordinator) -> None:
        """Run them all. The first error ends them all and is raised."""
        failure: VectormigrateError | None = None
        try:
            async with asyncio.TaskGroup() as group:
                for crew in self._crews:
                    group.create_task(crew.run(coordinator), name=type(crew).__name__)
        except* VectormigrateError as errors:
            failure = first_error(errors)
        if failure is not None:
            raise failure


class _Process:
    """One worker process and its conversation."""

    def __init__(self, job: Job, coordinator: Coordinator, recruits: Recruits) -> None:
        self._recruits = recruits
        self._job = job
        self._coordinator = coordinator
        self._leased: set[int] = set()

    async def run(self) -> int:
        """The exit code once it has ended, its leases given back. Raises what it failed with."""
        process = self._recruits.take()
        try:
            return await self._converse(process)
        finally:
            process.kill()
            process.wait()  # not for long: it is dead
            for number in self._leased:
                await self._coordinator.ask(Release(number, lost=True))

    async def _converse(self, process: subprocess.Popen[bytes]) -> int:
        assert process.stdin is not None
        assert process.stdout is not None
        reader, reading, writer = await streams(process.stdout, process.stdin)
        try:
            await self._listen(reader, writer)
        finally:
            writer.close()
            reading.close()
        return await asyncio.to_thread(process.wait)

    async def _listen(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Until it says no more. Raises what it failed with."""
        failure: VectormigrateError | None = None
        writer.write(frame(self._job))
        try:
            async with asyncio.TaskGroup() as answers:
                while (data := await read_frame(reader)) is not None:
                    message: Asked | Failed = FROM_WORKER.decode(data)
                    match message:
                        case Failed(error):
                            failure = error_from_dict(error)
                        case Asked():
                            answers.create_task(self._answer(message, writer))
        except* VectormigrateError as errors:
            raise first_error(errors) from None
        if failure is not None:
            raise failure

    async def _answer(self, asked: Asked, stdin: asyncio.StreamWriter) -> None:
        answer = await self._coordinator.ask(asked.request)
        match asked.request:
            case Lease() if isinstance(answer, Assignment):
                self._leased.add(answer.number)
            case Finish(number) | Release(number):
                self._leased.discard(number)
            case Compared(number, result=result) if result is not None:
                self._leased.discard(number)
            case _:
                pass
        if not stdin.is_closing():
            stdin.write(frame(Answered(asked.number, answer)))


class TurnCrew:
    """A crew that works when no other of the same turn does."""

    def __init__(self, crew: Crew, turn: asyncio.Lock, wanted: Callable[[], bool]) -> None:
        """Waits as long as it is `wanted`."""
        self._crew = crew
        self._turn = turn
        self._wanted = wanted

    async def run(self, coordinator: Coordinator) -> None:
        """Work until nothing is left; not at all when it was not wanted any more before its turn came."""
        while self._turn.locked():
            if not self._wanted():
                return
            await asyncio.sleep(_LOOK)
        async with self._turn:
            await self._crew.run(coordinator)
