"""Conditions to a yes, or to the list of noes with their reasons. Pure: what is asked here was measured elsewhere."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from vectormigrate.model.status import GateStatus

_DELETES = "too many records are absent that nobody deleted (`allow-deletes` if they are gone)"

_COMPARED = "no comparison of everything was clean and recent enough (`validate --full` makes one)"


@dataclass(frozen=True, slots=True)
class Limits:
    """What the conditions are held against."""

    debt: int = 10_000
    """Marks that a drain can pay while writes are held."""
    oldest: float = 5.0
    """Seconds."""
    fresh: float = 24 * 3600.0
    """Seconds for which a comparison counts."""
    sampled: bool = False
    """A comparison of some records counts as one of all of them."""
    overlap: float = 0.9
    """Least mean overlap of shadow reads."""
    free_bytes: int = 200 * 2**20


@dataclass(frozen=True, slots=True)
class Conditions:
    """A migration at one moment."""

    copied: bool
    """Every range is done, and the tail check with it."""
    standing: int
    """Page intents that stand."""
    debt: int
    oldest: float
    """Age of the oldest mark, seconds."""
    dead_letters: int
    scopes: int
    """Scope intents that stand or are owed, and one for counts that disagree though nobody wrote."""
    gap: bool
    unresolved: bool
    """Requests that were never answered may still land, or the process has just started."""
    unread: str
    """Why changes that the source notes are not read; empty when they are, or where it notes none."""
    compared_ago: float | None
    """Seconds since the last comparison of everything that was clean; None when there was none, or the last one of any
    kind was not.
    """
    secondary_down: str
    """Why it counts as down; empty when it does not."""
    deletes_stopped: bool
    overlap: float | None
    """Mean overlap of shadow reads; None when there were none."""
    altered: Sequence[str]
    """What the source has that the plan does not know."""
    obstacles: Sequence[str]
    """Why there would be no way back."""
    no_way_back_accepted: bool
    free_bytes: int


@dataclass(frozen=True, slots=True)
class Gate:
    """One condition."""

    name: str
    open: bool
    reason: str = ""


def gates(now: Conditions, limits: Limits = Limits()) -> list[Gate]:
    """All conditions, each open or with the reason why it is not."""
    compared = now.compared_ago is not None and now.compared_ago <= limits.fresh
    noes = {
        "copied": "" if now.copied else "the backfill is not done",
        "pages": _pages(now.standing),
        "debt": f"{now.debt:,} records are owed" if now.debt > limits.debt else "",
        "lag": f"the oldest mark is {now.oldest:.0f} s old" if now.oldest > limits.oldest else "",
        "dead letters": f"{now.dead_letters:,} records were refused" if now.dead_letters else "",
        "scopes": f"{now.scopes} writes of unknown extent are not compared yet" if now.scopes else "",
        "gap": "writes left without a mark, and both sides were not compared since" if now.gap else "",
        "unresolved": "requests that were not answered may still land" if now.unresolved else "",
        "capture": f"changes of the source are not read: {now.unread}" if now.unread else "",
        "compared": "" if compared else _COMPARED,
        "secondary": now.secondary_down,
        "deletes": _DELETES if now.deletes_stopped else "",
        "shape": f"the source has what the plan does not know: {', '.join(now.altered)}"
        if now.altered
        else "",
        "shadow reads": _overlap(now, limits),
        "way back": "" if now.no_way_back_accepted else "; ".join(now.obstacles),
        "disk": "" if now.free_bytes >= limits.free_bytes else "the disk of the state file is nearly full",
    }
    return [Gate(name, not reason, reason) for name, reason in noes.items()]


def _pages(standing: int) -> str:
    if not standing:
        return ""
    return "a page may still be written" if standing == 1 else f"{standing:,} pages may still be written"


def _overlap(now: Conditions, limits: Limits) -> str:
    if now.overlap is None or now.overlap >= limits.overlap:
        return ""
    return f"searches agree in {now.overlap:.0%} of their results"


def statuses(found: Sequence[Gate]) -> tuple[GateStatus, ...]:
    """The same as people are shown it."""
    return tuple(GateStatus(gate.name, gate.open, gate.reason) for gate in found)
