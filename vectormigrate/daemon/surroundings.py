"""Why copies and comparisons should wait, as far as this process must look around for it: its own processor time, a file, an
address that is asked by HEAD. What is too much says the migration; what both sides let us feel is the engine's
(`engine.throttle`).
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from pathlib import Path

import aiohttp

from vectormigrate.engine.throttle import Input, Lately
from vectormigrate.model.clock import Clock
from vectormigrate.model.specification import Specification

_TIMEOUT = aiohttp.ClientTimeout(total=5)


def surroundings(clock: Clock, processor: Callable[[], float] = time.process_time) -> Mapping[str, Input]:
    """For one migration. `processor`: seconds that this process has computed so far."""
    lately = Lately(clock)

    async def cpu(asked: Specification) -> str:
        passed, computed = lately.since(clock.monotonic(), processor())
        cores = computed / passed if passed else 0.0
        most = asked.throttle_cpu
        return f"this process takes {cores:.2f} cores, more than {most:g}" if 0 < most < cores else ""

    return {"cpu": cpu, "file": _file, "url": _url}


async def _file(asked: Specification) -> str:
    path = asked.throttle_file
    there = bool(path) and await asyncio.to_thread(Path(path).exists)
    return f"there is a file {path}" if there else ""


async def _url(asked: Specification) -> str:
    """Who does not answer says wait: whoever set the address meant to be asked."""
    if not asked.throttle_url:
        return ""
    try:
        async with (
            aiohttp.ClientSession(timeout=_TIMEOUT) as session,
            session.head(asked.throttle_url, allow_redirects=False) as response,
        ):
            status = response.status
    except (aiohttp.ClientError, TimeoutError, ValueError):
        return "the address that is asked does not answer"
    return "" if 200 <= status < 300 else f"the address that is asked answers {status}"
