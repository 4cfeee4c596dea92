"""Events of the daemon: kept in the state file, and told to whoever follows, now and from where they left off.

Telling costs the teller nothing: a task of its own writes, many at a time. Progress, which comes several times a second,
is told and not kept. A follower that does not keep up is let go; it comes back with the number that it saw last.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncGenerator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, get_args

import msgspec

from vectormigrate.model import documents
from vectormigrate.model.clock import Clock
from vectormigrate.model.division import whole_of
from vectormigrate.model.errors import StateError
from vectormigrate.model.events import Event, Progress
from vectormigrate.model.telling import sentence
from vectormigrate.state import events
from vectormigrate.state.database import Database
from vectormigrate.state.events import StoredEvent

logger = logging.getLogger(__name__)

_WAITING = 1_000
"""Events that a follower may be behind."""
_PAGE = 500
_WORD = re.compile(r"(?<!^)(?=[A-Z])")


def name_of(kind: type[Event]) -> str:
    """The name by which events of a class go outside: `phase_changed`."""
    return _WORD.sub("_", kind.__name__).lower()


def kind_of(event: Event) -> str:
    """The name by which an event goes outside."""
    return name_of(type(event))


_KINDS: dict[str, type[Event]] = {name_of(kind): kind for kind in get_args(Event)}


@dataclass(eq=False)
class _Follower:
    migration_id: str | None
    queue: asyncio.Queue[documents.Event | None] = field(default_factory=lambda: asyncio.Queue(_WAITING))
    """None ends it."""
    lost: asyncio.Event = field(default_factory=asyncio.Event)
    """Set: it does not keep up."""


class Chronicle:
    """What happened and happens."""

    def __init__(self, clock: Clock) -> None:
        """Events may be told before there is a state file to keep them in."""
        self._clock = clock
        self._waiting: list[tuple[str, str, str, str]] = []
        self._told = asyncio.Event()
        self._followers: set[_Follower] = set()
        self._over = False
        self._database: Database | None = None

    def tell(self, event: Event) -> None:
        """Take note; from the loop's own thread."""
        document = {key: value for key, value in msgspec.to_builtins(event).items() if key != "migration_id"}
        at, kind = self._clock.now().isoformat(), kind_of(event)
        if isinstance(event, Progress):
            self._publish(documents.Event(None, at, event.migration_id, kind, document, sentence(event)))
            return
        self._waiting.append((at, event.migration_id, kind, msgspec.json.encode(document).decode()))
        self._told.set()

    async def keep(self, database: Database) -> None:
        """Write what was told, for ever."""
        self._database = database
        while True:
            await self._told.wait()
            self._told.clear()
            batch, self._waiting = self._waiting, []
            try:
                kept = await database.write(lambda tx, batch=batch: events.append(tx, batch))  # type: ignore[misc] # a default binds it
            except StateError as error:
                logger.warning("%d events are not kept: %s", len(batch), error.message)
                continue
            for one in kept:
                self._publish(_shown(one))

    def _publish(self, event: documents.Event) -> None:
        for follower in tuple(self._followers):
            if follower.migration_id in (None, event.migration_id, whole_of(event.migration_id)):
                try:
                    follower.queue.put_nowait(event)
                except asyncio.QueueFull:
                    follower.lost.set()
                    self._followers.discard(follower)

    @property
    def over(self) -> bool:
        """Whether every follower was let go: the daemon ends."""
        return self._over

    def release(self) -> None:
        """Let every follower go: nobody will tell anything any more."""
        self._over = True
        for follower in tuple(self._followers):
            with suppress(asyncio.QueueFull):
                follower.queue.put_nowait(None)
            follower.lost.set()

    async def follow(
        self, after: int | None, migration_id: str | None, *, beat: float
    ) -> AsyncGenerator[documents.Event | None, None]:
        """Events behind a number (None: from now on), then those that come, until the follower falls behind or is let go;
        None whenever nothing came for `beat` seconds.
        """
        database = self._database
        assert database is not None, "there is nothing to follow before anything is kept"
        follower = _Follower(migration_id)
        self._followers.add(follower)  # before looking back, so that nothing is between the two
        try:
            seen = database.read(events.last_number) if after is None else after
            while page := page_of(database, seen, migration_id, _PAGE).events:
                for kept in page:
                    yield kept
                    seen = kept.number or seen
            while not (self._over or follower.lost.is_set()):
                try:
                    async with asyncio.timeout(beat):
                        event = await follower.queue.get()
                except TimeoutError:
                    yield None
                    continue
                if event is not None and (event.number is None or event.number > seen):
                    yield event
        finally:
            self._followers.discard(follower)


def page_of(database: Database, after: int, migration_id: str | None, limit: int) -> documents.Events:
    """Kept events behind a number."""
    found = [_shown(one) for one in database.read(lambda tx: events.since(tx, after, migration_id, limit))]
    return documents.Events(found, found[-1].number or after if found else after)


def _shown(event: StoredEvent) -> documents.Event:
    data: dict[str, Any] = msgspec.json.decode(event.document)
    return documents.Event(event.number, event.at, event.migration_id, event.kind, data, _text(event, data))


def _text(event: StoredEvent, data: dict[str, Any]) -> str:
    try:
        return sentence(msgspec.convert({"migration_id": event.migration_id, **data}, _KINDS[event.kind]))
    except (KeyError, msgspec.ValidationError):  # another version wrote it
        return ""
