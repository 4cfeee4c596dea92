"""What clients asked and were told, and whether any order of their writes explains what the database holds.

Values are unique, so a value names its write. An id's final value must come from a write that no other write, known to
be applied, came wholly after.
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
    """"ok", "fail" (not applied), or "info": nobody knows."""


@dataclass
class History:
    """All writes by id."""

    by_id: dict = field(default_factory=dict)
    acknowledged: int = 0

    def begin(self, one, value, at):
        operation = Operation(one, value, at)
        self.by_id.setdefault(one, []).append(operation)
        return operation

    def end(self, operation, outcome, at):
        """Told "info", it may be applied at any time."""
        operation.ended = float("inf") if outcome == "info" else at
        operation.outcome = outcome
        self.acknowledged += outcome == "ok"

    def wrong(self, rows, initial):
        """Ids whose value no order of the writes explains."""
        found = []
        for one in self.by_id.keys() | initial.keys():
            operations = self.by_id.get(one, [])
            if not self._explained(one, rows.get(one), initial.get(one), operations):
                found.append(one)
        return found

    @staticmethod
    def _explained(one, value, initial, operations):
        applied = [operation for operation in operations if operation.outcome != "fail"]
        sure = [operation for operation in applied if operation.outcome == "ok"]
        if value == initial and not sure:
            return True
        candidates = [operation for operation in applied if operation.value == value]
        return any(
            not any(later.began > candidate.ended for later in sure if later is not candidate)
            for candidate in candidates
        )
