"""One id, as bytes: what each byte means, which guards there are, and what a scenario may contain.

The surprise: there is no generation. All that is ever asked of it is "the same as when I began?", so each one who
would remember a generation has a byte that says so, and whatever raises the generation takes it away. Likewise a
quarantine is no span of time: it may end when nothing of what it waits for is left in the network, which is all that
a bound on late requests promises.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum

# Values of the record: 0 is absent, 1 is what the source held first, 2 and 3 are what the first and the second client
# set, with PATCHED added by a partial update. Somebody's wrong record in the target is FOREIGN.
PATCHED = 4
FOREIGN = 9
Moves = list[tuple[str, bytes]]
"""What can happen next: name and state after it."""

BIT = [1 << value for value in range(8)]
VALUES = [[value for value in range(8) if mask >> value & 1] for mask in range(256)]
"""By a set of values, as bits: its members."""

# The bytes. First what is durable or outside, then memory of the daemon, then the budgets.
(
    SOURCE,
    SEEN,  # the values that a stale read may return, as bits: all since the last one known visible
    TARGET,
    MARK,  # the row of the journal: see Mark
    AHEAD,  # the row of what replays wrote beyond the cursor
    RANGE,  # FRESH, DONE or AGAIN
    LAPSED,  # whether a lapsed row of the page is kept
    ZOMBIE_1,  # replays' writes that nobody waits for: value + 1, the larger first
    ZOMBIE_2,
    ZOMBIE_3,
    BOOT,  # quarantine of the whole process
    SOURCE_UNSURE,  # a write to the source was not answered
    TARGET_UNSURE,  # a replay was not answered
    HINT,  # value + 1
    OP_1,  # stage of a client's operation
    OP_1_NEWEST,  # 0: a generation came after it; 1: none did; SOLO: and no other write overlapped it
    OP_2,
    OP_2_NEWEST,
    REPLAY_1,  # four bytes: stage, value, may clear, generation still the same
    REPLAY_1_VALUE,
    REPLAY_1_CLEARS,
    REPLAY_1_SAME,
    REPLAY_2,  # only if replays are not kept apart by a slot
    REPLAY_2_VALUE,
    REPLAY_2_CLEARS,
    REPLAY_2_SAME,
) = range(26)
PAGE_1, PAGE_2 = 26, 33  # seven bytes each: see WORKER and on
KILLS, SOURCE_LOSSES, TARGET_LOSSES, PAGE_LOSSES, DEATHS, LEASES, MARKS, SCANS, SIZE = range(40, 49)
OPS = (OP_1, OP_2)
NEWEST = 1
REPLAYS = (REPLAY_1, REPLAY_2)
VALUE, CLEARS, SAME = 1, 2, 3
PAGES = (PAGE_1, PAGE_2)
# Of a page, from its first byte: stage of its worker; its intent; whether the lease is valid; the value read; the
# values that a read may still return, as bits; writes in the network that nobody waits for; whether an attempt was
# not answered.
WORKER, INTENT, LEASE, READ, READABLE, ADRIFT, UNSURE = range(7)
ZOMBIES = (ZOMBIE_1, ZOMBIE_2, ZOMBIE_3)

FRESH, DONE, AGAIN = range(3)
SOLO = 2


class Op:
    """Stages of a client's operation."""

    IDLE, REGISTERED, MARKED, SENT, APPLIED, OVER, ADRIFT = range(7)


class Mark:
    """States of the row of the journal. A clear is decided, and committed later: GOING, or GOING_AHEAD if AHEAD is
    to be written with it. Until then the row is there, and a kill brings it back."""

    NONE, STANDS, GOING, GOING_AHEAD = range(4)


class Replay:
    """Stages of a replay."""

    IDLE, READ, SENT, APPLIED = range(4)


class Worker:
    """Stages of the worker of a page. CLOSING is the daemon's, between two transactions that should be one."""

    NONE, LISTED, GRANTED, READ, SENT, APPLIED, ANSWERED, UNANSWERED, CLOSING = range(9)


class Intent:
    """States of the row of a page. Which have lapsed is one byte for all: LAPSED."""

    NONE, STANDS, INHERITED = range(3)


