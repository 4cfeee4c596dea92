"""A TCP connection that fails as networks do: every byte between two of the processes of a test passes here."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress
from enum import Enum
from typing import Self


class Fault(Enum):
    """What happens to what passes."""

    NONE = "none"
    REFUSED = "refused"
    """No connection, and those there are end."""
    RESET_BEFORE = "reset before"
    """A request ends its connection and does not arrive."""
    ANSWER_LOST = "answer lost"
    """A request arrives; its connection ends in place of the answer."""
    BLACK_HOLE = "black hole"
    """Nothing passes, and nobody says so."""
    SLOW = "slow"
    """Every piece takes its time."""
    LATE = "late"
    """A request arrives after whoever sent it has given up."""
    THROTTLED = "throttled"
    """A request is answered 429 and does not arrive. For HTTP alone."""


FAULTS = tuple(fault for fault in Fault if fault not in (Fault.NONE, Fault.THROTTLED))
_THROTTLED = (
    b"HTTP/1.1 429 Too Many Requests\r\nretry-after: 1\r\ncontent-length: 2\r\nconnection: close\r\n\r\n{}"
)


class Link:
    """A port that leads to another one. An async context manager."""

    def __init__(
        self, to: int, rng: random.Random, *, latency: float = 0.08, late: tuple[float, float] = (0.4, 0.9)
    ) -> None:
        """`latency`: most seconds that a piece takes while slow, each way; `late`: bounds of a late request."""
        self._to = to
        self._rng = rng
        self._late = late
        self.latency = latency
        self.fault = Fault.NONE
        self._ends: set[asyncio.StreamWriter] = set()
        self._passing: set[asyncio.Task[None]] = set()
        self.port = 0

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._cut()
        for task in list(self._passing):
            task.cancel()
        await asyncio.sleep(0)

    def set(self, fault: Fault) -> None:
        """From now on. What was swallowed is never delivered: those connections end."""
        before, self.fault = self.fault, fault
        if fault is Fault.REFUSED or before is Fault.BLACK_HOLE:
            self._cut()

    def _cut(self) -> None:
        for end in list(self._ends):
            end.transport.abort()

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if self.fault is Fault.REFUSED:
            writer.transport.abort()
            return
        task = asyncio.current_task()
        assert task is not None
        self._passing.add(task)
        there: asyncio.StreamWriter | None = None
        try:
            back, there = await asyncio.open_connection("127.0.0.1", self._to)
            self._ends |= {writer, there}
            async with asyncio.TaskGroup() as group:
                group.create_task(self._forth(reader, writer, there))
                group.create_task(self._back(back, writer))
        except* (OSError, asyncio.CancelledError):
            pass
        finally:
            self._passing.discard(task)
            for end in filter(None, (writer, there)):
                self._ends.discard(end)
                end.transport.abort()

    async def _forth(
        self, reader: asyncio.StreamReader, here: asyncio.StreamWriter, there: asyncio.StreamWriter
    ) -> None:
        while data := await self._read(reader):
            match self.fault:
                case Fault.RESET_BEFORE:
                    raise ConnectionResetError
                case Fault.BLACK_HOLE:
                    continue
                case Fault.THROTTLED:
                    here.write(_THROTTLED)
                    await here.drain()
                    raise ConnectionResetError
                case Fault.SLOW:
                    await asyncio.sleep(self._rng.uniform(0, self.latency))
                case Fault.LATE:
                    await asyncio.sleep(self._rng.uniform(*self._late))
                    there.write(data)
                    await asyncio.sleep(0.2)  # whoever sent it may have gone; it lands all the same
                    continue
            there.write(data)
            await there.drain()
        with suppress(OSError):
            there.write_eof()

    async def _back(self, back: asyncio.StreamReader, here: asyncio.StreamWriter) -> None:
        while data := await self._read(back):
            match self.fault:
                case Fault.ANSWER_LOST:
                    raise ConnectionResetError
                case Fault.BLACK_HOLE:
                    continue
                case Fault.SLOW:
                    await asyncio.sleep(self._rng.uniform(0, self.latency))
            if not here.is_closing():
                here.write(data)
                with suppress(OSError):
                    await here.drain()
        raise ConnectionResetError

    @staticmethod
    async def _read(reader: asyncio.StreamReader) -> bytes:
        try:
            return await reader.read(1 << 16)
        except OSError:
            return b""
