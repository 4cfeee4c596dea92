"""A worker process: waits for its job on standard input, opens the stores, works, speaks only through the pipe.

It dies with its parent (the kernel kills it, and a closed pipe ends it too), so that a killed migration leaves no
writer behind on this host.
"""

from __future__ import annotations

import asyncio
import ctypes
import itertools
import os
import signal
import sys
from typing import Any

from vectormigrate.engine.work import Request
from vectormigrate.engine.worker import Worker
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.stores import registry

from . import killing
from .assisting import assist
from .pipe import JOB, TO_WORKER, Asked, Assist, Failed, Job, Prepare, frame, read_frame, streams
from .runtime import settle_in
from .tasks import Stores, tasks

_PR_SET_PDEATHSIG = 1
_NICE = 5
"""Of one that assists: whoever answers the application goes first."""


class PipeCoordinator:
    """The coordinator as seen from a worker process."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Any]] = {}

    async def ask(self, request: Request) -> Any:
        """Send a request and wait for its answer."""
        number = next(self._numbers)
        future: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        self._writer.write(frame(Asked(number, request)))
        await self._writer.drain()
        try:
            return await future
        finally:
            del self._waiting[number]

    async def listen(self) -> None:
        """Hand out answers; when the parent is gone there is nobody to work for."""
        while (data := await read_frame(self._reader)) is not None:
            answered = TO_WORKER.decode(data)
            future = self._waiting.get(answered.number)
            if future is not None and not future.done():
                future.set_result(answered.answer)
        os._exit(1)

    def fail(self, error: VectormigrateError) -> None:
        """Tell what ended this worker."""
        self._writer.write(frame(Failed(error.as_dict())))


async def work(stdin: int, stdout: int) -> int:
    """The life of one worker process; returns its exit code."""
    reader, _, writer = await streams(os.fdopen(stdin, "rb"), os.fdopen(stdout, "wb"))
    job = await _job(reader)
    settle_in()  # before there are threads, each of which would get memory of its own
    match job:
        case None:
            return 1
        case Assist(source):
            os.nice(_NICE)
            await assist(source, reader, writer)
            return 0
        case Job():
            return await _crew(job, reader, writer)


async def _crew(job: Job, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> int:
    """Take part in a crew."""
    coordinator = PipeCoordinator(reader, writer)
    try:
        async with asyncio.TaskGroup() as group:
            listening = group.create_task(coordinator.listen(), name="listen")
            async with Stores.open(job.source, job.target, job.mapping.selection, job.back) as stores:
                await stores.greet()
                worker = Worker(coordinator, tasks(coordinator, job, stores), concurrency=job.concurrency)
                await worker.run()
            listening.cancel()
    except* VectormigrateError as group_of_errors:
        found: BaseException = group_of_errors
        while isinstance(found, BaseExceptionGroup):
            found = found.exceptions[0]
        assert isinstance(found, VectormigrateError)
        coordinator.fail(found)
    await writer.drain()
    writer.close()
    return 0


async def _job(reader: asyncio.StreamReader) -> Job | Assist | None:
    """The job, whenever it comes; None when the parent is gone, or wanted nothing."""
    while (data := await read_frame(reader)) is not None:
        match JOB.decode(data):
            case Prepare(kinds):
                for kind in kinds:
                    registry.load(kind)
            case Job() | Assist() as job:
                return job
    return None


def _die_with_parent(parent: int) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:  # it died before the kernel was asked
        os._exit(1)


def main() -> None:
    """Entry of `python -m vectormigrate.daemon.worker_process PID`, with the id of the parent process."""
    _die_with_parent(int(sys.argv[1]))
    killing.arm(os.environ, os.getppid(), os.getpid())
    stdout = os.dup(1)
    os.dup2(2, 1)  # what a vendor's client prints must not get into the pipe
    code = asyncio.run(work(os.dup(0), stdout))
    sys.stderr.flush()
    os._exit(code)  # vendor clients keep threads that would hold up the end


if __name__ == "__main__":
    main()
