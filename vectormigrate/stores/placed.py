"""A target of several collections as one: each record is in the collection that a placement gives it, and in no other.

For a migration that splits a collection while it is in use. Everything above sees one collection in key order, with one record
for an id, so that replays, comparisons, swaps and the way back need not know of it. A record whose value changes is written
where it belongs before it is taken from where it was: it may be in two places for a moment, never in none.

What a request that nobody finished leaves in two places is settled by a store that `serves`, the only one of its target that an
application writes through: it keeps one and deletes the other. Any other store gives such a record as one that is like
nothing, so that a comparison finds it and it is written anew.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import Counter
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterator, Mapping, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager, contextmanager
from dataclasses import replace
from typing import Any, TypeVar

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, IdKind, KeyOrder
from vectormigrate.model.errors import (
    CollectionExists,
    CollectionMissing,
    RecordRefused,
    ShapeMismatch,
    StoreError,
    TargetNotEmpty,
    Unresolved,
    Unsupported,
)
from vectormigrate.model.filter import Filter
from vectormigrate.model.join import joined
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.placement import Placement
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId, id_text

from .admission import check_request
from .base import EVERYWHERE, Content, Page, Range, Store
from .doubts import Doubts
from .merging import in_order, key, matching, unlike, without
from .place import unresolved
from .together import together, written
from .turns import Turns
from .wrapper import Wrapper

T = TypeVar("T")


def placed(store: Store, placement: Placement | None, *, serves: bool = False) -> Store:
    """The store, its several collections being one; itself where there is one."""
    return store if placement is None else PlacedStore(store, placement, serves=serves)


class PlacedStore(Wrapper):
    """Several collections, under whatever name they are asked for."""

    def __init__(self, inner: Store, placement: Placement, *, serves: bool = False) -> None:
        super().__init__(inner)
        self._placement = placement
        self._places = placement.collections
        self._serves = serves
        self._turns = Turns()
        self._doubts = Doubts()
        self._writing: Counter[RecordId] = Counter()
        self._watching: list[set[RecordId]] = []
        """For each read under way, the ids that were written meanwhile."""
        self._shape: CollectionShape | None = None

    @property
    def capabilities(self) -> Capabilities:
        """Keys of several columns have no order that could be merged."""
        able = self._inner.capabilities
        kinds = able.id_kinds - {IdKind.COMPOUND}
        return replace(able, transactional=False, aliases=False, id_kinds=kinds)

    # Looking around, making and unmaking.

    async def describe(self, collection: str) -> CollectionShape:
        """Raises CollectionMissing when one of them is not there, TargetNotEmpty when another holds something then."""
        shapes = await self._shapes()
        lacking = [place for place, shape in shapes.items() if shape is None]
        for place in shapes.keys() - set(lacking) if lacking else ():
            if await self._inner.count(place):
                raise TargetNotEmpty(
                    f"{place!r} holds records, and {lacking[0]!r}, another part of the same target, is not there",
                    collection=place,
                    hint="choose other names, or empty what is there",
                )
        if lacking:
            raise CollectionMissing(f"there is no collection {lacking[0]!r}", collection=lacking[0])
        made = [shape for shape in shapes.values() if shape is not None]
        return self._as_one(collection, made)

    async def _shapes(self) -> dict[str, CollectionShape | None]:
        found: dict[str, CollectionShape | None] = {}
        for place in self._places:
            try:
                found[place] = await self._inner.describe(place)
            except CollectionMissing:
                found[place] = None
        return found

    def _as_one(self, collection: str, shapes: Sequence[CollectionShape]) -> CollectionShape:
        first = replace(shapes[0], name=collection)
        for shape in shapes[1:]:
            if (shape.id, _bare(shape), shape.fields) != (first.id, _bare(first), first.fields):
                raise ShapeMismatch(
                    f"{shape.name!r} and {shapes[0].name!r} are to hold the same kind of records and are not made alike",
                    collection=shape.name,
                    hint="let both be made, or make them alike",
                )
        if first.id.order is KeyOrder.OTHER and first.id.kind is not IdKind.MIXED:
            raise Unsupported(
                "the collections that a split goes to while it is in use are read in the order of their keys, and these keys"
                " have an order that only their store knows",
                collection=collection,
                hint="give them keys of integers, UUIDs or plain text, or split offline",
            )
        self._shape = first
        return first

    async def check_create(self, shape: CollectionShape) -> None:
        for place, there in (await self._shapes()).items():
            if there is None:
                await self._inner.check_create(replace(shape, name=place))

    async def create(self, shape: CollectionShape) -> CollectionShape:
        """Those that are not there yet; an attempt may have ended midway."""
        held = await self._shapes()
        if all(held.values()):
            raise CollectionExists(f"every part of {shape.name!r} is there", collection=shape.name)
        made = [
            there or await self._inner.create(replace(shape, name=place)) for place, there in held.items()
        ]
        return self._as_one(shape.name, made)

    async def finish_load(self, shape: CollectionShape) -> None:
        for place in self._places:
            await self._inner.finish_load(replace(shape, name=place))
        self._shape = None

    async def drop(self, collection: str) -> None:
        for place in self._places:
            await self._inner.drop(place)

    async def locate(self, collection: str) -> str:
        """Of one of them by its name, or of all."""
        if collection in self._places:
            return await self._inner.locate(collection)
        return " + ".join([await self._inner.locate(place) for place in self._places])

    # Reading.

    async def count(self, collection: str) -> int:
        return sum(await self._each(self._inner.count))

    async def split(self, collection: str, parts: int) -> list[Range]:
        """As the largest of them is."""
        counts = await self._each(self._inner.count)
        _, largest = max(zip(counts, self._places, strict=True))
        return await self._inner.split(largest, parts)

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        def read(place: str) -> AsyncGenerator[Page, None]:
            return self._inner.scan(place, span, limit=limit, content=content)

        async with aclosing(self._merged(read, self._places, span, limit, content, None)) as pages:
            async for page in pages:
                yield page

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        def read(place: str) -> AsyncGenerator[Page, None]:
            return self._inner.select(place, where, span, limit=limit, content=content)

        places = self._placement.among(where)
        async with aclosing(self._merged(read, places, span, limit, content, where)) as pages:
            async for page in pages:
                yield page

    async def _merged(
        self,
        read: Callable[[str], AsyncGenerator[Page, None]],
        places: Sequence[str],
        span: Range,
        limit: int | None,
        content: Content,
        where: Filter | None,
    ) -> AsyncGenerator[Page, None]:
        """The pages of several scans as those of one: what all have read up to the smallest of their last ids is settled, but
        for what was written since the first of them was read.
        """
        if self._shape is None:
            await self.describe("")
        size = limit or self.capabilities.scan_page
        lower = None if span.lower is None else self._inner.key_of(span.lower)
        async with AsyncExitStack() as stack:
            changed = stack.enter_context(self._watched())
            scans = [await stack.enter_async_context(aclosing(read(place))) for place in places]
            heads: list[Batch | None] = [Batch([]) for _ in scans]
            while True:
                heads = await self._ahead(scans, heads)
                left = [head for head in heads if head is not None]
                if not left:
                    return
                horizon = min((head.ids[-1] for head in left), key=key)
                cuts = [bisect_right(head.ids, key(horizon), key=key) for head in left]
                given = [head.slice(0, cut) for head, cut in zip(left, cuts, strict=True)]
                heads = [None if head is None else head.slice(cuts.pop(0), len(head)) for head in heads]
                passed = {one for one in changed if key(one) <= key(horizon)}
                changed -= passed
                again = {one for one in passed if lower is None or key(one) > key(lower)}
                batch = await self._settled(given, again, content, where)
                for start in range(0, len(batch), size):
                    page = batch.slice(start, start + size)
                    yield Page(page, self._inner.cursor_of(page.ids[-1]))
                lower = horizon

    async def _ahead(
        self, scans: Sequence[AsyncGenerator[Page, None]], heads: Sequence[Batch | None]
    ) -> list[Batch | None]:
        """What is left of each scan's page, or its next one; None behind its last."""

        async def one(scan: AsyncGenerator[Page, None], head: Batch | None) -> Batch | None:
            if head is None or len(head):
                return head
            page = await anext(scan, None)
            return None if page is None else page.batch

        return await together([one(*at) for at in zip(scans, heads, strict=True)])

    async def _settled(
        self, given: Sequence[Batch], again: set[RecordId], content: Content, where: Filter | None
    ) -> Batch:
        """In key order, each id once; those of `again` as they are now."""
        found = joined([batch for batch in given if len(batch)] or [Batch([])])
        twice = {one for one, times in Counter(found.ids).items() if times > 1}
        if self._serves:
            again = again | twice
        if again or twice:
            kept = found.take([row for row, one in enumerate(found.ids) if one not in again | twice])
            now = Batch([])
            if self._serves:
                whole = content if where is None or content is Content.FULL else Content.PAYLOAD
                now = await self.fetch("", sorted(again, key=key), content=whole)
                now = matching(now, where, content)
            elif twice:
                now = unlike(sorted(twice, key=key), content)
            found = joined([batch for batch in (kept, now) if len(batch)] or [Batch([])])
        return found.take(sorted(range(len(found)), key=lambda row: key(found.ids[row])))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        with self._watched() as changed:
            held = await self._everywhere(ids, content)
        times = Counter(one for batch in held for one in batch.ids)
        twice = {one for one in ids if times[one] > 1}
        if self._serves:
            again = twice | {one for one in ids if one in changed and not times[one]}
            kept = [without(batch, again) for batch in held]
            if again:
                kept.append(await self._settle(sorted(again, key=key), content))
        else:
            kept = [without(batch, twice) for batch in held]
            if twice:
                kept.append(unlike(sorted(twice, key=key), content))
        return in_order(kept, ids)

    async def _everywhere(self, ids: Sequence[RecordId], content: Content) -> list[Batch]:
        return await self._each(lambda place: self._inner.fetch(place, ids, content=content))

    async def _settle(self, ids: Sequence[RecordId], content: Content = Content.FULL) -> Batch:
        """What they hold while nobody writes them; of what stands in several places one is kept."""
        async with self._turns.hold("", ids):
            return await self._held(ids, content)

    async def _held(self, ids: Sequence[RecordId], content: Content = Content.FULL) -> Batch:
        """The same, for who holds their turn."""
        seen: set[RecordId] = set()
        kept: list[Batch] = []
        for place, batch in zip(self._places, await self._everywhere(ids, content), strict=True):
            more = [one for one in batch.ids if one in seen and self._doubts.left(one, self._places) <= 0]
            if more:
                await self._taken({place: more})
            kept.append(without(batch, seen))
            seen |= set(batch.ids)
        return in_order(kept, ids)

    async def query(self, collection: str, query: Query) -> list[Match]:
        """The best of all: a score says the same in each. Raises Unsupported for words, whose weight each counts for itself."""
        if query.words is not None:
            raise Unsupported("words would be ranked in each part of a split collection by itself")
        places = self._placement.among(query.filter)
        found = await together([self._inner.query(place, query) for place in places])
        best: dict[RecordId, Match] = {}
        ranked = sorted(
            (match for one in found for match in one),
            key=lambda match: match.score,
            reverse=await self._higher_is_nearer(query.using, found),
        )
        for match in ranked:
            best.setdefault(match.id, match)
        return list(best.values())[: query.limit]

    async def _higher_is_nearer(self, using: str, found: Sequence[Sequence[Match]]) -> bool:
        shape = self._shape or await self.describe("")
        metric = next((one.metric for one in shape.vectors if one.name == using), None)
        if metric is not None:
            return metric.higher_is_nearer
        return any(
            one[0].score > one[-1].score for one in found if one
        )  # nobody declared one: as each has it

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        check_request(batch.ids, self.capabilities, collection)
        async with self._turn(batch.ids):
            return await self._put(
                batch, lambda place, some: self._inner.upsert(place, some, fresh=fresh), fresh=fresh
            )

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        check_request(batch.ids, self.capabilities, collection)
        async with self._turn(batch.ids):
            there = set((await self._held(batch.ids, Content.IDS)).ids)
            rows = [row for row, one in enumerate(batch.ids) if one not in there]
            if not rows:
                return WriteResult(0)
            result = await self._put(batch.take(rows), self._inner.insert, fresh=True)
            return replace(result, refused=tuple(replace(one, row=rows[one.row]) for one in result.refused))

    async def _put(
        self, batch: Batch, write: Callable[[str, Batch], Awaitable[WriteResult]], *, fresh: bool
    ) -> WriteResult:
        """Each where it belongs, and then out of everywhere else; `fresh` ones are looked for there before."""
        refused: list[Refusal] = []
        rows: dict[str, list[int]] = {}
        for row, place in enumerate(self._placement.of(batch)):
            if place is None:
                refused.append(Refusal(row, batch.ids[row], self._homeless(batch, row)))
            else:
                rows.setdefault(place, []).append(row)
        await self._check({batch.ids[row]: place for place, some in rows.items() for row in some})
        results = await written([write(place, batch.take(some)) for place, some in rows.items()])
        for some, result in zip(rows.values(), results, strict=True):
            refused += [replace(one, row=some[one.row]) for one in result.refused]
        unfit = {one.row for one in refused}
        gone = {
            place: [
                batch.ids[row] for at, some in rows.items() if at != place for row in some if row not in unfit
            ]
            for place in self._places
        }
        try:
            await self._leave(gone, fresh=fresh)
        except StoreError as error:
            raise error if isinstance(error, Unresolved) else unresolved(error) from error
        refused.sort(key=lambda one: one.row)
        return WriteResult(sum(result.acknowledged for result in results), tuple(refused))

    async def _leave(self, gone: Mapping[str, list[RecordId]], *, fresh: bool) -> None:
        """Take records from where they are no more."""
        asked = {place: ids for place, ids in gone.items() if ids}
        if fresh:
            found = await together(
                [self._inner.fetch(place, ids, content=Content.IDS) for place, ids in asked.items()]
            )
            asked = {place: batch.ids for place, batch in zip(asked, found, strict=True) if len(batch)}
        await self._taken(asked)

    async def _taken(self, gone: Mapping[str, list[RecordId]]) -> None:
        try:
            await written([self._inner.delete(place, ids) for place, ids in gone.items()])
        except BaseException:
            for place, ids in gone.items():
                self._doubts.note(ids, place)
            raise

    async def _check(self, wanted: Mapping[RecordId, str]) -> None:
        """Raise Throttled where a record would be put in the way of a delete that may land yet."""
        asked = [one for one in wanted if self._doubts.of_before(one)]
        where: dict[RecordId, list[str]] = {one: [] for one in asked}
        if asked:
            for place, batch in zip(self._places, await self._everywhere(asked, Content.IDS), strict=True):
                for one in batch.ids:
                    where[one].append(place)
        for one, place in wanted.items():
            self._doubts.check(one, place, there=where.get(one) == [place])

    def _homeless(self, batch: Batch, row: int) -> RecordRefused:
        return RecordRefused(
            f"no part of the split is for a record with {self._placement.told(batch.payload[row])}",
            ids=(id_text(batch.ids[row])[:200],),
            hint="give it a value that has a part; the next time, say where such records go: `rest` of [split]",
        )

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        """By reading and writing where a record may have to move."""
        async with self._turn(ids):
            if not self._placement.moves(payload):
                results = await written([self._inner.patch(place, ids, payload) for place in self._places])
                refused = {one.row: one for result in results for one in result.refused}
                return WriteResult(len(ids) - len(refused), tuple(refused[row] for row in sorted(refused)))
            held = await self._held(ids)
            where = {one: row for row, one in enumerate(ids)}
            patched = replace(held, payload=[{**one, **payload} for one in held.payload])
            result = await self._put(patched, self._inner.upsert, fresh=False)
            told = [replace(one, row=where[one.id]) for one in result.refused]
            return WriteResult(len(ids) - len(told), tuple(sorted(told, key=lambda one: one.row)))

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        async with self._turn(ids):
            results = await written([self._inner.delete(place, ids) for place in self._places])
        refused = {one.row: one for result in results for one in result.refused}
        return WriteResult(len(ids) - len(refused), tuple(refused[row] for row in sorted(refused)))

    def lead(self, quarantine: float, unsure: Sequence[RecordId] | None = ()) -> None:
        self._doubts.lead(quarantine, unsure)

    @property
    def doubting(self) -> bool:
        return self._doubts.standing

    def unsure(self, ids: Sequence[RecordId]) -> Mapping[RecordId, float]:
        return {one: left for one in ids if (left := self._doubts.left(one, self._places)) > 0}

    async def barrier(self, collection: str, *, position: str = "") -> None:
        await self._each(lambda place: self._inner.barrier(place, position=position))

    # Who reads and writes at once.

    @asynccontextmanager
    async def _turn(self, ids: Sequence[RecordId]) -> AsyncIterator[None]:
        """Nobody else writes these, and who reads meanwhile is told that they change."""
        async with self._turns.hold("", ids):
            self._writing.update(ids)
            for seen in self._watching:
                seen.update(ids)
            try:
                yield
            finally:
                self._writing.subtract(ids)
                for one in ids:
                    if not self._writing[one]:
                        del self._writing[one]

    @contextmanager
    def _watched(self) -> Iterator[set[RecordId]]:
        """The ids that are written inside the block, as far as this store serves."""
        seen: set[RecordId] = set(self._writing) if self._serves else set()
        if self._serves:
            self._watching.append(seen)
        try:
            yield seen
        finally:
            self._watching = [one for one in self._watching if one is not seen]

    async def _each(self, ask: Callable[[str], Awaitable[T]]) -> list[T]:
        return await together([ask(place) for place in self._places])


def _bare(shape: CollectionShape) -> list[Any]:
    """Its vectors as a comparison of shapes looks at them: an index may be made later."""
    return [(one.name, one.kind, one.element, one.dim) for one in shape.vectors]
