"""What the demonstration measured, and whether that proves anything. Plain values; nothing here is measured."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Leg:
    """One migration and what was measured of it."""

    source: str
    target: str
    records: int
    copied: int
    """Rows that the target's own client counts, those of others left out."""
    resumed_after_kill: bool
    """The kill hit while some records were copied and some were not, and the copy was then finished."""
    missing: int
    extra: int
    mismatched: int
    min_cosine: float | None
    seconds: float

    @property
    def ok(self) -> bool:
        clean = self.missing == self.extra == self.mismatched == 0
        near = self.min_cosine is not None and self.min_cosine >= 0.999
        return self.resumed_after_kill and self.copied == self.records > 0 and clean and near


@dataclass(frozen=True, slots=True)
class Undone:
    """What the target's own client sees after the rollback."""

    left: int
    foreign_changed: int


@dataclass(frozen=True, slots=True)
class Lived:
    """The live leg, as the application and the target's own client saw it."""

    writes_acknowledged: int
    writes_lost: int
    stale: int
    resurrected: int
    cutover_hold_ms: float
    revert_hold_ms: float
    left: int
    """Records of ours in the target after the rollback."""

    @property
    def ok(self) -> bool:
        wrong = self.writes_lost + self.stale + self.resurrected + self.left
        return self.writes_acknowledged > 0 and wrong == 0


@dataclass(slots=True)
class Outcome:
    """What the demonstration proved, or how far it came."""

    legs: list[Leg] = field(default_factory=list)
    rollback: Undone | None = None
    live: Lived | None = None
    problems: list[str] = field(default_factory=list)
    seconds: float = 0.0

    @property
    def ok(self) -> bool:
        undone = self.rollback == Undone(0, 0)
        moved = len(self.legs) == 2 and all(leg.ok for leg in self.legs)
        return not self.problems and moved and undone and self.live is not None and self.live.ok

    def document(self) -> dict[str, Any]:
        """The JSON document."""
        rollback = asdict(self.rollback) if self.rollback else None
        live = (
            {key: value for key, value in asdict(self.live).items() if key != "left"} if self.live else None
        )
        legs = [asdict(leg) for leg in self.legs]
        return {"legs": legs, "live": live, "rollback": rollback, "ok": self.ok}

    def conclusion(self) -> str:
        """The same for people."""
        if not self.ok:
            return "\n".join(
                [f"Not proved ({self.seconds:.0f} s).", *(f"  {problem}" for problem in self.problems)]
            )
        copied = sum(leg.copied for leg in self.legs)
        assert self.live is not None
        return (
            f"Proved in {self.seconds:.0f} s: {copied:,} records moved in two legs, each killed and resumed; nothing missing,\n"
            "extra or different; all of it taken back, and nothing of anybody else's changed. A live collection moved\n"
            f"under {self.live.writes_acknowledged:,} acknowledged writes, there and back: none lost, none stale."
        )
