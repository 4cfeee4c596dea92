"""Events as server-sent events: each with its number, so that a browser that comes back goes on where it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable

from starlette.responses import StreamingResponse

from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.model.documents import Event
from vectormigrate.model.errors import RequestRefused

from .bodies import dump

BEAT = 15.0
"""Seconds between two signs of life, and for which a key that was revoked may go on listening."""
_AGAIN = 2_000
"""Milliseconds after which a browser comes back."""


def last_seen(header: str | None) -> int | None:
    """The number that a follower saw last; None for one that comes anew. Raises RequestRefused."""
    if header is None or header == "":
        return None
    if not header.isascii() or not header.isdigit() or len(header) > 18:
        raise RequestRefused("Last-Event-ID must be the number of an event")
    return int(header)


def response(
    chronicle: Chronicle,
    after: int | None,
    migration_id: str | None,
    still: Callable[[], bool],
    beat: float = BEAT,
) -> StreamingResponse:
    """The stream, until its client goes, falls behind or may not listen any more."""

    async def lines() -> AsyncIterator[bytes]:
        yield b"retry: %d\n\n" % _AGAIN
        time = asyncio.get_running_loop().time
        due = time() + beat
        async for event in chronicle.follow(after, migration_id, beat=beat):
            if event is None or time() >= due:  # where much happens it is never silent for so long
                if not still():
                    return
                due = time() + beat
            yield b": still here\n\n" if event is None else framed(event)

    headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
    return StreamingResponse(lines(), headers=headers, media_type="text/event-stream")


def framed(event: Event) -> bytes:
    """One event. JSON has no line break outside of texts, and none inside, so one line of data is enough."""
    number = b"" if event.number is None else b"id: %d\n" % event.number
    told = {"at": event.at, "migration_id": event.migration_id, "kind": event.kind, "text": event.text}
    body = {**told, **event.data}
    return number + b"event: " + event.kind.encode() + b"\ndata: " + dump(body) + b"\n\n"
