"""Source shape to target shape: the plan, per field *exact*, *converted* or *refused*, and the batch translator.

The plan is made once, before the first record, and stored with the migration; the same translator then serves
backfill, replay and validation. Every conversion has an inverse. What cannot be carried is refused by name, and
only a name given in `MappingOptions.drop` lets it go. What a target type can hold is read off its capabilities,
never off its name.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Any

from . import identity
from .batch import Batch, Column
from .capabilities import Capabilities
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
from .conversion import CONVERSIONS, fallback
from .errors import MappingRefused, RecordRefused, ShapeMismatch
from .identity import IdRule
from .record import Payload, id_text


class Fate(StrEnum):
    """What happens to one thing of the source."""

    EXACT = "exact"
    CONVERTED = "converted"
    REFUSED = "refused"
    DROPPED = "dropped"
    """Accepted by name as lost."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """What a user may say about the mapping."""

    rename: dict[str, str] | None = None
    """Source field or vector name to target name."""
    drop: tuple[str, ...] = ()
    """Fields or vectors that may be left behind."""
    spread: tuple[str, ...] = ()
    """JSON fields whose keys become payload keys of their own."""
    metric: Metric | None = None
    """The metric of vectors for which the source declares none."""


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One payload field: where it goes and how. `conversion` names an entry of `conversion.CONVERSIONS`."""

    source: str
    target: str
    fate: Fate
    conversion: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """One vector field: where it goes and how."""

    source: str
    target: str
    fate: Fate
    element: Element = Element.FLOAT32
    """Element type on the target."""
    normalised: bool = False
    """The target stores it with length one: expected when comparing."""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class MappingPlan:
    """The whole mapping of one collection. Plain data: it is stored with the migration."""

    id_rule: IdRule
    target: CollectionShape
    vectors: tuple[VectorPlan, ...]
    fields: tuple[FieldPlan, ...]
    spread: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    def losses(self) -> list[str]:
        """One line for everything that does not arrive as it left."""
        lines = [
            f"vector {plan.source!r}: {plan.fate}: {plan.reason}" for plan in self.vectors if plan.reason
        ]
        lines += [f"field {plan.source!r}: {plan.fate}: {plan.reason}" for plan in self.fields if plan.reason]
        if self.id_rule is not IdRule.SAME:
            lines.insert(0, f"id: converted: {self.id_rule}")
        return lines

    def check(self) -> None:
        """Raise MappingRefused when something would be lost that nobody accepted."""
        plans: tuple[VectorPlan | FieldPlan, ...] = (*self.vectors, *self.fields)
        refused = [
            f"{plan.source!r} ({plan.reason})"
            for plan in plans
            if plan.fate is Fate.REFUSED
        ]
        if refused:
            raise MappingRefused(
                "the target cannot hold " + "; ".join(refused),
                hint="leave them behind by name with --drop NAME, or choose another target",
                collection=self.target.name,
            )


def make_plan(
    source: CollectionShape,
    capabilities: Capabilities,
    target_name: str,
    existing: CollectionShape | None = None,
    options: MappingOptions | None = None,
) -> MappingPlan:
    """Plan the mapping of a source collection into a target store.

    `existing` is the shape of the target collection when it is already there; the plan then fits into it instead of
    shaping a new one. Raises MappingRefused for ids, ShapeMismatch for a wrong dimension, kind or metric.
    """
    options = options or MappingOptions()
    rule = identity.choose_rule(source.id, existing.id if existing else None, capabilities)
    names = _Names(capabilities, options.rename or {})
    key = existing.id if existing else _new_key(source.id, rule, capabilities, names)
    vectors = [_plan_vector(vector, capabilities, existing, names, options) for vector in source.vectors]
    names.taken.add(key.name)
    spread = tuple(name for name in options.spread if source.field_named(name) is not None)
    fields = [
        _plan_field(field, capabilities, existing, names, options)
        for field in source.fields
        if field.name not in spread
    ]
    dynamic = source.dynamic or bool(spread)
    notes = []
    if dynamic and not (existing.dynamic if existing else capabilities.dynamic):
        fields.append(FieldPlan("*", "*", Fate.REFUSED, reason="the target cannot hold undeclared keys"))
    if source.partitions and not capabilities.partitions:
        notes.append("partitions become part of nothing: the target has none")
    shape = existing or CollectionShape(
        target_name,
        key,
        tuple(_new_vector(source.vector(plan.source), plan, options) for plan in vectors if _kept(plan)),
        tuple(
            _new_field(field, plan)
            for plan in fields
            if _kept(plan) and (field := source.field_named(plan.source))
        ),
        dynamic,
        source.partitions if capabilities.partitions else (),
    )
    return MappingPlan(rule, shape, tuple(vectors), tuple(fields), spread, tuple(notes))


