"""What an expression means for the records of a collection; and as much of it as the model's own filters can say.

A predicate has the three values of Milvus: what is asked of null is neither true nor false, and `not` leaves it so.
`superset` is a filter that every matching record meets, and says whether it is met by no other; where it is not,
`holds` decides record by record. Over JSON that is the rule: there the model finds elements of lists, Milvus does not.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from vectormigrate.model.collection import IdKind
from vectormigrate.model.filter import And, Compare, Comparison, Exists, Filter, HasId, In, IsNull, Not, Or
from vectormigrate.model.record import Payload, RecordId

from .expressions import (
    Among,
    Beyond,
    Both,
    Compared,
    Contains,
    Either,
    Expression,
    Leaf,
    Length,
    Like,
    Negation,
    Null,
    Ref,
)
from .schema import Column, DataType, Layout, is_vector
from .tokens import ExpressionInvalid
from .truths import ORDERED, all_of, computed, found_at, leaf_truth, opposite, stored

EVERYTHING = And(())

_INTS = frozenset({DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64})
_NUMBERS = _INTS | {DataType.Float, DataType.Double}
_TEXTS = frozenset({DataType.VarChar, DataType.String, DataType.Text})
_PLAIN = _NUMBERS | _TEXTS | {DataType.Bool}
_OPPOSITE = {
    Comparison.EQ: Comparison.NE,
    Comparison.NE: Comparison.EQ,
    Comparison.GT: Comparison.LTE,
    Comparison.GTE: Comparison.LT,
    Comparison.LT: Comparison.GTE,
    Comparison.LTE: Comparison.GT,
}


@dataclass(frozen=True, slots=True)
class Bounds:
    """Keys above `lower` up to `upper`; None for no bound."""

    lower: RecordId | None = None
    upper: RecordId | None = None


class Predicate:
    """One expression over one collection."""

    def __init__(self, expression: Expression, layout: Layout, *, ordered: bool = False) -> None:
        """`ordered` says that records can be read in the order of their keys, so that bounds need not be looked at one
        by one. Raises ExpressionInvalid for what does not fit the collection, Beyond for what only Milvus knows.
        """
        self._layout = layout
        self._columns = {column.name: column for column in (*layout.fields, *layout.vectors)}
        self._check(expression)
        self.bounds = Bounds()
        self._root = self._bounded(expression) if ordered else expression

    @property
    def ids(self) -> tuple[RecordId, ...] | None:
        """The keys that it lists, in that order and each once, if that is all that it does."""
        match self._root:
            case Among(ref, values) if self._is_key(ref) and self.bounds == Bounds():
                return tuple(dict.fromkeys(values))
            case Compared(ref, Comparison.EQ, value) if self._is_key(ref) and self.bounds == Bounds():
                return (value,)
        return None

    def superset(self) -> tuple[Filter, bool]:
        """A filter that every record within `bounds` meets which matches, and whether no other does."""
        return self._superset(self._root, negated=False)

    def holds(self, record_id: RecordId, payload: Payload) -> bool:
        """Whether a record within `bounds` matches."""
        return self._truth(self._root, record_id, payload) is True

    # What fits the collection.

    def _check(self, node: Expression) -> None:
        match node:
            case Negation(item):
                self._check(item)
            case Both(items) | Either(items):
                for item in items:
                    self._check(item)
            case _:
                self._check_leaf(node)

    def _check_leaf(self, leaf: Leaf) -> None:
        column = self._column(leaf.ref)
        if column is None or column.type == DataType.JSON or isinstance(leaf, Null):
            return
        kind = column.element if column.type == DataType.Array and leaf.ref.path else column.type
        if leaf.ref.step is not None and kind not in _NUMBERS:
            raise ExpressionInvalid(f"field {column.name!r} is no number, and nothing can be computed of it")
        match leaf:
            case Compared(value=value) if not isinstance(value, list):
                self._check_value(column, kind, value)
            case Among(values=values):
                for value in values:
                    self._check_value(column, kind, value)
            case Like():
                self._check_value(column, kind, "")
            case Contains(values=values):
                for value in values:
                    self._check_value(column, column.element, value)
            case Length() if column.type != DataType.Array:
                raise ExpressionInvalid(f"field {column.name!r} is no array")

    @staticmethod
    def _check_value(column: Column, kind: int, value: Any) -> None:
        fits = (
            (isinstance(value, bool) and kind == DataType.Bool)
            or (isinstance(value, str) and kind in _TEXTS)
            or (isinstance(value, int | float) and not isinstance(value, bool) and kind in _NUMBERS)
        )
        if kind and kind not in _PLAIN and kind != DataType.Array:
            raise Beyond(f"a filter over field {column.name!r}, whose type is compared by Milvus alone,")
        if not fits:
            raise ExpressionInvalid(f"field {column.name!r} and {value!r} are of different types")

    def _column(self, ref: Ref) -> Column | None:
        """The declared column of a reference; None for a dynamic key. Raises ExpressionInvalid."""
        if self._names_key(ref):
            return self._layout.key
        column = self._columns.get(ref.name)
        if column is None:
            if not self._layout.dynamic:
                raise ExpressionInvalid(f"field {ref.name} not exist")
            return None
        if is_vector(column):
            raise ExpressionInvalid(f"field {ref.name!r} is a vector, and a filter cannot look into one")
        deepest = {DataType.JSON: len(ref.path), DataType.Array: 1}.get(column.type, 0)
        if len(ref.path) > deepest or (column.type == DataType.Array and any(map(_is_text, ref.path))):
            raise ExpressionInvalid(f"field {ref.name!r} has no such part")
        return column

    def _is_key(self, ref: Ref) -> bool:
        """The key as it stands."""
        return self._names_key(ref) and ref.step is None

    def _names_key(self, ref: Ref) -> bool:
        return ref.name == self._layout.key.name and not ref.path

    # Keys in order.

    def _bounded(self, root: Expression) -> Expression:
        """Take bounds of the key off what must all be true."""
        rest: list[Expression] = []
        for item in root.items if isinstance(root, Both) else (root,):
            bound = self._bound(item)
            if bound is None:
                rest.append(item)
            else:
                self.bounds = _narrowed(self.bounds, bound)
        return rest[0] if len(rest) == 1 else Both(tuple(rest))

    def _bound(self, item: Expression) -> Bounds | None:
        match item:
            case Compared(ref, comparison, value) if self._is_key(ref) and comparison in ORDERED:
                return _bound(comparison, value, whole=self._layout.id_kind is IdKind.INT)
        return None

    # In the model's words.

    def _superset(self, node: Expression, *, negated: bool) -> tuple[Filter, bool]:
        match node:
            case Negation(item):
                return self._superset(item, negated=not negated)
            case Both(items) | Either(items):
                parts = [self._superset(item, negated=negated) for item in items]
                join = And if isinstance(node, Both) is not negated else Or
                exact = all(exact for _, exact in parts)
                return (parts[0][0] if len(parts) == 1 else join(tuple(part for part, _ in parts))), exact
            case _:
                found = self._key_filter(node) if self._is_key(node.ref) else None
                if found is not None:
                    return (Not(found) if negated else found), True
                return self._leaf(node, negated)

    def _key_filter(self, leaf: Leaf) -> Filter | None:
        match leaf:
            case Compared(_, Comparison.EQ, value):
                return HasId((value,))
            case Compared(_, Comparison.NE, value):
                return Not(HasId((value,)))
            case Among(_, values):
                return HasId(values)
            case Null():
                return Or(())
            case _:
                return None

    def _leaf(self, leaf: Leaf, negated: bool) -> tuple[Filter, bool]:
        column = self._column(leaf.ref)
        names = [key for key in (leaf.ref.name, *leaf.ref.path) if isinstance(key, str)]
        by_number = len(names) <= len(leaf.ref.path)
        if by_number or leaf.ref.step is not None or self._is_key(leaf.ref):  # of keys: an order
            return EVERYTHING, False
        path = tuple(names)
        if isinstance(leaf, Null):
            known = And((Exists(path), Not(IsNull(path))))
            return (known if negated else Not(known)), True
        if column is None or column.type == DataType.JSON:
            return (EVERYTHING if negated else _loosely(leaf, path)), False
        found = _exactly(leaf, path, column, negated=negated)
        if found is None:
            return EVERYTHING, False
        # What is null is not even unequal; a comparison that a null cannot pass needs no second look.
        passes_null = negated or (isinstance(leaf, Compared) and leaf.comparison is Comparison.NE)
        if column.nullable and passes_null:
            found = And((found, Exists(path), Not(IsNull(path))))
        return found, True

    # In Milvus' own.

    def _truth(self, node: Expression, record_id: RecordId, payload: Payload) -> bool | None:
        match node:
            case Negation(item):
                found = self._truth(item, record_id, payload)
                return None if found is None else not found
            case Both(items):
                return all_of(self._truth(item, record_id, payload) for item in items)
            case Either(items):
                none = all_of(opposite(self._truth(item, record_id, payload)) for item in items)
                return opposite(none)
            case _:
                held = record_id if self._names_key(node.ref) else found_at(payload, node.ref)
                return leaf_truth(node, computed(held, node.ref), self._columns.get(node.ref.name))


def _is_text(key: str | int) -> bool:
    return isinstance(key, str)


def _bound(comparison: Comparison, value: Any, *, whole: bool) -> Bounds | None:
    if whole and type(value) is int and value > -(2**63):
        match comparison:
            case Comparison.GTE | Comparison.LT:
                return Bounds(lower=value - 1) if comparison is Comparison.GTE else Bounds(upper=value - 1)
            case _:
                return Bounds(lower=value) if comparison is Comparison.GT else Bounds(upper=value)
    if not whole and comparison in (Comparison.GT, Comparison.LTE):
        return Bounds(lower=value) if comparison is Comparison.GT else Bounds(upper=value)
    return None


def _narrowed(one: Bounds, other: Bounds) -> Bounds:
    lower = [bound.lower for bound in (one, other) if bound.lower is not None]
    upper = [bound.upper for bound in (one, other) if bound.upper is not None]
    return Bounds(max(lower, default=None), min(upper, default=None))


def _exactly(leaf: Leaf, path: tuple[str, ...], column: Column, *, negated: bool) -> Filter | None:
    """The filter of a leaf over a declared column that is not null; None where there is none."""
    if column.type == DataType.Array:
        return _of_array(leaf, path, column, negated=negated)
    match leaf:
        case Compared(_, comparison, value):
            comparison = _OPPOSITE[comparison] if negated else comparison
            return Compare(path, comparison, stored(column.type, value))
        case Among(_, values):
            found = In(path, tuple(stored(column.type, value) for value in values))
            return Not(found) if negated else found
        case _:
            return None


def _of_array(leaf: Leaf, path: tuple[str, ...], column: Column, *, negated: bool) -> Filter | None:
    if not isinstance(leaf, Contains):
        return None
    parts = tuple(Compare(path, Comparison.EQ, stored(column.element, value)) for value in leaf.values)
    found: Filter = And(parts) if leaf.every else Or(parts)
    return Not(found) if negated else found


def _loosely(leaf: Leaf, path: tuple[str, ...]) -> Filter:
    """What a value inside JSON must meet at least."""
    match leaf:
        case Compared(_, Comparison.EQ, value) if not isinstance(value, list):
            return Compare(path, Comparison.EQ, value)
        case Among(_, values) | Contains(_, values, every=False) if not any(map(_is_list, values)):
            return In(path, values)
    return EVERYTHING


def _is_list(value: Any) -> bool:
    return isinstance(value, list)
