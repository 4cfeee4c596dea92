"""The `Store` port: everything the engine may ask of a database, whoever made it.

Adapters, and wrappers such as retry, are all `Store`s, so they nest. The rules that every one of them keeps:

- Foreign errors are translated at this border; nothing above knows a vendor's exception.
- A scan goes in key order, by keyset and never by offset, and a cursor is the key of the last record given: any
  later scan of `(cursor, upper]` goes on exactly behind it, in another process, after a crash, whether or not
  that record still exists.
- An acknowledged write is durable and seen by every read that starts later, on any connection, unless
  `barrier` says otherwise.
- Vectors are arrays on the way in and on the way out; a vector is never boxed into Python numbers.
- Methods are coroutines that do not block the loop: an adapter over a blocking client runs it in threads of its own.

What a store cannot do is in its `capabilities`, and asking for it raises `Unsupported`.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.filter import Filter, matches
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.placement import Placement
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId, id_text, parse_id


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where a store is and how to get in, secrets resolved: never stored, never logged."""

    kind: str
    """The registry's name of the adapter: "sqlite", "pgvector", ..."""
    url: str = ""
    """A DSN, a URL or a path, as the adapter understands it."""
    api_key: str = field(default="", repr=False)
    owner: str = ""
    """Whose connections these are (a migration's id), where the server can be told: Postgres' application_name."""
    options: Mapping[str, str] = field(default_factory=dict)
    """Adapter settings beyond these, by name: `timeout` in seconds is understood by all."""
    redact_key: str = field(default="", repr=False)
    """Of a target: what redacted values are hashed with on their way to it. No adapter looks at it."""
    notes: str = ""
    """A folder in which an adapter may note what must outlive its process; empty for none."""
    placement: Placement | None = None
    """Of a target that is several collections. No adapter looks at it."""


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open span of keys, `(lower, upper]`, in the store's own order; None is unbounded.

    Bounds are cursors: opaque texts that only the adapter which made them can read. A range whose scan was
    interrupted is continued by putting its cursor in place of `lower`.
    """

    lower: str | None = None
    upper: str | None = None


EVERYWHERE = Range()
"""The whole collection."""


class Content(StrEnum):
    """How much of each record to read."""

    FULL = "full"
    PAYLOAD = "payload"
    """No vectors: what is read to be looked at. A store may send them all the same, if they cost it nothing."""
    IDS = "ids"


@dataclass(frozen=True, slots=True, eq=False)
class Page:
    """Records in key order, and the cursor behind the last of them. A page is never empty."""

    batch: Batch
    cursor: str


@dataclass(frozen=True, slots=True)
class StoreInfo:
    """What answers at the other end, for doctor and the report."""

    kind: str
    version: str
    details: Mapping[str, str] = field(default_factory=dict)
    cautions: Sequence[str] = ()
    """What somebody should know who moves a collection from here while it is in use; a sentence each."""


class Store(ABC):
    """One database, open. Close it with `close`, or use it as an async context manager."""

    endpoint: Endpoint

    @property
    @abstractmethod
    def capabilities(self) -> Capabilities:
        """What this store can do; constant for the life of the object."""

    # Looking around.

    @abstractmethod
    async def info(self) -> StoreInfo:
        """Connect and say what is there. Raises Unreachable, AuthenticationFailed, PermissionDenied."""

    @abstractmethod
    async def collections(self) -> list[str]:
        """Names of the collections that these credentials can see, sorted."""

    async def aliases(self, collection: str = "") -> Mapping[str, str]:
        """Other names of collections, to the collection that each stands for now; empty where there are none. At least those
        of `collection`, or of the one that it stands for, when it is named: asking for all may cost a request a collection.
        """
        return {}

    async def partitions(self, collection: str) -> Mapping[str, str]:
        """The partitions, namespaces or tenants of a collection by name, each to the collection that it is by itself; empty
        where there are none, or none is a collection by itself. Raises CollectionMissing.
        """
        return {}

    @abstractmethod
    async def describe(self, collection: str) -> CollectionShape:
        """The shape of a collection. Raises CollectionMissing, StoreBroken when it has no usable key."""

    # Making and unmaking.

    async def check_create(self, shape: CollectionShape) -> None:
        """Raise what `create` would raise for this shape, as far as can be told; changes nothing."""
        return

    def misfits(self, batch: Batch) -> Mapping[int, str]:
        """The records of a batch that no collection of this kind can hold, by row, for reasons that its capabilities do
        not tell. Asks nobody: a plan wants to say so before there is a collection.
        """
        return {}

    def left_out(self, source: CollectionShape, made: CollectionShape) -> list[str]:
        """What a source of this kind says of itself and `made`, which `create` would be given, would not have here: a line each, for
        the plan. Values that do not arrive are the mapping's business.
        """
        return []

    @abstractmethod
    async def create(self, shape: CollectionShape) -> CollectionShape:
        """Make a collection ready for a bulk load, and return its shape as made.

        Indexes in the shape may be left to `finish_load`. Raises CollectionExists, Unsupported, ShapeMismatch.
        """

    @abstractmethod
    async def finish_load(self, shape: CollectionShape) -> None:
        """Build what the shape's indexes ask for and make the collection searchable: when this returns, a search
        finds everything that was acknowledged. Repeatable: does nothing that is already done.
        """

    async def add_alias(self, alias: str, collection: str) -> None:
        """Let a free name stand for a collection, too. Only with `capabilities.aliases`. See that it is free: some would take it
        from another collection.
        """
        raise Unsupported(f"{self.capabilities.kind} has no aliases", collection=collection)

    @abstractmethod
    async def drop(self, collection: str) -> None:
        """Remove a collection with all it holds and its aliases; one that is not there is no error."""

    # Reading.

    @abstractmethod
    async def count(self, collection: str) -> int:
        """The exact number of records, counted behind everything acknowledged."""

    @abstractmethod
    async def split(self, collection: str, parts: int) -> list[Range]:
        """At most `parts` ranges, in key order, that together cover every possible key, of about equal size.

        The first is unbounded below and the last above, so records added later fall into one of them.
        """

    @abstractmethod
    def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        """The records of a range in key order, page by page, at most `limit` (default: `scan_page`) records a page.

        No page is read before it is asked for. The iterator is an async generator: close it when leaving early.
        """

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        """The records of a range that match, as `scan` gives them. A `Native` filter only if it is of this kind.

        Works on every store as it stands, by reading everything; a store that can filter does better. Raises
        Unsupported for a filter that it does not understand.
        """
        size = limit or self.capabilities.scan_page
        looked_at = Content.FULL if content is Content.FULL else Content.PAYLOAD
        async with aclosing(self.scan(collection, span, content=looked_at)) as pages:
            async for page in pages:
                rows = [
                    row
                    for row, one in enumerate(page.batch.ids)
                    if matches(where, one, page.batch.payload[row])
                ]
                for start in range(0, len(rows), size):
                    found = page.batch.take(rows[start : start + size])
                    if content is Content.IDS:
                        found = Batch(found.ids, payload=[{} for _ in found.ids])
                    yield Page(found, self.cursor_of(found.ids[-1]))

    def cursor_of(self, record_id: RecordId) -> str:
        """The cursor that stands on this record: what a page ending with it would carry."""
        return id_text(record_id)

    def key_of(self, cursor: str) -> RecordId:
        """The id at which a cursor or a bound of `split` stands, whether or not a record has it."""
        return parse_id(cursor)

    @abstractmethod
    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        """The records of these ids that exist, in the order asked for; the others are left out. Ids are distinct."""

    @abstractmethod
    async def query(self, collection: str, query: Query) -> list[Match]:
        """The nearest records. Scores follow `model.collection.Metric`."""

    # Writing. Vendor clients must not retry on their own: one call here is one attempt.

    @abstractmethod
    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        """Replace these records whole, or add them; at most `write_batch` records, ids distinct.

        `fresh` says that the caller believes none of the ids is there: it may be faster and changes nothing else.
        Returns per-item refusals for records that this store can never take; raises for what concerns the request:
        Throttled, Unreachable, StoreDown (not applied), Unresolved (nobody knows), PermissionDenied.
        """

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        """Add the records whose ids are not there and leave the others as they are, atomically an id.

        `acknowledged` counts the added ones. Only with `capabilities.insert_only`.
        """
        raise Unsupported(f"{self.capabilities.kind} has no insert-only write", collection=collection)

    @abstractmethod
    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        """Set these payload keys of the records that exist and keep everything else of them."""

    @abstractmethod
    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        """Remove these records. Ids that are not there count as acknowledged. Of no ids, it only says that this store may write."""

    # Ordering.

    @abstractmethod
    async def barrier(self, collection: str, *, position: str = "") -> None:
        """Return when every write acknowledged before this call is seen by every read that starts after it, other
        clients' writes up to `position` (the server's own word for it, see `Front`) included. A store that may write can ask
        its server how far it is where one that may not lets time pass.
        """

    def identity(self) -> str:
        """What two opens of the same database have in common, as far as can be told without dialling."""
        return f"{self.endpoint.kind}:{self.endpoint.url}"

    async def locate(self, collection: str) -> str:
        """What every way to a collection has in common, whatever the address and the name it was reached by."""
        return f"{self.identity()}/{collection}"

    async def settle(self) -> float:
        """Make sure that no request of an earlier process of this `endpoint.owner` can still land.

        Returns the seconds after which that is certain: 0 where strays can be ended or cannot exist. Called once,
        before the first write of a process.
        """
        return 0.0

    def lead(self, quarantine: float, unsure: Sequence[RecordId] | None = ()) -> None:
        """An application writes here from now on, and what it is not answered may land for so many seconds; none for 0. `unsure` are ids of
        which an earlier process may have left such writes; None for any. Concerns a store of which one write is several.
        """
        return

    @property
    def doubting(self) -> bool:
        """Whether `unsure` may name any id: with every replay, so that nothing is made of its ids where there is no doubt."""
        return False

    def unsure(self, ids: Sequence[RecordId]) -> Mapping[RecordId, float]:
        """Those of the ids of which a read does not say for good what is held, and for how many seconds more: see `lead`."""
        return {}

    @abstractmethod
    async def close(self) -> None:
        """Give back connections and threads; repeatable."""

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()
