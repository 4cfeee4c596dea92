"""A mapping backwards: batches, ids, filters and queries between the target's terms and the source's.

What the application gets after a cutover, and what a revert carries back. A plan that dropped something, or spread a
field among keys that are not its own, has no inverse: `obstacles` says so before anything moves. The surprise: a spread
field that is null or empty leaves no key, and is absent afterwards.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from typing import Any

from .batch import Batch, Column
from .beside import is_ours, read
from .collection import CollectionShape
from .conversion import CONVERSIONS
from .edits import Editor, edited_shape
from .edits import obstacles as edit_obstacles
from .errors import StoreBroken, Unsupported
from .filter import (
    And,
    Compare,
    Comparison,
    Exists,
    Filter,
    HasId,
    In,
    IsNull,
    Native,
    Not,
    Or,
    Path,
    foreign_words,
)
from .identity import IdRule, to_source, to_target
from .layout import Relayout
from .lengths import LENGTHS, restored
from .mapping import cast_column
from .payload_columns import column_of
from .plan import PARTITION, SPARSE, FieldPlan, MappingPlan
from .query import Query
from .record import Payload, RecordId

_COMPARABLE = frozenset({"extended_json", "uuid_text"})
"""Conversions that keep equality of values."""
_OPEN = frozenset({"", "extended_json"})
"""Conversions that leave the inside of a value as it is."""


def obstacles(plan: MappingPlan, source: CollectionShape) -> list[str]:
    """Why records cannot be carried back as they were; empty when they can."""
    lost = [f"{one.source!r} is left behind" for one in plan.parts if not one.kept]
    if len(plan.spread) > 1:
        lost.append("more than one field is spread: whose a key was cannot be told")
    if plan.spread and source.dynamic:
        lost.append(f"{plan.spread[0]!r} is spread among undeclared keys: whose a key was cannot be told")
    if plan.selection:
        lost.append("only some of the records are moved")
    return lost + edit_obstacles(plan.edits, source)


def as_named(plan: MappingPlan) -> bool:
    """Whether the target has everything under the source's names and as it was, so that what is said in the source's own
    words means the same there.
    """
    changed = any(one.source != one.target or one.conversion for one in plan.fields)
    renamed = any(one.source != one.target for one in plan.vectors)
    return not (plan.spread or plan.edits or plan.layout or plan.spelled or changed or renamed)


def speaks_alike(plan: MappingPlan, source: CollectionShape, dialect: str) -> bool:
    """Whether a question in a vendor's own words finds the same in the target: named as it was, and configured as it was, by
    what that vendor says of either side.
    """
    same_key = plan.id_rule is IdRule.SAME and plan.target.id.name == source.id.name
    there = {one.name: one.own_type(dialect) for one in plan.target.fields}
    same_types = all(there.get(one.name, "") == one.own_type(dialect) for one in source.fields)
    same = plan.target.native.get(dialect) == source.native.get(dialect)
    return as_named(plan) and same_key and same_types and same


class Inverse:
    """One plan backwards."""

    def __init__(self, plan: MappingPlan, source: CollectionShape) -> None:
        self._plan = plan
        self._source = source
        self._editor = Editor(plan.edits, source) if plan.edits else None
        self._vectors = {one.target: one for one in plan.vectors if one.kept}
        self._fields = {one.target: one for one in plan.fields if one.kept and one.source not in plan.spread}
        self._forward = {one.source: one for one in plan.fields}
        self._place = next((one for one in plan.fields if one.source == PARTITION and one.kept), None)
        self._spread = plan.spread[0] if plan.spread else None
        self._relayout = None if plan.layout is None else Relayout(plan.layout)
        prepared = edited_shape(source, plan.edits)
        prepared = prepared if self._relayout is None else self._relayout.shape(prepared)
        self._declared = {one.name for one in prepared.fields}
        self._columns_there = {one.name for one in plan.target.fields}
        self._undeclared = self._columns_there - self._fields.keys()
        self._as_named = as_named(plan)

    # Ids and records.

    def target_id(self, record_id: RecordId) -> RecordId:
        """The target id of a source id."""
        return to_target(self._plan.id_rule, record_id)

    def source_id(self, target_id: RecordId) -> RecordId | None:
        """The source id of a target id; None when it has none, so that the record is not ours."""
        return to_source(self._plan.id_rule, target_id)

    def batch(self, batch: Batch) -> Batch:
        """Records of the target in the source's terms; those whose id is not ours are left out."""
        ids = [self.source_id(one) for one in batch.ids]
        rows = [row for row, one in enumerate(ids) if one is not None]
        if len(rows) < len(ids):
            batch = batch.take(rows)
        kept = [one for one in ids if one is not None]
        payloads = [self.payload(payload, one) for payload, one in zip(batch.payload, kept, strict=False)]
        places = self.partitions(batch)
        return replace(batch, ids=kept, vectors=self.columns(batch), payload=payloads, partition=places)

    def partitions(self, batch: Batch) -> list[str | None] | None:
        """The partitions of a batch in the source's terms."""
        if self._place is None or not batch.payload:
            return batch.partition
        names = column_of(batch.payload, self._place.target)
        return [str(one) if one is not None else None for one in names]

    def columns(self, batch: Batch) -> dict[str, Column]:
        """The vectors of a batch in the source's terms."""
        columns: dict[str, Column] = {}
        vectors = restored(batch.vectors, batch.payload) if self._plan.lengths else batch.vectors
        for name, column in vectors.items():
            plan = self._vectors.get(name)
            if plan is not None:
                columns[plan.source] = cast_column(column, self._source.vector(plan.source).element)
        if self._plan.spelled:
            held = self._forward[SPARSE]
            notes = [_decoded(held, note) for note in column_of(batch.payload, held.target)]
            columns |= read(notes, self._plan.spelled)
        return columns

    def payload(self, payload: Payload, source_id: RecordId) -> Payload:
        """One payload of the target in the source's terms."""
        found: Payload = {}
        spread: Payload = {}
        for key, value in payload.items():
            plan = self._fields.get(key)
            if key == LENGTHS and self._plan.lengths:
                continue
            if plan is not None:
                found[plan.source] = _decoded(plan, value)
            elif key in self._undeclared and value is None:
                continue  # a column of the target that this record never had
            elif self._spread is not None:
                spread[key] = value
            else:
                found[key] = value
        if self._spread is not None and spread:
            found[self._spread] = spread
        if self._place is not None:
            found.pop(PARTITION, None)
        if self._plan.spelled and not is_ours(found.pop(SPARSE, None), self._plan.spelled):
            raise StoreBroken(f"what stands under {SPARSE!r} of the target cannot be read back")
        if self._relayout is not None:
            found = self._relayout.backward(found, source_id)
        return found if self._editor is None else self._editor.backward(found)

    # Questions.

    def query(self, query: Query) -> Query:
        """A search in the target's terms. Raises Unsupported for a filter that does not translate."""
        where = None if query.filter is None else self.filter(query.filter)
        if query.words is not None:
            if not speaks_alike(self._plan, self._source, query.words.dialect):
                raise foreign_words(query.words)
            return replace(query, filter=where)
        using = next(
            (one.target for one in self._plan.vectors if one.source == query.using and one.kept), None
        )
        if any(one.source == query.using for one in self._plan.spelled):
            raise Unsupported(f"vector {query.using!r} is kept as JSON by the target, which cannot search it")
        if using is None:
            raise Unsupported(f"there is no vector {query.using!r}")
        return replace(query, using=using, filter=where)

    def filter(self, condition: Filter) -> Filter:  # noqa: C901, PLR0911 one arm a case
        """A filter in the target's terms. Raises Unsupported where it would mean something else there."""
        match condition:
            case Compare(path, comparison, value):
                return self._compare(path, comparison, value)
            case In(path, values):
                compared = [self._compare(path, Comparison.EQ, value) for value in values]
                return In(compared[0].path, tuple(one.value for one in compared)) if compared else Or(())
            case Exists(path):
                path = self._laid(path)
                renamed = self._path(path)[0]
                if path[0] in self._declared - {self._spread} or renamed[0] in self._columns_there:
                    raise Unsupported(f"whether a record has the key {path[0]!r} is not kept by the target")
                return Exists(renamed)
            case IsNull(path):
                return IsNull(self._path(self._laid(path))[0])
            case HasId(ids):
                return HasId(tuple(self.target_id(one) for one in ids))
            case Not(item):
                return Not(self.filter(item))
            case And(items):
                return And(tuple(map(self.filter, items)))
            case Or(items):
                return Or(tuple(map(self.filter, items)))
            case Native(dialect, _, alike):
                known = speaks_alike(self._plan, self._source, dialect) if alike else self._as_named
                if not known:
                    raise foreign_words(condition)
                return condition

    def _laid(self, path: Path) -> Path:
        """Where the target's layout has what the source's has at a path."""
        if self._editor is not None:
            self._editor.looked_into(path)
        return path if self._relayout is None else self._relayout.path(path)

    def _path(self, path: Path) -> tuple[Path, FieldPlan | None]:
        """Where the target keeps what is at a path, and the plan of its field if it has one."""
        if path[0] == self._spread:
            if len(path) == 1:
                raise Unsupported(f"field {path[0]!r} is spread over several")
            return self._unplanned(path[1:]), None
        if (path[0] == LENGTHS and self._plan.lengths) or (path[0] == SPARSE and self._plan.spelled):
            raise Unsupported(f"the payload key {path[0]!r} is ours")
        plan = self._forward.get(path[0])
        if plan is None:
            if self._spread is not None:
                raise Unsupported(f"field {path[0]!r} cannot be told from the keys of {self._spread!r}")
            return self._unplanned(path), None
        if not plan.kept:
            raise Unsupported(f"field {path[0]!r} was left behind")
        if len(path) > 1 and plan.conversion not in _OPEN:
            raise Unsupported(f"field {path[0]!r} is converted ({plan.reason}) and cannot be looked into")
        return (plan.target, *path[1:]), plan

    def _unplanned(self, path: Path) -> Path:
        if path[0] in self._fields:
            raise Unsupported(f"{path[0]!r} is the target's name of {self._fields[path[0]].source!r}")
        return path

    def _compare(self, path: Path, comparison: Comparison, value: Any) -> Compare:
        laid = self._laid(path)
        if self._editor is not None:
            equality = comparison in (Comparison.EQ, Comparison.NE)
            value = self._editor.compared(path[0], value, equality=equality)
        path = laid
        renamed, plan = self._path(path)
        if plan is None or not plan.conversion:
            return Compare(renamed, comparison, value)
        equality = comparison in (Comparison.EQ, Comparison.NE)
        if plan.conversion not in _COMPARABLE or not equality or len(path) > 1:
            raise Unsupported(f"field {path[0]!r} is converted ({plan.reason}) and cannot be compared so")
        conversion = CONVERSIONS[plan.conversion]
        with suppress(ValueError, TypeError):
            encoded = conversion.encode(value)
            if type(conversion.decode(encoded)) is type(value):
                return Compare(renamed, comparison, encoded)
        raise Unsupported(f"field {path[0]!r} cannot be compared with {value!r}: {plan.reason}")


def _decoded(plan: FieldPlan, value: Any) -> Any:
    if value is None or not plan.conversion:
        return value
    try:
        return CONVERSIONS[plan.conversion].decode(value)
    except (ValueError, TypeError, ArithmeticError) as error:
        raise StoreBroken(f"field {plan.target!r} of the target cannot be read back: {error}") from None
