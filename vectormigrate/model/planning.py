"""From two shapes and the target's capabilities to a plan: each thing *exact*, *converted*, *refused* or *dropped*.

What a target can hold is read off its capabilities or off the shape that is already there, never off its name.
Nothing is lost silently: what cannot be carried is refused by name, and only a name in `MappingOptions.drop` lets
it go.
"""

from __future__ import annotations

from dataclasses import replace

from . import identity
from .beside import put_beside
from .capabilities import Capabilities
from .carrying import renamed
from .collection import (
    CollectionShape,
    Element,
    Field,
    FieldType,
    IdField,
    IdKind,
    KeyOrder,
    Metric,
    VectorField,
    VectorKind,
)
from .conversion import CONVERSIONS, Into, fallback
from .edits import edited_shape
from .errors import MappingRefused, ShapeMismatch
from .identity import IdRule
from .layout import LayoutPlan, Relayout
from .lengths import LENGTHS
from .naming import Names, out_of_the_way
from .plan import (
    PARTITION,
    UNDECLARED,
    Fate,
    FieldPlan,
    MappingOptions,
    MappingPlan,
    VectorPlan,
    loss_name,
)
from .profiles import PROFILES


def make_plan(
    source: CollectionShape,
    capabilities: Capabilities,
    target_name: str,
    existing: CollectionShape | None = None,
    options: MappingOptions | None = None,
    layout: LayoutPlan | None = None,
    keys: frozenset[str] = frozenset(),
) -> MappingPlan:
    """Plan the mapping of a source collection into a target store.

    `existing` is the shape of the target collection when it is already there; the plan then fits into it instead of
    shaping a new one; `layout` says how records are laid out anew; `keys` are payload keys that nobody
    declared and that were seen. Raises MappingRefused for ids and for names that the source does not have, ShapeMismatch for a
    wrong dimension, kind or metric.
    """
    options = options or MappingOptions()
    _check_names(source, options)
    source = edited_shape(source, options.edits)
    if layout is not None:
        relayout = Relayout(layout)
        if PROFILES[layout.target].closed and options.lengths is None:
            options = replace(options, lengths=False)
        if existing is None:
            options = replace(options, rename={**relayout.renames(source), **(options.rename or {})})
            if PROFILES[layout.target].text_ids:
                capabilities = replace(capabilities, id_kinds=frozenset({IdKind.TEXT}))
            elif PROFILES[layout.target].no_numbers:
                kinds = capabilities.id_kinds - {IdKind.INT, IdKind.MIXED}
                capabilities = replace(capabilities, id_kinds=kinds)
        source = relayout.shape(source, existing)
    plan = _make_plan(source, capabilities, target_name, existing, options, keys)
    return replace(plan, layout=layout)


def _make_plan(
    source: CollectionShape,
    capabilities: Capabilities,
    target_name: str,
    existing: CollectionShape | None,
    options: MappingOptions,
    keys: frozenset[str],
) -> MappingPlan:
    """Of a source as it is behind edits and layout."""
    source, options, spelled = put_beside(source, capabilities, existing, options)
    held = existing.id if existing else None
    rule = identity.choose_rule(source.id, held, capabilities, surrogates=options.surrogates)
    names = Names(capabilities, options.rename or {})
    key = existing.id if existing else _new_key(source.id, rule, capabilities, names)
    vectors = _plan_vectors(source, capabilities, existing, names, options)
    moved: dict[str, str] = {}
    if capabilities.shared_names:
        taken = {plan.target for plan in vectors} | {key.name}
        moved = out_of_the_way(source, keys & taken, names)
    fields = _plan_fields(source, capabilities, existing, names, options, moved)
    lengths = _kept_lengths(vectors, options, room=existing.dynamic if existing else capabilities.dynamic)
    if existing is not None:
        fields += _lost_partitions(source, existing, options)
        return replace(_plan(rule, existing, vectors, fields, options, lengths), spelled=spelled)
    undeclared = source.dynamic or options.spread or lengths or not capabilities.field_types
    shape = CollectionShape(
        target_name,
        key,
        _new_vectors(source, vectors, capabilities, options),
        tuple(
            _new_field(field, plan)
            for plan in fields
            if plan.kept and capabilities.field_types and (field := source.field_named(plan.source))
        ),
        capabilities.dynamic and bool(undeclared),
        source.partitions if capabilities.partitions else (),
        renamed(source.native, _names(vectors), _names(fields)),
    )
    fields += _lost_partitions(source, shape, options)
    return replace(_plan(rule, shape, vectors, fields, options, lengths), spelled=spelled)


