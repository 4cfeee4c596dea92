"""Pages of the documentation as what they tell a reader to do: files to write, commands to type into one shell."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

DOCS = Path(__file__).parents[2] / "docs"
_BLOCK = re.compile(r"^```(\w*)(?: file=(\S+))?\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def blocks(text: str) -> list[tuple[str, str, str]]:
    """Language, name of a file ("" for commands) and body of each block, in order."""
    return [(language, name, body) for language, name, body in _BLOCK.findall(text)]


def elsewhere(text: str, ports: Iterable[str], free: Iterable[int]) -> str:
    """The same page at other ports."""
    for port, other in zip(ports, free, strict=True):
        text = text.replace(f"127.0.0.1:{port}", f"127.0.0.1:{other}")
    return text


def typed(folder: Path, script: str, *, within: float = 300) -> tuple[int, str]:
    """Type a script into a shell in a folder, the first command that fails being the last; what it leaves running is killed.

    Returns the exit code and everything that was printed.
    """
    environ = {
        **{name: value for name, value in os.environ.items() if not name.startswith("VECTORMIGRATE_")},
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "XDG_STATE_HOME": str(folder / "xdg"),
    }
    with (folder / "out").open("w") as out:
        process = subprocess.Popen(
            ["bash", "-c", f"set -em\n{script}"],
            cwd=folder,
            env=environ,
            stdout=out,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
            start_new_session=True,
        )
    try:
        process.wait(within)
    finally:
        for left in psutil.pids():
            with suppress(ProcessLookupError):
                if os.getsid(left) == process.pid:
                    os.kill(left, 9)
    return process.returncode, (folder / "out").read_text()
