"""MCP's own inspector against a daemon: it lists and calls every tool, by HTTP and by standard input and output.

Two of them, for two ages of the protocol: the newest with a Node of its own, and the last that runs on Node 20. Both are
installed out of npm into `build/inspector`; where there is no npm, or no registry, the tests are skipped and say so.
"""

from __future__ import annotations

import asyncio
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_tools import ARGUMENTS
from tests.fakes.api import KEY, Site, site, two_stores

pytestmark = pytest.mark.timeout(900)

BUILD = Path(__file__).parents[1] / "build" / "inspector"
PACKAGES = {
    "new": ("node@22.23.3", "@modelcontextprotocol/inspector@2.12.0"),
    "old": ("@modelcontextprotocol/inspector-cli@0.16.8",),
}
COMMANDS = {"new": "mcp-inspector", "old": "mcp-inspector-cli"}
_ACTIONS = {"capture": "check", "audit": "verify"}
_AT_ONCE = 2
_PATIENCE = {"new": ("--connect-timeout", "120000"), "old": ()}
"""A busy machine takes its time to start a process."""


@dataclass(frozen=True, slots=True)
class Inspector:
    """One, as installed."""

    age: str

    @property
    def folder(self) -> Path:
        """Where its commands are."""
        return BUILD / self.age / "node_modules" / ".bin"

    def install(self) -> None:
        """Out of npm, once. Skips the test where that cannot be."""
        if (self.folder / COMMANDS[self.age]).exists():
            return
        npm = shutil.which("npm")
        if npm is None:
            pytest.skip("npm is not installed (it comes with Node.js): the MCP inspector is a package of it")
        place = BUILD / self.age
        place.mkdir(parents=True, exist_ok=True)
        done = subprocess.run(
            [npm, "install", "--no-audit", "--no-fund", "--prefix", str(place), *PACKAGES[self.age]],
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            pytest.skip(
                f"npm cannot install the MCP inspector, whose registry it may not reach: {done.stderr[-300:]}"
            )

    async def ask(self, target: Sequence[str], *words: str) -> tuple[int, dict[str, Any], str]:
        """One request: its exit code, the document that it printed, and what else it said."""
        process = await asyncio.create_subprocess_exec(
            *(COMMANDS[self.age], "--cli", *target, *words, *_PATIENCE[self.age]),
            env={**os.environ, "PATH": f"{self.folder}:{os.environ['PATH']}"},
            stdin=asyncio.subprocess.DEVNULL,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
        )
        out, err = await process.communicate()
        assert out, err.decode()
        return process.returncode or 0, json.loads(out), err.decode()


@pytest.fixture(params=PACKAGES)
def inspector(request: pytest.FixtureRequest) -> Inspector:
    """Installed."""
    made = Inspector(request.param)
    made.install()
    return made


def by_http(here: Site) -> list[str]:
    """The words that lead it to the daemon's address."""
    return [f"{here.url}/mcp", "--transport", "http", "--header", f"Authorization: Bearer {KEY}"]


def by_stdio(here: Site) -> list[str]:
    """The words with which it starts the tools as a process of its own, beside the daemon of a state file."""
    return [sys.executable, "-m", "vectormigrate", "mcp", "--state", str(here.control.state)]


@pytest.mark.parametrize("way", [by_http, by_stdio])
async def test_it_lists_and_calls_every_tool(tmp_path: Path, inspector: Inspector, way: Any) -> None:
    async with site(tmp_path) as here:
        _, operation = await here.ask(
            "POST", "/v1/migrations", {"migration_id": "docs", **two_stores(tmp_path)}
        )
        await here.finished(operation)
        strict = ["--strict"] if inspector.age == "new" else []
        code, listed, said = await inspector.ask(way(here), "--method", "tools/list", *strict)
        assert code == 0, said
        assert len(listed["tools"]) > 30

        _, seen, _ = await inspector.ask(way(here), *called("status", {"migration_id": "docs"}))
        assert seen["structuredContent"]["phase"] == "verified"

        slots = asyncio.Semaphore(_AT_ONCE)

        async def call(tool: dict[str, Any]) -> None:
            async with slots:
                given = {
                    name: ARGUMENTS.get(name, "sqlite") for name in tool["inputSchema"].get("required", ())
                }
                if tool["name"] in _ACTIONS:
                    given["action"] = _ACTIONS[tool["name"]]
                _, answer, told = await inspector.ask(way(here), *called(tool["name"], given))
                assert answer.get("content"), (tool["name"], answer, told)
                assert answer.get("isError") or "structuredContent" in answer, (tool["name"], answer)

        async with asyncio.TaskGroup() as group:
            for tool in listed["tools"]:
                group.create_task(call(tool))


def called(tool: str, given: dict[str, str]) -> list[str]:
    """The words that call a tool."""
    words = ["--method", "tools/call", "--tool-name", tool]
    for name, value in given.items():
        words += ["--tool-arg", f"{name}={value}"]
    return words
