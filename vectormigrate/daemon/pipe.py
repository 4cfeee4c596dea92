"""Frames between a crew and its worker processes: a length, then MessagePack. Values only; who answers is elsewhere.

Requests carry a number and are answered in any order, so several lanes of one worker share a pipe.
"""

from __future__ import annotations

import asyncio
import struct
from typing import IO, Any

import msgspec

from vectormigrate.engine.backfill.copier import CopySettings
from vectormigrate.engine.work import Answer, Request
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.specification import WayBack
from vectormigrate.stores.base import Endpoint

_LENGTH = struct.Struct(">I")


class Prepare(msgspec.Struct, frozen=True, tag=True):
    """Told to a worker process that waits for its job: load what these kinds of stores need."""

    kinds: tuple[str, ...]


class Assist(msgspec.Struct, frozen=True, tag=True):
    """The other thing that a worker process may be told to be: one that reads and decodes (`assisting`)."""

    source: Endpoint


class Job(msgspec.Struct, frozen=True, tag=True):
    """All that a worker process is told, once: through the pipe, because it holds secrets."""

    source: Endpoint
    target: Endpoint
    shape: CollectionShape
    """Of the source, as preflight saw it."""
    mapping: MappingPlan
    settings: CopySettings
    max_retries: int
    threshold: float
    """For comparisons."""
    concurrency: int
    back: WayBack | None = None
    """The migration of which this is the way back."""


class Asked(msgspec.Struct, frozen=True, tag=True):
    """A worker's request."""

    number: int
    request: Request


class Failed(msgspec.Struct, frozen=True, tag=True):
    """What ended a worker, as `VectormigrateError.as_dict` says it."""

    error: dict[str, Any]


class Answered(msgspec.Struct, frozen=True):
    """The answer to a request of that number."""

    number: int
    answer: Answer


FROM_WORKER = msgspec.msgpack.Decoder(Asked | Failed)
TO_WORKER = msgspec.msgpack.Decoder(Answered)
JOB: msgspec.msgpack.Decoder[Prepare | Job | Assist] = msgspec.msgpack.Decoder(Prepare | Job | Assist)
_BUFFER = 2**20
"""Bytes that a reader holds before it stops the other side: pages are no larger by far, and every stop costs a turn."""


async def streams(
    readable: IO[bytes], writable: IO[bytes]
) -> tuple[asyncio.StreamReader, asyncio.ReadTransport, asyncio.StreamWriter]:
    """Two ends of pipes, to be read and written by this event loop. Closing the transport and the writer closes them."""
    loop = asyncio.get_running_loop()
    reader = asyncio.StreamReader(_BUFFER)
    reading, _ = await loop.connect_read_pipe(lambda: asyncio.StreamReaderProtocol(reader), readable)
    transport, protocol = await loop.connect_write_pipe(
        lambda: asyncio.streams.FlowControlMixin(loop=loop), writable
    )
    return reader, reading, asyncio.StreamWriter(transport, protocol, None, loop)


async def read_frame(reader: asyncio.StreamReader) -> bytes | None:
    """The next frame, or None when the other side is gone."""
    try:
        (length,) = _LENGTH.unpack(await reader.readexactly(_LENGTH.size))
        return await reader.readexactly(length)
    except (asyncio.IncompleteReadError, ConnectionError):
        return None


def frame(message: msgspec.Struct) -> bytes:
    """A message with its length before it."""
    return framed(msgspec.msgpack.encode(message))


def framed(body: bytes) -> bytes:
    """A body with its length before it."""
    return _LENGTH.pack(len(body)) + body
