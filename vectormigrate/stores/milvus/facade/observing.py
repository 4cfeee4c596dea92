"""Searches that Milvus answered, as question and matches in neutral terms, so that another store can be asked the same."""

from __future__ import annotations

from typing import Any

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.query import Match, Query
from vectormigrate.stores.milvus.wire.expressions import Beyond, parse
from vectormigrate.stores.milvus.wire.fields import template_values
from vectormigrate.stores.milvus.wire.native import layout_of
from vectormigrate.stores.milvus.wire.predicates import EVERYTHING, Predicate
from vectormigrate.stores.milvus.wire.results import read_matches
from vectormigrate.stores.milvus.wire.tokens import ExpressionInvalid

from .problems import Problem
from .searching import Asked, read_asked, target_of

Found = tuple[Query, list[Match]]


def is_answer(reply: Any) -> bool:
    """Whether a message says what a search found: REST's answers are not read for that."""
    return reply is not None and reply.DESCRIPTOR.name == "SearchResults"


def found(message: Any, reply: Any, shape: CollectionShape) -> Found | None:
    """A SearchRequest and its SearchResults; None when it has no neutral form."""
    try:
        asked = read_asked(message, template_values(message.expr_template_values))
        if not _is_plain(asked):
            return None
        predicate = Predicate(parse(asked.expression, asked.values), layout_of(shape))
        field, [vector] = target_of(shape, asked)
    except (Problem, ExpressionInvalid, Beyond):
        return None
    where, exact = predicate.superset()
    if not exact or field.metric is None:
        return None
    matches = [Match(record_id, score) for record_id, score in read_matches(reply.results, field.metric)]
    return Query(vector, field.name, asked.limit, None if where == EVERYTHING else where), matches


def _is_plain(asked: Asked) -> bool:
    """Whether it asks for nothing but the nearest of one vector."""
    ranged = asked.radius is not None or asked.range_filter is not None
    return len(asked.vectors) == 1 and not (
        asked.grouping or asked.offset or asked.partitions or ranged or asked.round_decimal >= 0
    )
