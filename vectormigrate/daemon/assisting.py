"""What a process that assists is asked, and its side of the conversation (`assistant` is the other).

Work and results are pickled: both ends are the same program, and arrays and functions pass as they are.
"""

from __future__ import annotations

import asyncio
import pickle
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, TypeAlias

from vectormigrate.engine.dualwrite.aside import Kept, decode, read
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.record import RecordId
from vectormigrate.stores import registry
from vectormigrate.stores.base import Endpoint, Store

from .pipe import framed, read_frame


@dataclass(frozen=True, slots=True)
class Decode:
    """Decode what these writes put there."""

    kept: Sequence[Kept]

    async def do(self, source: Store) -> Any:
        return decode(self.kept)


@dataclass(frozen=True, slots=True)
class Look:
    """Read these records of the source."""

    collection: str
    ids: Sequence[RecordId]
    position: str | None

    async def do(self, source: Store) -> Any:
        return await read(source, self.collection, self.ids, self.position)


Work: TypeAlias = Decode | Look


@dataclass(frozen=True, slots=True)
class Result:
    """What came of a piece of work, or the error that it failed with, as `as_dict` has it."""

    value: Any = None
    error: dict[str, Any] | None = None


async def assist(endpoint: Endpoint, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Work until nobody asks any more. What nobody foresaw ends this process: the other one meets it again, and tells."""
    source = registry.open_store(endpoint)
    writer.write(framed(b""))  # ready
    try:
        async with asyncio.TaskGroup() as group:
            while (data := await read_frame(reader)) is not None:
                number, work = pickle.loads(data)  # noqa: S301 from the process that started this one
                group.create_task(_do(number, work, source, writer))
    finally:
        await source.close()


async def _do(number: int, work: Work, source: Store, writer: asyncio.StreamWriter) -> None:
    try:
        result = Result(await work.do(source))
    except VectormigrateError as error:
        result = Result(error=error.as_dict())
    writer.write(framed(pickle.dumps((number, result))))
