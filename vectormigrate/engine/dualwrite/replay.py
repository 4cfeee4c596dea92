"""Pays the journal: copies the source's *current* state of each marked id to the target, and clears the mark.

Present in the source: upsert. Absent: delete, or put back what was there before us. A mark is cleared only at the
generation that was replayed, after the target acknowledged; not when an attempt on the way was never answered, for it
may land on what comes later. What the target refuses for good becomes a dead letter and keeps its mark.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.errors import RecordRefused, StoreError, VectormigrateError
from vectormigrate.model.identity import to_target
from vectormigrate.model.mapping import MappingPlan, Translator
from vectormigrate.model.record import RecordId, id_text, parse_id
from vectormigrate.model.snapshot import record_bytes, record_from_bytes
from vectormigrate.model.specification import Existing
from vectormigrate.state import dead_letters, journal, ownership
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.journal import Mark
from vectormigrate.stores.base import Store


@dataclass(frozen=True, slots=True)
class Paid:
    """What one pass over the journal did."""

    written: int
    deleted: int
    refused: int
    unanswered: bool
    """Attempts were never answered: their marks stand, to be paid when none of them can land any more."""


class Replayer:
    """Replays marks of one migration. One at a time: it is the only replayer of its ids."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        source: Store,
        source_collection: str,
        target: Store,
        plan: MappingPlan,
        existing: Existing,
        *,
        batch_size: int,
        now: Callable[[], datetime],
        unanswered: Callable[[], bool],
    ) -> None:
        """`unanswered` says whether an attempt since the last call of it was never answered."""
        self._database = database
        self._id = migration_id
        self._source = source
        self._source_collection = source_collection
        self._target = target
        self._plan = plan
        self._existing = existing
        self._translate = Translator(plan, target.capabilities)
        self._batch_size = min(batch_size, target.capabilities.write_batch)
        self._now = now
        self._unanswered = unanswered

    async def pay(self, stopped: Callable[[], bool]) -> Paid:
        """One pass over all marks, in the order of their ids; stops behind a batch when asked to."""
        written = deleted = refused = 0
        unanswered = False
        after = ""
        while not stopped():
            marks = self._marks(after)
            if not marks:
                break
            after = marks[-1].id
            done = await self._replay(marks)
            written, deleted, refused = written + done.written, deleted + done.deleted, refused + done.refused
            unanswered = unanswered or done.unanswered
        return Paid(written, deleted, refused, unanswered)

    def _marks(self, after: str) -> list[Mark]:
        return self._database.read(lambda tx: journal.marks(tx, self._id, after, self._batch_size))

    async def _replay(self, marks: list[Mark]) -> Paid:
        held = {id_text(one): one for one in (parse_id(mark.id) for mark in marks)}
        self._unanswered()
        batch = await self._source.fetch(self._source_collection, list(held.values()))
        present = {id_text(one) for one in batch.ids}
        absent = [one for text, one in held.items() if text not in present]
        translation = self._translate(batch)
        letters: dict[str, VectormigrateError] = {
            id_text(batch.ids[row]): error for row, error in translation.refused
        }
        sources = [one for row, one in enumerate(batch.ids) if row not in {r for r, _ in translation.refused}]
        target_batch, sources = await self._spare_foreign(translation.batch, sources)
        if len(target_batch):
            letters |= await self._upsert(target_batch, sources)
        await self._delete([to_target(self._plan.id_rule, one) for one in absent])
        unanswered = self._unanswered()
        if not unanswered:
            await self._settle(marks, letters)
        return Paid(len(target_batch), len(absent), len(letters), unanswered)

    async def _upsert(self, batch: Batch, sources: list[RecordId]) -> dict[str, VectormigrateError]:
        """Write a batch; one that is refused whole is halved down to the record that spoils it. Returns refusals."""
        try:
            result = await self._target.upsert(self._plan.target.name, batch)
        except StoreError as error:
            if not (isinstance(error, RecordRefused) or type(error) is StoreError):
                raise
            if len(batch) == 1:
                return {id_text(sources[0]): error}
            half = len(batch) // 2
            first = await self._upsert(batch.slice(0, half), sources[:half])
            return first | await self._upsert(batch.slice(half, len(batch)), sources[half:])
        return {id_text(sources[refusal.row]): refusal.error for refusal in result.refused}

    async def _spare_foreign(self, batch: Batch, sources: list[RecordId]) -> tuple[Batch, list[RecordId]]:
        foreign = self._foreign(batch.ids)
        if not foreign:
            return batch, sources
        if self._existing is Existing.OVERWRITE:
            images = await self._target.fetch(
                self._plan.target.name, [one for one in batch.ids if id_text(one) in foreign]
            )
            kept = [(id_text(record.id), record_bytes(record)) for record in images.records()]
            await self._database.write(lambda tx: ownership.keep_pre_images(tx, self._id, kept))
            return batch, sources
        rows = [row for row, one in enumerate(batch.ids) if id_text(one) not in foreign]
        return batch.take(rows), [sources[row] for row in rows]

    async def _delete(self, target_ids: list[RecordId]) -> None:
        foreign = self._foreign(target_ids)
        ours = [one for one in target_ids if id_text(one) not in foreign]
        if ours:
            await self._target.delete(self._plan.target.name, ours)
        if foreign:
            await self._put_back(foreign)

    async def _put_back(self, foreign: set[str]) -> None:
        """The source has lost records that had replaced foreign ones: what those held is theirs again."""
        images = self._database.read(lambda tx: ownership.pre_images_of(tx, self._id, foreign))
        if images:
            shape = self._plan.target
            records = [record_from_bytes(data) for _, data in images]
            batch = batch_of_records(records, shape.vectors, partitioned=bool(shape.partitions))
            await self._target.upsert(shape.name, batch)
            restored = [text for text, _ in images]
            await self._database.write(lambda tx: ownership.mark_restored(tx, self._id, restored))

    def _foreign(self, target_ids: list[RecordId]) -> set[str]:
        texts = [id_text(one) for one in target_ids]
        return self._database.read(lambda tx: ownership.foreign_among(tx, self._id, texts))

    async def _settle(self, marks: list[Mark], letters: dict[str, VectormigrateError]) -> None:
        paid = [mark for mark in marks if mark.id not in letters]
        refused = [
            dead_letters.DeadLetter(text, error.code, error.message, error.hint)
            for text, error in letters.items()
        ]
        at = self._now().isoformat()

        def settle(tx: Transaction) -> None:
            journal.clear(tx, self._id, paid)
            dead_letters.remove(tx, self._id, [mark.id for mark in paid])
            dead_letters.add(tx, self._id, refused, at=at)
            journal.attempted(tx, self._id, letters, journal.REFUSED)

        await self._database.write(settle)
