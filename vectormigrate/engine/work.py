"""What workers and the coordinator say to each other, as values, and the port between them.

A worker asks for a range, opens a page intent before it reads, reports every acknowledged batch, and holds no
state: killed at any instruction it costs one batch. The same requests travel in this process, through a pipe to a
worker process, or over a network. Which process answers, and how, is not here.
"""

from __future__ import annotations

from typing import Any, Protocol, TypeAlias

import msgspec

from vectormigrate.model.errors import VectormigrateError


class Assignment(msgspec.Struct, frozen=True, tag=True):
    """One range to work on: `(lower, upper]` of the source, continued behind `lower`."""

    work: str
    """"copy" or "compare"."""
    number: int
    lower: str | None
    upper: str | None
    fresh: bool = True
    """Nothing of it was ever sent to the target."""
    span: dict[str, Any] | None = None
    """For a comparison: `engine.validate.fullscan.Span` as plain values; it says both sides' ranges."""


class Lease(msgspec.Struct, frozen=True, tag=True):
    """Ask for a range. Answered with an Assignment, or None when nothing is left for this worker."""


class OpenPage(msgspec.Struct, frozen=True, tag=True):
    """Ask for a page intent over `(lower, upper]`, before the first read of it (P1). Answered with its number.

    `narrow` names the intent before it, whose cover now ends at `lower`: its page is read, and holds nothing
    beyond. A nonce asks once, however often it is sent.
    """

    number: int
    lower: str | None
    upper: str | None
    nonce: str
    narrow: int | None = None


class Letter(msgspec.Struct, frozen=True):
    """One record that the target refused for good, by source id text."""

    id: str
    code: str
    message: str
    hint: str = ""


class Report(msgspec.Struct, frozen=True, tag=True):
    """One batch was answered whole. Answered, once it is durable, with whether to go on.

    The next batch of this range may only be sent after that answer, so that a kill costs one batch a range.
    """

    number: int
    intent: int
    cursor: str
    """Key of the last record of the batch, copied or not."""
    copied: int
    spared: tuple[str, ...]
    """Source ids whose place in the target a foreign record has, which stays."""
    bytes: int
    closes: bool
    """This was the last batch of its page, and every attempt of every item was answered (P6)."""
    letters: tuple[Letter, ...] = ()
    suspects: tuple[str, ...] = ()
    """Source ids that read back wrong: to be marked."""
    unresolved: bool = False
    """An attempt was never answered: the intent stands until it lapses (P9)."""
    wrote: float = 0.0
    """Seconds that the batch took; 0 when nothing was written."""
    read: float = 0.0
    """Seconds that its page took, with the first batch of a page."""


class Finish(msgspec.Struct, frozen=True, tag=True):
    """The scan of a range ended; the intent opened for a further page held nothing. Answered when durable."""

    number: int
    intent: int


class Release(msgspec.Struct, frozen=True, tag=True):
    """Give a range back unfinished."""

    number: int
    lost: bool = False
    """Whoever held it is gone, and its last request may still land."""


class ForeignAmong(msgspec.Struct, frozen=True, tag=True):
    """Ask which of these target id texts were there before us. Answered with those."""

    ids: tuple[str, ...]
    untouched: bool = False
    """Leave out those that were overwritten by request: their content is ours."""


class KeepPreImages(msgspec.Struct, frozen=True, tag=True):
    """Keep what foreign records hold, before they are overwritten. Answered when durable."""

    records: tuple[tuple[str, bytes], ...]


class Compared(msgspec.Struct, frozen=True, tag=True):
    """Part of the comparison of a range: findings so far, and at its end the result. Answered when stored."""

    number: int
    records: int = 0
    """Records compared since the last part."""
    findings: tuple[Any, ...] = ()
    result: Any = None


class Told(msgspec.Struct, frozen=True, tag=True):
    """Something a person may want to know: an event's class name and fields. Not answered with anything."""

    event: str
    fields: dict[str, Any] = {}


Request: TypeAlias = (
    Lease | OpenPage | Report | Finish | Release | ForeignAmong | KeepPreImages | Compared | Told
)
Answer: TypeAlias = Assignment | int | bool | tuple[str, ...] | None


class Coordinator(Protocol):
    """The side that owns the state: answers requests, in any order, for any number of workers."""

    async def ask(self, request: Request) -> Any:
        """The `Answer` that the request's class names."""
        ...


class Crew(Protocol):
    """Workers, wherever they run."""

    async def run(self, coordinator: Coordinator) -> None:
        """Let the workers ask until the coordinator has nothing left for any of them. Raises what ended a worker."""
        ...


def first_error(group: BaseExceptionGroup[VectormigrateError]) -> VectormigrateError:
    """The first foreseen error in a group of them."""
    found = group.exceptions[0]
    return first_error(found) if isinstance(found, BaseExceptionGroup) else found