class Guard(StrEnum):
    """What keeps the copy right. The value says what is done; each can be left out."""

    # For writes and replays.
    MARK_FIRST = "mark durable before the source write"
    GENERATION = "clear only at the generation read"
    IN_FLIGHT = "clearing read waits for writes in flight"
    SOURCE_QUARANTINE = "source-side quarantine"
    TARGET_QUARANTINE = "target-side quarantine"
    BOOT_QUARANTINE = "boot quarantine"
    CLEARED_IS_UNMARKED = "a mark whose clear is decided does not count as durable"
    SLOT = "slot between replays"
    ABSENT_DELETES = "absent in the source means delete"
    FRESH_READ = "clearing read is fresh"
    JUDGED_AT_READ = "quarantine judged at the read"
    SOLO_HINTS = "hint only if solo"
    NO_HINT_IN_QUARANTINE = "no hint of a write that began in a quarantine"
    ONLY_REPLAYS_CLEAR = "only a replay clears"
    # For pages.
    INTENT_BEFORE_READ = "P1: intent before the read"
    INTENT_DURABLE = "P1: intent durable"
    NO_CLEAR_UNDER_INTENT = "P3: no clear under a standing intent"
    INTENT_JUDGED_EARLY = "P3: judged before the send, not at the clear"
    PAGE_WAITS = "P2: the page waits until what was acknowledged is visible"
    CLOSE_AFTER_ANSWERS = "P6: close after the answers"
    EVERY_ATTEMPT = "P6: every attempt answered, not only every item"
    REPORT_NAMES_ATTEMPT = "P6: a report names its attempt"
    LEASE_OBEYED = "P5: a worker without lease sends nothing"
    LEASE_AWAITED = "P8: no lapse before the lease ends"
    LEASE_AWAITED_AFTER_START = "P8: nor after a restart"
    LAPSE_QUARANTINE = "P8: nor while a write may be in the network"
    LAPSE_COPIES_AGAIN = "P8: a lapsed page is copied again"
    LAPSED_ROW_STAYS = "P8: a lapsed row stays"
    ONE_TRANSACTION = "P7: row and cursor in one transaction"


SET, DELETE, PATCH = "set", "delete", "partial update"


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Who takes part, and how often each fault may happen."""

    writers: tuple[str, ...]
    kills: int = 0
    source_losses: int = 0
    """Lost answers of the source."""
    target_losses: int = 0
    """Lost answers to replays."""
    page_losses: int = 0
    """Lost answers to pages."""
    deaths: int = 0
    """Workers that die; always noticed only by the end of the lease."""
    leases: int = 0
    """Leases that end under a living worker."""
    marks: int = 0
    """Marks by a reconciler, on no write."""
    scans: int = 0
    """Ranges copied once more after they were done."""
    in_process: bool = False
    """Pages are copied by the daemon and die with it."""
    two_at_once: bool = False
    """A second intent may be granted beside the first."""
    lists: bool = False
    """Pages are lists of ids: list, then intent, then fetch."""
    skips_marked: bool = False
    """A page leaves out what was marked when its intent was committed."""
    cursor_first: bool = False
    """The cursor moves in a transaction of its own, before the row goes."""
    copies: bool = True
    """Settled states that are not equal are looked for."""
    ownership: bool = True
    """Records in the target that no table owns are looked for."""
    rejections: bool = True
    hints: bool = True
    barriers: bool = True
    """A clearing read may be behind a barrier, so that it need not wait."""
    page_waits: bool = True
    """First form of P2. Without it, hints and barriers must be off (the second form)."""
    judged: str = "read"
    """When P3 is judged: "read" or "send"."""
    initial: int = 1
    foreign: bool = False
    """The target holds a wrong record before."""
    without: frozenset[Guard] = field(default=frozenset())

    def start(self) -> bytes:
        """The state before anything happened."""
        state = bytearray(SIZE)
        state[SOURCE] = self.initial
        state[SEEN] = BIT[self.initial]
        state[TARGET] = FOREIGN if self.foreign else 0
        for at in OPS[len(self.writers) :]:
            state[at] = Op.OVER
        budgets = (self.kills, self.source_losses, self.target_losses, self.page_losses)
        budgets += (self.deaths, self.leases, self.marks, self.scans)
        state[KILLS:SIZE] = bytes(budgets)
        return bytes(state)
