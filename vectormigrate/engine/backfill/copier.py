"""Copies one range: scan, map, write. Stateless: all it knows is in the assignment, all it did is in its reports.

Reading and mapping run ahead of writing by one page. The order that carries correctness (page intents, P1 to P9):
the intent of a page is committed before the page is read, and before the intent ahead of it can close, so from the
first read to the last report some intent always covers what this worker may write. A batch is sent only after the
report of the batch before it is durable.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass
from typing import TypeAlias
from uuid import uuid4

import msgspec

from vectormigrate.engine.pace import BatchSize
from vectormigrate.engine.work import (
    Assignment,
    Coordinator,
    Finish,
    ForeignAmong,
    KeepPreImages,
    Letter,
    OpenPage,
    Release,
    Report,
    Told,
    first_error,
)
from vectormigrate.model.batch import Batch
from vectormigrate.model.clock import Clock
from vectormigrate.model.errors import RecordRefused, StoreError, Throttled, Unresolved, VectormigrateError
from vectormigrate.model.mapping import Translation, Translator
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.points import reached
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.model.snapshot import record_bytes
from vectormigrate.model.specification import Existing
from vectormigrate.stores.base import Page, Range, Store

_PAGE_BYTES = 16 * 2**20
_BATCH_BYTES = 8 * 2**20
_CHECKED_RECORDS = 10

OnRetry: TypeAlias = Callable[[int, float, VectormigrateError], None]
"""Told before each wait: the number of the attempt that failed, seconds to wait, and why."""


class CopySettings(msgspec.Struct, frozen=True):
    """What a copier must know beside its stores and the mapping."""

    source_collection: str
    target_collection: str
    batch_size: int
    validate_every: int
    existing: Existing
    foreign: bool
    """The target held records before us."""
    record_bytes: int
    """Expected bytes of one record, for the first page."""


@dataclass(frozen=True, slots=True, eq=False)
class _Piece:
    """One batch on its way from the reader to the writer."""

    translation: Translation
    source_ids: list[RecordId]
    cursor: str
    intent: int
    closes: bool
    read: float
    """Seconds that its page took; 0 for all but its first piece."""


@dataclass(frozen=True, slots=True)
class _End:
    """The scan is over; this intent held nothing."""

    intent: int


class StopAsked(Exception):
    """The coordinator wants no further batch."""


class Copier:
    """Copies ranges for one worker; several ranges may be under way at once."""

    def __init__(
        self,
        coordinator: Coordinator,
        source: Store,
        target: Store,
        attempting: Callable[[OnRetry], Store],
        translator: Translator,
        settings: CopySettings,
        clock: Clock,
        differing: Callable[[Batch, Batch], tuple[str, ...]],
    ) -> None:
        """`attempting` gives the target behind retries that tell of each attempt: a page may only be closed when every
        *attempt* was answered (P6). `differing` names source id texts of a written batch that read back otherwise: the
        running sample check.
        """
        self._coordinator = coordinator
        self._source = source
        self._target = target
        self._attempting = attempting
        self._translate = translator
        self._settings = settings
        self._clock = clock
        self._differing = differing
        most = min(settings.batch_size, target.capabilities.write_batch)
        limit = min(_BATCH_BYTES, target.capabilities.write_bytes or _BATCH_BYTES)
        self._size = BatchSize(most, size_limit=limit)
        self._batches = 0

    async def copy(self, assignment: Assignment) -> None:
        """Copy a range from where the assignment says to its end, or until stopped. Raises what it cannot mend."""
        pieces: asyncio.Queue[_Piece | _End] = asyncio.Queue(maxsize=self._pieces_ahead())
        failure: VectormigrateError | None = None
        try:
            async with asyncio.TaskGroup() as tasks:
                reading = tasks.create_task(self._read(assignment, pieces), name=f"read-{assignment.number}")
                try:
                    await self._write_all(assignment, pieces, tasks)
                finally:
                    reading.cancel()
        except* StopAsked:
            await self._coordinator.ask(Release(assignment.number))
        except* VectormigrateError as group:
            failure = first_error(group)
        if failure is not None:
            raise failure

    def _pieces_ahead(self) -> int:
        return max(1, self._page_records() // self._size.records(self._settings.record_bytes))

    def _page_records(self) -> int:
        return max(1, min(self._source.capabilities.scan_page, _PAGE_BYTES // self._settings.record_bytes))

    # Reading.

    async def _read(self, assignment: Assignment, pieces: asyncio.Queue[_Piece | _End]) -> None:
        span = Range(assignment.lower, assignment.upper)
        intent = await self._open(assignment, span.lower, None)
        scan = self._source.scan(self._settings.source_collection, span, limit=self._page_records())
        async with aclosing(scan) as pages:
            asked = self._clock.monotonic()
            async for page in pages:
                reached("copy.read")
                took = self._clock.monotonic() - asked
                following = await self._open(assignment, page.cursor, intent)
                await self._cut(page, intent, took, pieces)
                intent, asked = following, self._clock.monotonic()
        await pieces.put(_End(intent))

    async def _open(self, assignment: Assignment, lower: str | None, narrow: int | None) -> int:
        request = OpenPage(assignment.number, lower, assignment.upper, uuid4().hex, narrow)
        number: int = await self._coordinator.ask(request)
        return number

    async def _cut(self, page: Page, intent: int, took: float, pieces: asyncio.Queue[_Piece | _End]) -> None:
        batch = page.batch
        each = batch.nbytes / len(batch)
        start = 0
        while start < len(batch):
            stop = min(len(batch), start + self._size.records(each))
            part = batch.slice(start, stop)
            translation = await asyncio.to_thread(self._translate, part)
            closes = stop == len(batch)
            behind = page.cursor if closes else self._source.cursor_of(part.ids[-1])
            read = 0.0 if start else took
            await pieces.put(_Piece(translation, part.ids, behind, intent, closes, read))
            start = stop

    # Writing.

    async def _write_all(
        self, assignment: Assignment, pieces: asyncio.Queue[_Piece | _End], tasks: asyncio.TaskGroup
    ) -> None:
        fresh = assignment.fresh
        while isinstance(piece := await pieces.get(), _Piece):
            await self._write_piece(assignment, piece, _Outcome(tasks, self._coordinator), fresh=fresh)
            fresh = True
        await self._coordinator.ask(Finish(assignment.number, piece.intent))

    async def _write_piece(
        self, assignment: Assignment, piece: _Piece, outcome: _Outcome, *, fresh: bool
    ) -> None:
        translation = piece.translation
        lost = {row for row, _ in translation.refused}
        sources = [one for row, one in enumerate(piece.source_ids) if row not in lost]
        letters = [_letter(piece.source_ids[row], error) for row, error in translation.refused]
        batch, sources, spared = await self._spare_foreign(translation.batch, sources)
        wrote = 0.0
        if len(batch):
            began = self._clock.monotonic()
            reached("copy.sending")
            await self._send(batch, sources, fresh, outcome)
            reached("copy.answered")
            wrote = self._clock.monotonic() - began
            self._size.wrote(len(batch), wrote)
        suspects = await self._check(batch, outcome)
        report = Report(
            assignment.number,
            piece.intent,
            piece.cursor,
            outcome.acknowledged,
            tuple(id_text(one) for one in spared),
            batch.nbytes,
            piece.closes,
            (*letters, *outcome.letters),
            suspects,
            outcome.unresolved,
            wrote,
            piece.read,
        )
        if not await self._coordinator.ask(report):
            raise StopAsked

    async def _send(self, batch: Batch, sources: list[RecordId], fresh: bool, outcome: _Outcome) -> None:
        """Send a batch with retries; one that is refused whole is halved down to the record that spoils it."""
        try:
            store = self._attempting(outcome.retried)
            result = await store.upsert(self._settings.target_collection, batch, fresh=fresh)
        except StoreError as error:
            outcome.unresolved = outcome.unresolved or isinstance(error, Unresolved)
            if not _may_be_one_record(error):
                raise
            if len(batch) == 1:
                outcome.letters.append(_letter(sources[0], error))
                return
            half = len(batch) // 2
            await self._send(batch.slice(0, half), sources[:half], False, outcome)
            await self._send(batch.slice(half, len(batch)), sources[half:], False, outcome)
            return
        outcome.add(result, sources)

    # Records that were there before us.

    async def _spare_foreign(
        self, batch: Batch, sources: list[RecordId]
    ) -> tuple[Batch, list[RecordId], list[RecordId]]:
        """Leave foreign records alone, or keep what they hold before they are overwritten, as was asked. Returns what may be
        written, the source ids of that, and those in whose place foreign records stay.
        """
        if not self._settings.foreign or not len(batch):
            return batch, sources, []
        texts = tuple(id_text(one) for one in batch.ids)
        foreign = set(await self._coordinator.ask(ForeignAmong(texts)))
        if not foreign:
            return batch, sources, []
        if self._settings.existing is Existing.OVERWRITE:
            held = await self._target.fetch(
                self._settings.target_collection,
                [one for one, text in zip(batch.ids, texts, strict=True) if text in foreign],
            )
            images = tuple((id_text(record.id), record_bytes(record)) for record in held.records())
            await self._coordinator.ask(KeepPreImages(images))
            return batch, sources, []
        rows = [row for row, text in enumerate(texts) if text not in foreign]
        spared = [one for one, text in zip(sources, texts, strict=True) if text in foreign]
        return batch.take(rows), [sources[row] for row in rows], spared

    # The running check.

    async def _check(self, batch: Batch, outcome: _Outcome) -> tuple[str, ...]:
        self._batches += 1
        every = self._settings.validate_every
        if not every or self._batches % every or outcome.letters or not len(batch):
            return ()
        sample = batch.slice(0, _CHECKED_RECORDS)
        await self._target.barrier(self._settings.target_collection)
        read_back = await self._target.fetch(self._settings.target_collection, sample.ids)
        wrong = self._differing(sample, read_back)
        if wrong:
            message = f"{len(wrong)} of {len(sample)} records just written read back otherwise, {wrong[0]} among them"
            await self._coordinator.ask(Told("Warned", {"message": message}))
        return wrong


class _Outcome:
    """What became of one batch over all its attempts."""

    def __init__(self, tasks: asyncio.TaskGroup, coordinator: Coordinator) -> None:
        self._tasks = tasks
        self._coordinator = coordinator
        self.acknowledged = 0
        self.letters: list[Letter] = []
        self.unresolved = False

    def add(self, result: WriteResult, sources: list[RecordId]) -> None:
        """Count an answer; what it refuses is refused for good."""
        self.acknowledged += result.acknowledged
        self.letters += [_letter(sources[refusal.row], refusal.error) for refusal in result.refused]

    def retried(self, attempt: int, wait: float, error: VectormigrateError) -> None:
        """An attempt failed and another follows."""
        self.unresolved = self.unresolved or isinstance(error, Unresolved)
        throttled = isinstance(error, Throttled)
        told = Told(
            "Retried", {"attempt": attempt, "wait": wait, "error": error.message, "throttled": throttled}
        )
        self._tasks.create_task(self._coordinator.ask(told))


def _letter(source_id: RecordId, error: VectormigrateError) -> Letter:
    return Letter(id_text(source_id), error.code, error.message, error.hint)


def _may_be_one_record(error: StoreError) -> bool:
    # A plain StoreError is a refusal that the adapter could not place. A timeout is not halved: a target that hangs
    # would be asked again and again, a whole set of attempts for every half.
    return isinstance(error, RecordRefused) or type(error) is StoreError
