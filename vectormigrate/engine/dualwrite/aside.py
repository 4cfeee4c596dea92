"""What a replay may leave to somebody else, because it takes a processor for long: reading the source, and decoding what a
write put there. Both only look, so whoever does it may die at it, and it is done here instead.

`Here` is nobody else. The daemon has a process beside it (`daemon.assistant`), for as long as a thread decodes, no
request is answered in this one.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol, TypeAlias

from vectormigrate.model.batch import Batch
from vectormigrate.model.join import joined
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store

Kept: TypeAlias = Callable[[], Batch]
"""What one write put there, not decoded yet: see `Write.hint`."""
Decoded: TypeAlias = tuple[Batch, list[int]]
"""The records of several writes, and how many each of them put there."""


class Aside(Protocol):
    """Looks for one migration."""

    async def decode(self, kept: Sequence[Kept], size: int) -> Decoded:
        """Decode what writes of `size` bytes altogether put there."""

    async def read(self, collection: str, ids: Sequence[RecordId], position: str | None) -> Batch:
        """`Store.fetch` of the source, behind its barrier at `position`; without one, for None. Raises StoreError."""

    async def run(self) -> None:
        """Be there until stopped."""

    def stop(self) -> None:
        """End `run`; whoever asks later is answered all the same."""


def decode(kept: Sequence[Kept]) -> Decoded:
    """Decode them all."""
    batches = [one() for one in kept]
    return joined([one for one in batches if len(one)] or [Batch([])]), [len(one) for one in batches]


async def read(source: Store, collection: str, ids: Sequence[RecordId], position: str | None) -> Batch:
    """Look at the source as `Aside.read` says. One store does both: what a barrier has seen, its own reads see."""
    if position is not None:
        await source.barrier(collection, position=position)
    return await source.fetch(collection, ids)


async def _at_once(work: Callable[[], Decoded]) -> Decoded:
    return work()


class Here:
    """Does it in this process."""

    def __init__(
        self,
        source: Store,
        run_in: Callable[[Callable[[], Decoded]], Awaitable[Decoded]] = _at_once,
    ) -> None:
        """`run_in` decodes, in a thread perhaps."""
        self._source = source
        self._run_in = run_in

    async def decode(self, kept: Sequence[Kept], size: int) -> Decoded:
        return await self._run_in(lambda: decode(kept))

    async def read(self, collection: str, ids: Sequence[RecordId], position: str | None) -> Batch:
        return await read(self._source, collection, ids, position)

    async def run(self) -> None:
        return

    def stop(self) -> None:
        return
