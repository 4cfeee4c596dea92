"""A store that stands for a Qdrant on its own: any store, in the names, ids and values that Qdrant has.

A collection that is made here is held in a form that every store can hold: ids as text that sorts as Qdrant's ids do
(`n00000000000000000005`, `u0b0e...`) where a key cannot be a number and a UUID by turns; the vector without a name
as `vector`; the payload as one JSON field. A collection that was there before is taken as it is.
"""

from __future__ import annotations

import re
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from uuid import UUID

from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Field, FieldType, IdField, IdKind, KeyOrder
from vectormigrate.model.errors import StoreBroken, Unsupported
from vectormigrate.model.filter import (
    And,
    Compare,
    Exists,
    Filter,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    foreign_words,
)
from vectormigrate.model.operation import WriteResult
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Payload, RecordId, id_text, parse_id
from vectormigrate.stores.base import EVERYWHERE, Content, Page, Range, Store
from vectormigrate.stores.wrapper import Wrapper

VECTOR = "vector"
"""The name that the vector without one is held under."""
PAYLOAD = "payload"
"""The field that holds all of a payload."""
_CURSOR = "point "
"""Begins a cursor that stands on a point; those of pages are the store's own."""


def emulated(store: Store) -> Store:
    """The store as a Qdrant: itself when it is one."""
    able = store.capabilities
    speaks = IdKind.MIXED in able.id_kinds and able.dynamic and re.fullmatch(able.name_pattern, "")
    return store if speaks else Emulated(store)


@dataclass(frozen=True, slots=True)
class _Form:
    """How a collection is held."""

    text_ids: bool
    named: bool
    """The vector without a name is held under one."""
    one_field: bool
    """The payload is one field."""

    # In.

    def id_in(self, record_id: RecordId) -> RecordId:
        if not self.text_ids:
            return record_id
        return f"n{record_id:020}" if isinstance(record_id, int) else f"u{record_id}"

    def batch_in(self, batch: Batch) -> Batch:
        payload = [{PAYLOAD: one} for one in batch.payload] if self.one_field else batch.payload
        return self._renamed(
            replace(batch, ids=[self.id_in(one) for one in batch.ids], payload=payload), "", VECTOR
        )

    def filter_in(self, condition: Filter) -> Filter:
        match condition:
            case Compare() | In() | Exists() | IsNull():
                return replace(condition, path=(PAYLOAD, *condition.path)) if self.one_field else condition
            case HasId(ids):
                return HasId(tuple(map(self.id_in, ids)))
            case Not(item):
                return Not(self.filter_in(item))
            case And(items):
                return And(tuple(map(self.filter_in, items)))
            case Or(items):
                return Or(tuple(map(self.filter_in, items)))
            case Native():
                raise foreign_words(condition)

    # Out.

    def id_out(self, record_id: RecordId) -> RecordId:
        if not self.text_ids:
            return record_id
        text = str(record_id)
        try:
            return int(text[1:]) if text.startswith("n") else UUID(text.removeprefix("u"))
        except ValueError:
            raise StoreBroken(f"{text!r} is not an id of a point") from None

    def batch_out(self, batch: Batch) -> Batch:
        payload = [self.payload_out(one) for one in batch.payload]
        return self._renamed(
            replace(batch, ids=[self.id_out(one) for one in batch.ids], payload=payload), VECTOR, ""
        )

    def payload_out(self, payload: Payload) -> Payload:
        held: Payload = (payload.get(PAYLOAD) or {}) if self.one_field else payload
        return held

    def match_out(self, match: Match) -> Match:
        record, record_id = match.record, self.id_out(match.id)
        if record is None:
            return replace(match, id=record_id)
        out = VECTOR if self.named else ""
        dense = {"" if name == out else name: vector for name, vector in record.dense.items()}
        multi = {"" if name == out else name: vector for name, vector in record.multi.items()}
        payload = self.payload_out(record.payload)
        return replace(
            match,
            id=record_id,
            record=replace(record, id=record_id, dense=dense, multi=multi, payload=payload),
        )

    def _renamed(self, batch: Batch, old: str, new: str) -> Batch:
        if not self.named or old not in batch.vectors:
            return batch
        vectors = {new if name == old else name: column for name, column in batch.vectors.items()}
        return replace(batch, vectors=vectors)


