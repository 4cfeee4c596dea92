"""A process beside the daemon that reads and decodes for the replays of one migration (`engine.dualwrite.aside`).

It may die at any moment, or hang, and need not be there: what it does not answer is done in this process. It is started
by the first piece of work that is worth a way there and back, so a migration that is hardly written to has none.
"""

from __future__ import annotations

import asyncio
import itertools
import pickle
import subprocess
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

from vectormigrate.engine.dualwrite.aside import Aside, Decoded, Kept
from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import error_from_dict
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Endpoint

from .assisting import Decode, Look, Result, Work
from .pipe import Assist, frame, framed, read_frame, streams
from .recruits import Recruits

_WORTH = 64 * 2**10
"""Bytes of a piece of work, below which a way there and back costs more than it spares."""
_PER_NUMBER = 12
"""Bytes of one number of a vector, about, as text."""


class Assistant:
    """An `Aside` with a process of its own."""

    def __init__(
        self,
        source: Endpoint,
        shape: CollectionShape,
        here: Aside,
        *,
        again: float = 5.0,
        patience: float = 60.0,
    ) -> None:
        """`here` does what is too little, what no other process can be told, and what was not answered. `again`: seconds
        between the end of one process and the start of the next. `patience`: seconds behind which a process that owes an
        answer is taken for hung, and ended; more than a read of a slow source takes.
        """
        self._source = source
        self._here = here
        self._again = again
        self._patience = patience
        self._record_bytes = _PER_NUMBER * sum(vector.dim or 0 for vector in shape.vectors)
        self._wanted = asyncio.Event()
        self._over = asyncio.Event()
        self._process: subprocess.Popen[bytes] | None = None
        self._writer: asyncio.StreamWriter | None = None
        """To a process that is ready."""
        self._numbers = itertools.count()
        self._waiting: dict[int, asyncio.Future[Result | None]] = {}

    async def decode(self, kept: Sequence[Kept], size: int) -> Decoded:
        if (result := await self._elsewhere(Decode(tuple(kept)), size)) is None:
            return await self._here.decode(kept, size)
        found: Decoded = _opened(result)
        return found

    async def read(self, collection: str, ids: Sequence[RecordId], position: str | None) -> Batch:
        work = Look(collection, tuple(ids), position)
        if (result := await self._elsewhere(work, self._record_bytes * len(ids))) is None:
            return await self._here.read(collection, ids, position)
        found: Batch = _opened(result)
        return found

    async def _elsewhere(self, work: Work, size: int) -> Result | None:
        """What the process says to it; None when it is to be done here."""
        if size < _WORTH:
            return None
        self._wanted.set()
        if self._writer is None:
            return None
        number = next(self._numbers)
        try:
            told = framed(pickle.dumps((number, work)))
        except (pickle.PicklingError, AttributeError, TypeError):  # a function that only this process has
            return None
        future: asyncio.Future[Result | None] = asyncio.get_running_loop().create_future()
        self._waiting[number] = future
        try:
            self._writer.write(told)
            async with asyncio.timeout(self._patience):
                return await future
        except TimeoutError:
            self._end()
            return None
        finally:
            del self._waiting[number]

    async def run(self) -> None:
        """Have a process from the first work on, until stopped; one that ends is replaced when there is work again."""
        while not self._over.is_set():
            await self._wanted.wait()
            if self._over.is_set():
                return
            with suppress(OSError):  # this machine has no room for another process: nothing depends on one
                await self._have_one()
            self._wanted.clear()
            with suppress(TimeoutError):
                async with asyncio.timeout(self._again):
                    await self._over.wait()

    async def _have_one(self) -> None:
        """Until it ends. Raises OSError when it cannot be started."""
        process = self._process = Recruits().take()
        try:
            await self._converse(process)
        finally:
            self._writer = None
            process.kill()
            process.wait()  # not for long: it is dead
            for future in self._waiting.values():
                if not future.done():
                    future.set_result(None)

    async def _converse(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdin is not None
        assert process.stdout is not None
        reader, reading, writer = await streams(process.stdout, process.stdin)
        try:
            writer.write(frame(Assist(self._source)))
            if await read_frame(reader) is None:
                return
            self._writer = writer
            while (data := await read_frame(reader)) is not None:
                number, result = pickle.loads(data)  # noqa: S301 our own process says it
                future = self._waiting.get(number)
                if future is not None and not future.done():
                    future.set_result(result)
        finally:
            writer.close()
            reading.close()

    def stop(self) -> None:
        """End `run`. What was not answered is done here."""
        self._over.set()
        self._wanted.set()
        self._end()

    def _end(self) -> None:
        if self._process is not None:
            self._process.kill()


def _opened(result: Result) -> Any:
    """What came of a piece of work. Raises what it failed with."""
    if result.error is not None:
        raise error_from_dict(result.error)
    return result.value
