"""Executables of a folder, called by the name of what happened: `gap_opened`, `before_cutover.sh`, `success.10-mail`.

Each is given the event in its environment (`VECTORMIGRATE_EVENT`, `VECTORMIGRATE_MIGRATION`, `VECTORMIGRATE_<VALUE>`) and as
one JSON document on its standard input, and nothing else of this process: its environment may hold keys. One of `before_...`
that ends otherwise than with 0 forbids the step; every other is told and not waited for by anybody.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from vectormigrate.model.errors import ConfigInvalid, GateRefused

from .happenings import BEFORE, Happening

logger = logging.getLogger(__name__)

_KEPT = ("PATH", "HOME", "LANG", "TZ")
_SAID = 2000
"""Bytes of what a hook prints that are logged."""


@dataclass(frozen=True, slots=True)
class Hooks:
    """One folder."""

    folder: Path
    timeout: float
    """Seconds after which a hook is killed, and counts as failed."""
    environ: Mapping[str, str]

    def check(self) -> None:
        """Raises ConfigInvalid for a folder, or a hook, that others than its owner may change: it runs with our rights."""
        try:
            found = [self.folder, *sorted(self.folder.iterdir())]
            for path in found:
                mode = path.stat()
                if mode.st_mode & (stat.S_IWGRP | stat.S_IWOTH) or mode.st_uid not in (0, os.geteuid()):
                    raise ConfigInvalid(
                        f"{path} can be changed by others, and hooks run with the rights of this daemon",
                        hint=f"chown it to root or to the user of the daemon, and `chmod go-w {path}`",
                    )
        except OSError as error:
            raise ConfigInvalid(
                f"the folder of hooks {self.folder} cannot be read: {error.strerror}"
            ) from None

    def of(self, name: str) -> list[Path]:
        """Executables for something, in the order of their names."""
        return sorted(
            path
            for path in self.folder.iterdir()
            if path.name.partition(".")[0] == name and path.is_file() and os.access(path, os.X_OK)
        )

    async def call(self, happening: Happening) -> int:
        """Run those there are, one after the other, and return how many. Raises GateRefused when one of `before_...` says no,
        HookFailed when another fails.
        """
        called = 0
        for path in self.of(happening.name):
            code, said = await self._run(path, happening)
            called += 1
            if said:
                logger.info("hook %s: %s", path.name, said)
            if code and happening.name in BEFORE:
                raise GateRefused(
                    f"the hook {path.name} forbids it (exit code {code}){': ' + said if said else ''}",
                    hint=f"mend what it complains of, or take {path} away",
                )
            if code:
                raise HookFailed(f"the hook {path.name} failed (exit code {code})")
        return called

    async def _run(self, path: Path, happening: Happening) -> tuple[int, str]:
        environment = {name: self.environ[name] for name in _KEPT if name in self.environ}
        document = {"event": happening.name, "migration": happening.migration_id, **happening.values}
        environment |= {f"VECTORMIGRATE_{name.upper()}": _text(value) for name, value in document.items()}
        try:
            process = await asyncio.create_subprocess_exec(
                path,
                cwd=self.folder,
                env=environment,
                stdin=asyncio.subprocess.PIPE,
                stdout=asyncio.subprocess.PIPE,
                stderr=asyncio.subprocess.STDOUT,
                start_new_session=True,
            )
        except OSError as error:
            return 127, f"cannot be run: {error.strerror}"
        try:
            async with asyncio.timeout(self.timeout):
                said, _ = await process.communicate(json.dumps(document).encode())
        except TimeoutError:
            return 124, f"not done after {self.timeout:g} s, and was killed"
        finally:
            if process.returncode is None:
                os.killpg(process.pid, 9)
                await process.wait()
        return process.returncode or 0, said[:_SAID].decode(errors="replace").strip()


class HookFailed(Exception):
    """A hook whose failure forbids nothing."""


def _text(value: object) -> str:
    return value if isinstance(value, str) else json.dumps(value)
