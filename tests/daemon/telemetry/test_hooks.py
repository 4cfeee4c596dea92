import asyncio
import json
import os
from pathlib import Path

import pytest

from vectormigrate.daemon.telemetry.happenings import Happening
from vectormigrate.daemon.telemetry.hooks import HookFailed, Hooks
from vectormigrate.model.errors import ConfigInvalid, GateRefused

OPENED = Happening("gap_opened", "move", {"why": 'disk "full"\n', "count": 3})
BEFORE = Happening("before_cutover", "move", {})


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "hooks"
    made.mkdir(mode=0o755)
    return made


@pytest.fixture
def hooks(folder):
    return Hooks(folder, 30.0, {"PATH": os.environ["PATH"], "API_KEY": "hidden"})


def hook(folder, name, text, mode=0o755):
    path = folder / name
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(mode)
    return path


async def test_those_of_the_name_are_run_in_order_and_no_others(folder, hooks):
    for name in ("gap_opened.20-b", "gap_opened", "gap_opened.10-a", "gap_opened_too", "gap"):
        hook(folder, name, f"echo {name} >> out")
    hook(folder, "gap_opened.30-off", "echo off >> out", mode=0o644)
    assert await hooks.call(OPENED) == 3
    assert (folder / "out").read_text().split() == ["gap_opened", "gap_opened.10-a", "gap_opened.20-b"]
    assert await hooks.call(Happening("startup", "", {})) == 0


async def test_it_is_given_what_happened_and_nothing_of_ours(folder, hooks):
    hook(folder, "gap_opened", "cat > document; env -0 > environment")
    await hooks.call(OPENED)
    told = {"event": "gap_opened", "migration": "move", "why": 'disk "full"\n', "count": 3}
    assert json.loads((folder / "document").read_text()) == told
    lines = (folder / "environment").read_text().split("\0")
    given = dict(line.split("=", 1) for line in lines if line)
    assert {name: value for name, value in given.items() if name.startswith("VECTORMIGRATE_")} == {
        "VECTORMIGRATE_EVENT": "gap_opened",
        "VECTORMIGRATE_MIGRATION": "move",
        "VECTORMIGRATE_WHY": 'disk "full"\n',
        "VECTORMIGRATE_COUNT": "3",
    }
    assert "API_KEY" not in given


async def test_one_of_before_forbids_the_step_with_what_it_says(folder, hooks):
    hook(folder, "before_cutover.10", "exit 0")
    await hooks.call(BEFORE)
    hook(folder, "before_cutover.20", "echo not on fridays; exit 3")
    with pytest.raises(GateRefused, match=r"before_cutover.20 forbids it \(exit code 3\): not on fridays"):
        await hooks.call(BEFORE)


async def test_any_other_that_fails_is_only_told(folder, hooks):
    hook(folder, "gap_opened", "exit 1")
    with pytest.raises(HookFailed, match="exit code 1"):
        await hooks.call(OPENED)


async def test_one_that_hangs_is_killed_with_what_it_started(folder):
    hook(folder, "before_cutover", "sleep 1000 & echo $! > child; wait")
    with pytest.raises(GateRefused, match="not done after 2 s"):
        await Hooks(folder, 2.0, os.environ).call(BEFORE)
    child = int((folder / "child").read_text())
    async with asyncio.timeout(10):
        while alive(child):
            await asyncio.sleep(0.001)


def alive(process):
    stat = Path(f"/proc/{process}/stat")
    try:
        return stat.read_text().split()[2] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_one_that_cannot_be_run_forbids_too(folder, hooks):
    (folder / "before_cutover").write_text("#!/no/such/shell\n")
    (folder / "before_cutover").chmod(0o755)
    with pytest.raises(GateRefused, match="cannot be run"):
        await hooks.call(BEFORE)


def test_a_folder_or_a_hook_that_others_can_change_is_refused(folder, hooks):
    path = hook(folder, "gap_opened", "")
    hooks.check()
    path.chmod(0o757)
    with pytest.raises(ConfigInvalid, match="gap_opened can be changed by others"):
        hooks.check()
    path.chmod(0o755)
    folder.chmod(0o775)
    with pytest.raises(ConfigInvalid, match="hooks can be changed by others"):
        hooks.check()


def test_a_folder_that_is_not_there_is_told(tmp_path):
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        Hooks(tmp_path / "none", 1.0, {}).check()
