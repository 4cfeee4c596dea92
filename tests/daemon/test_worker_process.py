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


PARENT = """
import os, subprocess, sys, time
command = [sys.executable, "-m", "vectormigrate.daemon.worker_process", str(os.getpid())]
subprocess.Popen(command, stdin=int(sys.argv[1]), stdout=int(sys.argv[2]))
time.sleep(60)
"""


async def test_a_killed_parent_takes_it_along(tmp_path):
    # This test keeps the other ends of its pipes, so that nothing but the kernel tells it.
    job_out, job_in = os.pipe()
    said_out, said_in = os.pipe()
    parent = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PARENT, str(job_out), str(said_in), pass_fds=(job_out, said_in)
    )
    os.close(said_in)
    os.close(job_out)
    try:
        os.write(job_in, frame(await job(tmp_path)))
        reader = asyncio.StreamReader()
        transport, _ = await asyncio.get_running_loop().connect_read_pipe(
            lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(said_out, "rb")
        )
        assert await read_frame(reader) is not None  # it is at work
        parent.kill()
        async with asyncio.timeout(3):  # the kernel is immediate; a loaded machine may not be
            assert await read_frame(reader) is None
        transport.close()
    finally:
        os.close(job_in)
        if parent.returncode is None:
            await parent.wait()


async def test_one_whose_parent_died_before_it_began_does_not_begin(tmp_path):
    command = [*COMMAND[:-1], str(os.getppid())]
    ran = subprocess.run(
        command, input=frame(await job(tmp_path)), capture_output=True, timeout=60, check=False
    )
    assert (ran.returncode, ran.stdout) == (1, b"")


NOISY = """
import os
from vectormigrate.daemon import worker_process
quiet = worker_process.work
async def work(stdin, stdout):
    print("a vendor's banner", flush=True)
    os.write(1, b"a library in C")
    return await quiet(stdin, stdout)
worker_process.work = work
worker_process.main()
"""


async def test_what_a_vendors_client_prints_does_not_get_into_the_pipe(tmp_path):
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", NOISY, str(os.getpid()),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    process.stdin.write(frame(await job(tmp_path)))
    async with asyncio.timeout(30):  # a length read out of a banner would be waited for
        asked = FROM_WORKER.decode(await read_frame(process.stdout))
    assert asked.request == Lease()
    process.stdin.write(frame(Answered(asked.number, None)))
    said, errors = await process.communicate()
    assert said == b""
    assert b"a vendor's banner" in errors
    assert b"a library in C" in errors
