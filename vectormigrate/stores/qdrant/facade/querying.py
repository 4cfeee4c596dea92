"""Queries of every kind over any store, and trees of them: what prefetches find is fused, or judged again.

A search for the nearest is the store's own; whatever scores by several examples or goes by values looks at every point that
the filter leaves. What prefetches found is judged again by searching among those points alone. Another Qdrant is asked in the
client's own words instead, if they mean the same there.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from contextlib import aclosing
from dataclasses import dataclass, field, replace
from itertools import takewhile

import numpy as np

from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.collection import CollectionShape, Metric, VectorField
from vectormigrate.model.errors import StoreError, Unsupported
from vectormigrate.model.filter import HasId, Native
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, SparseVector
from vectormigrate.stores.base import Content, Store
from vectormigrate.stores.qdrant.filters import DIALECT
from vectormigrate.stores.qdrant.ids import write_id
from vectormigrate.stores.qdrant.wire.changes import RawFilter
from vectormigrate.stores.qdrant.wire.formulas import Evaluator, Scored
from vectormigrate.stores.qdrant.wire.questions import (
    Discover,
    Distributions,
    Diverse,
    Example,
    Formula,
    Nearest,
    OrderBy,
    Ranks,
    Recommend,
    Sample,
    Search,
    Strategy,
    examples,
)
from vectormigrate.stores.qdrant.wire.questions import Query as SomeQuery
from vectormigrate.stores.qdrant.wire.responses import Points

from .frequencies import weighted
from .fusing import fused
from .likeness import Scoring, average, discovering, diverse, recommending
from .matching import FAILURES, Condition, condition, matching_ids, pages, point_at
from .ordering import UNSCORED, by_value
from .problems import not_served, wrong_input
from .reading import found_points
from .searching import by_frequency, fitting, is_near, matching, searched, vector_of


@dataclass(frozen=True, slots=True)
class Place:
    """Where a query is answered: a store, a collection in it, and what chance decides there."""

    store: Store
    shape: CollectionShape
    dice: random.Random = field(default_factory=random.SystemRandom)


async def place_of(store: Store, collection: str) -> Place:
    """The place of a collection. Raises CollectionMissing."""
    return Place(store, await store.describe(collection))


async def answer(place: Place, request: Search) -> Points:
    """What a search finds. Raises Problem for what does not fit the collection or cannot be scored as Qdrant would."""
    found = await _asked_itself(place, request)
    if found is None:
        found = await _ranked(place, request, None)
    window = found[request.offset : request.offset + request.limit]
    return await found_points(place.store, place.shape, window, request.wanted)


async def _asked_itself(place: Place, request: Search) -> list[Match] | None:
    """What another Qdrant finds, in the client's own words; None where there is none, or the words mean something else there."""
    if request.native is None or place.store.capabilities.kind != DIALECT or not _is_special(place, request):
        return None
    words = Native(DIALECT, request.native)
    count, whole = request.offset + request.limit, request.wanted.anything
    try:
        return await place.store.query(
            place.shape.name, Query(np.zeros(0, np.float32), "", count, with_record=whole, words=words)
        )
    except Unsupported:
        return None
    except StoreError as error:
        if type(error) is StoreError:  # which is about what the client asked
            raise wrong_input(error.message.removeprefix("qdrant: ").removeprefix("Wrong input: ")) from None
        raise


def _is_special(place: Place, request: Search) -> bool:
    """Whether it takes more than a search for the nearest, and no order: Qdrant is faster at it, or alone."""
    if isinstance(request.query, Nearest):
        return bool(request.prefetch or request.beyond or by_frequency(place.shape, request.using))
    plain = request.query is None or isinstance(request.query, OrderBy | Sample)
    return bool(request.beyond) or not plain


async def _ranked(place: Place, request: Search, above: RawFilter | None) -> list[Match]:
    """As many as may be wanted, the best first; `above` is the filter of what this is a part of.

    Points that are examples are left out by the filter, so that they take no places in prefetches either.
    """
    if request.beyond:
        raise not_served(request.beyond)
    where = _all(above, request.filter, _without(request.query))
    chosen = condition(place.store, where)
    if not request.prefetch:
        return await _found(place, request, chosen)
    parts = [replace(part, exact=part.exact or request.exact) for part in request.prefetch]
    rankings = [await _ranked(place, part, where) for part in parts]
    if isinstance(request.query, Ranks | Distributions | Formula):
        best = await _combined(place, request.query, rankings)
        enough = best[: request.offset + request.limit]
        return [one for one in enough if request.threshold is None or one.score >= request.threshold]
    ids = dict.fromkeys(match.id for ranking in rankings for match in ranking)
    return await _found(place, request, chosen.among(HasId(tuple(ids)))) if ids else []


async def _combined(
    place: Place, query: Ranks | Distributions | Formula, rankings: Sequence[Sequence[Match]]
) -> list[Match]:
    if not isinstance(query, Formula):
        return fused(rankings, query)
    scores = [{match.id: match.score for match in ranking} for ranking in rankings]
    batch = await place.store.fetch(
        place.shape.name, list(dict.fromkeys(one for each in scores for one in each))
    )
    found = []
    try:
        evaluator = Evaluator(query.expression, query.defaults)
        for row, one in enumerate(batch.ids):
            score = evaluator.score(Scored(point_at(batch, row), [each.get(one) for each in scores]))
            found.append(Match(one, float(np.float32(score))))
    except FAILURES as error:
        raise wrong_input(str(error)) from None
    return sorted(found, key=lambda match: -match.score)


