"""The port between a facade and what stands behind it: where a request goes now, and the journal before a write.

A facade asks for every request where it goes. As long as the primary is the vendor's own server the answer is that
server, and the request passes through as it came. Otherwise the answer is a `Store` that speaks in the source's
names, ids and values whatever database it is, and the facade answers from it. A write is asked for inside
`writing`, which returns when what it touches is durably marked: only then may it leave. A write that had to wait at
the fence of a cutover is told where to go afterwards, not before.

`Standing` is the front where nothing is migrated: what `emulate` serves, and a plain proxy.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from enum import Enum, auto
from typing import TypeVar

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Touch

from .base import Store
from .raw import Upstream

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Access:
    """Where a request goes: exactly one of the two is there."""

    upstream: Upstream | None = None
    store: Store | None = None
    secondary: bool = False
    """A read whose turn it is to be answered by who is not the primary."""
    shadowed: bool = False
    """A search: tell `Front.observed` what was asked and answered."""
    shape: CollectionShape | None = None
    """What the collection is like at the primary, where the front knows: without it a facade gives no hints and
    decodes no searches.
    """


class Outcome(Enum):
    """What the primary's answer says about a write."""

    ANSWERED = auto()
    """Applied, or refused and not applied: the answer is definite, item by item or as a whole."""
    LATE = auto()
    """Accepted, and applied some time later."""
    UNRESOLVED = auto()
    """Nobody knows whether it was or will be applied."""


class Write(ABC):
    """One write that is marked and may leave now."""

    access: Access

    @abstractmethod
    def answered(self, outcome: Outcome, *, position: str = "") -> None:
        """What came of it; ANSWERED is assumed. `position` is where the primary stands behind this write, if it has
        a word for it: a decimal number that grows (Pinecone's log sequence number), or `log=number` where there are several logs
        (Pinecone's namespaces).
        """

    @abstractmethod
    async def named(self, collection: str, ids: Sequence[RecordId]) -> None:
        """The ids that the primary picked, from its answer; returns when they are marked."""

    @abstractmethod
    def hint(self, collection: str, records: Callable[[], Batch], size: int) -> None:
        """What the write put there, whole and as the primary stores it, `size` bytes or so, decoded when needed:
        saves reading it back. Only for a write that was answered as applied; of records that are left out it says nothing. `records` is
        called in another process if it can be pickled (a function of a module, with its arguments), else in a thread.
        """


class Front(ABC):
    """The way to the databases behind a facade."""

    @abstractmethod
    def reading(self, collection: str | None) -> Access:
        """Where a read of this collection (None: of none in particular) goes now."""

    def primary(self, collection: str | None) -> Access:
        """Where a write of this collection would go now, as far as can be said before `writing`: some reads may go
        elsewhere.
        """
        return self.reading(collection)

    async def read(
        self, collection: str | None, ask: Callable[[Access], Awaitable[T]], *, anywhere: bool = True
    ) -> T:
        """What is answered to a read of this collection, by the primary unless it may be answered `anywhere`. A secondary that
        cannot answer, for whatever reason, is no reason for the application: the primary is asked then.
        """
        access = self.reading(collection) if anywhere else self.primary(collection)
        if not access.secondary:
            return await ask(access)
        try:
            return await ask(access)
        except Exception:  # noqa: BLE001 its own words for what it cannot do are no concern of the client
            return await ask(self.primary(collection))

    def concerned(self) -> Sequence[str]:
        """Collections that a migration is under way for: those that a request about many at once may reach."""
        return ()

    def moved(self) -> Sequence[str]:
        """Collections that are answered elsewhere than by the source now, which may have dropped its own."""
        return ()

    def known_as(self, name: str) -> str:
        """The name of the collection that this one stands for at the source of a migration, itself if none says so."""
        return name

    @abstractmethod
    def writing(
        self, touched: Mapping[str, Sequence[Touch]], *, size: int = 0
    ) -> AbstractAsyncContextManager[Write]:
        """Mark what a request of `size` bytes may change, by collection, and let it leave inside the block.

        Leaving the block by an exception says: not applied for what Unreachable, Throttled and the errors that are no
        StoreError stand for, unresolved otherwise (cancelled, Unresolved, StoreDown).
        Raises StoreDown with `retry_after` when writes are held longer than they may be, StateError when the
        mark cannot be made, GateRefused for what may not happen while a migration is under way.
        """

    @abstractmethod
    def observed(
        self, collection: str, seconds: float, found: Callable[[], tuple[Query, Sequence[Match]] | None]
    ) -> None:
        """A shadowed search was answered in so many seconds; `found` decodes both sides of it, or None when it has no
        neutral form. Returns at once.
        """


class Standing(Front):
    """One store, or one vendor's own server, and nothing to migrate."""

    def __init__(self, store: Store | None = None, *, upstream: Upstream | None = None) -> None:
        self._access = Access(upstream, store)

    def reading(self, collection: str | None) -> Access:
        return self._access

    def writing(
        self, touched: Mapping[str, Sequence[Touch]], *, size: int = 0
    ) -> AbstractAsyncContextManager[Write]:
        return self._writing()

    @asynccontextmanager
    async def _writing(self) -> AsyncIterator[Write]:
        yield _Unmarked(self._access)

    def observed(
        self, collection: str, seconds: float, found: Callable[[], tuple[Query, Sequence[Match]] | None]
    ) -> None:
        return


class _Unmarked(Write):
    """A write that nobody keeps track of."""

    def __init__(self, access: Access) -> None:
        self.access = access

    def answered(self, outcome: Outcome, *, position: str = "") -> None:
        return

    async def named(self, collection: str, ids: Sequence[RecordId]) -> None:
        return

    def hint(self, collection: str, records: Callable[[], Batch], size: int) -> None:
        return
