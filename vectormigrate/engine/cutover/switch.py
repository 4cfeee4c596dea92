"""The swap of roles: fence, drain, verify, one durable bit, unfence. The same forwards and back.

New writes are held at the fence; those on their way end; what is owed is paid and visible; a handful of the records that
were written last is looked for on both sides. Then one transaction says who is the primary, and only then writes go on. Until
that transaction any failure or delay undoes nothing but the fence.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from typing import Protocol

from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.stores.base import Content, Store

_PROBED = 20
"""Records that are looked for on both sides while writes are held."""


class Fence(Protocol):
    """Where writes are held, as far as a switch needs it."""

    drained: asyncio.Event

    def close(self) -> None: ...
    def open(self) -> None: ...


class Switch:
    """One attempt."""

    def __init__(
        self,
        fence: Fence,
        primary: Store,
        secondary: Store,
        collection: str,
        settled: Callable[[float], Awaitable[bool]],
        recent: Callable[[int], Sequence[RecordId]],
        clock: Clock,
        *,
        hold: float,
        drain: bool = True,
    ) -> None:
        """`settled` waits until nothing is owed or says False after so many seconds; `recent` names ids written last."""
        self._fence = fence
        self._primary = primary
        self._secondary = secondary
        self._collection = collection
        self._settled = settled
        self._recent = recent
        self._clock = clock
        self._hold = hold
        self._drain = drain

    async def run(self, commit: Callable[[], Awaitable[None]]) -> float:
        """Swap; `commit` writes the bit and returns when it is durable. Returns the seconds for which writes were held.

        Raises GateRefused when it could not be done in time or the two sides differ; nothing has changed then.
        """
        began = self._clock.monotonic()
        self._fence.close()
        reached("swap.fenced")
        try:
            async with asyncio.timeout(self._hold):
                if self._drain:
                    await self._drain_all(began)
                await self._probe()
            reached("swap.probed")
            await commit()
            reached("swap.unfencing")
        except TimeoutError:
            raise GateRefused(
                f"what was owed could not be paid in {self._hold:g} s of held writes: nothing was changed",
                hint="try again when the lag is smaller, or allow longer with --hold",
            ) from None
        finally:
            self._fence.open()
        return self._clock.monotonic() - began

    async def _drain_all(self, began: float) -> None:
        await self._fence.drained.wait()
        reached("swap.drained")
        left = self._hold - (self._clock.monotonic() - began)
        if not await self._settled(left):
            raise TimeoutError
        reached("swap.settled")
        # Deleting nothing tells a store that it may write: it can ask its server how far it is then, and need not wait for as
        # long as that may take at most.
        await self._secondary.delete(self._collection, [])
        await self._secondary.barrier(self._collection)

    async def _probe(self) -> None:
        ids = list(dict.fromkeys(self._recent(_PROBED)))
        if not ids:
            return
        here = await self._primary.fetch(self._collection, ids, content=Content.IDS)
        there = await self._secondary.fetch(self._collection, ids, content=Content.IDS)
        missing = sorted(id_text(one) for one in set(here.ids) ^ set(there.ids))
        if missing:
            raise GateRefused(
                f"a record that was written last is on one side only: {missing[0]}; nothing was changed",
                hint="`vectormigrate validate --full` names what differs",
                collection=self._collection,
                ids=tuple(missing[:5]),
            )
