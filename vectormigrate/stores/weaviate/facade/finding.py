"""Objects of a class in any store: by id, in order, by a filter, and nearest to a vector, with Weaviate's own distances.

A filter is put in the model's words where they say exactly the same, and answered by looking at every object otherwise:
right, and as slow as the class is large.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from dataclasses import dataclass, replace
from typing import Any
from uuid import UUID

import numpy as np

from vectormigrate.model.collection import Metric, VectorField, VectorKind
from vectormigrate.model.errors import StoreError, Unsupported
from vectormigrate.model.filter import Filter, HasId, Native
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, Record, RecordId
from vectormigrate.stores.base import EVERYWHERE, Content, Range, Store
from vectormigrate.stores.weaviate.filters import DIALECT
from vectormigrate.stores.weaviate.ids import read_uuid
from vectormigrate.stores.weaviate.wire.clauses import CREATED, ID, UPDATED, Unanswerable, read_clause
from vectormigrate.stores.weaviate.wire.meaning import check, means, translate
from vectormigrate.stores.weaviate.wire.scores import distance_of, to_distance
from vectormigrate.stores.weaviate.wire.searches import MOST, Ask, Near, Sort

from .classes import Class
from .names import Place
from .problems import Problem, invalid, not_served

_FUSED = 100
"""Objects, at least, among which Weaviate spreads the scores of a hybrid search."""
_LOOKED_AT = 100_000
"""Objects that a filter answered by looking may match."""


@dataclass(frozen=True, slots=True, eq=False)
class Hit:
    """One object, and how far it is if something was searched."""

    record: Record
    distance: float | None = None
    metric: Metric | None = None
    score: float | None = None
    """Of a hybrid search, which tells no distance."""


async def find(store: Store, found: Class, ask: Ask) -> list[Hit]:
    """What a search finds. Raises Problem for what does not fit the class or cannot be answered as Weaviate would."""
    if ask.offset + ask.limit > MOST:
        raise invalid("query maximum results exceeded")
    if ask.after is not None:
        return await _behind(store, found, ask)
    if ask.words is not None:
        return await _ranked(store, found, ask, ask.words)
    where = await condition(store, found, ask.where)
    if ask.near is not None:
        return await _nearest(store, found, ask, ask.near, where)
    if ask.sort:
        return await _sorted(store, found, ask, where)
    return [Hit(one) for one in await _first(store, found, where, EVERYWHERE, ask.offset, ask.limit)]


async def fetch(store: Store, place: Place, object_id: UUID) -> Record | None:
    """One object."""
    batch = await store.fetch(place.collection, [place.key(object_id)])
    return batch.record(0) if len(batch) else None


async def count(store: Store, found: Class, filters: Any) -> int:
    """How many objects match."""
    where = await condition(store, found, filters)
    if where is None and not found.shape.id.parts:
        return await store.count(found.place.collection)
    return len(await ids(store, found.place, where))


async def ids(store: Store, place: Place, where: Filter | None) -> list[RecordId]:
    """The keys of all objects that match."""
    async with aclosing(_records(store, place, where, EVERYWHERE, Content.IDS)) as records:
        return [record.id async for record in records]


async def condition(store: Store, found: Class, filters: Any) -> Filter | None:
    """A `Filters` message for this store; None when every object matches. Raises Problem."""
    if filters is None:
        return None
    try:
        clause = read_clause(filters, found.layout)
        check(clause, found.index)
    except ValueError as error:
        raise invalid(str(error)) from None
    except Unanswerable as error:
        raise not_served(str(error)) from None
    translated = translate(clause, found.place.key)
    if translated is not None:
        return translated
    keys: list[RecordId] = []
    try:
        async with aclosing(_records(store, found.place, None, EVERYWHERE, Content.PAYLOAD)) as records:
            async for record in records:
                if means(clause, found.place.object_id(record.id), record.payload, found.index):
                    keys.append(record.id)
                    if len(keys) > _LOOKED_AT:
                        raise not_served(f"a filter that matches more than {_LOOKED_AT} objects")
    except Unanswerable as error:
        raise not_served(str(error)) from None
    return HasId(tuple(keys))


async def _records(
    store: Store, place: Place, where: Filter | None, span: Range, content: Content = Content.FULL
) -> AsyncGenerator[Record, None]:
    """Objects of a place one by one, in the order of the store."""
    pages = (
        store.scan(place.collection, span, content=content)
        if where is None
        else store.select(place.collection, where, span, content=content)
    )
    async with aclosing(pages) as found:
        async for page in found:
            for record in page.batch.records():
                if place.is_here(record.id):
                    yield record


async def _first(
    store: Store, found: Class, where: Filter | None, span: Range, skipped: int, limit: int
) -> list[Record]:
    records: list[Record] = []
    async with aclosing(_records(store, found.place, where, span)) as matching:
        async for record in matching:
            if skipped:
                skipped -= 1
                continue
            if len(records) == limit:
                break
            records.append(record)
    return records


async def _behind(store: Store, found: Class, ask: Ask) -> list[Hit]:
    """The next objects in the order of ids, as an iterator asks for them."""
    for name, given in (("where", ask.where), ("sort", ask.sort), ("near", ask.near)):
        if given:
            raise invalid(
                f"cursor api: invalid 'after' parameter: {name} cannot be set with after and limit parameters"
            )
    if ask.offset:
        raise invalid(
            "cursor api: invalid 'after' parameter: offset cannot be set with after and limit parameters"
        )
    span = EVERYWHERE
    if ask.after:
        span = Range(store.cursor_of(found.place.key(_read_id(ask.after))))
    return [Hit(one) for one in await _first(store, found, None, span, 0, ask.limit)]


def _read_id(text: str) -> UUID:
    try:
        return read_uuid(text)
    except ValueError:
        raise invalid(f"invalid UUID: {text!r}") from None


# In order.


async def _sorted(store: Store, found: Class, ask: Ask, where: Filter | None) -> list[Hit]:
    async with aclosing(_records(store, found.place, where, EVERYWHERE)) as matching:
        records = [record async for record in matching]
    for sort in reversed(ask.sort):
        records.sort(key=_sort_key(found, sort), reverse=not sort.ascending)
    return [Hit(one) for one in records[ask.offset : ask.offset + ask.limit]]


def _sort_key(found: Class, sort: Sort) -> Any:
    """What stands for an object in an order: what has no value comes before everything, and texts as in lower case."""
    name = "_id" if sort.name == "id" else sort.name
    held = found.layout.properties.get(name)
    if name not in (ID, CREATED, UPDATED):
        if held is None:
            raise invalid(
                f"no such prop with name '{name}' found in class '{found.place.class_name}' in the schema. Check your "
                "schema files for which properties in this class are available"
            )
        if held.is_list or held.element not in ("text", "string", "int", "number", "boolean", "date", "uuid"):
            raise not_served(f"an order by {name!r}, which is {held.type}")
    elif name != ID and not found.keeps_times:
        raise not_served("an order by times that were not kept")

    def key(record: Record) -> tuple[bool, Any]:
        value = str(found.place.object_id(record.id)) if name == ID else record.payload.get(name)
        return (value is not None, _lowered(str(value)) if isinstance(value, str | UUID) else value)

    return key


def _lowered(text: str) -> str:
    """In lower case as Go has it: letter by letter, each becoming one."""
    return text.lower() if text.isascii() else "".join(letter.lower()[0] for letter in text)


# By words.


async def _ranked(store: Store, found: Class, ask: Ask, words: bytes) -> list[Hit]:
    """What Weaviate itself ranks, filter and all: nobody else would find the same scores."""
    if store.capabilities.kind != DIALECT:
        raise not_served("a search for words, or a hybrid one in which words count: only Weaviate ranks them")
    where = None if ask.where is None else Native(DIALECT, ask.where.SerializeToString(deterministic=True))
    query = Query(
        np.zeros(0, np.float32),
        "",
        ask.offset + ask.limit,
        where,
        with_record=True,
        words=Native(DIALECT, words),
    )
    try:
        matches = await _matches(store, found.place, query)
    except StoreError as error:
        if type(error) is StoreError:  # which is about what the client asked
            raise invalid(error.message.removeprefix("weaviate: ")) from None
        raise
    return [Hit(match.record or Record(match.id), score=match.score) for match in matches[ask.offset :]]


# Nearest.


async def _nearest(store: Store, found: Class, ask: Ask, near: Near, where: Filter | None) -> list[Hit]:
    field = found.vector(near.using)
    vector = near.vector if near.vector is not None else await _vector_of(store, found, field, near.object_id)
    metric = _metric_of(field)
    furthest = near.distance
    if near.certainty is not None:
        if metric is not Metric.COSINE:
            raise invalid(
                f"can't compute and return certainty when vector index is configured with {metric} distance"
            )
        furthest = distance_of(near.certainty)
    limit = max(ask.offset + ask.limit, _FUSED if near.fused else 0)
    query = Query(_fitting(field, vector), field.name, limit, where, with_record=True)
    hits = []
    for match in await _matches(store, found.place, query):
        distance = to_distance(metric, match.score)
        if furthest is None or distance <= furthest:
            hits.append(Hit(match.record or Record(match.id), distance, metric))
    return (_scored(hits) if near.fused else hits)[ask.offset : ask.offset + ask.limit]


def _scored(hits: list[Hit]) -> list[Hit]:
    """As a hybrid search tells them: the nearest has 1, the furthest 0."""
    distances = [hit.distance for hit in hits if hit.distance is not None]
    span = max(distances, default=0.0) - min(distances, default=0.0)
    return [
        Hit(hit.record, score=(distances[-1] - one) / span if span else 1.0)
        for hit, one in zip(hits, distances, strict=True)
    ]


async def _matches(store: Store, place: Place, query: Query) -> list[Match]:
    """The nearest objects of a place: those of other tenants take no place of theirs."""
    limit = query.limit
    while True:
        try:
            matches = await store.query(place.collection, replace(query, limit=limit))
        except Unsupported:
            if query.filter is None or isinstance(query.filter, HasId):
                raise
            query = replace(query, filter=HasId(tuple(await ids(store, place, query.filter))))
            continue
        here = [match for match in matches if place.is_here(match.id)]
        if len(here) >= query.limit or len(matches) < limit:
            return here[: query.limit]
        limit *= 4


async def _vector_of(store: Store, found: Class, field: VectorField, text: str) -> Array:
    record = await fetch(store, found.place, _read_id(text))
    if record is None:
        raise invalid("nearObject params: vector not found")
    held = record.multi.get(field.name) if field.kind is VectorKind.MULTI else record.dense.get(field.name)
    if held is None:
        raise invalid("nearObject params: vector not found")
    return held


def _metric_of(field: VectorField) -> Metric:
    if field.metric is None:
        raise Problem(500, 13, f"nothing is known of how vector {field.name!r} is compared")
    return field.metric


def _fitting(field: VectorField, vector: Array) -> Array:
    """The vector to search with. Raises Problem when it is of another kind or length."""
    many = field.kind is VectorKind.MULTI
    if many is not (vector.ndim == 2):
        raise invalid(
            "near_vector: provided vector is a regular vector but vector index supports multi vectors"
            if many
            else "near_vector: provided vector is a multi vector but vector index supports regular vectors"
        )
    if field.dim is not None and vector.shape[-1] != field.dim:
        raise invalid(f"vector lengths don't match: {field.dim} vs {vector.shape[-1]}")
    return vector