def _kept(plan: FieldPlan | VectorPlan) -> bool:
    return plan.fate in (Fate.EXACT, Fate.CONVERTED)


class _Names:
    """Target names: renamed by request or where the grammar demands it, and never two alike."""

    def __init__(self, capabilities: Capabilities, rename: dict[str, str]) -> None:
        self._pattern = re.compile(capabilities.name_pattern)
        self._reserved = capabilities.reserved_names
        self._rename = rename
        self.taken: set[str] = set()

    def target(self, source: str) -> str:
        wanted = self._rename.get(source, source)
        if not self._pattern.fullmatch(wanted) or wanted in self._reserved:
            wanted = re.sub(r"[^0-9A-Za-z_]", "_", wanted)
            if not self._pattern.fullmatch(wanted) or wanted in self._reserved:
                wanted = "f_" + wanted
        name, number = wanted, 2
        while name in self.taken:
            name, number = f"{wanted}_{number}", number + 1
        self.taken.add(name)
        return name


def _new_key(source: IdField, rule: IdRule, capabilities: Capabilities, names: _Names) -> IdField:
    kind = identity.target_kind(rule, source.kind)
    order = {IdKind.INT: KeyOrder.NUMERIC, IdKind.TEXT: KeyOrder.BYTES, IdKind.UUID: KeyOrder.UUID}.get(
        kind, KeyOrder.OTHER
    )
    if order not in capabilities.key_order:
        order = KeyOrder.OTHER
    parts = source.parts if kind is IdKind.COMPOUND else ()
    length = source.max_length if kind is IdKind.TEXT and rule is IdRule.SAME else None
    return IdField(names.target(source.name or "id"), kind, order, length, parts)


def _plan_vector(
    vector: VectorField,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    names: _Names,
    options: MappingOptions,
) -> VectorPlan:
    if vector.name in options.drop:
        return VectorPlan(vector.name, "", Fate.DROPPED, reason="left behind by request")
    reason = _vector_refusal(vector, capabilities)
    if reason:
        return VectorPlan(vector.name, "", Fate.REFUSED, reason=reason)
    element, why = vector.element, ""
    if element not in capabilities.elements and vector.kind is not VectorKind.SPARSE:
        element, why = Element.FLOAT32, f"{vector.element} widened to float32"
    metric = vector.metric or options.metric
    normalised = capabilities.normalises_cosine and metric is Metric.COSINE
    if normalised:
        why = (why + "; " if why else "") + "stored with length one under cosine"
    target = (
        names.target(vector.name or "vector")
        if existing is None
        else _matching_vector(vector, existing, options)
    )
    return VectorPlan(vector.name, target, Fate.CONVERTED if why else Fate.EXACT, element, normalised, why)


def _vector_refusal(vector: VectorField, capabilities: Capabilities) -> str:
    if vector.kind is VectorKind.SPARSE and not capabilities.sparse:
        return "the target has no sparse vectors"
    if vector.kind is VectorKind.MULTI and not capabilities.multi:
        return "the target has no multi-vectors"
    held = vector.kind is VectorKind.SPARSE or vector.element in capabilities.elements
    widened = vector.element is not Element.BINARY and Element.FLOAT32 in capabilities.elements
    if not held and not widened:
        return f"the target has no {vector.element} vectors"
    if vector.dim is not None and capabilities.max_dim is not None and vector.dim > capabilities.max_dim:
        return f"{vector.dim} dimensions, and the target holds at most {capabilities.max_dim}"
    return ""


def _matching_vector(vector: VectorField, existing: CollectionShape, options: MappingOptions) -> str:
    wanted = (options.rename or {}).get(vector.name, vector.name)
    dense = [candidate for candidate in existing.vectors if candidate.kind is vector.kind]
    found = next((candidate for candidate in dense if candidate.name == wanted), None)
    if found is None and len(dense) == 1:
        found = dense[0]
    if found is None:
        raise ShapeMismatch(
            f"the target has no {vector.kind} vector named {wanted!r}",
            collection=existing.name,
            hint=f"it has: {', '.join(candidate.name for candidate in existing.vectors) or 'none'}; map it with --rename",
        )
    if vector.dim and found.dim and vector.dim != found.dim:
        raise ShapeMismatch(
            f"vector {vector.name!r} has {vector.dim} dimensions and the target's {found.name!r} has {found.dim}",
            collection=existing.name,
            hint="a retry cannot help: migrate into a collection of the same dimension",
        )
    if vector.metric and found.metric and vector.metric is not found.metric:
        raise ShapeMismatch(
            f"vector {vector.name!r} is compared by {vector.metric} and the target's {found.name!r} by {found.metric}",
            collection=existing.name,
            hint="a retry cannot help: searches would rank differently; migrate into a collection of the same metric",
        )
    return found.name


