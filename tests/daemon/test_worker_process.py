"""A worker process: it speaks only through the pipe, and does not outlive its parent."""

import asyncio
import os
import subprocess
import sys

from tests.fakes.crew import job
from vectormigrate.daemon.pipe import FROM_WORKER, Answered, Asked, frame, read_frame
from vectormigrate.engine.work import Lease

COMMAND = [sys.executable, "-m", "vectormigrate.daemon.worker_process", str(os.getpid())]


def test_without_a_job_it_leaves():
    ran = subprocess.run(COMMAND, input=b"", capture_output=True, timeout=60, check=False)
    assert (ran.returncode, ran.stdout) == (1, b"")


async def test_it_asks_for_work_and_ends_when_there_is_none(tmp_path):
    process = await start(await job(tmp_path))
    asked = FROM_WORKER.decode(await read_frame(process.stdout))
    assert isinstance(asked, Asked)
    assert asked.request == Lease()
    process.stdin.write(frame(Answered(asked.number, None)))
    assert await read_frame(process.stdout) is None
    assert await process.wait() == 0


async def test_a_parent_that_went_away_ends_it(tmp_path):
    process = await start(await job(tmp_path))
    await read_frame(process.stdout)
    process.stdin.close()
    async with asyncio.timeout(30):
        assert await process.wait() == 1


async def start(wanted):
    process = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    process.stdin.write(frame(wanted))
    return process
