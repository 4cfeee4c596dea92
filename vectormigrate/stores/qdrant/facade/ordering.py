"""Points by the values of a key: numbers, and moments as microseconds since 1970, which Qdrant tells as `order_value`.

Qdrant reads an index for this and refuses a key that has none; here every point is looked at.
"""

from __future__ import annotations

from contextlib import aclosing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from vectormigrate.model.query import Match
from vectormigrate.model.record import Payload
from vectormigrate.stores.base import Content, Store
from vectormigrate.stores.qdrant.wire.meaning import read_moment, values_at
from vectormigrate.stores.qdrant.wire.paths import Path, read_path
from vectormigrate.stores.qdrant.wire.questions import OrderBy

from .matching import Condition, pages
from .problems import wrong_input

UNSCORED = 1.0
"""The score of a point that was found otherwise than by a vector."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def order_value(value: Any) -> int | float | None:
    """What a value is ordered by; None for one that has no place."""
    match value:
        case bool() | None:
            return None
        case int() | float():
            return value
        case datetime():
            moment = value if value.tzinfo else value.replace(tzinfo=UTC)
            return (moment - _EPOCH) // timedelta(microseconds=1)
        case str():
            read = read_moment(value)
            return None if read is None else order_value(read)
        case _:
            return None


class Ordering:
    """The order that an `OrderBy` puts points in."""

    def __init__(self, asked: OrderBy) -> None:
        """Raises ValueError for a key that is none, or a start that has no place."""
        self._path: Path = read_path(asked.key)
        self.descending = asked.descending
        self._start = order_value(asked.start)
        if asked.start is not None and self._start is None:
            raise ValueError(f"start_from: {asked.start!r} is neither a number nor a moment")

    def values(self, payload: Payload) -> list[int | float]:
        """Those of a point that count, each once."""
        found = dict.fromkeys(map(order_value, values_at(payload, self._path)))
        return [one for one in found if one is not None and self._counts(one)]

    def _counts(self, value: float) -> bool:
        if self._start is None:
            return True
        return value <= self._start if self.descending else value >= self._start


@dataclass(frozen=True, slots=True, eq=False)
class Placed(Match):
    """A point, and the value that gave it its place."""

    value: int | float = 0


async def by_value(
    store: Store, collection: str, asked: OrderBy, chosen: Condition, limit: int
) -> list[Placed]:
    """The first points by a key's values. Raises Problem."""
    try:
        ordering = Ordering(asked)
    except ValueError as error:
        raise wrong_input(str(error)) from None
    found: list[Placed] = []
    async with aclosing(pages(store, collection, chosen, content=Content.PAYLOAD)) as batches:
        async for batch in batches:
            for one, payload in zip(batch.ids, batch.payload, strict=True):
                found += [Placed(one, UNSCORED, value=value) for value in ordering.values(payload)]
            found.sort(key=lambda placed: placed.value, reverse=ordering.descending)
            del found[limit:]
    return found