def _plan_field(
    field: Field,
    capabilities: Capabilities,
    existing: CollectionShape | None,
    names: _Names,
    options: MappingOptions,
) -> FieldPlan:
    if field.name in options.drop:
        return FieldPlan(field.name, "", Fate.DROPPED, reason="left behind by request")
    if existing is None:
        target = names.target(field.name)
        into = fallback(field, capabilities.field_types)
    else:
        target = (options.rename or {}).get(field.name, field.name)
        held = existing.field_named(target)
        if held is None and not existing.dynamic:
            return FieldPlan(field.name, "", Fate.REFUSED, reason="the target has no such field")
        into = fallback(field, frozenset({held.type if held else FieldType.JSON}))
    if into is None:
        return FieldPlan(field.name, "", Fate.REFUSED, reason=f"the target has no type for {field.type}")
    if into.conversion == "" and target == field.name:
        return FieldPlan(field.name, target, Fate.EXACT)
    reason = into.reason or f"renamed to {target!r}"
    return FieldPlan(field.name, target, Fate.CONVERTED, into.conversion, reason)


def _new_vector(source: VectorField, plan: VectorPlan, options: MappingOptions) -> VectorField:
    return replace(source, name=plan.target, element=plan.element, metric=source.metric or options.metric)


def _new_field(source: Field, plan: FieldPlan) -> Field:
    if plan.conversion == "":
        return replace(source, name=plan.target)
    made = CONVERSIONS[plan.conversion].target
    return Field(plan.target, made, source.nullable, indexed=source.indexed)


@dataclass(frozen=True, slots=True, eq=False)
class Translation:
    """A batch in the target's terms, and the rows of the source batch that could not be translated."""

    batch: Batch
    refused: list[tuple[int, RecordRefused]]


class Translator:
    """Turns source batches into target batches as a plan says. Stateless between calls; safe in threads."""

    def __init__(self, plan: MappingPlan, capabilities: Capabilities) -> None:
        self._plan = plan
        self._capabilities = capabilities
        self._vectors = [vector for vector in plan.vectors if _kept(vector)]
        self._renames = {field.source: field for field in plan.fields if _kept(field) and field.source != "*"}
        self._lost = {field.source for field in plan.fields if not _kept(field)}
        self._spread = frozenset(plan.spread)
        self._as_is = (
            not self._lost and not self._spread and all(f.fate is Fate.EXACT for f in self._renames.values())
        )

    def __call__(self, batch: Batch) -> Translation:
        """Translate; a record that cannot be is left out and told, the others go on."""
        refused: list[tuple[int, RecordRefused]] = []
        ids, payloads, rows = [], [], []
        for row, record_id in enumerate(batch.ids):
            try:
                target_id = identity.to_target(self._plan.id_rule, record_id)
                identity.check_fits(target_id, self._plan.target.id, self._capabilities)
                payload = batch.payload[row] if batch.payload else {}
                payloads.append(payload if self._as_is else self._payload(payload))
            except RecordRefused as error:
                error.ids = (id_text(record_id)[:200],)
                refused.append((row, error))
                continue
            ids.append(target_id)
            rows.append(row)
        kept = batch if not refused else batch.take(rows)
        columns = {plan.target: self._column(kept.vectors[plan.source], plan) for plan in self._vectors}
        partition = kept.partition if self._capabilities.partitions else None
        return Translation(Batch(ids, columns, payloads, partition), refused)

    def _payload(self, payload: Payload) -> Payload:
        translated: Payload = {}
        for key, value in payload.items():
            if key in self._spread:
                if value is None:
                    continue
                if not isinstance(value, dict):
                    raise RecordRefused(f"field {key!r} is to be spread but holds {type(value).__name__}")
                clash = translated.keys() & value.keys() or payload.keys() & value.keys() - {key}
                if clash:
                    raise RecordRefused(f"spreading {key!r} would overwrite {min(clash)!r}")
                translated.update(value)
                continue
            plan = self._renames.get(key)
            if plan is None:
                if key not in self._lost:
                    translated[key] = value
                continue
            translated[plan.target] = value if plan.conversion == "" else _convert(plan, value)
        return translated

    @staticmethod
    def _column(column: Column, plan: VectorPlan) -> Column:
        dtype = plan.element.dtype
        if hasattr(column, "indices") or column.values.dtype == dtype:
            return column
        return replace(column, values=column.values.astype(dtype))


def _convert(plan: FieldPlan, value: Any) -> Any:
    if value is None:
        return None
    try:
        return CONVERSIONS[plan.conversion].encode(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise RecordRefused(f"field {plan.source!r} cannot be converted: {error}") from None