class Emulated(Wrapper):
    """Translates on the way in and on the way out."""

    def __init__(self, inner: Store) -> None:
        super().__init__(inner)
        self._forms: dict[str, _Form] = {}

    async def _form(self, collection: str) -> _Form:
        if collection not in self._forms:
            self._forms[collection] = _form_of(await super().describe(collection))
        return self._forms[collection]

    async def describe(self, collection: str) -> CollectionShape:
        shape = await super().describe(collection)
        self._forms[collection] = form = _form_of(shape)
        return _shape_out(shape, form)

    async def check_create(self, shape: CollectionShape) -> None:
        await super().check_create(_shape_in(shape, self.capabilities))

    async def create(self, shape: CollectionShape) -> CollectionShape:
        made = await super().create(_shape_in(shape, self.capabilities))
        self._forms[shape.name] = form = _form_of(made)
        return _shape_out(made, form)

    async def finish_load(self, shape: CollectionShape) -> None:
        await super().finish_load(_shape_in(shape, self.capabilities))

    async def drop(self, collection: str) -> None:
        self._forms.pop(collection, None)
        await super().drop(collection)

    async def scan(
        self, collection: str, span: Range, *, limit: int | None = None, content: Content = Content.FULL
    ) -> AsyncGenerator[Page, None]:
        form = await self._form(collection)
        async with aclosing(
            super().scan(collection, self._span(form, span), limit=limit, content=content)
        ) as pages:
            async for page in pages:
                yield replace(page, batch=form.batch_out(page.batch))

    async def select(
        self,
        collection: str,
        where: Filter,
        span: Range = EVERYWHERE,
        *,
        limit: int | None = None,
        content: Content = Content.FULL,
    ) -> AsyncGenerator[Page, None]:
        form = await self._form(collection)
        where, span = form.filter_in(where), self._span(form, span)
        found = super().select(collection, where, span, limit=limit, content=content)
        async with aclosing(found) as pages:
            async for page in pages:
                yield replace(page, batch=form.batch_out(page.batch))

    def cursor_of(self, record_id: RecordId) -> str:
        return _CURSOR + id_text(
            record_id
        )  # how it is held is the collection's affair, which is not named here

    def key_of(self, cursor: str) -> RecordId:
        return (
            parse_id(cursor.removeprefix(_CURSOR)) if cursor.startswith(_CURSOR) else super().key_of(cursor)
        )

    def _span(self, form: _Form, span: Range) -> Range:
        return Range(self._bound(form, span.lower), self._bound(form, span.upper))

    def _bound(self, form: _Form, cursor: str | None) -> str | None:
        if cursor is None or not cursor.startswith(_CURSOR):
            return cursor
        return super().cursor_of(form.id_in(parse_id(cursor.removeprefix(_CURSOR))))

    async def fetch(
        self, collection: str, ids: Sequence[RecordId], *, content: Content = Content.FULL
    ) -> Batch:
        form = await self._form(collection)
        return form.batch_out(await super().fetch(collection, list(map(form.id_in, ids)), content=content))

    async def query(self, collection: str, query: Query) -> list[Match]:
        form = await self._form(collection)
        where = None if query.filter is None else form.filter_in(query.filter)
        using = VECTOR if form.named and not query.using else query.using
        found = await super().query(collection, replace(query, using=using, filter=where))
        return [form.match_out(match) for match in found]

    async def upsert(self, collection: str, batch: Batch, *, fresh: bool = False) -> WriteResult:
        form = await self._form(collection)
        return await super().upsert(collection, form.batch_in(batch), fresh=fresh)

    async def insert(self, collection: str, batch: Batch) -> WriteResult:
        form = await self._form(collection)
        return await super().insert(collection, form.batch_in(batch))

    async def patch(self, collection: str, ids: Sequence[RecordId], payload: Payload) -> WriteResult:
        raise Unsupported("a part of a payload that is one field cannot be set", collection=collection)

    async def delete(self, collection: str, ids: Sequence[RecordId]) -> WriteResult:
        form = await self._form(collection)
        return await super().delete(collection, list(map(form.id_in, ids)))


def _shape_in(shape: CollectionShape, able: Capabilities) -> CollectionShape:
    """The shape as it is made. Raises Unsupported."""
    if any(vector.name == VECTOR for vector in shape.vectors):
        raise Unsupported(
            f"a vector cannot be named {VECTOR!r} here: the one without a name is held under it",
            collection=shape.name,
        )
    key = shape.id
    if IdKind.MIXED not in able.id_kinds:
        key = IdField(key.name, IdKind.TEXT, KeyOrder.BYTES, max_length=37)
    field = Field(PAYLOAD, FieldType.JSON)
    vectors = tuple(replace(one, name=one.name or VECTOR) for one in shape.vectors)
    return replace(shape, id=key, vectors=vectors, fields=(field,), dynamic=False)


def _form_of(shape: CollectionShape) -> _Form:
    """How a collection is held, by what it looks like."""
    one_field = [(field.name, field.type) for field in shape.fields] == [(PAYLOAD, FieldType.JSON)]
    named = any(vector.name == VECTOR for vector in shape.vectors)
    return _Form(one_field and shape.id.kind is IdKind.TEXT, named, one_field)


def _shape_out(shape: CollectionShape, form: _Form) -> CollectionShape:
    vectors = tuple(
        replace(one, name="") if form.named and one.name == VECTOR else one for one in shape.vectors
    )
    if not form.one_field:
        return replace(shape, vectors=vectors)
    key = IdField(shape.id.name, IdKind.MIXED)
    return replace(shape, id=key, vectors=vectors, fields=(), dynamic=True)
