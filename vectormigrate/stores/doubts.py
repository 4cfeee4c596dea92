"""Deletes of a moved record that were not answered: where one may still land, the record must not be put back meanwhile.

A record moves by a write to its new place and a delete at its old one. A delete that lands late takes away whatever stands
there by then, a newer record too, which no order of the writes explains. So nothing is put where it may land before it no longer
can. Only of a store that an application writes to: elsewhere whoever writes waits for that anyway, and writes again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Sequence

from vectormigrate.model.errors import Throttled
from vectormigrate.model.record import RecordId, id_text


class Doubts:
    """Those of one process."""

    def __init__(self) -> None:
        self._quarantine = 0.0
        self._places: dict[tuple[RecordId, str], float] = {}
        """Where a delete of an id may land, and until when."""
        self._before: frozenset[RecordId] | None = frozenset()
        """Ids of which an earlier process may have left one, wherever; None for any."""
        self._before_until = 0.0

    def lead(self, quarantine: float, unsure: Sequence[RecordId] | None) -> None:
        """See `Store.lead`."""
        self._quarantine = quarantine
        self._places.clear()
        self._before = None if unsure is None else frozenset(unsure)
        self._before_until = self._now() + quarantine

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()

    def note(self, ids: Iterable[RecordId], place: str) -> None:
        """A delete of these was sent there, and what came of it is not known."""
        if not self._quarantine:
            return
        now = self._now()
        self._places = {one: until for one, until in self._places.items() if until > now}
        self._places.update(dict.fromkeys(((one, place) for one in ids), now + self._quarantine))

    @property
    def standing(self) -> bool:
        """Whether there may be any."""
        return bool(self._quarantine and (self._places or self._before is None or self._before))

    def of_before(self, record_id: RecordId) -> float:
        """Seconds for which one of an earlier process may land yet; 0 for none."""
        if not self._quarantine or not (self._before is None or record_id in self._before):
            return 0.0
        return max(0.0, self._before_until - self._now())

    def left(self, record_id: RecordId, places: Iterable[str]) -> float:
        """Seconds for which one may land in any of these; 0 for none."""
        return max([self.of_before(record_id), *(self._there(record_id, place) for place in places)])

    def _there(self, record_id: RecordId, place: str) -> float:
        until = self._places.get((record_id, place))
        return 0.0 if until is None else max(0.0, until - self._now())

    def check(self, record_id: RecordId, place: str, *, there: bool) -> None:
        """Raise Throttled where it must not be put yet. `there`: it is in this place, and nowhere else."""
        left = self._there(record_id, place)
        if not there:
            left = max(left, self.of_before(record_id))
        if left > 0:
            raise Throttled(
                "a request that moved this record was never answered, and may land yet: it cannot move again before",
                hint="the same write succeeds a little later",
                ids=(id_text(record_id)[:200],),
                retry_after=left,
            )
