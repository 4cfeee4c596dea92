"""The target as the application's collection: a `Store` in the source's names, ids and values, over the target.

One translation for replay, for the answers after a cutover and for the way back. Records that were there before us are
not part of it: they are neither shown, nor counted, nor touched, unless the migration may overwrite them, and then what
they held is kept first and put back when the source's record goes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, KeyOrder
from vectormigrate.model.errors import CollectionExists, CollectionMissing, Unsupported, VectormigrateError
from vectormigrate.model.filter import Filter
from vectormigrate.model.identity import IdRule
from vectormigrate.model.inverse import Inverse
from vectormigrate.model.mapping import MappingPlan, Translation, Translator
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId, id_text
from vectormigrate.model.specification import Existing
from vectormigrate.state.database import Database
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store, StoreInfo

from .strangers import Strangers

_MORE = 4
"""So many times the results are asked for again when what is not ours took their places."""


class TargetView(Store):
    """One migration's target under the source's terms."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        target: Store,
        source: CollectionShape,
        plan: MappingPlan,
        existing: Existing,
        may_land: Callable[[RecordId], bool] = lambda _: False,
    ) -> None:
        """`may_land` says of a source id whether a write of it that was not answered may still be applied."""
        self.endpoint = target.endpoint
        self._database = database
        self._id = migration_id
        self._target = target
        self._source = source
        # Pages come in the target's order, and a shape says in which order pages come.
        order = plan.target.id.order if plan.id_rule is IdRule.SAME else KeyOrder.OTHER
        self._shown = replace(source, id=replace(source.id, order=order))
        self._plan = plan
        self._name = plan.target.name
        self._inverse = Inverse(plan, source)
        self._translator: Translator | None = None
        self._may_land = may_land
        self._strangers = Strangers(database, migration_id, target, plan.target, existing)

    @property
    def capabilities(self) -> Capabilities:
        return self._target.capabilities

    async def info(self) -> StoreInfo:
        return await self._target.info()

    async def collections(self) -> list[str]:
        return [self._source.name]

    async def describe(self, collection: str) -> CollectionShape:
        self._check(collection)
        return self._shown

    async def create(self, shape: CollectionShape) -> CollectionShape:
        if shape.name == self._source.name:
            raise CollectionExists(f"there is a collection {shape.name!r}", collection=shape.name)
        raise Unsupported("a collection cannot be made beside one under migration", collection=shape.name)

    async def finish_load(self, shape: CollectionShape) -> None:
        await self._target.finish_load(self._plan.target)

    async def drop(self, collection: str) -> None:
        """Asked for behind a commit alone: before it, a drop is refused on its way here. What is meant cannot be known by then,
        the old copy or the only one, nor could the name be made anew here: whoever means this one has its own database.
        """
        self._check(collection)
        raise Unsupported(
            f"collection {collection!r} was moved to {self.endpoint.kind} and is not dropped through the daemon: it is"
            f" {self._name!r} there",
            collection=collection,
            hint="drop it there, once no application asks for it; the old one at its own address",
        )

    def _check(self, collection: str) -> None:
        if collection != self._source.name:
            raise CollectionMissing(f"there is no collection {collection!r}", collection=collection)

    # Reading.

    async def count(self, collection: str) -> int:
        self._check(collection)
        total = await self._target.count(self._name)
        return total - await self._strangers.hidden_count() if self._strangers.there else total

    async def split(self, collection: str, parts: int) -> list[Range]:
        self._check(collection)
        return await self._target.split(self._name, parts)

    def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        self._check(collection)
        return self._pages(self._target.scan(self._name, span, limit=limit, content=content))

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        """Asks the target where it can say exactly that, and otherwise reads everything and looks itself."""
        self._check(collection)
        given = False
        try:
            translated = self._inverse.filter(where)
            pages = self._pages(
                self._target.select(self._name, translated, span, limit=limit, content=content)
            )
            async with aclosing(pages):
                async for page in pages:
                    given = True
                    yield page
            return
        except Unsupported:
            if given:
                raise
        async with aclosing(super().select(collection, where, span, limit=limit, content=content)) as read:
            async for page in read:
                yield page

    async def _pages(self, pages: AsyncGenerator[Page, None]) -> AsyncGenerator[Page, None]:
        async with aclosing(pages):
            async for page in pages:
                batch = self._inverse.batch(await self._ours(page.batch))
                if len(batch):
                    yield Page(batch, page.cursor)

    def cursor_of(self, record_id: RecordId) -> str:
        return self._target.cursor_of(self._inverse.target_id(record_id))

    def key_of(self, cursor: str) -> RecordId:
        key = self._target.key_of(cursor)
        source = self._inverse.source_id(key)
        return key if source is None else source

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        self._check(collection)
        wanted = [self._inverse.target_id(one) for one in ids]
        held = await self._target.fetch(self._name, wanted, content=content)
        return self._inverse.batch(await self._ours(held))

    async def query(self, collection: str, query: Query) -> list[Match]:
        self._check(collection)
        if query.words is not None and self._strangers.there:
            raise Unsupported("words would be ranked among records that are not the application's")
        asked, most = self._inverse.query(query), query.limit
        if self._strangers.there:  # they take places of ours
            most += await self._strangers.hidden_count()
        limit = query.limit
        while True:
            matches = await self._target.query(self._name, replace(asked, limit=limit))
            hidden = await self._strangers.hidden([match.id for match in matches])
            ours = [self._match(match) for match in matches if id_text(match.id) not in hidden]
            found = [match for match in ours if match is not None]
            if len(found) >= query.limit or len(matches) < limit or limit >= most:
                return found[: query.limit]
            limit = min(most, limit * _MORE)

    def _match(self, match: Match) -> Match | None:
        source_id = self._inverse.source_id(match.id)
        if source_id is None:
            return None
        if match.record is None:
            return replace(match, id=source_id)
        shape = self._plan.target
        batch = batch_of_records([match.record], shape.vectors, partitioned=bool(shape.partitions))
        return replace(match, id=source_id, record=self._inverse.batch(batch).record(0))

    async def _ours(self, batch: Batch) -> Batch:
        hidden = await self._strangers.hidden(batch.ids)
        if not hidden:
            return batch
        return batch.take([row for row, one in enumerate(batch.ids) if id_text(one) not in hidden])

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        """`fresh` is not passed on: a replay may meet what another one wrote."""
        self._check(collection)
        return await self._write(batch, lambda ours: self._target.upsert(self._name, ours), replaces=True)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        self._check(collection)
        return await self._write(batch, lambda ours: self._target.insert(self._name, ours), replaces=False)

    async def _translate(self, batch: Batch) -> Translation:
        # The target is asked what it can do by the first write to it: one that is down must not hold up what comes before.
        if self._translator is None:
            await self._target.info()
            self._translator = Translator(
                self._plan, self._target.capabilities, self._target.endpoint.redact_key
            )
        return self._translator(batch)

    async def _write(
        self, batch: Batch, write: Callable[[Batch], Awaitable[WriteResult]], *, replaces: bool
    ) -> WriteResult:
        translation = await self._translate(batch)
        unfit = {row for row, _ in translation.refused}
        fit = [row for row in range(len(batch)) if row not in unfit]
        refused = [Refusal(row, batch.ids[row], error) for row, error in translation.refused]
        acknowledged = 0
        if fit:
            result = await self._strangers.write(translation.batch, write, replaces=replaces)
            acknowledged = result.acknowledged
            refused += [Refusal(fit[one.row], batch.ids[fit[one.row]], one.error) for one in result.refused]
        return WriteResult(acknowledged, tuple(sorted(refused, key=lambda one: one.row)))

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        self._check(collection)
        if self._plan.edits or self._plan.layout is not None:
            return await self._patch_whole(collection, ids, payload)
        translation = await self._translate(Batch(list(ids), payload=[payload] * len(ids)))
        if translation.refused:
            raise translation.refused[0][1]
        hidden = await self._strangers.hidden(translation.batch.ids)
        rows = [row for row, one in enumerate(translation.batch.ids) if id_text(one) not in hidden]
        ours = [translation.batch.ids[row] for row in rows]
        payload = translation.batch.payload[0] if ours else {}
        return _in_terms_of(ids, rows, await self._target.patch(self._name, ours, payload))

    async def _patch_whole(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        """By reading and writing: what a part becomes on the target depends on the rest of the record."""
        batch = await self.fetch(collection, ids)
        patched = replace(batch, payload=[{**one, **payload} for one in batch.payload])
        rows = [ids.index(one) for one in batch.ids]
        return _in_terms_of(ids, rows, await self.upsert(collection, patched))

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        self._check(collection)
        wanted = [self._inverse.target_id(one) for one in ids]
        foreign = self._strangers.among(wanted)
        rows = [row for row, one in enumerate(wanted) if id_text(one) not in foreign]
        result = WriteResult(0)
        if rows or not ids:  # nothing is passed on, too: it tells the target that it may be written to
            result = await self._target.delete(self._name, [wanted[row] for row in rows])
        unfit: dict[str, VectormigrateError] = {}
        if foreign:
            by_text = {id_text(target_id): one for target_id, one in zip(wanted, ids, strict=True)}
            unfit = await self._strangers.put_back(
                foreign, uncertain=lambda text: self._may_land(by_text[text])
            )
        removed = result.acknowledged + len(foreign) - len(unfit)
        found = _in_terms_of(ids, rows, replace(result, acknowledged=removed))
        kept = [
            Refusal(row, ids[row], unfit[text])
            for row, text in enumerate(map(id_text, wanted))
            if text in unfit
        ]
        return replace(found, refused=(*found.refused, *kept))

    # The rest.

    async def barrier(self, collection: str, *, position: str = "") -> None:
        await self._target.barrier(self._name, position=position)

    def identity(self) -> str:
        return self._target.identity()

    async def locate(self, collection: str) -> str:
        return await self._target.locate(self._name)

    def lead(self, quarantine: float, unsure: Sequence[RecordId] | None = ()) -> None:
        self._target.lead(quarantine, None if unsure is None else list(map(self._inverse.target_id, unsure)))

    @property
    def doubting(self) -> bool:
        return self._target.doubting

    def unsure(self, ids: Sequence[RecordId]) -> Mapping[RecordId, float]:
        there = {self._inverse.target_id(one): one for one in ids}
        return {there[one]: left for one, left in self._target.unsure(list(there)).items()}

    async def settle(self) -> float:
        return await self._target.settle()

    async def close(self) -> None:
        await self._target.close()


def _in_terms_of(ids: Sequence[RecordId], rows: Sequence[int], result: WriteResult) -> WriteResult:
    """The answer to a write of these rows of the ids, as one to a write of all of them."""
    refused = [Refusal(rows[one.row], ids[rows[one.row]], one.error) for one in result.refused]
    return replace(result, refused=tuple(refused))
