"""Searches by groups: of the nearest records, the first so many with each value of a field, for as many values as are wanted.

Milvus counts groups where a plain search counts records, `offset` too. More is looked at for as long as groups are missing or not full.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from vectormigrate.model.query import Match, Query
from vectormigrate.stores.milvus.wire.schema import Column, DataType, Layout

from .problems import invalid, not_served

_TYPES = frozenset(
    {DataType.Int8, DataType.Int16, DataType.Int32, DataType.Int64, DataType.Bool, DataType.VarChar}
)
_MORE = 4


@dataclass(frozen=True, slots=True)
class Grouping:
    """The field, and how many records of each value."""

    field: str
    size: int = 1


def read_grouping(params: dict[str, Any]) -> Grouping | None:
    """What search parameters say of groups. Raises Problem."""
    field = params.get("group_by_field")
    if not field:
        return None
    if params.get("strict_group_size"):
        raise not_served("groups that must all be full are Milvus' own matter")
    size = int(params.get("group_size") or 1)
    if size < 1:
        raise invalid(f"group_size {size} must be at least 1")
    return Grouping(str(field), size)


def column_of(grouping: Grouping, layout: Layout) -> Column:
    """The field. Raises Problem for one that nothing is grouped by."""
    column = next((one for one in (layout.key, *layout.fields) if one.name == grouping.field), None)
    if column is None:
        raise invalid(f"field {grouping.field!r} not found, and groups go by declared fields")
    if column.type not in _TYPES:
        raise invalid(f"field {grouping.field!r} is {DataType.Name(column.type)}, which groups cannot go by")
    return column


async def in_groups(
    nearest: Callable[[Query], Awaitable[list[Match]]],
    query: Query,
    grouping: Grouping,
    layout: Layout,
    offset: int,
) -> list[Match]:
    """The records of `query.limit` groups, one group after the other, behind the first `offset` of them."""
    groups, limit = query.limit, query.limit * grouping.size
    while True:
        found = await nearest(replace(query, limit=limit))
        made = _made(found, grouping, layout)
        best = made[:groups]
        if len(found) < limit or (len(best) == groups and all(len(one) == grouping.size for one in best)):
            return [match for one in best[offset:] for match in one]
        limit *= _MORE


def _made(found: Sequence[Match], grouping: Grouping, layout: Layout) -> list[list[Match]]:
    groups: dict[Any, list[Match]] = {}
    for match in found:
        group = groups.setdefault(value_of(match, grouping, layout), [])
        if len(group) < grouping.size:
            group.append(match)
    return list(groups.values())


def value_of(match: Match, grouping: Grouping, layout: Layout) -> Any:
    """The value that a match, found with its record, is grouped by."""
    assert match.record is not None, "it was asked for"
    return match.id if grouping.field == layout.key.name else match.record.payload.get(grouping.field)
