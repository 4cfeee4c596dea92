"""What clients asked and were told, and whether any order of their writes explains what a database holds.

Values are unique, so a value names its write. A value is explained by a write that no other write, known to be applied,
came wholly after.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(eq=False)
class Operation:
    """One write of one id."""

    one: int
    value: int | None
    began: float
    ended: float = float("inf")
    outcome: str = "info"
    """"ok", "fail" (not applied), "perhaps" (it may have met no record), or "info": nobody knows."""


@dataclass
class History:
    """All writes by id."""

    by_id: dict = field(default_factory=dict)
    everywhere: list = field(default_factory=list)
    """Operations that may touch any id."""
    acknowledged: int = 0

    def begin(self, one, value, at):
        """`one` is None for an operation that may touch any id."""
        operation = Operation(one, value, at)
        (self.everywhere if one is None else self.by_id.setdefault(one, [])).append(operation)
        return operation

    def end(self, operation, outcome, at):
        """Told "info", it may be applied at any time."""
        operation.ended = float("inf") if outcome == "info" else at
        operation.outcome = outcome
        self.acknowledged += outcome == "ok"

    def wrong(self, rows, initial):
        """Ids whose value no order of the writes explains."""
        ids = sorted(self.by_id.keys() | initial.keys())
        return [one for one in ids if not self.explains(one, rows.get(one), initial, float("inf"))]

    def explains(self, one, value, initial, began):
        """Whether a read that began then, and ends now, may see this value."""
        told = (*self.by_id.get(one, ()), *self.everywhere)
        applied = [operation for operation in told if operation.outcome != "fail"]
        sure = [operation for operation in applied if operation.outcome == "ok" and operation.ended < began]
        if value == initial.get(one) and not sure:
            return True
        return any(
            not any(later.began > candidate.ended for later in sure if later is not candidate)
            for candidate in applied
            if candidate.value == value
        )
