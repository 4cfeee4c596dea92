"""Batches of the source in the target's terms, as a plan says: one translator for backfill, replay and validation.

Every conversion has an inverse. A record that cannot be translated is refused by itself and the others go on. Keys
that nobody declared go to the target's field of that name if the value is of its type, else into what the target
keeps for undeclared keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from . import beside, identity
from .batch import Batch, Column, DenseColumn, SparseColumn
from .capabilities import Capabilities
from .collection import Element
from .conversion import CONVERSIONS
from .edits import Editor
from .errors import RecordRefused
from .fieldtype import misfit
from .layout import Relayout
from .lengths import LENGTHS, Note, noted, taken, with_notes
from .plan import PARTITION, SPARSE, UNDECLARED, Fate, FieldPlan, MappingOptions, MappingPlan, VectorPlan
from .planning import make_plan
from .record import Payload, RecordId, id_text

__all__ = [
    "Fate",
    "FieldPlan",
    "MappingOptions",
    "MappingPlan",
    "Translation",
    "Translator",
    "VectorPlan",
    "make_plan",
]

_MEND = "mend the record at the source, or say in the mapping what becomes of it"
_OWN_KEY = (
    "rename that field, or say lengths = false in a mapping file: vectors then come back with length one"
)


@dataclass(frozen=True, slots=True, eq=False)
class Translation:
    """A batch in the target's terms, and the rows of the source batch that could not be translated."""

    batch: Batch
    refused: list[tuple[int, RecordRefused]]


