"""Children: what they are given, what is made of their ends, and that none is left."""

import os
from pathlib import Path

import pytest

import vectormigrate
from vectormigrate.cli.demo.process import CommandLine, StepFailed, child, clean_environment

PARENT = """
import subprocess, sys, time
grandchild = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"])
print(grandchild.pid, flush=True)
time.sleep(60)
"""


def is_alive(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except FileNotFoundError:
        return False
    # An orphan that nobody has reaped yet is dead all the same.
    return state not in ("Z", "X")


async def test_a_command_gives_its_document(tmp_path):
    document = await CommandLine(tmp_path).answer("completion", "bash")
    assert document["shell"] == "bash"
    assert "$ completion bash" in (tmp_path / "demo.log").read_text()


async def test_a_command_that_fails_is_told_with_its_own_words(tmp_path):
    with pytest.raises(StepFailed, match=r"completion tcsh.* ended with 2: .*tcsh"):
        await CommandLine(tmp_path).answer("completion", "tcsh")


async def test_something_else_is_done_while_a_command_runs(tmp_path):
    looks = 0

    def look() -> None:
        nonlocal looks
        looks += 1

    await CommandLine(tmp_path).answer("completion", "zsh", meanwhile=look)
    assert looks > 0


def test_nothing_is_copied_while_there_is_no_state_file_or_no_such_migration(tmp_path):
    command = CommandLine(tmp_path)
    assert command.copied("demo-1") == 0
    (tmp_path / "state.db").write_bytes(b"")
    assert command.copied("demo-1") == 0


async def test_a_child_and_its_own_children_are_gone_after_the_block(tmp_path):
    async with child(["-c", PARENT], tmp_path, os.environ) as process:
        assert process.stdout is not None
        grandchild = int(await process.stdout.readline())
        assert is_alive(grandchild)
    assert process.returncode == -9
    # The kill is sent to the group at once; the grandchild is not ours to wait for.
    for _ in range(1000):
        if not is_alive(grandchild):
            break
        os.sched_yield()
    assert not is_alive(grandchild)


def test_the_callers_own_settings_are_not_the_childs(monkeypatch):
    given = {"VECTORMIGRATE_STATE": "/mine.db", "PYTHONPATH": "/some", "LANG": "C.UTF-8"}
    environ = clean_environment(given, Path("/work"))
    package = str(Path(vectormigrate.__file__).parents[1])
    assert environ == {"PYTHONPATH": f"{package}{os.pathsep}/some", "LANG": "C.UTF-8", "TMPDIR": "/work"}
    assert clean_environment({}, Path("/work"))["PYTHONPATH"] == package
