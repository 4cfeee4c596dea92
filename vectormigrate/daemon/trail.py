"""The audit of requests: a chained row of the state file each, and the same as lines of JSON, to be carried elsewhere.

The file is a copy of the table and catches up after a crash: it goes on behind the number of its last line. What cannot be
written to the table is not done; what cannot be written to the file is told in the log, and follows later.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from vectormigrate.model.access import Principal
from vectormigrate.model.clock import Clock
from vectormigrate.model.cursor import behind, next_cursor
from vectormigrate.model.documents import AuditLog
from vectormigrate.model.errors import UsageError
from vectormigrate.state import audit
from vectormigrate.state.database import Database, Reader

logger = logging.getLogger(__name__)

_PAGE = 1_000
_LONGEST = 2_000
"""Characters of arguments and details that are kept."""
_REPEATED = 300.0
"""Seconds for which the same look is counted."""
_DIFFERENT = 1_000
"""Looks that are remembered for that."""
_LAST_LINE = 2**16
"""Bytes at the end of a file in which its last line is looked for."""


@dataclass(slots=True)
class _Look:
    """A look that was written down, and how often it was repeated since."""

    who: Principal
    command: str
    migration_id: str
    arguments: dict[str, Any] | None
    until: float
    again: int = 0


class Trail:
    """Writes it down."""

    def __init__(self, database: Database, clock: Clock, copy: Path | None = None) -> None:
        self._database = database
        self._clock = clock
        self._copy = copy
        self._copying = asyncio.Lock()
        self._behind = False
        self._copied: int | None = None
        """Number of the file's last line; None before it was looked at."""
        self._looks: dict[tuple[str, ...], _Look] = {}

    async def look(
        self,
        who: Principal,
        command: str,
        *,
        migration_id: str = "",
        arguments: dict[str, Any] | None = None,
    ) -> None:
        """A look that went well. The same one by the same within five minutes is counted, and the number has a row of its own
        when they are over: a page that asks every other second does not fill the disk. Raises StateError.
        """
        key = (who.name, who.way, command, migration_id, json.dumps(arguments, default=str))
        await self.settle(every=len(self._looks) >= _DIFFERENT)
        seen = self._looks.get(key)
        if seen is not None:
            seen.again += 1
            return
        until = self._clock.monotonic() + _REPEATED
        self._looks[key] = _Look(who, command, migration_id, arguments, until)
        await self.note(who, command, "ok", migration_id=migration_id, arguments=arguments)

    async def settle(self, *, every: bool = True) -> None:
        """Write down how often looks were repeated: of every one, or of those whose five minutes are over. Raises StateError."""
        now = self._clock.monotonic()
        over = [key for key, one in self._looks.items() if every or one.until <= now]
        for one in [self._looks.pop(key) for key in over]:
            if one.again:
                await self.note(
                    one.who,
                    one.command,
                    "ok",
                    migration_id=one.migration_id,
                    arguments=one.arguments,
                    detail=f"{one.again} times more within five minutes",
                )

    async def note(
        self,
        who: Principal,
        command: str,
        outcome: str,
        *,
        migration_id: str = "",
        arguments: dict[str, Any] | None = None,
        detail: str = "",
    ) -> None:
        """One row, on the disk when this returns. Raises StateError, and then it did not happen."""
        at = self._clock.now().isoformat()
        told = json.dumps(arguments, ensure_ascii=False, default=str)[:_LONGEST] if arguments else ""
        await self._database.write(
            lambda tx: audit.record(
                tx,
                migration_id[:_LONGEST],
                command,
                at=at,
                detail=detail[:_LONGEST],
                actor=who.name,
                way=who.way,
                arguments=told,
                outcome=outcome,
            )
        )
        await self.copy()

    async def copy(self) -> None:
        """Bring the file up to the table."""
        if self._copy is None:
            return
        self._behind = True
        async with self._copying:
            if not self._behind:
                return  # whoever was before has copied this row as well
            self._behind = False
            try:
                await self._append(self._copy)
            except OSError as error:
                logger.error("the copy of the audit cannot be written: %s: %s", self._copy, error.strerror)

    async def _append(self, path: Path) -> None:
        if self._copied is None:
            self._copied = await asyncio.to_thread(_last_number, path)
        last = self._copied
        while rows := self._database.read(lambda tx, last=last: audit.since(tx, last, _PAGE)):  # type: ignore[misc] # a default binds it
            await asyncio.to_thread(_write, path, rows)
            self._copied = last = int(rows[-1]["number"])

    def page(self, migration_id: str | None, limit: int, offset: int, cursor: str | None = None) -> AuditLog:
        """Rows, newest first. Raises UsageError for a cursor that is none."""
        at = behind(cursor, int)
        before = int(at[0]) if at else None
        rows = self._database.read(lambda tx: audit.latest(tx, migration_id, limit, offset, before))
        return AuditLog(rows, next_cursor=next_cursor(rows, limit, lambda row: (row["number"],)))

    async def verify(self, against: Path | None = None) -> AuditLog:
        """Follow the chain, and compare it with a copy when one is given. Raises UsageError for one that is none."""
        return await asyncio.to_thread(verified, self._database.path, against)


def verified(state: Path, against: Path | None) -> AuditLog:
    """Whether the chain of a state file is whole and is the one that the copy has. Takes a while for a long one."""
    reader = Reader(state)
    try:
        seen = reader.read(audit.verify)
        broken = list(seen.broken)
        if against is not None:
            broken += _differences(reader, against)
    finally:
        reader.close()
    return AuditLog([], seen.rows, seen.older, seen.head, tuple(broken), not broken)


def _differences(reader: Reader, path: Path) -> list[str]:
    try:
        with path.open(encoding="utf-8") as file:
            copied = {row["number"]: row["chain"] for row in map(json.loads, file)}
    except (OSError, ValueError, KeyError, TypeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no copy of an audit"
        raise UsageError(f"{path} cannot be read: {why}") from None
    last = 0
    kept: dict[int, str] = {}
    while rows := reader.read(lambda tx, last=last: audit.since(tx, last, _PAGE)):  # type: ignore[misc] # a default binds it
        kept |= {row["number"]: row["chain"] for row in rows}
        last = rows[-1]["number"]
    return [
        f"row {number} is another one in {path}"
        for number, chain in copied.items()
        if kept.get(number) != chain
    ][:10]


def _write(path: Path, rows: list[dict[str, Any]]) -> None:
    # A descriptor of its own each time: the file may be rotated away at any moment.
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    with os.fdopen(descriptor, "a", encoding="utf-8", errors="backslashreplace") as file:
        file.writelines(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)


def _last_number(path: Path) -> int:
    """Of the last whole line; 0 for a new file."""
    try:
        with path.open("rb") as file:
            file.seek(0, os.SEEK_END)
            file.seek(max(0, file.tell() - _LAST_LINE))
            lines = file.read().splitlines()
        return int(json.loads(lines[-1])["number"]) if lines else 0
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return 0
