"""A front that keeps a diary, and a vendor's server that answers what a test says."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from vectormigrate.model.batch import Batch
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Touch
from vectormigrate.stores.front import Access, Front, Outcome, Write
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream


@dataclass
class FakeUpstream(Upstream):
    """Answers with `response` or `reply`, which may be errors, and remembers what it was asked."""

    response: HttpResponse | Exception = field(default_factory=lambda: HttpResponse(200))
    reply: RpcReply | Exception = field(default_factory=RpcReply)
    requests: list[HttpRequest] = field(default_factory=list)
    calls: list[RpcCall] = field(default_factory=list)
    streamed: list[bool] = field(default_factory=list)

    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        self.requests.append(request)
        self.streamed.append(stream)
        if isinstance(self.response, Exception):
            raise self.response
        return self.response

    async def call(self, call: RpcCall) -> RpcReply:
        self.calls.append(call)
        if isinstance(self.reply, Exception):
            raise self.reply
        return self.reply


@dataclass
class Written(Write):
    """One write and everything that was said of it."""

    access: Access
    touched: Mapping[str, Sequence[Touch]]
    size: int
    outcome: Outcome = Outcome.ANSWERED
    position: str = ""
    ids: list[tuple[str, list[RecordId]]] = field(default_factory=list)
    hints: list[tuple[str, Callable[[], Batch], int]] = field(default_factory=list)
    error: BaseException | None = None
    """What left the block."""

    def answered(self, outcome: Outcome, *, position: str = "") -> None:
        self.outcome, self.position = outcome, position

    async def named(self, collection: str, ids: Sequence[RecordId]) -> None:
        self.ids.append((collection, list(ids)))

    def hint(self, collection: str, records: Callable[[], Batch], size: int) -> None:
        self.hints.append((collection, records, size))


@dataclass
class FakeFront(Front):
    """Sends every request to `access`; a write that is refused raises `refusal`."""

    access: Access
    refusal: Exception | None = None
    afterwards: Access | None = None
    """Where a write goes that had to wait, if not where reads go."""
    elsewhere: Access | None = None
    """Where reads go that need not go to the primary, if not there."""
    migrated: tuple[str, ...] = ("c",)
    known: Mapping[str, str] = field(default_factory=dict)
    """Aliases."""
    away: tuple[str, ...] = ()
    """Collections that moved."""
    writes: list[Written] = field(default_factory=list)
    reads: list[str | None] = field(default_factory=list)
    searches: list[tuple[str, float, Any]] = field(default_factory=list)

    def reading(self, collection: str | None) -> Access:
        self.reads.append(collection)
        return self.access if self.elsewhere is None else replace(self.elsewhere, secondary=True)

    async def read(
        self, collection: str | None, ask: Callable[[Access], Awaitable[Any]], *, anywhere: bool = True
    ) -> Any:
        if not anywhere:
            self.reads.append(collection)
        return await super().read(collection, ask, anywhere=anywhere)

    def primary(self, collection: str | None) -> Access:
        return self.access

    def concerned(self) -> Sequence[str]:
        return self.migrated

    def moved(self) -> Sequence[str]:
        return self.away

    def known_as(self, name: str) -> str:
        return self.known.get(name, name)

    def writing(
        self, touched: Mapping[str, Sequence[Touch]], *, size: int = 0
    ) -> AbstractAsyncContextManager[Write]:
        return self._writing(touched, size)

    @asynccontextmanager
    async def _writing(self, touched: Mapping[str, Sequence[Touch]], size: int) -> AsyncIterator[Write]:
        if self.refusal is not None:
            raise self.refusal
        write = Written(self.afterwards or self.access, touched, size)
        self.writes.append(write)
        try:
            yield write
        except BaseException as error:
            write.error = error
            raise

    def observed(self, collection: str, seconds: float, found: Callable[[], Any]) -> None:
        self.searches.append((collection, seconds, found))
