"""The figures that dual writes go by, and the guards of the protocol. Numbers only: what they rule stands where it is used.

Every guard is on. The simulation takes them out one at a time, to see that it would notice.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Terms:
    """Defaults and their reasons: correctness.md C.22. Seconds unless the name says otherwise."""

    quarantine: float = 60.0
    """T_z: a request that was not answered is applied within this, or never."""
    write_timeout: float = 30.0
    """How long the source may take for a write that is marked: half of the quarantine at most, or what is answered last
    may land behind it when the process that sent it is dead.
    """
    visibility: float = 0.0
    """T_vis: how long an acknowledged write may stay unseen by reads, where no barrier tells."""
    coalesce: float = 0.1
    """A mark waits so long for others before they are replayed together."""
    provisional_after: float = 0.25
    """A hot id is copied without clearing when its mark is this old."""
    replay_batch: int = 200
    """Ids of one replay."""
    replay_concurrency: int = 8
    hint_bytes: int = 64 * 2**20
    """Bytes of payloads kept to spare reading them back."""
    hold_seconds: float = 5.0
    """How long a cutover may hold writes."""
    hold_requests: int = 10_000
    hold_bytes: int = 256 * 2**20
    mark_limit: float = 2.0
    """A mark that takes longer than this opens the gap."""
    fail_closed: bool = False
    """Refuse writes that cannot be marked, instead of letting them pass and comparing later."""
    enumerate_limit: int = 10_000
    """Ids that a predicate is resolved into before it leaves; beyond, both sides are compared later."""
    enumerate_seconds: float = 2.0
    delete_confirmation: float = 5.0
    """An absence that nobody asked for is believed when it is seen again after this."""
    delete_guard: float = 0.05
    """Share of the last replays that may find such an absence before deletes stop."""
    retry_longest: float = 30.0
    """Longest wait between two attempts at the secondary."""
    entries: int = 200_000
    """Ids kept in memory; the rest are in the file."""


@dataclass(frozen=True, slots=True)
class Guards:
    """What the protocol rests on (correctness.md C.7, page-intents.md section 3)."""

    mark_first: bool = True
    generation: bool = True
    in_flight: bool = True
    source_quarantine: bool = True
    target_quarantine: bool = True
    boot_quarantine: bool = True
    slot: bool = True
    delete_absent: bool = True
    fresh_read: bool = True
    judged_at_read: bool = True
    solo_hints: bool = True
    only_replay_clears: bool = True
    intents: bool = True
    """No clear under a standing page intent (P3)."""
    scopes: bool = True
    """No clear under a standing scope intent."""
    enumerate_first: bool = True
    fence: bool = True
    drain: bool = True