def _names(plans: tuple[VectorPlan, ...] | tuple[FieldPlan, ...]) -> dict[str, str]:
    return {plan.source: plan.target for plan in plans if plan.kept}


def _plan(
    rule: IdRule,
    target: CollectionShape,
    vectors: tuple[VectorPlan, ...],
    fields: tuple[FieldPlan, ...],
    options: MappingOptions,
    lengths: tuple[str, ...],
) -> MappingPlan:
    vectors = tuple(_with_length(plan) if plan.target in lengths else plan for plan in vectors)
    return MappingPlan(
        rule,
        target,
        tuple(replace(plan, fate=_accepted(plan, options)) for plan in vectors),
        tuple(replace(plan, fate=_accepted(plan, options)) for plan in fields),
        options.spread,
        options.edits,
        (*options.accept, *(f"rounding:{name}" for name in options.narrow)),
        options.selection,
        lengths,
    )


def _kept_lengths(vectors: tuple[VectorPlan, ...], options: MappingOptions, *, room: bool) -> tuple[str, ...]:
    """The target's vectors whose lengths it forgets, where they are to be noted; `room` for that is asked for by default."""
    if not (room if options.lengths is None else options.lengths):
        return ()
    return tuple(plan.target for plan in vectors if plan.normalised and plan.kept)


def _with_length(plan: VectorPlan) -> VectorPlan:
    kept = f"its length is kept beside it, under {LENGTHS!r}, and it comes back to the rounding of {plan.element}"
    return replace(plan, reason=f"{plan.reason}; {kept}")


def _accepted(plan: VectorPlan | FieldPlan, options: MappingOptions) -> Fate:
    """Refused, unless the loss is accepted by its name: then it is left behind."""
    return Fate.DROPPED if plan.fate is Fate.REFUSED and loss_name(plan) in options.accept else plan.fate


def _check_names(source: CollectionShape, options: MappingOptions) -> None:
    """Undeclared keys cannot be known, so a dynamic source may drop or rename any name."""
    fields = {field.name for field in source.fields}
    known = fields | {vector.name for vector in source.vectors} | {source.id.name, UNDECLARED, PARTITION}
    edited = {edit.field for edit in options.edits}
    asked = set() if source.dynamic else {*options.drop, *(options.rename or {}), *edited}
    vectors = {vector.name for vector in source.vectors}
    unknown = sorted((asked - known) | (set(options.spread) - fields) | (set(options.narrow) - vectors))
    if unknown:
        raise MappingRefused(
            f"the source has no field or vector {unknown[0]!r}",
            hint=f"it has: {', '.join(sorted(known - {UNDECLARED, PARTITION, ''}))}",
            collection=source.name,
        )


def _lost_partitions(
    source: CollectionShape, target: CollectionShape, options: MappingOptions
) -> tuple[FieldPlan, ...]:
    """A record's partition is lost where the target has none: refused, unless it is dropped by name."""
    if not source.partitions or target.partitions:
        return ()
    dropped = PARTITION in options.drop
    reason = "left behind by request" if dropped else "the target has no partitions"
    return (FieldPlan(PARTITION, "", Fate.DROPPED if dropped else Fate.REFUSED, reason=reason),)


def _new_key(source: IdField, rule: IdRule, capabilities: Capabilities, names: Names) -> IdField:
    kind = identity.target_kind(rule, source.kind, capabilities)
    order = {IdKind.INT: KeyOrder.NUMERIC, IdKind.TEXT: KeyOrder.BYTES, IdKind.UUID: KeyOrder.UUID}.get(
        kind, KeyOrder.OTHER
    )
    if order not in capabilities.key_order:
        order = KeyOrder.OTHER
    parts = source.parts if kind is IdKind.COMPOUND else ()
    length = source.max_length if kind is IdKind.TEXT and rule is IdRule.SAME else None
    if length is not None and capabilities.max_id_bytes is not None:
        length = min(length, capabilities.max_id_bytes)
    return IdField(names.target(source.name or "id"), kind, order, length, parts)


