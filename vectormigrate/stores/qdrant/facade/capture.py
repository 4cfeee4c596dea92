"""What a write may change, read out of its request before it leaves; always enough, and more where that is cheaper.

Until the cutover a filter stays in Qdrant's own words, which Qdrant understands best; afterwards it is translated, and
what cannot be is left out: the store that has the records could not be asked for it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import msgspec

from vectormigrate.model.filter import Filter, Native
from vectormigrate.model.record import RecordId
from vectormigrate.model.touch import Ids, Matching, Scope, Touch, Unknown, Whole
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.qdrant.filters import DIALECT, EVERYTHING, superset
from vectormigrate.stores.qdrant.wire.changes import (
    CHANGES,
    Change,
    Delete,
    RawFilter,
    Selected,
    Strange,
    UpdateVectors,
    Upsert,
    read_changes,
    without_numbers,
)

from .endpoints import Found

_TUNING = frozenset({"create_collection", "update_collection", "create_index", "delete_index"})
"""What changes no record and no answer but its speed: making what is there already is refused by Qdrant."""
_WHOLE = {
    "delete_collection": Scope.DROP,
    "create_vector": Scope.SHAPE,
    "delete_vector": Scope.SHAPE,
    "create_shard_key": Scope.SHAPE,
}


@dataclass(frozen=True, slots=True)
class Captured:
    """What a write may change, by collection, and what it asks for if that had to be read to know."""

    touched: Mapping[str, Sequence[Touch]]
    changes: Sequence[Change] = ()


def capture(found: Found, what: str, body: bytes, concerned: Sequence[str], *, native: bool) -> Captured:
    """What a REST write may change: all that is `concerned` if it is about no collection. `what` is its method and path,
    `native` says that the primary is Qdrant.

    Raises ValueError for a body that cannot be read.
    """
    route, collection = found.route, found.collection
    if route.operation in CHANGES:
        assert collection is not None
        changes = read_changes(route.operation, without_numbers(body))
        if any(_filter_of(change) is not None for change in changes):
            changes = read_changes(route.operation, body)
        return Captured({collection: touches_of(changes, native=native)}, changes)
    if route.operation == "change_aliases":
        return Captured({name: (Whole(Scope.ALIAS),) for name in read_aliased(body)})
    names = concerned if collection is None else (collection,)
    return Captured(dict.fromkeys(names, whole(route.operation, route.decision, what)))


def whole(operation: str, decision: Decision, what: str) -> tuple[Touch, ...]:
    """What an operation that names no points may change."""
    if operation in _TUNING:
        return ()
    if operation in _WHOLE:
        return (Whole(_WHOLE[operation]),)
    return (Whole(Scope.RESTORE) if decision is Decision.REFUSE else Unknown(what),)


def touches_of(changes: Iterable[Change], *, native: bool) -> tuple[Touch, ...]:
    """What changes touch: the ids of all of them together, those that go apart, and a predicate for each filter."""
    kept: dict[bool, dict[RecordId, None]] = {False: {}, True: {}}
    others: list[Touch] = []
    for change in changes:
        removes = isinstance(change, Delete)
        match change:
            case Strange(what):
                others.append(Unknown(f"batch operation {what}"))
            case Upsert(ids=ids) | UpdateVectors(ids=ids):
                kept[False].update(dict.fromkeys(ids))
            case _:
                kept[removes].update(dict.fromkeys(change.points.ids or ()))
                if change.points.filter is not None:
                    others.append(Matching(_filter(change.points.filter, native), removes))
    return (*(Ids(tuple(ids), removes) for removes, ids in kept.items() if ids), *others)


def _filter_of(change: Change) -> RawFilter | None:
    points = getattr(change, "points", None)
    return points.filter if isinstance(points, Selected) else None


def _filter(given: RawFilter, native: bool) -> Filter | None:
    if native:
        return Native(DIALECT, given)
    try:
        where, exact = superset(given)
    except (ValueError, LookupError, TypeError, AttributeError):
        return None  # of a filter that is none, nothing comes either: the store's answer will say so
    return where if exact or where != EVERYTHING else None


class _Action(msgspec.Struct):
    collection_name: str | None = None
    alias_name: str | None = None
    old_alias_name: str | None = None
    new_alias_name: str | None = None


class _Actions(msgspec.Struct):
    actions: list[dict[str, _Action]]


def read_aliased(body: bytes) -> list[str]:
    """Every name that a change of aliases concerns, aliases and collections. Raises ValueError."""
    try:
        actions = msgspec.json.decode(body, type=_Actions).actions
    except (msgspec.DecodeError, RecursionError) as error:
        raise ValueError(str(error)) from None
    given = [
        name
        for action in actions
        for one in action.values()
        for name in (one.collection_name, one.alias_name, one.old_alias_name, one.new_alias_name)
        if name is not None
    ]
    return list(dict.fromkeys(given))
