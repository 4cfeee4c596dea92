"""Rollback: a concurrent scan of the source says what was moved; five workers delete it from the target.

What is ours in the target is at all times within (source ids up to the cursors) + (covers of page intents, standing
or lapsed) + (ids that replays wrote ahead of the cursors) + (marked ids), plus what the source lost behind our back, which a reverse pass over the target finds. What
was there before us is never deleted, and what we overwrote of it is put back from its pre-image.

The reverse pass must not delete a record that somebody else wrote into the target after the migration was complete
and in use. So once a migration has been verified, a record that is neither foreign nor in the source is kept and
counted as unknown, unless it is asked for by name.

Every step is repeatable: a rollback that was killed is run again and goes on behind the last acknowledged key.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import aclosing
from dataclasses import dataclass, field

from vectormigrate.engine.work import first_error
from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.identity import to_source, to_target
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId, id_text, parse_id
from vectormigrate.model.snapshot import record_digest, record_from_bytes
from vectormigrate.state import checkpoints, journal, ownership
from vectormigrate.state.checkpoints import RangeRow
from vectormigrate.state.database import Database
from vectormigrate.state.ownership import Standing
from vectormigrate.stores.base import Content, Range, Store

WORKERS = 5
_PAGE = 1000
_SHEETS = 50
"""Whose marks are lifted into the journal in one transaction."""
_IMAGES = 200
"""Whole records at once."""


@dataclass(slots=True)
class Removal:
    """What a rollback did so far, or would do."""

    deleted: int = 0
    restored: int = 0
    left: int = 0
    owed: int = 0
    """Overwritten records that are not put back."""
    unknown: int = 0
    """Neither ours for certain nor there before us: kept."""
    foreign_kept: int = 0
    foreign_changed: int = 0
    changed: list[str] = field(default_factory=list)


class Pool:
    """One rollback. `dry_run` counts what would be deleted and writes nothing anywhere."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        source: Store,
        source_collection: str,
        target: Store,
        plan: MappingPlan,
        *,
        remove_unknown: bool,
        dry_run: bool,
        progress: Callable[[int], None],
        stopped: Callable[[], bool],
    ) -> None:
        """`stopped` says whether to end behind the present page; what is left is then counted, and left."""
        self._database = database
        self._id = migration_id
        self._source = source
        self._source_collection = source_collection
        self._target = target
        self._plan = plan
        self._collection = plan.target.name
        self._remove_unknown = remove_unknown
        self._dry_run = dry_run
        self._progress = progress
        self._stopped = stopped
        self._done = Removal()

    async def run(self, *, only_verify: bool = False) -> Removal:
        """Remove, restore, verify. Raises the first store error; run it again to go on."""
        await self._target.barrier(self._collection)
        if not (only_verify or self._dry_run):
            await self._remove_scanned()
            await self._remove_ahead()
            await self._remove_marked()
            await self._reverse_pass()
            await self._restore()
        await self._verify()
        reached("rollback.verified")
        if self._dry_run:
            self._done.deleted = self._done.left
            self._done.restored = self._done.owed
        return self._done

    # The source says what was moved.

    async def _remove_scanned(self) -> None:
        rows = self._database.read(lambda tx: checkpoints.ranges(tx, self._id))
        covers = self._database.read(lambda tx: journal.intents(tx, self._id))
        waiting: asyncio.Queue[RangeRow] = asyncio.Queue()
        for row in rows:
            if not row.removed:
                waiting.put_nowait(row)
        covered = {cover.range_number for cover in covers}
        failure: VectormigrateError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                for number in range(WORKERS):
                    tasks.create_task(self._range_worker(waiting, covered), name=f"remove-{number}")
        except* VectormigrateError as errors:
            failure = first_error(errors)
        if failure is not None:
            raise failure

    async def _range_worker(self, waiting: asyncio.Queue[RangeRow], covered: set[int]) -> None:
        while not (waiting.empty() or self._stopped()):
            row = waiting.get_nowait()
            # A cover ends where its page ends, or at the range's end before the page was read: walking to the
            # range's end is within the rule, and ids that were never copied are deleted from nowhere.
            upper = row.upper if row.number in covered or row.done else row.cursor
            if upper is None and not row.done and row.number not in covered:
                await self._finish_range(row.number)
                continue
            lower = row.removed_to if row.removed_to is not None else row.lower
            async for ids, cursor in self._pages(self._source, self._source_collection, Range(lower, upper)):
                await self._delete([to_target(self._plan.id_rule, one) for one in ids])
                await self._advance(row.number, cursor)
                if self._stopped():
                    return
            await self._finish_range(row.number)

    async def _advance(self, number: int, cursor: str) -> None:
        await self._database.write(lambda tx: checkpoints.advance_removal(tx, self._id, number, cursor))

    async def _finish_range(self, number: int) -> None:
        await self._database.write(lambda tx: checkpoints.finish_removal(tx, self._id, number))

    async def _remove_ahead(self) -> None:
        after = ""
        while not self._stopped() and (ids := self._ahead(after)):
            after = ids[-1]
            await self._delete([to_target(self._plan.id_rule, parse_id(one)) for one in ids])

    def _ahead(self, after: str) -> list[str]:
        return self._database.read(lambda tx: journal.ahead(tx, self._id, after, _PAGE))

    async def _remove_marked(self) -> None:
        while not self._dry_run and await self._database.write(lambda tx: journal.lift(tx, _SHEETS)):
            pass  # the journal has their order
        after = ""
        while not self._stopped() and (marks := self._marks(after)):
            after = marks[-1].id
            await self._delete([to_target(self._plan.id_rule, parse_id(mark.id)) for mark in marks])

    def _marks(self, after: str) -> list[journal.Mark]:
        return self._database.read(lambda tx: journal.marks(tx, self._id, after, _PAGE))

    async def _delete(self, target_ids: list[RecordId]) -> None:
        foreign = self._foreign(target_ids)
        ours = [one for one in target_ids if id_text(one) not in foreign]
        if not ours:
            return
        there = await self._target.fetch(self._collection, ours, content=Content.IDS)
        most = self._target.capabilities.write_batch
        for start in range(0, len(there), most):
            reached("rollback.deleting")
            await self._target.delete(self._collection, there.ids[start : start + most])
            reached("rollback.deleted")
        self._done.deleted += len(there)
        self._progress(self._done.deleted)

    # What the source lost behind our back.

    async def _reverse_pass(self) -> None:
        await self._target.barrier(self._collection)
        async for ids, _ in self._pages(self._target, self._collection, Range()):
            if self._stopped():
                return
            foreign = self._foreign(ids)
            candidates = [one for one in ids if id_text(one) not in foreign]
            if not candidates:
                continue
            if self._remove_unknown:
                await self._delete(candidates)
                continue
            held = await self._in_source(candidates)
            await self._delete([to_target(self._plan.id_rule, one) for one in held])

    async def _in_source(self, target_ids: list[RecordId]) -> list[RecordId]:
        """Source ids of those target ids whose records the source holds."""
        sources = [to_source(self._plan.id_rule, one) for one in target_ids]
        asked = [one for one in sources if one is not None]
        return (await self._source.fetch(self._source_collection, asked, content=Content.IDS)).ids

    # What was there before us.

    async def _restore(self) -> None:
        after = ""
        shape = self._plan.target
        while not self._stopped() and (images := self._images(after)):
            after = images[-1][0]
            records = [record_from_bytes(data) for _, data in images]
            batch = batch_of_records(records, shape.vectors, partitioned=bool(shape.partitions))
            result = await self._target.upsert(self._collection, batch)
            refused = {id_text(refusal.id) for refusal in result.refused}
            restored = [text for text, _ in images if text not in refused]
            await self._put_back(restored)
        self._done.restored = self._database.read(lambda tx: ownership.restored_count(tx, self._id))

    async def _put_back(self, texts: list[str]) -> None:
        await self._database.write(lambda tx: ownership.stand(tx, self._id, texts, Standing.THEIRS))

    def _images(self, after: str) -> list[tuple[str, bytes]]:
        most = min(_IMAGES, self._target.capabilities.write_batch)
        return self._database.read(lambda tx: ownership.pre_images(tx, self._id, after, most))

    # Proof.

    async def _verify(self) -> None:
        await self._target.barrier(self._collection)
        async for ids, _ in self._pages(self._target, self._collection, Range()):
            foreign = self._foreign(ids)
            self._done.foreign_kept += len(foreign)
            rest = len(ids) - len(foreign)
            if self._remove_unknown:
                self._done.left += rest
            else:
                held = await self._in_source([one for one in ids if id_text(one) not in foreign])
                self._done.left += len(held)
                self._done.unknown += rest - len(held)
        await self._check_foreign()

    async def _check_foreign(self) -> None:
        known = dict(self._database.read(lambda tx: ownership.digests(tx, self._id)))
        there = self._database.read(lambda tx: ownership.foreign_count(tx, self._id))
        self._done.owed = self._database.read(lambda tx: ownership.owed_count(tx, self._id))
        self._done.foreign_changed = max(0, there - self._done.foreign_kept)
        if not self._dry_run:
            self._done.foreign_changed += self._done.owed
        texts = sorted(self._database.read(lambda tx: ownership.untouched_among(tx, self._id, list(known))))
        for start in range(0, len(texts), _PAGE):
            ids = [parse_id(text) for text in texts[start : start + _PAGE]]
            held = await self._target.fetch(self._collection, ids)
            for record in held.records():
                if record_digest(record) != known[id_text(record.id)]:
                    self._done.foreign_changed += 1
                    self._done.changed.append(id_text(record.id))

    # Shared.

    def _foreign(self, target_ids: list[RecordId]) -> set[str]:
        texts = [id_text(one) for one in target_ids]
        return self._database.read(lambda tx: ownership.foreign_among(tx, self._id, texts))

    @staticmethod
    async def _pages(store: Store, collection: str, span: Range) -> AsyncIterator[tuple[list[RecordId], str]]:
        async with aclosing(store.scan(collection, span, content=Content.IDS, limit=_PAGE)) as pages:
            async for page in pages:
                yield page.batch.ids, page.cursor
