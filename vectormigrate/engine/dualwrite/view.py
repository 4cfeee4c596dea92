"""The target as the application's collection: a `Store` in the source's names, ids and values, over the target.

One translation for replay, for the answers after a cutover and for the way back. Records that were there before us are
not part of it: they are neither shown, nor counted, nor touched, unless the migration may overwrite them, and then what
they held is kept first and put back when the source's record goes.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
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
from vectormigrate.model.snapshot import record_bytes, record_from_bytes
from vectormigrate.model.specification import Existing
from vectormigrate.state import ownership
from vectormigrate.state.database import Database
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store, StoreInfo

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
    ) -> None:
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
        self._overwrites = existing is Existing.OVERWRITE
        self._inverse = Inverse(plan, source)
        self._translator: Translator | None = None
        self._returning: set[str] = set()
        """Foreign records on their way back: whether they have arrived is not in the file yet, or nobody knows."""
        self._strangers = database.read(lambda tx: ownership.foreign_count(tx, migration_id)) > 0

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
        raise Unsupported("a collection under migration cannot be dropped", collection=collection)

    def _check(self, collection: str) -> None:
        if collection != self._source.name:
            raise CollectionMissing(f"there is no collection {collection!r}", collection=collection)

    # Reading.

    async def count(self, collection: str) -> int:
        self._check(collection)
        total = await self._target.count(self._name)
        return total - self._database.read(lambda tx: ownership.untouched_count(tx, self._id))

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
                batch = self._inverse.batch(self._ours(page.batch))
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
        return self._inverse.batch(self._ours(await self._target.fetch(self._name, wanted, content=content)))

    async def query(self, collection: str, query: Query) -> list[Match]:
        self._check(collection)
        asked, most = self._inverse.query(query), query.limit
        if self._strangers:  # they take places of ours
            most += self._database.read(lambda tx: ownership.untouched_count(tx, self._id))
        limit = query.limit
        while True:
            matches = await self._target.query(self._name, replace(asked, limit=limit))
            hidden = self._foreign([match.id for match in matches], untouched=True)
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

    def _ours(self, batch: Batch) -> Batch:
        hidden = self._foreign(batch.ids, untouched=True)
        if not hidden:
            return batch
        return batch.take([row for row, one in enumerate(batch.ids) if id_text(one) not in hidden])

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        """`fresh` is not passed on: a replay may meet what another one wrote."""
        self._check(collection)
        return await self._write(batch, lambda ours: self._target.upsert(self._name, ours))

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        self._check(collection)
        return await self._write(batch, lambda ours: self._target.insert(self._name, ours))

    async def _translate(self, batch: Batch) -> Translation:
        # The target is asked what it can do by the first write to it: one that is down must not hold up what comes before.
        if self._translator is None:
            await self._target.info()
            self._translator = Translator(
                self._plan, self._target.capabilities, self._target.endpoint.redact_key
            )
        return self._translator(batch)

    async def _write(self, batch: Batch, write: Callable[[Batch], object]) -> WriteResult:
        translation = await self._translate(batch)
        unfit = {row for row, _ in translation.refused}
        rows = [row for row in range(len(batch)) if row not in unfit]
        ours, rows = await self._spare(translation.batch, rows)
        refused = [Refusal(row, batch.ids[row], error) for row, error in translation.refused]
        acknowledged = len(translation.batch) - len(ours)  # spared: there is nothing to do
        if len(ours):
            result = await self._target_write(write, ours)
            acknowledged += result.acknowledged
            refused += [Refusal(rows[one.row], batch.ids[rows[one.row]], one.error) for one in result.refused]
        return WriteResult(acknowledged, tuple(sorted(refused, key=lambda one: one.row)))

    @staticmethod
    async def _target_write(write: Callable[[Batch], object], batch: Batch) -> WriteResult:
        result = await write(batch)  # type: ignore[misc] # both writes of a store are coroutines
        assert isinstance(result, WriteResult)
        return result

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        self._check(collection)
        translation = await self._translate(Batch(list(ids), payload=[payload] * len(ids)))
        if translation.refused:
            raise translation.refused[0][1]
        hidden = self._foreign(translation.batch.ids, untouched=True)
        rows = [row for row, one in enumerate(translation.batch.ids) if id_text(one) not in hidden]
        ours = [translation.batch.ids[row] for row in rows]
        payload = translation.batch.payload[0] if ours else {}
        return _in_terms_of(ids, rows, await self._target.patch(self._name, ours, payload))

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        self._check(collection)
        wanted = [self._inverse.target_id(one) for one in ids]
        foreign = self._foreign(wanted)
        rows = [row for row, one in enumerate(wanted) if id_text(one) not in foreign]
        result = WriteResult(0)
        if rows:
            result = await self._target.delete(self._name, [wanted[row] for row in rows])
        unfit = await self._put_back(foreign) if foreign else {}
        removed = result.acknowledged + len(foreign) - len(unfit)
        found = _in_terms_of(ids, rows, replace(result, acknowledged=removed))
        kept = [
            Refusal(row, ids[row], unfit[text])
            for row, text in enumerate(map(id_text, wanted))
            if text in unfit
        ]
        return replace(found, refused=(*found.refused, *kept))

    # What was there before us.

    def _foreign(self, target_ids: Sequence[RecordId], *, untouched: bool = False) -> set[str]:
        if not self._strangers:
            return set()
        texts = [id_text(one) for one in target_ids]
        among = ownership.untouched_among if untouched and self._overwrites else ownership.foreign_among
        return self._database.read(lambda tx: among(tx, self._id, texts)) | (
            self._returning.intersection(texts) if untouched else set()
        )

    async def _spare(self, batch: Batch, rows: list[int]) -> tuple[Batch, list[int]]:
        """What may be written of a batch, and the rows of it: all, once what foreign records hold is kept; else ours."""
        foreign = self._foreign(batch.ids)
        if not foreign:
            return batch, rows
        if self._overwrites:
            held = await self._target.fetch(self._name, [one for one in batch.ids if id_text(one) in foreign])
            kept = [(id_text(record.id), record_bytes(record)) for record in held.records()]
            await self._database.write(lambda tx: ownership.keep_pre_images(tx, self._id, kept))
            self._returning.difference_update(foreign)
            return batch, rows
        ours = [row for row, one in enumerate(batch.ids) if id_text(one) not in foreign]
        return batch.take(ours), [rows[row] for row in ours]

    async def _put_back(self, foreign: set[str]) -> dict[str, VectormigrateError]:
        """The source has lost records that had replaced foreign ones: what those held is theirs again. Returns why, by
        target id, for those that the target does not take back.
        """
        images = self._database.read(lambda tx: ownership.pre_images_of(tx, self._id, sorted(foreign)))
        if not images:
            return {}
        texts = [text for text, _ in images]
        self._returning.update(texts)
        shape = self._plan.target
        records = [record_from_bytes(data) for _, data in images]
        batch = batch_of_records(records, shape.vectors, partitioned=bool(shape.partitions))
        result = await self._target.upsert(shape.name, batch)
        unfit = {texts[one.row]: one.error for one in result.refused}
        restored = [text for text in texts if text not in unfit]
        await self._database.write(lambda tx: ownership.mark_restored(tx, self._id, restored))
        self._returning.difference_update(texts)
        return unfit

    async def barrier(self, collection: str, *, position: str = "") -> None:
        await self._target.barrier(self._name, position=position)

    def identity(self) -> str:
        return self._target.identity()

    async def locate(self, collection: str) -> str:
        return await self._target.locate(self._name)

    async def settle(self) -> float:
        return await self._target.settle()

    async def close(self) -> None:
        await self._target.close()


def _in_terms_of(ids: Sequence[RecordId], rows: Sequence[int], result: WriteResult) -> WriteResult:
    """The answer to a write of these rows of the ids, as one to a write of all of them."""
    refused = [Refusal(rows[one.row], ids[rows[one.row]], one.error) for one in result.refused]
    return replace(result, refused=tuple(refused))
