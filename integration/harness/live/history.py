"""What clients asked and were told, and whether any order of their writes explains what a database holds.

An id is two registers: `number`, which an upsert sets and a delete empties, and `patch`, which a partial update sets and
both of those empty. Values are unique, so a value names its write. Short enough to be decided at sight: the last upsert or
delete must be one that no other, known to be applied, came wholly after; and the patch one that fits behind it likewise.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum

Held = tuple[int, int | None]
"""Number and patch of a record that is there."""

_NEVER = float("-inf")


class Kind(Enum):
    """What a write does to an id."""

    UPSERT = "upsert"
    PATCH = "patch"
    DELETE = "delete"


@dataclass(eq=False, slots=True)
class Attempt:
    """One write of one id."""

    kind: Kind
    value: int | None
    began: float
    ended: float = float("inf")
    outcome: str = "info"
    """"ok", "fail" (not applied), or "info": nobody knows, and it may still be applied."""


@dataclass
class History:
    """All writes by id, since `initial`."""

    initial: dict[int, Held]
    by_id: dict[int, list[Attempt]] = field(default_factory=dict)
    acknowledged: int = 0
    unknown: int = 0

    def begin(self, one: int, kind: Kind, value: int | None, at: float) -> Attempt:
        """A write leaves."""
        attempt = Attempt(kind, value, at)
        self.by_id.setdefault(one, []).append(attempt)
        return attempt

    def end(self, attempt: Attempt, outcome: str, at: float) -> None:
        """It was answered, or never will be."""
        attempt.outcome = outcome
        if outcome != "info":
            attempt.ended = at
        self.acknowledged += outcome == "ok"
        self.unknown += outcome == "info"

    def unexplained(self, found: dict[int, Held]) -> list[tuple[int, Held | None, str]]:
        """Ids whose state no order of the writes explains, with what they hold and why not."""
        return [
            (one, found.get(one), why)
            for one in sorted(self.by_id.keys() | self.initial.keys() | found.keys())
            if (why := self._wrong(one, found.get(one)))
        ]

    def _wrong(self, one: int, held: Held | None) -> str:
        attempts = [attempt for attempt in self.by_id.get(one, []) if attempt.outcome != "fail"]
        whole = [attempt for attempt in attempts if attempt.kind is not Kind.PATCH]
        value = None if held is None else held[0]
        wrote = [attempt for attempt in whole if attempt.value == value]
        first = self.initial.get(one)
        if value == (None if first is None else first[0]):
            wrote.append(Attempt(Kind.UPSERT, value, _NEVER, _NEVER, "ok"))
        latest = max((attempt.began for attempt in whole if attempt.outcome == "ok"), default=_NEVER)
        last = [attempt for attempt in wrote if latest <= attempt.ended]
        if not last:
            return f"a write that is known to be applied came wholly after {value}"
        if held is None:
            return ""
        patches = [attempt for attempt in attempts if attempt.kind is Kind.PATCH]
        initial = first[1] if first is not None and last[-1].began == _NEVER else None
        return "" if any(_patched(held[1], initial, base, patches) for base in last) else "a patch is lost"


def _patched(value: int | None, initial: int | None, base: Attempt, patches: list[Attempt]) -> bool:
    """Whether this patch can stand behind this whole write."""
    sure = max(
        (one.began for one in patches if one.outcome == "ok" and one.began > base.ended), default=_NEVER
    )
    if value == initial and sure == _NEVER:
        return True
    return any(one.value == value and one.ended >= max(base.began, sure) for one in patches)
