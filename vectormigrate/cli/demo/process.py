"""Our own command, and the witness, as the separate processes they are for a user.

Each child leads a session of its own: Ctrl-C in the terminal is for the demonstration, which ends its child, and a
SIGKILL of the session takes the child's workers along, as a crash of the machine would.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import msgspec

import vectormigrate
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.errors import StateError, UnknownMigration, VectormigrateError

from .witness import Request, Rows

PATIENCE = 0.05
"""Seconds between two looks at a command under way."""


class StepFailed(VectormigrateError):
    """A command of the demonstration did not do what it should."""

    code = "demo_step"


class CommandLine:
    """`vectormigrate` with a state file of its own, run in a directory where no other configuration lies."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._state = directory / "state.db"
        self._log = directory / "demo.log"
        self._environ = clean_environment(os.environ, directory)

    async def answer(
        self,
        *words: str,
        accept: tuple[int, ...] = (0,),
        meanwhile: Callable[[], object] | None = None,
    ) -> dict[str, Any]:
        """Run a command to its end and return its document, doing something else again and again until then.

        Raises StepFailed with the command's own error.
        """
        async with self.running(*words) as process, asyncio.TaskGroup() as tasks:
            talking = tasks.create_task(process.communicate(), name=" ".join(words[:2]))
            while meanwhile is not None and not talking.done():
                meanwhile()
                await asyncio.sleep(PATIENCE)
        return self.settle(words, process.returncode, *talking.result(), accept=accept)

    def settle(
        self,
        words: tuple[str, ...],
        code: int | None,
        out: bytes,
        err: bytes,
        *,
        accept: tuple[int, ...] = (0,),
    ) -> dict[str, Any]:
        """The document of a command that has ended."""
        self._note(words, out, err)
        if code not in accept:
            raise StepFailed(f"`vectormigrate {' '.join(words[:2])}` ended with {code}: {_reason(out, err)}")
        document: dict[str, Any] = msgspec.json.decode(out)
        return document

    @asynccontextmanager
    async def running(self, *words: str, quiet: bool = False) -> AsyncIterator[asyncio.subprocess.Process]:
        """A command under way; whatever is left of it is killed at the end of the block. `quiet`: nobody listens to it."""
        words = (*words, "--state", str(self._state), "--json")
        async with child(
            ["-m", "vectormigrate", *words], self._directory, self._environ, deaf=quiet, silent=quiet
        ) as process:
            yield process

    def phase(self, migration: str) -> str:
        """The phase it is in, read past whoever runs it; empty while there is no such migration yet."""
        try:
            with Viewer.open(self._state) as viewer:
                return viewer.status(migration).phase.value
        except (StateError, UnknownMigration):
            return ""

    def copied(self, migration: str) -> int:
        """Records copied by now, read past whoever runs the migration; 0 while there is no such migration yet."""
        try:
            with Viewer.open(self._state) as viewer:
                return viewer.status(migration).copied
        except (StateError, UnknownMigration):
            return 0

    async def witness(self, request: Request) -> Rows:
        """What the vendor's own client sees."""
        words = ["-W", "ignore", "-m", f"vectormigrate.cli.demo.witness_{request.kind}"]
        async with child(words, self._directory, self._environ) as process:
            out, err = await process.communicate(msgspec.json.encode(request))
        self._note(("witness", request.kind), b"", err)
        if process.returncode != 0:
            raise StepFailed(f"the {request.kind} client could not look: {_reason(b'', err)}")
        return msgspec.json.decode(out.splitlines()[-1], type=Rows)

    def _note(self, words: tuple[str, ...], out: bytes, err: bytes) -> None:
        with self._log.open("ab") as log:
            log.write(b"$ " + " ".join(words).encode() + b"\n" + out + err)


def kill(process: asyncio.subprocess.Process) -> None:
    """SIGKILL a child and all it started."""
    # The child leads its process group, so the group has its number for as long as the child is not reaped.
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


@asynccontextmanager
async def child(
    words: list[str],
    directory: Path,
    environ: Mapping[str, str],
    *,
    deaf: bool = False,
    silent: bool = False,
) -> AsyncIterator[asyncio.subprocess.Process]:
    """A Python program. `silent`: its errors are not read, `deaf`: nor what it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *words,
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.DEVNULL if deaf else asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.DEVNULL if silent else asyncio.subprocess.PIPE,
        cwd=directory,
        env=environ,
        start_new_session=True,
    )
    try:
        yield process
    finally:
        kill(process)
        await process.wait()


def clean_environment(environ: Mapping[str, str], temporary: Path) -> dict[str, str]:
    """The caller's, without settings meant for the caller's own migrations, and with this very package in the path. What a
    killed child leaves behind is left in `temporary`.
    """
    kept = {name: value for name, value in environ.items() if not name.startswith("VECTORMIGRATE_")}
    package = Path(vectormigrate.__file__).resolve().parents[1]
    path = [str(package), *filter(None, [environ.get("PYTHONPATH")])]
    return {**kept, "PYTHONPATH": os.pathsep.join(path), "TMPDIR": str(temporary)}


def _reason(out: bytes, err: bytes) -> str:
    """The message of an error document, or else the last thing that was said."""
    with contextlib.suppress(msgspec.DecodeError, KeyError, TypeError):
        return str(msgspec.json.decode(out)["error"]["message"])
    lines = [line.strip() for line in err.decode(errors="replace").splitlines() if line.strip()]
    return lines[-1][:300] if lines else "it said nothing"
