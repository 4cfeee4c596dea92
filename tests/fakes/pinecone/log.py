"""The log of a namespace, and how far each kind of read has seen it."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from dataclasses import dataclass, field


@dataclass
class View:
    """The records up to a place of the log; it only goes on."""

    place: int = 0
    number: int = 0
    held: dict = field(default_factory=dict)
    _order: list[str] | None = None

    def apply(self, number: int, record_id: str, record: dict | None) -> None:
        self.place += 1
        self.number = number
        if (record_id in self.held) is not (record is not None):
            self._order = None
        if record is None:
            self.held.pop(record_id, None)
        else:
            self.held[record_id] = record

    def ids(self, prefix: str, behind: str, most: int) -> list[str]:
        """The first ids of a prefix behind a place, in bytewise order."""
        if self._order is None:
            self._order = sorted(self.held)  # ASCII: the order of bytes is that of letters
        start = max(bisect_left(self._order, prefix), bisect_right(self._order, behind))
        return [one for one in self._order[start : start + most] if one.startswith(prefix)]


class Namespace:
    """What was done to the records of a namespace, in the order of arrival."""

    def __init__(self) -> None:
        self._log: list[tuple[int, float, str, dict | None]] = []
        self._views: dict[str, View] = {}

    def add(self, entries: list[tuple[str, dict | None]], at: float) -> int:
        """One write; the number of it."""
        number = self._log[-1][0] + 1 if self._log else 1
        self._log += [(number, at, *entry) for entry in entries or [("", None)]]
        return number

    def seen(self, kind: str, before: float = math.inf) -> View:
        """What a kind of read sees of all that was written until then."""
        view = self._views.setdefault(kind, View())
        while view.place < len(self._log) and self._log[view.place][1] <= before:
            number, _, record_id, record = self._log[view.place]
            view.apply(number, record_id, record)
        return view

    def records(self) -> dict:
        """What is there."""
        return self.seen("now").held
