import asyncio
import json
import subprocess
import sys

from tests.api.test_mcp_http import BOTH, GOOD, HELLO
from vectormigrate.api import mcp_http

JSON = b"Content-Type: application/json"


def test_a_daemon_starts_without_what_only_mcp_needs():
    script = "import sys, vectormigrate.cli.serve; print([one for one in ('mcp', 'mcp_types') if one in sys.modules])"
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


async def test_it_opens_once_however_many_knock(here, monkeypatch):
    opened, real = [], mcp_http.served

    def served(*words):
        opened.append(1)
        return real(*words)

    monkeypatch.setattr(mcp_http, "served", served)
    body = json.dumps(HELLO).encode()
    async with asyncio.TaskGroup() as group:
        asked = [group.create_task(here.raw("POST", "/mcp", body, GOOD, BOTH, JSON)) for _ in range(3)]
    assert [one.result().status for one in asked] == [200] * 3
    assert opened == [1]
