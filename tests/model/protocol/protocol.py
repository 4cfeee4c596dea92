"""The protocol of one id, put together; kills and the reconciler; what is wrong and what is settled."""

from __future__ import annotations

from .clients import Clients, mark, raise_generation
from .pages import Pages, leaves
from .replays import Replays, set_adrift
from .state import (
    ADRIFT,
    AHEAD,
    BOOT,
    DONE,
    HINT,
    INTENT,
    KILLS,
    LAPSED,
    MARK,
    MARKS,
    OPS,
    PAGES,
    RANGE,
    REPLAYS,
    SOURCE,
    SOURCE_UNSURE,
    TARGET,
    TARGET_UNSURE,
    VALUE,
    WORKER,
    ZOMBIE_1,
    Guard,
    Intent,
    Mark,
    Moves,
    Op,
    Replay,
    Scenario,
    Worker,
)

AFTER_KILL = {
    Op.IDLE: Op.IDLE,
    Op.REGISTERED: Op.OVER,
    Op.MARKED: Op.OVER,
    Op.SENT: Op.ADRIFT,
    Op.APPLIED: Op.OVER,
    Op.OVER: Op.OVER,
    Op.ADRIFT: Op.ADRIFT,
}
OP_AT_REST = frozenset((Op.IDLE, Op.OVER))


class OneId:
    """A model for `explore`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._rooms = (Clients(scenario).moves, Replays(scenario).moves, Pages(scenario).moves)
        self._copies = scenario.copies
        self._ownership = scenario.ownership and not scenario.foreign
        self._in_process = scenario.in_process
        self._boot = int(Guard.BOOT_QUARANTINE not in scenario.without)
        self._durable = Guard.INTENT_DURABLE not in scenario.without
        self._lease_counts_anew = Guard.LEASE_AWAITED_AFTER_START not in scenario.without

    def start(self) -> bytes:
        return self.scenario.start()

    def moves(self, state: bytes) -> Moves:
        out: Moves = []
        for room in self._rooms:
            room(state, out)
        if state[KILLS]:
            out.append(("the daemon is killed", self._killed(state)))
        if state[MARKS]:
            after = bytearray(state)
            after[MARKS] -= 1
            mark(after)
            raise_generation(after)
            out.append(("the reconciler marks", bytes(after)))
        return out

    def _killed(self, state: bytes) -> bytes:
        after = bytearray(state)
        after[KILLS] -= 1
        raise_generation(after)
        for op in OPS:
            after[op] = AFTER_KILL[state[op]]
        for replay in REPLAYS:
            if state[replay] == Replay.SENT:
                set_adrift(after, state[replay + VALUE])
            after[replay : replay + 4] = bytes(4)
        after[MARK] = Mark.STANDS if state[MARK] else Mark.NONE
        after[SOURCE_UNSURE] = after[TARGET_UNSURE] = 0
        after[BOOT] = self._boot
        for page in PAGES:
            self._restarted(after, page)
        if not self._durable:
            after[LAPSED] = 0
        return bytes(after)

    def _restarted(self, after: bytearray, page: int) -> None:
        """What a page is to the next daemon: its row is read back, its worker may be alive."""
        if self._in_process or after[page + WORKER] == Worker.CLOSING:
            leaves(after, page)
        if after[page + INTENT]:
            after[page + INTENT] = Intent.STANDS if self._lease_counts_anew else Intent.INHERITED
            if not self._durable:
                after[page + INTENT] = Intent.NONE

    def wrong(self, state: bytes) -> str:
        held = state[TARGET]
        if held and self._ownership and not _owned(state):
            return f"the target holds {held}, which no table owns"
        if held != state[SOURCE] and self._copies and self.settled(state):
            return f"settled with {state[SOURCE]} in the source and {held} in the target"
        return ""

    def settled(self, state: bytes) -> bool:
        """Everything is copied and replayed and nobody is about to do anything."""
        if state[MARK] or state[RANGE] != DONE or any(state[ZOMBIE_1:HINT]):
            return False
        if not (state[OPS[0]] in OP_AT_REST and state[OPS[1]] in OP_AT_REST):
            return False
        if state[REPLAYS[0]] or state[REPLAYS[1]]:
            return False
        return not any(state[page + at] for page in PAGES for at in (WORKER, INTENT, ADRIFT))


def _owned(state: bytes) -> bool:
    """Whether rollback would find it: within (source up to the cursor) + ahead + journal + cover of every row of a page."""
    if state[MARK] or state[AHEAD] or state[LAPSED]:
        return True
    if state[PAGES[0] + INTENT] or state[PAGES[1] + INTENT]:
        return True
    return bool(state[RANGE] and state[SOURCE])