def _plan_vectors(
    source: CollectionShape,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    names: Names,
    options: MappingOptions,
) -> tuple[VectorPlan, ...]:
    plans: list[VectorPlan] = []
    for vector in source.vectors:
        kept = [plan.target for plan in plans if plan.kept]
        reason = _vector_refusal(vector, capabilities, options)
        if not reason and existing is None:
            dense = sum(plan.kept and source.vector(plan.source).kind is VectorKind.DENSE for plan in plans)
            reason = _no_room(vector, capabilities, len(kept), dense)
        if vector.name in options.drop:
            plans.append(VectorPlan(vector.name, "", Fate.DROPPED, reason="left behind by request"))
        elif reason:
            plans.append(VectorPlan(vector.name, "", Fate.REFUSED, reason=reason))
        elif existing is None:
            plans.append(_into_new_vector(vector, capabilities, names, options))
        else:
            plans.append(_into_existing_vector(vector, existing, capabilities, kept, options))
    if existing is not None:
        _check_all_fed(existing, plans)
    return tuple(plans)


def _no_room(vector: VectorField, capabilities: Capabilities, kept: int, dense: int) -> str:
    """Why a new collection cannot hold one vector more; empty when it can."""
    if capabilities.max_vectors == kept:
        return f"the target holds at most {kept} vectors"
    if capabilities.max_dense == dense and vector.kind is VectorKind.DENSE:
        return f"the target holds at most {dense} dense vectors"
    return ""


def _vector_refusal(vector: VectorField, capabilities: Capabilities, options: MappingOptions) -> str:
    if vector.kind is VectorKind.SPARSE and not capabilities.sparse:
        return "the target has no sparse vectors"
    if vector.kind is VectorKind.MULTI and not capabilities.multi:
        return "the target has no multi-vectors"
    if vector.kind is not VectorKind.SPARSE and _held_as(vector.element, capabilities.elements) is None:
        return f"the target has no {vector.element} vectors"
    bounded = vector.kind is not VectorKind.SPARSE  # whose dimension is only the bound of its indices
    if bounded and vector.dim and capabilities.max_dim is not None and vector.dim > capabilities.max_dim:
        return f"{vector.dim} dimensions, and the target holds at most {capabilities.max_dim}"
    metric = vector.metric or options.metric
    if metric is not None and metric not in capabilities.metrics:
        return f"the target does not compare by {metric}"
    return ""


_WIDER = {
    Element.FLOAT32: (Element.FLOAT32,),
    Element.FLOAT16: (Element.FLOAT16, Element.FLOAT32),
    Element.INT8: (Element.INT8, Element.FLOAT16, Element.FLOAT32),
    Element.UINT8: (Element.UINT8, Element.FLOAT16, Element.FLOAT32),
    Element.BINARY: (Element.BINARY,),
}
"""Where each element type can be held without loss, best first."""


def _held_as(element: Element, available: frozenset[Element]) -> Element | None:
    return next((wider for wider in _WIDER[element] if wider in available), None)


def _vector_plan(vector: VectorField, target: str, element: Element, normalised: bool) -> VectorPlan:
    reasons = []
    if element is not vector.element:
        how = "widened" if element in _WIDER[vector.element] else "rounded"
        reasons.append(f"{vector.element} {how} to {element}")
    if normalised:
        reasons.append("stored with length one under cosine")
    if target != vector.name:
        reasons.append(f"renamed to {target!r}")
    fate = Fate.CONVERTED if reasons else Fate.EXACT
    loss = f"rounding:{vector.name}" if element not in _WIDER[vector.element] else ""
    return VectorPlan(vector.name, target, fate, element, normalised, "; ".join(reasons), loss)


def _into_new_vector(
    vector: VectorField, capabilities: Capabilities, names: Names, options: MappingOptions
) -> VectorPlan:
    element = _held_as(vector.element, capabilities.elements) or vector.element
    metric = vector.metric or options.metric
    normalised = _is_normalised(metric, element, capabilities)
    target = names.vector(vector.name)
    return _vector_plan(vector, target, element, normalised)


