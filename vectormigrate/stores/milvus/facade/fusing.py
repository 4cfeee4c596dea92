"""Hybrid searches: several searches, whose rankings become one as Milvus makes it, in 32 bits and with its ties by key.

RRF adds 1 / (k + rank) with ranks from 1 and k = 60 unless told; the weighted ranker adds weight x score, each score brought
into [0, 1] by `norm_score`. The surprise is what it does without `norm_score`: distances alone are added up as they are and
the *smallest* sum comes first, while beside similarities they are turned into similarities. Formulas: Milvus 2.6,
`internal/util/function/rerank`.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from vectormigrate.model.batch import batch_of_records
from vectormigrate.model.collection import CollectionShape, Metric
from vectormigrate.model.record import Record, RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.pb import schema_pb2
from vectormigrate.stores.milvus.wire.fields import Output
from vectormigrate.stores.milvus.wire.server import MAX_WINDOW

from .problems import invalid, not_served
from .reading import check_window
from .searching import Asked, Ranking, read_params, search, target_of

_K = 60.0
_BEYOND = ("group_by_field", "rank_group_scorer")
_Rescoring = Callable[[float], float]


@dataclass(frozen=True, slots=True)
class Fusion:
    """How rankings become one, and which part of that is wanted."""

    limit: int
    offset: int = 0
    round_decimal: int = -1
    k: float = _K
    weights: Sequence[float] | None = None
    """Of each search; None where ranks are added up."""
    normed: bool = False


def read_hybrid(message: Any, parts: Callable[[Any], Asked]) -> tuple[Fusion, list[Asked]]:
    """What a HybridSearchRequest does with its searches, and those, each read by `parts`. Raises Problem."""
    fusion = read_fusion(message)
    found = [parts(part) for part in message.requests]
    if any(part.grouping is not None for part in found):
        raise not_served("a hybrid search by groups is not answered here")
    return fusion, found


def read_fusion(message: Any) -> Fusion:
    """What a HybridSearchRequest does with its searches. Raises Problem."""
    told = read_params(message.rank_params)
    beyond = [name for name in _BEYOND if told.get(name)]
    if beyond or len(getattr(message, "function_chains", ())):
        raise not_served(
            f"a hybrid search by {', '.join(beyond) or 'chains of functions'} is not answered here"
        )
    strategy, params = str(told.get("strategy") or "rrf"), told.get("params") or {}
    if message.HasField("function_score"):
        strategy, params = _read_function(message.function_score)
    if strategy not in ("rrf", "weighted"):
        raise not_served(f"rankings are fused by rrf and weighted here, and not by {strategy!r}")
    try:
        weights = [float(one) for one in params["weights"]] if strategy == "weighted" else None
        fusion = Fusion(
            int(told.get("limit", 0)),
            int(told.get("offset") or 0),
            int(told.get("round_decimal", -1)),
            float(params.get("k", _K)),
            weights,
            params.get("norm_score") in (True, "true"),
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise invalid(f"a rank parameter cannot be read: {error}") from None
    return _checked(fusion, len(message.requests))


def _read_function(score: Any) -> tuple[str, Mapping[str, Any]]:
    if len(score.functions) != 1:
        raise not_served("a hybrid search is ranked by one function here")
    [function] = score.functions
    params = {name.lower(): value for name, value in read_params(function.params).items()}
    if function.type != schema_pb2.FunctionType.Rerank or function.input_field_names:
        raise not_served(f"the function {function.name!r} ranks by more than the searches")
    return str(params.get("reranker", "")).lower(), params


def _checked(fusion: Fusion, searches: int) -> Fusion:
    if not 1 <= fusion.limit <= MAX_WINDOW:
        raise invalid(f"limit [{fusion.limit}] is invalid, it should be in range [1, {MAX_WINDOW}]")
    check_window(fusion.offset, fusion.limit)
    if not 0 < fusion.k < MAX_WINDOW:
        raise invalid(f"The rank params k should be in range (0, {MAX_WINDOW})")
    if fusion.weights is None:
        return fusion
    if any(not 0 <= weight <= 1 for weight in fusion.weights):
        raise invalid("rank param weight should be in range [0, 1]")
    if len(fusion.weights) != searches:
        raise invalid("the length of weights param mismatch with ann search requests")
    return fusion


async def hybrid(
    store: Store, shape: CollectionShape, parts: Sequence[Asked], fusion: Fusion, output: Sequence[str]
) -> tuple[list[Ranking], Output]:
    """One ranking for each vector of every search, and what of the records is wanted. Raises Problem."""
    if not parts:
        raise invalid("a hybrid search wants searches")
    if len({len(part.vectors) for part in parts}) != 1:
        raise invalid("the searches of a hybrid search must have as many vectors as each other")
    found = [await search(store, shape, replace(part, offset=0, output=output)) for part in parts]
    wanted = found[0][1]
    rescoring = _rescoring(fusion, [target_of(shape, part)[0].metric for part in parts])
    by_vector = zip(*(rankings for rankings, _ in found), strict=True)
    return [_fused(shape, each, fusion, rescoring, wanted) for each in by_vector], wanted


def _fused(
    shape: CollectionShape,
    rankings: Sequence[Ranking],
    fusion: Fusion,
    rescoring: tuple[Sequence[_Rescoring], bool],
    wanted: Output,
) -> Ranking:
    scores: dict[RecordId, np.float32] = {}
    records: dict[RecordId, Record] = {}
    rescored, descending = rescoring
    for place, ranking in enumerate(rankings):
        for row, record_id in enumerate(ranking.batch.ids):
            if fusion.weights is None:
                share = np.float32(1) / (np.float32(fusion.k) + np.float32(row + 1))
            else:
                share = np.float32(fusion.weights[place]) * np.float32(rescored[place](ranking.scores[row]))
            scores[record_id] = scores.get(record_id, np.float32(0)) + share
            records.setdefault(record_id, ranking.batch.record(row))
    sign = -1 if descending else 1
    best: list[Any] = sorted(scores, key=lambda one: (sign * scores[one], one))
    best = best[fusion.offset : fusion.offset + fusion.limit]
    fields = () if wanted.bare else shape.vectors
    return Ranking(
        batch_of_records([records[one] for one in best], fields),
        [_rounded(float(scores[one]), fusion.round_decimal) for one in best],
    )


def _rounded(score: float, places: int) -> float:
    if places < 0:
        return score
    shift = 10.0**places
    return float(np.float32(math.floor(score * shift + 0.5) / shift))


def _rescoring(fusion: Fusion, metrics: Sequence[Metric | None]) -> tuple[Sequence[_Rescoring], bool]:
    """What is made of each search's scores before they are weighted, and whether the largest sum is the nearest."""
    similar = [metric is not None and metric.higher_is_nearer for metric in metrics]
    mixed = len(set(similar)) > 1
    made: list[_Rescoring] = []
    for metric, larger in zip(metrics, similar, strict=True):
        if not larger and (fusion.normed or mixed):
            made.append(lambda score: 1 - 2 * math.atan(score) / math.pi)
        elif not fusion.normed:
            made.append(lambda score: score)
        elif metric is Metric.COSINE:
            made.append(lambda score: (1 + score) / 2)
        else:
            made.append(lambda score: 0.5 + math.atan(score) / math.pi)
    return made, fusion.weights is None or fusion.normed or mixed or all(similar)