def _all(*filters: RawFilter | None) -> RawFilter | None:
    given = [one for one in filters if one]
    return {"must": given} if len(given) > 1 else given[0] if given else None


def _without(query: SomeQuery | None) -> RawFilter | None:
    ids = [write_id(one) for one in examples(query) if not isinstance(one, np.ndarray | SparseVector)]
    return {"must_not": [{"has_id": ids}]} if ids else None


async def _found(place: Place, request: Search, chosen: Condition) -> list[Match]:
    """What one query finds among the points chosen."""
    count = request.offset + request.limit
    match request.query:
        case None | Ranks() | Distributions() | Formula():  # the others are combined already
            return await _in_order(place, chosen, count)
        case OrderBy() as order:
            return [*await by_value(place.store, place.shape.name, order, chosen, count)]
        case Sample():
            ids = await matching_ids(place.store, place.shape.name, chosen)
            return [Match(one, UNSCORED) for one in place.dice.sample(ids, min(count, len(ids)))]
        case query:
            return await _Scored(place, request, searched(place.shape, request.using), chosen).found(query)


async def _in_order(place: Place, chosen: Condition, count: int) -> list[Match]:
    """A search for nothing: points in the order of their ids."""
    found: list[Match] = []
    read = pages(place.store, place.shape.name, chosen, limit=count, content=Content.IDS)
    async with aclosing(read) as batches:
        async for batch in batches:
            found += [Match(one, UNSCORED) for one in batch.ids[: count - len(found)]]
            if len(found) == count:
                break
    return found


@dataclass(frozen=True, slots=True)
class _Scored:
    """One query by vectors."""

    place: Place
    request: Search
    field: VectorField
    chosen: Condition

    async def found(self, query: Nearest | Diverse | Recommend | Discover) -> list[Match]:
        count = self.request.offset + self.request.limit
        vectors = await self._weighted([await self._vector(example) for example in examples(query)])
        match query:
            case Nearest():
                return await self._nearest(vectors[0], count)
            case Diverse():
                if by_frequency(self.place.shape, self.field.name):
                    raise not_served("what is weighted by frequency cannot be made diverse by mmr")
                return await self._diverse(vectors[0], query, count)
            case Recommend(positive=positive, strategy=strategy):
                liked, disliked = vectors[: len(positive)], vectors[len(positive) :]
                if strategy is Strategy.AVERAGE:
                    return await self._nearest(average(liked, disliked), count)
                return await self._judged(recommending(strategy, liked, disliked, self._metric), count)
            case Discover(target=target, context=context):
                pairs = list(zip(vectors[::2], vectors[1::2], strict=False))[: len(context)]
                aim = None if target is None else vectors[-1]
                return await self._judged(discovering(aim, pairs, self._metric), count)

    @property
    def _metric(self) -> Metric:
        return self.field.metric or Metric.DOT

    async def _vector(self, example: Example) -> Array | SparseVector:
        if isinstance(example, np.ndarray | SparseVector):
            return fitting(self.field, example)
        return await vector_of(self.place.store, self.place.shape, self.field, example)

    async def _weighted(self, vectors: list[Array | SparseVector]) -> list[Array | SparseVector]:
        """The examples as they are compared: by frequency where the vector is so configured."""
        if not by_frequency(self.place.shape, self.field.name):
            return vectors
        if self.place.store.capabilities.kind == DIALECT:
            raise not_served(f"the scores of {self.field.name!r} may be weighted otherwise by this Qdrant")
        sparse = [vector for vector in vectors if isinstance(vector, SparseVector)]
        return [*await weighted(self.place.store, self.place.shape.name, self.field, sparse)]

    async def _nearest(self, vector: Array | SparseVector, count: int, *, whole: bool = False) -> list[Match]:
        query = Query(
            fitting(self.field, vector),
            self.field.name,
            count,
            exact=self.request.exact,
            with_record=whole or self.request.wanted.anything,
        )
        found = await matching(self.place.store, self.place.shape.name, query, self.chosen)
        return self._near(found)

    def _near(self, found: list[Match]) -> list[Match]:
        return list(takewhile(lambda match: is_near(self.field, match, self.request.threshold), found))

    async def _diverse(self, vector: Array | SparseVector, query: Diverse, count: int) -> list[Match]:
        most = self.request.limit if query.candidates is None else query.candidates
        found = await self._nearest(vector, most, whole=True)
        records = [match.record for match in found if match.record is not None]
        column = batch_of_records(records, self.place.shape.vectors).vectors[self.field.name]
        rows = diverse(column, vector, count, query.diversity, self._metric)
        return [found[row] for row in rows]

    async def _judged(self, scoring: Scoring, count: int) -> list[Match]:
        """The points with the highest scores, of all that have the vector."""
        best: list[Match] = []
        async with aclosing(pages(self.place.store, self.place.shape.name, self.chosen)) as batches:
            async for batch in batches:
                column = batch.vectors.get(self.field.name)
                rows = [] if column is None else [row for row in range(len(batch)) if column.has(row)]
                if not rows:
                    continue
                held = batch.take(rows)
                scores = scoring(held.vectors[self.field.name])
                best += [Match(one, score) for one, score in zip(held.ids, scores.tolist(), strict=True)]
                best.sort(key=lambda match: -match.score)
                del best[count:]
        return self._near(best)
