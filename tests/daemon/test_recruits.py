"""Worker processes that wait for work."""

import os
import signal
import time
from pathlib import Path

from tests.daemon.test_crew import workers
from tests.fakes.crew import RECORDS, Scripted, held, job
from vectormigrate.daemon.crew import ProcessCrew
from vectormigrate.daemon.pipe import Prepare, frame
from vectormigrate.daemon.recruits import Recruits
from vectormigrate.engine.work import Assignment

WHOLE = Assignment("copy", 7, None, None)


def pids(least=0):
    """Of the worker processes, once so many have got their name from the kernel."""
    while len(found := {worker.pid for worker in workers()}) < least:
        time.sleep(0.001)
    return found


async def test_one_that_waits_is_taken_and_does_the_work(tmp_path):
    wanted, seen = await job(tmp_path), []
    with Recruits() as recruits:
        recruits.enlist(1)
        recruits.tell(frame(Prepare(("sqlite", "nothing that anybody knows"))))
        (waiting,) = pids(1)
        coordinator = Scripted(WHOLE)
        coordinator.on_report = lambda: seen.append(pids())
        await ProcessCrew(wanted, 1, "docs", lambda event: None, recruits).run(coordinator)
    assert held(tmp_path) == RECORDS
    assert set().union(*seen) == {waiting}


async def test_one_that_died_while_it_waited_is_not_taken(tmp_path):
    events = []
    with Recruits() as recruits:
        recruits.enlist(1)
        (dead,) = pids(1)
        os.kill(dead, signal.SIGKILL)
        os.waitid(os.P_PID, dead, os.WEXITED | os.WNOWAIT)
        recruits.tell(frame(Prepare(("sqlite",))))
        await ProcessCrew(await job(tmp_path), 1, "docs", events.append, recruits).run(Scripted(WHOLE))
    assert held(tmp_path) == RECORDS
    assert events == []  # it had nothing that could be lost


def test_those_that_nobody_took_end_with_the_block():
    with Recruits() as recruits:
        recruits.enlist(2)
        assert len(pids(2)) == 2
    assert pids() == set()


def test_let_go_before_the_end():
    with Recruits() as recruits:
        recruits.enlist(1)
        assert len(pids(1)) == 1
        recruits.dismiss()
        assert pids() == set()


def test_one_that_waits_starts_no_threads_for_linear_algebra():
    with Recruits() as recruits:
        recruits.enlist(1)
        (waiting,) = pids(1)
        assert b"\0OPENBLAS_NUM_THREADS=1\0" in b"\0" + Path(f"/proc/{waiting}/environ").read_bytes()