def _is_normalised(metric: Metric | None, element: Element, capabilities: Capabilities) -> bool:
    """Whether vectors are stored with length one; whole numbers cannot be."""
    divisible = element in (Element.FLOAT32, Element.FLOAT16)
    return capabilities.normalises_cosine and metric is Metric.COSINE and divisible


def _into_existing_vector(
    vector: VectorField,
    existing: CollectionShape,
    capabilities: Capabilities,
    taken: list[str],
    options: MappingOptions,
) -> VectorPlan:
    found = _matching_vector(vector, existing, taken, options)
    if not _may_become(vector, found.element, options):
        reason = f"{vector.element} would be rounded: the target's {found.name!r} is {found.element}"
        return VectorPlan(vector.name, "", Fate.REFUSED, reason=reason, loss=f"rounding:{vector.name}")
    metric = found.metric or vector.metric or options.metric
    normalised = _is_normalised(metric, found.element, capabilities)
    return _vector_plan(vector, found.name, found.element, normalised)


def _may_become(vector: VectorField, element: Element, options: MappingOptions) -> bool:
    accepted = vector.name in options.narrow or f"rounding:{vector.name}" in options.accept
    rounded = accepted and element is Element.FLOAT16 and vector.element is Element.FLOAT32
    return rounded or _held_as(vector.element, frozenset({element})) is not None


def _matching_vector(
    vector: VectorField, existing: CollectionShape, taken: list[str], options: MappingOptions
) -> VectorField:
    wanted = (options.rename or {}).get(vector.name, vector.name)
    free = [one for one in existing.vectors if one.kind is vector.kind and one.name not in taken]
    found = next((one for one in free if one.name == wanted), None)
    if found is None and len(free) == 1 and vector.name not in (options.rename or {}):
        found = free[0]
    if found is None:
        raise ShapeMismatch(
            f"the target has no free {vector.kind} vector named {wanted!r}",
            collection=existing.name,
            hint=f"it has: {', '.join(one.name for one in existing.vectors) or 'none'}; map it with --rename, or leave it behind with --drop",
        )
    if vector.dim and found.dim and _too_wide(vector, vector.dim, found.dim):
        called = f"vector {vector.name!r}" if vector.name else "its only vector"
        raise ShapeMismatch(
            f"{called} has {vector.dim} dimensions, and the target's {found.name!r} has {found.dim}",
            collection=existing.name,
            hint="migrate into a collection of the same dimension, or into one that is not there yet",
        )
    if vector.metric and found.metric and vector.metric is not found.metric:
        raise ShapeMismatch(
            f"vector {vector.name!r} is compared by {vector.metric} and the target's {found.name!r} by {found.metric}",
            collection=existing.name,
            hint="searches would rank differently: migrate into a collection of the same metric",
        )
    return found


def _too_wide(vector: VectorField, dim: int, target: int) -> bool:
    return dim > target if vector.kind is VectorKind.SPARSE else dim != target


def _check_all_fed(existing: CollectionShape, plans: list[VectorPlan]) -> None:
    fed = {plan.target for plan in plans if plan.kept}
    for vector in existing.vectors:
        if not vector.nullable and vector.name not in fed and not any(p.fate is Fate.REFUSED for p in plans):
            raise ShapeMismatch(
                f"the target needs a vector {vector.name!r} in each record and the source has none for it",
                collection=existing.name,
                hint="map one with --rename, or migrate into another collection",
            )


def _plan_fields(
    source: CollectionShape,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    names: Names,
    options: MappingOptions,
    moved: dict[str, str],
) -> tuple[FieldPlan, ...]:
    """`moved` are undeclared keys that get other names because theirs are taken."""
    plans = [
        _plan_field(field, capabilities, existing, names, options)
        for field in source.fields
        if field.name not in options.spread
    ]
    if existing is not None:
        plans = _once_each(plans)
    declared = {field.name for field in source.fields} | {vector.name for vector in source.vectors}
    for name in options.drop:
        if name not in declared and name not in (UNDECLARED, PARTITION):
            plans.append(FieldPlan(name, "", Fate.DROPPED, reason="left behind by request"))
    asked = {name: target for name, target in (options.rename or {}).items() if name != source.id.name}
    renamed = {**moved, **asked}
    open_target = existing.dynamic if existing else capabilities.dynamic
    said = {edit.field: edit.said() for edit in options.edits} if open_target else {}
    for name in {**renamed, **said}:
        if name not in declared and name not in options.drop:
            target = renamed.get(name, name)
            reasons = [said.get(name, ""), f"renamed to {target!r}" if target != name else ""]
            plans.append(FieldPlan(name, target, Fate.CONVERTED, reason="; ".join(filter(None, reasons))))
    if (source.dynamic or options.spread) and not open_target:
        plans.append(
            FieldPlan(
                UNDECLARED, "", Fate.DROPPED, reason="keys that the target has not: left behind by request"
            )
            if UNDECLARED in options.drop
            else FieldPlan(
                UNDECLARED, "", Fate.REFUSED, reason="it has no place for keys that it does not declare"
            )
        )
    return tuple(plans)


