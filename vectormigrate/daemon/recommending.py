"""What a source would become in another kind of store: of a collection that is looked at, or of names and types alone.

The target is never dialled: what a kind of store can do is asked of its adapter. `plan` is for two sides that are there.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from vectormigrate.engine import preflight
from vectormigrate.model.documents import SchemaDocument
from vectormigrate.model.errors import UsageError
from vectormigrate.model.plan import FieldPlan, MappingPlan, VectorPlan, fates
from vectormigrate.model.recommendation import Recommendation, judge, propose, recommend
from vectormigrate.model.specification import Specification
from vectormigrate.stores import registry
from vectormigrate.stores.selected import selected

from .secrets import Secrets


async def schema_recommendation(
    source_type: str, target_type: str, source_schema: Any = None
) -> Recommendation:
    """The answer of `model.recommendation`. Raises UsageError for unknown kinds and for a schema that is none."""
    source = await registry.capabilities(source_type)
    return recommend(source, await registry.capabilities(target_type), source_schema)


async def schema(spec: Specification, described: Mapping[str, str], secrets: Secrets) -> SchemaDocument:
    """The source of a specification, of which the target may be a kind alone; without a collection, what is described by
    names and types. Raises UsageError, and what the source says.
    """
    if not spec.source.collection:
        source, target = [await registry.capabilities(side.kind) for side in (spec.source, spec.target)]
        plan, found = propose(source, target, dict(described) or None)
        return _document(spec, plan, found)
    if described:
        raise UsageError(
            "fields are described of a collection that is not looked at",
            hint="leave --source-index out, or --field",
        )
    store = registry.open_store(await secrets.reach(spec.source, spec.id))
    async with selected(store, spec.mapping.selection) as opened:
        await opened.info()
        target = await registry.capabilities(spec.target.kind)
        seen = await preflight.propose(spec, opened, target)
        found = judge(opened.capabilities, target, seen.mapping, seen.source.id.name or "id")
    return _document(spec, seen.mapping, found, seen)


def _document(
    spec: Specification, plan: MappingPlan, found: Recommendation, seen: preflight.Proposal | None = None
) -> SchemaDocument:
    return SchemaDocument(
        source=_side(spec.source.kind, spec.source.collection),
        target=_side(spec.target.kind, spec.target.collection),
        field_mappings=found.field_mappings,
        overall_confidence=found.overall_confidence,
        warnings=(*found.warnings, *(seen.notes if seen else ())),
        shape=seen.source if seen else None,
        proposed=plan.target,
        vectors=fates(plan, VectorPlan),
        fields=fates(plan, FieldPlan),
        named_losses=tuple(loss for _, loss in plan.lost()),
        inferred=tuple(one.told() for one in seen.inferred) if seen else (),
        layout=seen.layouts.told() if seen else {},
    )


def _side(kind: str, collection: str) -> str:
    return f"{kind}:{collection}" if collection else kind
