"""What a search finds by the values of a key, how often each value is there, and how near some points are to each other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import aclosing
from dataclasses import replace
from typing import Any
from uuid import UUID

from vectormigrate.model.filter import HasId
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Content
from vectormigrate.stores.qdrant.wire.meaning import values_at
from vectormigrate.stores.qdrant.wire.paths import Path, read_path
from vectormigrate.stores.qdrant.wire.questions import Facet, Groups, Matrix, Wanted
from vectormigrate.stores.qdrant.wire.responses import Group, Points

from .matching import Condition, condition, matching_ids, pages
from .problems import not_served, wrong_input
from .querying import Place, answer
from .searching import by_frequency, fitting, matching, searched, vector_of

_MORE = 4
"""So many times as much is looked at again while groups are missing, or not full."""


def _path(key: str) -> Path:
    try:
        return read_path(key)
    except ValueError as error:
        raise wrong_input(str(error)) from None


async def groups(place: Place, asked: Groups) -> list[Group]:
    """The best groups, each with its best points. Raises Problem."""
    path, limit = _path(asked.by), asked.search.limit * asked.size
    while True:
        found = await answer(place, replace(asked.search, limit=limit, offset=0, wanted=Wanted()))
        made = _grouped(found, path, asked.size)
        best = dict(list(made.items())[: asked.search.limit])
        full = all(len(rows) == asked.size for rows in best.values())
        if (len(best) == asked.search.limit and full) or len(found.batches[0]) < limit:
            return [Group(one, _part(found, rows, asked.search.wanted)) for one, rows in best.items()]
        limit *= _MORE


def _grouped(found: Points, path: Path, size: int) -> dict[int | str, list[int]]:
    """Rows by the values at a path. A point with any that is neither a whole number nor a text is in no group."""
    made: dict[int | str, list[int]] = {}
    for row, payload in enumerate(found.batches[0].payload):
        values = list(values_at(payload, path))
        if any(type(value) not in (int, str) for value in values):
            continue
        for value in dict.fromkeys(values):
            rows = made.setdefault(value, [])
            if len(rows) < size:
                rows.append(row)
    return made


def _part(found: Points, rows: list[int], wanted: Wanted) -> Points:
    scores = [found.scores[row] for row in rows] if found.scores is not None else None
    return Points([found.batches[0].take(rows)], wanted, scores)


async def facet(place: Place, asked: Facet) -> list[tuple[Any, int]]:
    """Values and how many points have them, the most frequent first. Raises Problem."""
    path = _path(asked.key)
    counts: Counter[tuple[str, Any]] = Counter()
    chosen = condition(place.store, asked.filter)
    read = pages(place.store, place.shape.name, chosen, content=Content.PAYLOAD)
    async with aclosing(read) as batches:
        async for batch in batches:
            for payload in batch.payload:
                counts.update(set(_counted(payload, path)))
    best = sorted(counts, key=lambda one: (-counts[one], one))[: asked.limit]
    return [(value, counts[kind, value]) for kind, value in best]


def _counted(payload: dict[str, Any], path: Path) -> Iterator[tuple[str, Any]]:
    """Values beside their kinds: 1 is not true."""
    for value in values_at(payload, path):
        if type(value) in (bool, int, str):
            yield type(value).__name__, value


async def matrix(place: Place, asked: Matrix) -> tuple[list[RecordId], list[list[Match]]]:
    """Points by chance in the order of their ids, and the nearest to each among the others. Raises Problem."""
    field = searched(place.shape, asked.using)
    if by_frequency(place.shape, asked.using):
        raise not_served("distances that are weighted by frequency are Qdrant's alone")
    having = {"must": [{"has_vector": asked.using}, *([asked.filter] if asked.filter else [])]}
    ids = await matching_ids(place.store, place.shape.name, condition(place.store, having))
    ids = sorted(place.dice.sample(ids, min(asked.sample, len(ids))), key=_place_of_id)
    if len(ids) < 2:
        return [], []
    found = []
    for one in ids:
        assert isinstance(one, int | UUID)
        vector = fitting(field, await vector_of(place.store, place.shape, field, one))
        others = Condition(HasId(tuple(other for other in ids if other != one)))
        query = Query(vector, field.name, asked.limit, exact=True)
        found.append(await matching(place.store, place.shape.name, query, others))
    return ids, found


def _place_of_id(record_id: RecordId) -> tuple[int, str]:
    """Numbers come before UUIDs."""
    return (record_id, "") if isinstance(record_id, int) else (2**64, str(record_id))
