"""A store around a target whose keys cannot hold the source's ids: speaks the source's, keeps made-up ones inside.

An id that the inner key can hold goes as it is. Any other goes under the id that `identity.surrogate` makes of it, or that
a framework gave the record before it put another one in front, and the original stands beside the record under `_vm_id`. The surprise: to tell ids, records have to be read, so that a scan
of ids alone costs as much as one of payloads.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import aclosing
from dataclasses import replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import CollectionShape, IdField
from vectormigrate.model.errors import RecordRefused, StoreBroken
from vectormigrate.model.filter import And, Filter, HasId, Not, Or
from vectormigrate.model.identity import ORIGINAL, IdRule, native, own, surrogate
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.operation import Refusal, WriteResult
from vectormigrate.model.profiles import PROFILES
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, Record, RecordId, id_text, parse_id

from .base import EVERYWHERE, Content, Page, Range, Store
from .wrapper import Wrapper


def keyed(target: Store, plan: MappingPlan, source: IdField) -> Store:
    """The target as it understands the ids that the plan gives it; itself where it understands them anyway."""
    if plan.id_rule is not IdRule.SURROGATE:
        return target
    prefixed = plan.layout is not None and PROFILES[plan.layout.source].prefixed
    return SurrogateStore(target, plan.target, source, prefixed=prefixed)


class SurrogateStore(Wrapper):
    """One target collection under ids that its key cannot hold."""

    def __init__(
        self, inner: Store, shape: CollectionShape, source: IdField, *, prefixed: bool = False
    ) -> None:
        super().__init__(inner)
        self._prefixed = prefixed
        self._shape = shape
        self._source = source.kind

    def inside(self, record_id: RecordId) -> RecordId:
        """The id under which a record of this id is held."""
        held = self._plain(record_id)
        if held is None and self._prefixed and isinstance(record_id, str):
            held = self._plain(record_id.rpartition("#")[2])
        return surrogate(record_id, self._shape.id.kind) if held is None else held

    def _plain(self, record_id: RecordId) -> RecordId | None:
        return native(record_id, self._source, self._shape.id, self.capabilities)

    def _outside(self, record_id: RecordId, payload: Payload) -> RecordId:
        """The source's id of a record; one that was not written by us keeps its own."""
        original = payload.get(ORIGINAL)
        if not isinstance(original, str):
            return own(record_id, self._source)
        try:
            found = parse_id(original)
        except ValueError:
            return own(record_id, self._source)
        return found if self.inside(found) == record_id else own(record_id, self._source)

    def _batch(self, batch: Batch, content: Content = Content.FULL) -> Batch:
        """Records of the inner store in the source's ids, without our note."""
        ids = [self._outside(one, payload) for one, payload in zip(batch.ids, batch.payload, strict=True)]
        if content is Content.IDS:
            return Batch(ids, payload=[{} for _ in ids])
        payloads = [_without_note(payload) for payload in batch.payload]
        return replace(batch, ids=ids, payload=payloads)

    # Reading.

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(self._inner.scan(collection, span, limit=limit)) as pages:
            async for page in pages:
                yield Page(self._batch(page.batch, content), page.cursor)

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        async with aclosing(self._inner.select(collection, self._filter(where), span, limit=limit)) as pages:
            async for page in pages:
                yield Page(self._batch(page.batch, content), page.cursor)

    def _filter(self, where: Filter) -> Filter:
        match where:
            case HasId(ids):
                return HasId(tuple(map(self.inside, ids)))
            case Not(item):
                return Not(self._filter(item))
            case And(items):
                return And(tuple(map(self._filter, items)))
            case Or(items):
                return Or(tuple(map(self._filter, items)))
            case _:
                return where

    def lead(self, quarantine: float, unsure: Sequence[RecordId] | None = ()) -> None:
        self._inner.lead(quarantine, None if unsure is None else list(map(self.inside, unsure)))

    @property
    def doubting(self) -> bool:
        return self._inner.doubting

    def unsure(self, ids: Sequence[RecordId]) -> Mapping[RecordId, float]:
        inside = {self.inside(one): one for one in ids}
        return {inside[one]: left for one, left in self._inner.unsure(list(inside)).items()}

    def cursor_of(self, record_id: RecordId) -> str:
        return self._inner.cursor_of(self.inside(record_id))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        wanted = {self.inside(one): one for one in ids}
        if len(wanted) < len(ids):
            raise StoreBroken("two ids have one surrogate", collection=collection)
        found = self._batch(await self._inner.fetch(collection, list(wanted)), content)
        asked = set(ids)
        rows = [row for row, one in enumerate(found.ids) if one in asked]
        return found if len(rows) == len(found) else found.take(rows)

    async def query(self, collection: str, query: Query) -> list[Match]:
        where = None if query.filter is None else self._filter(query.filter)
        matches = await self._inner.query(collection, replace(query, filter=where, with_record=True))
        return [self._match(match, with_record=query.with_record) for match in matches]

    def _match(self, match: Match, *, with_record: bool) -> Match:
        assert match.record is not None, "it was asked for"
        record_id = self._outside(match.id, match.record.payload)
        record: Record | None = None
        if with_record:
            record = replace(match.record, id=record_id, payload=_without_note(match.record.payload))
        return replace(match, id=record_id, record=record)

    # Writing.

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        noted, rows, refused = self._noted(batch)
        result = await self._inner.upsert(collection, noted, fresh=fresh) if len(noted) else WriteResult(0)
        return _in_our_ids(result, batch.ids, rows, refused)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        noted, rows, refused = self._noted(batch)
        result = await self._inner.insert(collection, noted) if len(noted) else WriteResult(0)
        return _in_our_ids(result, batch.ids, rows, refused)

    def _noted(self, batch: Batch) -> tuple[Batch, list[int], list[Refusal]]:
        """The records under inner ids, each with its note where it needs one, and those that cannot be written."""
        ids: list[RecordId] = []
        payloads: list[Payload] = []
        rows: list[int] = []
        refused: list[Refusal] = []
        taken: set[RecordId] = set()
        for row, one in enumerate(batch.ids):
            payload = batch.payload[row] if batch.payload else {}
            inside = self.inside(one)
            fault = f"the payload key {ORIGINAL!r} is ours" if ORIGINAL in payload else ""
            fault = "another id has the same surrogate" if inside in taken else fault
            if fault:
                refused.append(Refusal(row, one, RecordRefused(fault, ids=(id_text(one)[:200],))))
                continue
            taken.add(inside)
            ids.append(inside)
            payloads.append({**payload, ORIGINAL: id_text(one)} if self._plain(one) is None else payload)
            rows.append(row)
        kept = batch.take(rows) if refused else batch
        return replace(kept, ids=ids, payload=payloads), rows, refused

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        if ORIGINAL in payload:
            raise RecordRefused(f"the payload key {ORIGINAL!r} is ours")
        result = await self._inner.patch(collection, [self.inside(one) for one in ids], payload)
        return _in_our_ids(result, ids, list(range(len(ids))), [])

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        result = await self._inner.delete(collection, [self.inside(one) for one in ids])
        return _in_our_ids(result, ids, list(range(len(ids))), [])


def _without_note(payload: Payload) -> Payload:
    if ORIGINAL not in payload:
        return payload
    return {key: value for key, value in payload.items() if key != ORIGINAL}


def _in_our_ids(
    result: WriteResult, ids: Sequence[RecordId], rows: Sequence[int], refused: list[Refusal]
) -> WriteResult:
    theirs = [Refusal(rows[one.row], ids[rows[one.row]], one.error) for one in result.refused]
    return replace(result, refused=tuple(sorted([*theirs, *refused], key=lambda one: one.row)))
