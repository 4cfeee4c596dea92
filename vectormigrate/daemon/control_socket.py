"""A word to the process that owns a state file, from another shell: pause, stop. One JSON line each way.

The socket stands beside the state file and only its user may open it. Who asks and nobody listens gets None, and may
take the state file itself.
"""

from __future__ import annotations

import asyncio
import json
import logging
import os
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager, suppress
from pathlib import Path
from typing import Any

from vectormigrate.model.errors import GateRefused, VectormigrateError, error_from_dict

logger = logging.getLogger(__name__)
Answerer = Callable[[str, str, dict[str, Any]], Awaitable[dict[str, Any]]]
"""From a verb, a migration id and the verb's arguments to the document that answers it."""

COMMAND = "command"
"""The word that brings a command of the table: its name and what it is given."""
SET = "set"
"""The word for another command that owns the file: `changes` by the names of `model.specification.Levers`, and `by` whom."""
_SECONDS = 120.0
"""How long an owner may take to end its batches."""
_LONGEST_LINE = 2**24
"""Bytes: a report names a hundred records, and ids may be long."""
_LAST_WORD = 5.0
"""How long an owner waits for those who asked it to take their answer."""


@asynccontextmanager
async def listening(state: Path, answer: Answerer) -> AsyncIterator[None]:
    """Answer words for as long as the block runs, and those that were asked before its end to their end."""
    talking = 0
    silent = asyncio.Event()
    silent.set()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        nonlocal talking
        try:
            asked = json.loads(await reader.readline())
            words = str(asked["verb"]), str(asked["migration_id"]), dict(asked.get("arguments", {}))
        except (ValueError, KeyError, TypeError, AttributeError, ConnectionError):
            writer.close()  # whoever asked has gone, or is not one of ours
            return
        talking += 1
        silent.clear()
        try:
            writer.write(json.dumps(await _answered(answer, *words)).encode() + b"\n")
            await writer.drain()
        except ConnectionError:
            pass
        finally:
            writer.close()
            talking -= 1
            if not talking:
                silent.set()

    with _short_path(state) as path:
        _unlink(path)  # we hold the lock, so what stands here was left by a dead process
        old = os.umask(0o177)
        try:
            server = await asyncio.start_unix_server(serve, path, limit=_LONGEST_LINE)
        finally:
            os.umask(old)
        async with server:
            try:
                yield
            finally:
                _unlink(path)
                with suppress(TimeoutError):
                    async with asyncio.timeout(_LAST_WORD):
                        await silent.wait()


async def _answered(
    answer: Answerer, verb: str, migration_id: str, arguments: dict[str, Any]
) -> dict[str, Any]:
    """The answer to a word, or the error that it ended with."""
    try:
        return {"result": await answer(verb, migration_id, arguments)}
    except VectormigrateError as error:
        return {"error": error.as_dict()}
    except Exception:
        # Whoever asked must not take this for silence: silence means that nobody is there.
        logger.exception("%s of %s", verb, migration_id)
        unforeseen = VectormigrateError(
            f"the daemon could not {verb} {migration_id!r}: something that was not foreseen",
            hint="its log tells more; `vectormigrate status` says where the migration is",
        )
        return {"error": unforeseen.as_dict()}


async def ask_owner(
    state: Path,
    verb: str,
    migration_id: str,
    arguments: dict[str, Any] | None = None,
    *,
    within: float | None = _SECONDS,
) -> dict[str, Any] | None:
    """The owner's answer, or None when nobody listens. Raises what the owner answered with, and GateRefused when it ends
    first, or does not answer within so many seconds (None: as long as it takes).
    """
    try:
        with _short_path(state) as path:
            reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_LINE)
    except OSError:
        return None
    try:
        async with asyncio.timeout(within):
            asked = {"verb": verb, "migration_id": migration_id, "arguments": arguments or {}}
            writer.write(json.dumps(asked).encode() + b"\n")
            await writer.drain()
            line = await reader.readline()
    except ConnectionError:
        line = b""
    except TimeoutError:
        raise GateRefused(
            f"the process that runs {migration_id!r} did not answer within {within:.0f} s",
            hint="it was told, and will; look with `vectormigrate status`",
        ) from None
    finally:
        writer.close()
    if not line:
        raise GateRefused(
            f"the process that runs {migration_id!r} ended before it answered",
            hint="look with `vectormigrate status` whether it did what it was asked for",
        )
    document: dict[str, Any] = json.loads(line)
    if "error" in document:
        raise error_from_dict(document["error"])
    result: dict[str, Any] = document["result"]
    return result


@contextmanager
def _short_path(state: Path) -> Iterator[str]:
    """The socket's path by way of its folder's descriptor: the kernel takes 107 bytes, and folders are deeper."""
    folder = os.open(state.resolve().parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        through = Path(f"/proc/self/fd/{folder}")
        yield str((through if through.exists() else state.resolve().parent) / f"{state.resolve().name}.sock")
    finally:
        os.close(folder)


def _unlink(path: str) -> None:
    Path(path).unlink(missing_ok=True)
