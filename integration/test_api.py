"""Our REST API under generated requests: schemathesis reads its document and looks for answers that it does not describe.

The daemon is one in this process, over a state file of its own, with a migration in it; it is served on a real port.
"""

from __future__ import annotations

import asyncio
import sys
import threading
from contextlib import contextmanager

import pytest

from tests.fakes.api import KEY, site, two_stores

CHECKS = "not_a_server_error,status_code_conformance,content_type_conformance,response_schema_conformance,ignored_auth"
"""What can be asked of every answer. An argument that is no good but has no harm is not refused by all, so that is left out."""


@contextmanager
def served(directory):
    """A daemon in a loop of its own; its address."""
    ready, over = threading.Event(), threading.Event()
    told: dict[str, str] = {}

    async def serve() -> None:
        async with site(directory) as here:
            _, operation = await here.ask(
                "POST", "/v1/migrations", {"migration_id": "docs", **two_stores(directory)}
            )
            await here.finished(operation)
            told["url"] = here.url
            ready.set()
            await asyncio.to_thread(over.wait)

    thread = threading.Thread(target=lambda: asyncio.run(serve()))
    thread.start()
    try:
        assert ready.wait(60)
        yield told["url"]
    finally:
        over.set()
        thread.join(60)


@pytest.mark.parametrize("seed", [1, 2])
async def test_no_generated_request_is_answered_in_a_way_that_is_not_described(tmp_path, seed):
    with served(tmp_path) as url:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-m", "schemathesis.cli", "run", f"{url}/v1/openapi.json"),
            *("--header", f"Authorization: Bearer {KEY}", "--checks", CHECKS, "--seed", str(seed)),
            *("--max-examples", "30", "--phases", "examples,coverage,fuzzing", "--no-color"),
            *(
                "--generation-database",
                "none",
                "--request-timeout",
                "30",
                "--exclude-path-regex",
                "doctor|plan$|schema$",
            ),
            cwd=tmp_path,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate()
    assert process.returncode == 0, out.decode()[-20_000:]
