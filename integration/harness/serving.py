"""`vectormigrate serve` as a process of its own, which is how users have it: what asks it does not share its interpreter."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import subprocess
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.life.daemon import Behind, Daemon
from tests.life.pinecone import KEY

CHECKOUT = Path(__file__).parents[2]
"""Whose program it is: that of the tests, which need not be the one that is installed."""


@asynccontextmanager
async def in_a_process(folder: Path, behind: Behind) -> AsyncIterator[Daemon]:
    """`vectormigrate serve`, until the block ends."""
    words = ["--dialect", behind.dialect, "--listen", "127.0.0.1:0", "--upstream", behind.url]
    words += ["--grpc-upstream", behind.grpc_url] if behind.grpc_url else []
    words += ["--control-upstream", behind.control_url] if behind.control_url else []
    words += ["--index", behind.index] if behind.index else []
    words += ["--grpc-listen", "127.0.0.1:0"] if behind.two_ports else []
    words += ["--coalesce", "0.01", "--provisional-after", "0.02", "--delete-confirmation", "0.1"]
    log, state = folder / "serve.log", folder / "state.db"
    command = [sys.executable, "-m", "vectormigrate", "serve", "--addr", "off", "--state", str(state), *words]
    environment = {**os.environ, "PINECONE_KEY": KEY, "PYTHONPATH": str(CHECKOUT)}
    with log.open("wb") as told:
        process = subprocess.Popen(command, stdout=told, stderr=told, cwd=folder, env=environment)
    try:
        async with asyncio.timeout(60):
            while (
                found := re.search(r" at \S+:(\d+)(?:, gRPC alone at \S+:(\d+))?", log.read_text())
            ) is None:
                assert process.poll() is None, log.read_text()
                await asyncio.sleep(0.05)
        yield Daemon(state, int(found[1]), int(found[2] or 0))
    finally:
        process.send_signal(signal.SIGTERM)
        await asyncio.to_thread(process.wait, 30)
    assert "Traceback" not in log.read_text(), log.read_text()
