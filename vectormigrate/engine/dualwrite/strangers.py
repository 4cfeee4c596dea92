"""Records that were in the target before us, as everything else of a live migration must see them: as not being there.

Where they may be overwritten, what they held is kept first and put back when the source's record goes. Whether such a record
is theirs or ours is then a matter of what is known of our writes to it (`Standing`), and while one of them may still land,
of what the target holds: as long as that is what they held, it is theirs.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import replace

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import RecordRefused, StateError, VectormigrateError
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.record import RecordId, id_text, parse_id
from vectormigrate.model.snapshot import record_bytes, record_from_bytes
from vectormigrate.model.specification import Existing
from vectormigrate.state import ownership
from vectormigrate.state.database import Database, Transaction
from vectormigrate.state.ownership import Standing
from vectormigrate.stores.base import Store


class Strangers:
    """Those of one migration's target. All ids are the target's."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        target: Store,
        shape: CollectionShape,
        existing: Existing,
    ) -> None:
        """`shape` is that of the target's collection."""
        self._database = database
        self._id = migration_id
        self._target = target
        self._shape = shape
        self._overwrites = existing is Existing.OVERWRITE
        self.there = database.read(lambda tx: ownership.foreign_count(tx, migration_id)) > 0
        """Whether there are any."""
        self._turn = asyncio.Lock()
        """What they held is kept, replaced and put back by one write at a time."""

    def among(self, ids: Sequence[RecordId]) -> set[str]:
        """Those of the ids, as text, that were there before us, whoever's record that is now."""
        if not self.there:
            return set()
        texts = [id_text(one) for one in ids]
        return self._database.read(lambda tx: ownership.foreign_among(tx, self._id, texts))

    async def hidden(self, ids: Sequence[RecordId]) -> set[str]:
        """Those of the ids, as text, whose record is theirs."""
        if not (self.there and self._overwrites):
            return self.among(ids)
        texts = [id_text(one) for one in ids]

        def look(tx: Transaction) -> tuple[set[str], list[tuple[str, bytes]]]:
            return (
                ownership.untouched_among(tx, self._id, texts),
                ownership.pre_images_of(tx, self._id, texts, standing=Standing.EITHER),
            )

        untouched, either = self._database.read(look)
        return untouched | await self._still_theirs(either)

    async def hidden_count(self) -> int:
        """How many records of the target are theirs."""

        def look(tx: Transaction) -> tuple[int, list[tuple[str, bytes]]]:
            either = ownership.pre_images_standing(tx, self._id, Standing.EITHER)
            return ownership.untouched_count(tx, self._id), either

        untouched, either = self._database.read(look)
        return untouched + len(await self._still_theirs(either))

    async def _still_theirs(self, kept: Sequence[tuple[str, bytes]]) -> set[str]:
        if not kept:
            return set()
        held = await self._target.fetch(self._shape.name, [parse_id(text) for text, _ in kept])
        found = {id_text(record.id): record_bytes(record) for record in held.records()}
        return {text for text, image in kept if found.get(text) == image}

    async def write(
        self, batch: Batch, write: Callable[[Batch], Awaitable[WriteResult]], *, replaces: bool
    ) -> WriteResult:
        """Write what may be written of a batch, once what strangers hold of it is kept; what may not is refused. `replaces`:
        the write leaves nothing of what was there.
        """
        foreign = self.among(batch.ids)
        if not foreign:
            return await write(batch)
        if not self._overwrites:
            return await self._write_ours(batch, foreign, write)
        async with self._turn:
            held = await self._target.fetch(
                self._shape.name, [one for one in batch.ids if id_text(one) in foreign]
            )
            kept = [(id_text(record.id), record_bytes(record)) for record in held.records()]
            await self._database.write(
                lambda tx: ownership.keep_pre_images(tx, self._id, kept, standing=Standing.EITHER)
            )
            result = await write(batch)
            if replaces:
                refused = {id_text(one.id) for one in result.refused}
                with suppress(StateError):  # it is applied: what is known of it is not too much, but right
                    await self._stand(sorted(foreign - refused), Standing.OURS)
        return result

    async def _write_ours(
        self, batch: Batch, foreign: set[str], write: Callable[[Batch], Awaitable[WriteResult]]
    ) -> WriteResult:
        """All but what strangers are in the place of. An acknowledgement of that would be one of a record that nobody has
        once the target answers.
        """
        ours = [row for row, one in enumerate(batch.ids) if id_text(one) not in foreign]
        result = await write(batch.take(ours)) if ours else WriteResult(0)
        refused = [replace(one, row=ours[one.row]) for one in result.refused]
        refused += [
            Refusal(row, one, self._taken(one))
            for row, one in enumerate(batch.ids)
            if id_text(one) in foreign
        ]
        return replace(result, refused=tuple(sorted(refused, key=lambda one: one.row)))

    def _taken(self, record_id: RecordId) -> RecordRefused:
        return RecordRefused(
            "a record that was in the target before has this id, and is not to be touched",
            collection=self._shape.name,
            ids=(id_text(record_id),),
            hint="take one of the two away, or begin anew with --existing overwrite",
        )

    async def put_back(
        self, foreign: set[str], *, uncertain: Callable[[str], bool]
    ) -> dict[str, VectormigrateError]:
        """Ours are gone that had replaced these: what they held is theirs again. `uncertain`: a write of ours may land
        behind that. Returns why, for those that the target does not take back.
        """
        async with self._turn:
            images = self._database.read(lambda tx: ownership.pre_images_of(tx, self._id, sorted(foreign)))
            if not images:
                return {}
            texts = [text for text, _ in images]
            await self._stand(texts, Standing.EITHER)
            records = [record_from_bytes(data) for _, data in images]
            batch = batch_of_records(records, self._shape.vectors, partitioned=bool(self._shape.partitions))
            result = await self._target.upsert(self._shape.name, batch)
            unfit = {texts[one.row]: one.error for one in result.refused}
            await self._stand(
                [text for text in texts if text not in unfit and not uncertain(text)], Standing.THEIRS
            )
            return unfit

    async def _stand(self, texts: Sequence[str], standing: Standing) -> None:
        await self._database.write(lambda tx: ownership.stand(tx, self._id, texts, standing))
