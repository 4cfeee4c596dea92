"""The records nearest to a vector, from any store, scored as Milvus scores: L2 as the *squared* distance, 32 bits."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from vectormigrate.model.batch import Batch, batch_of_records
from vectormigrate.model.collection import CollectionShape, Metric, VectorField, VectorKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.query import Match, Query
from vectormigrate.model.record import Array, Record, SparseVector
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.pb import common_pb2
from vectormigrate.stores.milvus.wire.fields import Output, read_output
from vectormigrate.stores.milvus.wire.native import layout_of, rules_of
from vectormigrate.stores.milvus.wire.results import joined as join
from vectormigrate.stores.milvus.wire.schema import METRICS, Column, DataType
from vectormigrate.stores.milvus.wire.server import MAX_WINDOW
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .grouping import Grouping, column_of, in_groups, read_grouping, value_of
from .matching import Chosen, choose
from .problems import invalid, no_index, not_served
from .reading import check_window

_DTYPES = {
    DataType.FloatVector: "<f4",
    DataType.Float16Vector: "<f2",
    DataType.BFloat16Vector: "<u2",
    DataType.BinaryVector: "u1",
    DataType.Int8Vector: "i1",
}
_COMBINING = ("rank_params", "order_by_fields", "analyzer_name")
"""Parameters that make another ranking than the nearest first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What a search asks for: several vectors, each for itself."""

    kind: int
    """Of the vectors: their DataType."""
    vectors: Sequence[bytes]
    limit: int
    offset: int = 0
    using: str = ""
    metric: str = ""
    radius: float | None = None
    range_filter: float | None = None
    round_decimal: int = -1
    expression: str = ""
    values: Mapping[str, Any] = field(default_factory=dict)
    output: Sequence[str] = ()
    partitions: Sequence[str] = ()
    grouping: Grouping | None = None


@dataclass(frozen=True, slots=True)
class Ranking:
    """What one vector found, nearest first, and the scores that Milvus gives."""

    batch: Batch
    scores: Sequence[float]
    groups: Sequence[Any] = ()
    """The value that each is grouped by, if groups were asked for."""


def read_asked(message: Any, values: Mapping[str, Any]) -> Asked:
    """A SearchRequest as what it asks for. Raises Problem."""
    told = read_params(message.search_params)
    inner = told.get("params")
    params = {**told, **inner} if isinstance(inner, dict) else told
    combining = [name for name in _COMBINING if params.get(name)]
    if combining or _combines(message):
        raise not_served(f"a search by {', '.join(combining) or 'several rankings'} is not answered here")
    group = common_pb2.PlaceholderGroup.FromString(message.placeholder_group)
    if len(group.placeholders) != 1 or not group.placeholders[0].values:
        raise invalid("a search wants vectors")
    try:
        return Asked(
            int(group.placeholders[0].type),
            list(group.placeholders[0].values),
            int(params.get("topk", 0)),
            int(params.get("offset") or 0),
            str(params.get("anns_field") or ""),
            str(params.get("metric_type") or ""),
            _number(params.get("radius")),
            _number(params.get("range_filter")),
            int(params.get("round_decimal", -1)),
            message.dsl,
            values,
            list(message.output_fields),
            list(message.partition_names),
            read_grouping(params),
        )
    except (TypeError, ValueError) as error:
        raise invalid(f"a search parameter cannot be read: {error}") from None


def _combines(message: Any) -> bool:
    """Whether a request wants more than the nearest of a vector that it gives."""
    present = any(
        message.HasField(name)
        for name in ("function_score", "ids", "highlighter", "search_aggregation")
        if name in message.DESCRIPTOR.fields_by_name
    )
    chains = getattr(message, "function_chains", ())
    return present or message.search_by_primary_keys or bool(len(message.sub_reqs) or len(chains))


def read_params(pairs: Iterable[Any]) -> dict[str, Any]:
    """Parameters by name, those that are JSON read."""
    return {pair.key: _told(pair.value) for pair in pairs}


def _told(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return text


def _number(value: Any) -> float | None:
    return None if value is None else float(value)


def check_readable(shape: CollectionShape, asked: Asked) -> None:
    """Raise Problem for a search of what Milvus makes of words, and tells nobody."""
    worded = rules_of(shape).worded
    if asked.using in worded:
        raise not_served(f"a search for words in {worded[asked.using]!r} is not answered here")


async def search(store: Store, shape: CollectionShape, asked: Asked) -> tuple[list[Ranking], Output]:
    """A ranking for each vector, and what of the records is wanted. Raises Problem."""
    layout = layout_of(shape)
    try:
        output = read_output(asked.output, layout)
    except ExpressionInvalid as error:
        raise invalid(str(error)) from None
    if not 1 <= asked.limit <= MAX_WINDOW:
        raise invalid(f"topk [{asked.limit}] is invalid, it should be in range [1, {MAX_WINDOW}]")
    check_window(asked.offset, asked.limit)
    target, vectors = target_of(shape, asked)
    chosen = choose(store, shape, asked.expression, asked.values, asked.partitions, paging=False)
    where = await chosen.filter()
    grouping = asked.grouping
    if grouping is not None:
        column_of(grouping, layout)
    whole = not output.bare or chosen.partitions is not None or grouping is not None
    searching = _Searching(chosen, target, asked, whole)
    found = []
    for vector in vectors:
        query = Query(vector, target.name, asked.offset + asked.limit, where, with_record=whole)
        if grouping is None:
            matches = (await searching.nearest(query))[asked.offset :]
        else:
            matches = await in_groups(searching.nearest, query, grouping, layout, asked.offset)
        ranking = _ranking(shape, matches, target, asked, whole=whole)
        groups = [value_of(match, grouping, layout) for match in matches] if grouping else ()
        found.append(replace(ranking, groups=groups))
    return found, output


def target_of(shape: CollectionShape, asked: Asked) -> tuple[VectorField, list[Array | SparseVector]]:
    """The field that is searched, and the vectors that are searched for. Raises Problem."""
    target = _searched(shape, asked)
    column = next(column for column in layout_of(shape).vectors if column.name == target.name)
    return target, [_vector(raw, column, asked.kind) for raw in asked.vectors]


def _searched(shape: CollectionShape, asked: Asked) -> VectorField:
    if not asked.using and len(shape.vectors) + len(rules_of(shape).worded) != 1:
        raise invalid("multiple anns_fields exist, please specify a anns_field in search_params")
    target = next((one for one in shape.vectors if one.name == asked.using or not asked.using), None)
    if target is None:
        raise invalid(f"failed to get field schema by name: fieldName({asked.using}) not found")
    if target.metric is None or target.metric not in METRICS:
        raise no_index(target.name)
    wanted = METRICS[target.metric]
    if asked.metric and asked.metric.upper() != wanted:
        raise invalid(f"metric type not match: invalid [expected={wanted}][actual={asked.metric}]")
    return target


def _vector(raw: bytes, column: Column, kind: int) -> Array | SparseVector:
    """A query vector out of its bytes. Raises Problem for one that does not fit the field."""
    if kind != column.type:
        told = DataType.Name(kind) if kind in DataType.values() else kind
        raise invalid(
            f"vector type must be the same, field {column.name!r} is {DataType.Name(column.type)}, not {told}"
        )
    if kind == DataType.SparseFloatVector:
        pairs = np.frombuffer(raw, dtype=[("index", "<u4"), ("value", "<f4")], count=len(raw) // 8)
        pairs = pairs[np.argsort(pairs["index"], kind="stable")]
        return SparseVector(pairs["index"].astype(np.int64), np.ascontiguousarray(pairs["value"]))
    values = np.frombuffer(raw, _DTYPES[kind])
    given = len(values) * (8 if kind == DataType.BinaryVector else 1)
    if given != column.dim:
        raise invalid(f"vector dimension mismatch, expected vector dim = {column.dim}, got {given}")
    if kind == DataType.BFloat16Vector:
        values = (values.astype("<u4") << 16).view("<f4")
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        raise invalid("a vector holds NaN or infinity")
    return values


@dataclass(frozen=True, slots=True)
class _Searching:
    chosen: Chosen
    target: VectorField
    asked: Asked
    whole: bool

    async def nearest(self, query: Query) -> list[Match]:
        """The nearest that are wanted: more is asked for as long as what is not wanted takes places."""
        limit = query.limit
        while True:
            found = await self._ask(replace(query, limit=limit, with_record=self.whole or self._overlapping))
            kept = [match for match in found if self._wanted(query, match)]
            beyond = bool(found) and not self._within(found[-1])
            if len(kept) >= query.limit or len(found) < limit or beyond:
                return kept[: query.limit]
            limit *= 4

    @property
    def _overlapping(self) -> bool:
        return self.target.kind is VectorKind.SPARSE

    async def _ask(self, query: Query) -> list[Match]:
        store, name = self.chosen.store, self.chosen.shape.name
        with self.chosen.asking():
            try:
                return await store.query(name, query)
            except Unsupported:
                if query.filter is None:
                    raise
                return await store.query(name, replace(query, filter=await self.chosen.looked_up()))

    def _wanted(self, query: Query, match: Match) -> bool:
        if self._overlapping and match.score == 0 and not _shares(query, match):
            return False
        partitions = self.chosen.partitions
        if partitions is not None and (match.record is None or match.record.partition not in partitions):
            return False
        return self._within(match) and self._behind(match)

    def _within(self, match: Match) -> bool:
        """Whether it lies inside the radius: everything further away does not either."""
        radius = self.asked.radius
        if radius is None:
            return True
        score = score_of(self.target, match.score)
        return score > radius if _similar(self.target) else score < radius

    def _behind(self, match: Match) -> bool:
        inner = self.asked.range_filter
        if inner is None:
            return True
        score = score_of(self.target, match.score)
        return score <= inner if _similar(self.target) else score >= inner


def _similar(target: VectorField) -> bool:
    return target.metric is not None and target.metric.higher_is_nearer


def score_of(target: VectorField, score: float) -> float:
    """A score of the model as Milvus gives it."""
    return float(np.float32(score * score if target.metric is Metric.EUCLID else score))


def _shares(query: Query, match: Match) -> bool:
    held = match.record.sparse.get(query.using) if match.record is not None else None
    assert isinstance(query.vector, SparseVector)
    return held is not None and bool(np.isin(query.vector.indices, held.indices).any())


def _ranking(
    shape: CollectionShape, matches: Sequence[Match], target: VectorField, asked: Asked, *, whole: bool
) -> Ranking:
    records = [match.record or Record(match.id) for match in matches]
    rounded: Callable[[float], float] = (
        (lambda score: score)
        if asked.round_decimal < 0
        else (lambda score: round(score, asked.round_decimal))
    )
    scores = [rounded(score_of(target, match.score)) for match in matches]
    return Ranking(batch_of_records(records, shape.vectors if whole else ()), scores)


def ranking_of(shape: CollectionShape, matches: Sequence[Match], *, whole: bool) -> Ranking:
    """What another Milvus found, its scores as they are."""
    records = [match.record or Record(match.id) for match in matches]
    vectors = shape.vectors if whole else ()
    return Ranking(batch_of_records(records, vectors), [match.score for match in matches])


def joined(rankings: Sequence[Ranking]) -> Batch:
    """What all vectors found, one ranking behind the other."""
    return join([ranking.batch for ranking in rankings])