class Translator:
    """Turns source batches into target batches as a plan says. Stateless between calls; safe in threads."""

    def __init__(self, plan: MappingPlan, capabilities: Capabilities, key: str = "") -> None:
        """`key` is what redacted values are hashed with."""
        self._plan = plan
        self._editor = Editor(plan.edits, None, key) if plan.edits else None
        self._relayout = None if plan.layout is None else Relayout(plan.layout)
        self._capabilities = capabilities
        self._vectors = [vector for vector in plan.vectors if vector.kept]
        self._fields = {field.source: field for field in plan.fields if field.kept}
        self._lost = {field.source for field in plan.fields if not field.kept}
        self._spread = frozenset(plan.spread)
        self._declared = {field.name: field for field in plan.target.fields}
        self._origins = {field.target: field.source for field in self._fields.values()}
        self._ours = [SPARSE] * bool(plan.spelled) + [PARTITION] * (PARTITION in self._fields)
        self._as_is = (
            not self._lost
            and not self._spread
            and not plan.edits
            and plan.layout is None
            and not plan.spelled
            and self._declared.keys() <= self._fields.keys()
            and all(field.fate is Fate.EXACT for field in self._fields.values())
        )

    def __call__(self, batch: Batch) -> Translation:
        """Translate; a record that cannot be is left out and told, the others go on."""
        columns, faults = self._columns(batch)
        partition = batch.partition if self._plan.target.partitions else None
        notes = noted(columns, self._plan.lengths)
        if self._as_is and not faults and not (self._plan.lengths and taken(batch.payload)):
            ids = [identity.to_target(self._plan.id_rule, record_id) for record_id in batch.ids]
            if identity.plainly_fit(ids, self._plan.target.id, self._capabilities):
                payload = with_notes(batch.payload or [{} for _ in ids], notes)
                return Translation(Batch(ids, columns, payload, partition), [])
        return self._one_by_one(batch, Batch(batch.ids, columns, [], partition), faults, notes)

    def _one_by_one(
        self, batch: Batch, translated: Batch, faults: Mapping[int, str], notes: Mapping[int, Note]
    ) -> Translation:
        """Translate ids and payloads where some may be refused; `translated` has the columns already."""
        refused: list[tuple[int, RecordRefused]] = []
        ids, payloads, rows = [], [], []
        placeless = self._placeless(batch)
        for row, record_id in enumerate(batch.ids):
            try:
                if row in faults:
                    raise RecordRefused(faults[row])
                target_id = identity.to_target(self._plan.id_rule, record_id)
                self._check_id(target_id)
                payload = batch.payload[row] if batch.payload else {}
                payload = (
                    payload if self._as_is else self._payload(payload, record_id, placeless.get(row, {}))
                )
                if self._plan.lengths and LENGTHS in payload:
                    raise RecordRefused(f"the payload key {LENGTHS!r} is ours", hint=_OWN_KEY)
                payloads.append({**payload, LENGTHS: notes[row]} if row in notes else payload)
            except RecordRefused as error:
                error.ids = (id_text(record_id)[:200].encode(errors="backslashreplace").decode(),)
                error.hint = error.hint or _MEND
                refused.append((row, error))
                continue
            ids.append(target_id)
            rows.append(row)
        if refused:
            translated = translated.take(rows)
        return Translation(replace(translated, ids=ids, payload=payloads), refused)

    def _check_id(self, target_id: RecordId) -> None:
        if self._plan.id_rule is identity.IdRule.SURROGATE:
            identity.check_namable(target_id)
        else:
            identity.check_fits(target_id, self._plan.target.id, self._capabilities)

    def _columns(self, batch: Batch) -> tuple[dict[str, Column], dict[int, str]]:
        """Columns in the target's element types, and the rows that cannot be moved, with the reason."""
        columns: dict[str, Column] = {}
        faults = dict(batch.faults)
        for plan in self._vectors:
            column = batch.vectors.get(plan.source)
            if column is None:
                continue
            columns[plan.target] = cast_column(column, plan.element)
            for row in _overflowing(column, columns[plan.target]):
                faults.setdefault(row, f"vector {plan.source!r} holds a number too large for {plan.element}")
        return columns, faults

    def edited(self, payload: Payload) -> Payload:
        """One payload of the source behind the edits of single fields. Raises RecordRefused."""
        return payload if self._editor is None else self._editor.forward(payload)

    def called(self, key: str) -> str | None:
        """What a payload's key, laid out for the target, is called there; None where the plan leaves it behind."""
        if key in self._fields:
            return self._fields[key].target
        left = key in self._lost or (
            UNDECLARED in self._lost and key not in self._declared and not self._plan.target.dynamic
        )
        return None if left else key

    def _placeless(self, batch: Batch) -> dict[int, Payload]:
        """By row, what of a record the target has no place for, as fields of the source."""
        vectors = beside.written(batch.vectors, self._plan.spelled)
        found: dict[int, Payload] = {row: {SPARSE: note} for row, note in vectors.items()}
        if PARTITION in self._fields:
            for row, name in enumerate(batch.partition or ()):
                if name is not None:
                    found.setdefault(row, {})[PARTITION] = name
        return found

    def _payload(self, payload: Payload, record_id: RecordId, placeless: Payload) -> Payload:
        payload = self.edited(payload)
        if self._relayout is not None:
            payload = self._relayout.forward(payload, record_id)
        for key in self._ours:
            if key in payload:
                raise RecordRefused(f"the payload key {key!r} is ours")
        payload = {**payload, **placeless} if placeless else payload
        translated: Payload = {}
        for key, value in payload.items():
            plan = self._fields.get(key)
            if key in self._spread:
                self._spread_out(translated, key, value)
            elif plan is None:
                self._undeclared(translated, key, value)
            elif plan.conversion:
                _put(translated, plan.target, _convert(plan, value))
            else:
                _put(translated, plan.target, self._fitting(plan.target, value))
        return translated

    def _spread_out(self, translated: Payload, key: str, value: Any) -> None:
        if value is None:
            return
        if not isinstance(value, dict):
            raise RecordRefused(f"field {key!r} is to be spread but holds {type(value).__name__}")
        for name, item in value.items():
            self._undeclared(translated, name, item)

    def _undeclared(self, translated: Payload, key: str, value: Any) -> None:
        if key in self._lost:
            return
        if key in self._origins:
            raise RecordRefused(f"key {key!r} is where field {self._origins[key]!r} goes")
        if key in self._declared or self._plan.target.dynamic:
            _put(translated, key, self._fitting(key, value))
        elif UNDECLARED not in self._lost:
            raise RecordRefused(f"the target has no field {key!r}")

    def _fitting(self, target: str, value: Any) -> Any:
        field = self._declared.get(target)
        reason = misfit(field, value) if field is not None else ""
        if reason:
            raise RecordRefused(f"field {target!r} of the target: {reason}")
        return value


def _put(translated: Payload, key: str, value: Any) -> None:
    if key in translated:
        raise RecordRefused(f"two keys of the record become {key!r}")
    translated[key] = value


def _convert(plan: FieldPlan, value: Any) -> Any:
    if value is None:
        return None
    try:
        return CONVERSIONS[plan.conversion].encode(value)
    except (ValueError, TypeError, OverflowError) as error:
        raise RecordRefused(f"field {plan.source!r} cannot be converted: {error}") from None


def cast_column(column: Column, element: Element) -> Column:
    """The column in another element type; a number beyond it becomes infinite, which the caller must refuse."""
    if isinstance(column, SparseColumn) or column.values.dtype == element.dtype:
        return column
    with np.errstate(over="ignore"):
        return replace(column, values=column.values.astype(element.dtype))


def _overflowing(before: Column, after: Column) -> list[int]:
    if before is after or not isinstance(before, DenseColumn) or after.values.dtype.kind != "f":
        return []
    infinite = np.isinf(after.values).any(axis=1) & np.isfinite(before.values).all(axis=1)
    return [int(row) for row in np.flatnonzero(infinite)]