def _once_each(plans: list[FieldPlan]) -> list[FieldPlan]:
    taken: set[str] = set()
    unique = []
    for plan in plans:
        if plan.kept and plan.target in taken:
            reason = f"another field goes to {plan.target!r} already"
            unique.append(FieldPlan(plan.source, "", Fate.REFUSED, reason=reason))
            continue
        taken.add(plan.target)
        unique.append(plan)
    return unique


def _plan_field(
    field: Field,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    names: Names,
    options: MappingOptions,
) -> FieldPlan:
    if field.name in options.drop:
        return FieldPlan(field.name, "", Fate.DROPPED, reason="left behind by request")
    if existing is None:
        into = fallback(field, capabilities.field_types or _undeclared(capabilities))
        target = names.target(field.name) if into else ""
    else:
        target = (options.rename or {}).get(field.name, field.name)
        held = existing.field_named(target)
        if held is None and not existing.dynamic:
            return FieldPlan(field.name, "", Fate.REFUSED, reason="the target has no such field")
        into = _into_held(field, held)
    if into is None:
        return FieldPlan(field.name, "", Fate.REFUSED, reason=f"the target has no type for {field.type}")
    edited = next((edit for edit in options.edits if edit.field == field.name), None)
    reasons = [*((edited.said(),) if edited else ()), *((into.reason,) if into.reason else ())]
    if field.name == PARTITION:
        reasons.append(f"the target has no partitions: kept beside it, under {target!r}")
    elif target != field.name and not reasons:
        reasons.append(f"renamed to {target!r}")
    inexact = field.type is FieldType.FLOAT and capabilities.inexact_doubles
    if inexact:
        reasons.append("the last digit of a double may change")
    fate = Fate.CONVERTED if reasons else Fate.EXACT
    loss = f"last-digit:{field.name}" if inexact else ""
    return FieldPlan(field.name, target, fate, into.conversion, "; ".join(reasons), loss)


def _undeclared(capabilities: Capabilities) -> frozenset[FieldType]:
    """What a field can become where none can be declared: undeclared keys hold JSON."""
    return frozenset({FieldType.JSON}) if capabilities.dynamic else frozenset()


def _into_held(field: Field, held: Field | None) -> Into | None:
    """How a field fits the target's field of that name, or its undeclared keys, which are JSON."""
    if held is None:
        return fallback(field, frozenset({FieldType.JSON}))
    element = held.element or field.element
    return fallback(field, frozenset({held.type}), frozenset() if element is None else frozenset({element}))


def _new_vectors(
    source: CollectionShape,
    plans: tuple[VectorPlan, ...],
    capabilities: Capabilities,
    options: MappingOptions,
) -> tuple[VectorField, ...]:
    kept = [(source.vector(plan.source), plan) for plan in plans if plan.kept]
    beside = capabilities.nullable_sparse and any(one.kind is not VectorKind.SPARSE for one, _ in kept)
    return tuple(
        replace(
            vector,
            name=plan.target,
            element=plan.element,
            metric=vector.metric or options.metric,
            nullable=vector.nullable
            and (capabilities.nullable_vectors or (beside and vector.kind is VectorKind.SPARSE)),
        )
        for vector, plan in kept
    )


def _new_field(source: Field, plan: FieldPlan) -> Field:
    if plan.conversion == "":
        return replace(source, name=plan.target)
    made = CONVERSIONS[plan.conversion].target
    return Field(plan.target, made, source.nullable, indexed=source.indexed)
