"""Searches whose ranking only Milvus makes (of words, by functions, full groups, groups in a hybrid search), asked of another Milvus as they came.

The other answers with keys and scores alone, one vector at a time; what else the client wants of the records is read as for any search.
An answer that has parts of its own (highlights, aggregations) is not passed on, nor a search whose expression means something
else there (`itself`).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.filter import Native
from vectormigrate.model.query import Query
from vectormigrate.stores.base import Store
from vectormigrate.stores.milvus.pb import common_pb2
from vectormigrate.stores.milvus.wire.fields import Output, read_output
from vectormigrate.stores.milvus.wire.native import DIALECT, layout_of
from vectormigrate.stores.milvus.wire.server import MAX_WINDOW
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .grouping import Grouping, column_of, value_of
from .itself import answering, check_words
from .matching import wanted_partitions
from .problems import UNIMPLEMENTED, Problem, invalid, not_served
from .searching import Ranking, ranking_of, read_params

_PARTS = ("ids", "highlighter", "search_aggregation")
"""Members of a request that want another answer, or have no vector."""
_PARAMS = ("rank_params", "order_by_fields", "analyzer_name")
_WHY = "such a ranking"


def passable(problem: Problem, store: Store, message: Any) -> bool:
    """Whether what is refused with this problem may be asked of the store in the client's own words."""
    if problem.code != UNIMPLEMENTED or store.capabilities.kind != DIALECT:
        return False
    return all(map(_is_plain, _searches(message))) and not len(getattr(message, "function_chains", ()))


def _searches(message: Any) -> Sequence[Any]:
    """The searches that a request is made of."""
    return message.requests if message.DESCRIPTOR.name == "HybridSearchRequest" else (message,)


def _is_plain(search: Any) -> bool:
    told = _params(search)
    odd = any(search.HasField(name) for name in _PARTS if name in search.DESCRIPTOR.fields_by_name) or any(
        told.get(name) for name in _PARAMS
    )
    return not (odd or search.search_by_primary_keys or len(search.sub_reqs))


def _params(message: Any) -> dict[str, Any]:
    told = read_params(message.rank_params if hasattr(message, "rank_params") else message.search_params)
    inner = told.get("params")
    return {**told, **inner} if isinstance(inner, dict) else told


async def ranked(
    store: Store, shape: CollectionShape, rpc: str, message: Any
) -> tuple[list[Ranking], Output, int, Grouping | None]:
    """A ranking for each vector, what of the records is wanted, how many, and by what they are grouped. Raises Problem."""
    layout = layout_of(shape)
    try:
        output = read_output(list(message.output_fields), layout)
        for text in _expressions(message):
            check_words(layout, text, _WHY)
    except ExpressionInvalid as error:
        raise invalid(str(error)) from None
    _check_searched(shape, message)
    told = _params(message)
    try:
        limit = int(told.get("topk", told.get("limit", 0)))
        size = max(1, int(told.get("group_size") or 1))
    except (TypeError, ValueError) as error:
        raise invalid(f"a search parameter cannot be read: {error}") from None
    if not 1 <= limit <= MAX_WINDOW:
        raise invalid(f"topk [{limit}] is invalid, it should be in range [1, {MAX_WINDOW}]")
    grouping = Grouping(str(told["group_by_field"]), size) if told.get("group_by_field") else None
    if grouping is not None:
        column_of(grouping, layout)
    whole = not output.bare or grouping is not None
    found = []
    for words in _one_by_one(message):
        native = Native(DIALECT, (rpc, words))
        with answering(_WHY):
            query = Query(np.zeros(0, np.float32), "", limit * size, with_record=whole, words=native)
            matches = await store.query(shape.name, query)
        groups = [value_of(match, grouping, layout) for match in matches] if grouping else ()
        found.append(replace(ranking_of(shape, matches, whole=whole), groups=groups))
    return found, output, limit, grouping


def _check_searched(shape: CollectionShape, message: Any) -> None:
    """Raise Problem for a search of what the other has otherwise."""
    for one in (message, *_searches(message)):
        if wanted_partitions(shape, list(one.partition_names)) is not None:
            raise not_served(f"{_WHY} of some partitions is not answered here")


def _expressions(message: Any) -> Iterator[str]:
    """Every expression that a request says."""
    for search in _searches(message):
        yield search.dsl
    for one in (message, *_searches(message)):
        if one.HasField("function_score"):
            for function in one.function_score.functions:
                yield from (pair.value for pair in function.params if pair.key.lower() == "filter")


def _one_by_one(message: Any) -> Iterator[bytes]:
    """The request for each vector alone, without what names a place or the fields that are wanted."""
    groups = [common_pb2.PlaceholderGroup.FromString(one.placeholder_group) for one in _searches(message)]
    counts = {len(one.values) for group in groups for one in group.placeholders}
    if any(len(group.placeholders) != 1 for group in groups) or len(counts) != 1 or 0 in counts:
        raise invalid("a search wants vectors, and the searches of a hybrid search as many as each other")
    for place in range(counts.pop()):
        alone = type(message).FromString(message.SerializeToString())
        alone.ClearField("output_fields")
        for one, group in zip(_searches(alone), groups, strict=True):
            [given] = group.placeholders
            single = common_pb2.PlaceholderGroup()
            single.placeholders.add(tag=given.tag, type=given.type, values=[given.values[place]])
            one.placeholder_group, one.nq = single.SerializeToString(), 1
            one.ClearField("output_fields")
        yield alone.SerializeToString()
