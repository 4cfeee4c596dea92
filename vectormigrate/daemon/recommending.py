"""`schema_recommendation` for two names of stores: nothing is dialled, what a kind of store can do is asked of its adapter."""

from __future__ import annotations

from typing import Any

from vectormigrate.model.recommendation import Recommendation, recommend
from vectormigrate.stores import registry


async def schema_recommendation(
    source_type: str, target_type: str, source_schema: Any = None
) -> Recommendation:
    """The answer of `model.recommendation`. Raises UsageError for unknown kinds and for a schema that is none."""
    source = await registry.capabilities(source_type)
    return recommend(source, await registry.capabilities(target_type), source_schema)
