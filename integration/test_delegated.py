"""A command beside a daemon, in a process of its own: Ctrl-C there stops nothing here."""

from __future__ import annotations

import asyncio
import signal
import sys
from pathlib import Path

from tests.fakes.api import site, slow_world


async def test_ctrl_c_ends_the_looking_alone(tmp_path: Path) -> None:
    async with site(tmp_path) as here, slow_world() as given:
        flags = [
            word for name, value in given.items() for word in (f"--{name.replace('_', '-')}", str(value))
        ]
        words = (sys.executable, "-m", "vectormigrate", "migrate", "docs", *flags)
        process = await asyncio.create_subprocess_exec(
            *words, "--state", str(tmp_path / "state.db"), stderr=asyncio.subprocess.PIPE, cwd=tmp_path
        )
        async for line in process.stderr:
            if b"backfill" in line:
                break
        process.send_signal(signal.SIGINT)
        told = (await process.stderr.read()).decode()
        assert await process.wait() == 130
        assert "the daemon goes on with it" in told
        assert "vectormigrate pause docs" in told
        assert here.control.runs("docs")
        await here.control.halt("docs", pause=False)
