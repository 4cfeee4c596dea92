"""Replays: read the source, write the target, perhaps clear the mark.

A replay is clearing or provisional, and knows which when it reads. Writes of replays that nobody waits for are the
zombies: a sorted bag of values, applied or lost one by one.
"""

from __future__ import annotations

from .clients import adrift, commit_clear, in_flight
from .pages import stands
from .state import (
    BIT,
    BOOT,
    CLEARS,
    HINT,
    MARK,
    REPLAYS,
    SAME,
    SEEN,
    SOURCE,
    SOURCE_UNSURE,
    TARGET,
    TARGET_LOSSES,
    TARGET_UNSURE,
    VALUE,
    VALUES,
    ZOMBIE_1,
    ZOMBIE_3,
    Guard,
    Mark,
    Moves,
    Replay,
    Scenario,
)


def set_adrift(after: bytearray, value: int) -> None:
    """A replay's write that is in the network from now on without anybody waiting for it."""
    assert not after[ZOMBIE_3], "more zombies than the state has room for"
    after[ZOMBIE_3] = value + 1
    _sort(after)


def _sort(after: bytearray) -> None:
    bag = after[ZOMBIE_1 : ZOMBIE_3 + 1]
    after[ZOMBIE_1 : ZOMBIE_3 + 1] = bytes(sorted(bag, reverse=True))


class Replays:
    """What the replayer, the target and the quarantines can do next."""

    def __init__(self, scenario: Scenario) -> None:
        without = scenario.without
        self._slots = REPLAYS if Guard.SLOT in without else REPLAYS[:1]
        self._hints = scenario.hints
        self._barriers = scenario.barriers
        self._in_flight = Guard.IN_FLIGHT not in without
        self._fresh = Guard.FRESH_READ not in without
        self._generation = Guard.GENERATION not in without
        self._quarantine = Guard.TARGET_QUARANTINE not in without
        self._quarantines_at_read = Guard.JUDGED_AT_READ not in without
        self._absent_deletes = Guard.ABSENT_DELETES not in without
        intents = Guard.NO_CLEAR_UNDER_INTENT not in without
        at_clear = Guard.INTENT_JUDGED_EARLY in without
        self._intents_at_read = intents and not at_clear and scenario.judged == "read"
        self._intents_at_send = intents and not at_clear and scenario.judged == "send"
        self._intents_at_clear = intents and at_clear

    def moves(self, state: bytes, out: Moves) -> None:
        for replay in self._slots:
            stage = state[replay]
            if stage == Replay.IDLE:
                if state[MARK] == Mark.STANDS:
                    self._read(state, replay, out)
            elif stage == Replay.READ:
                self._send(state, replay, out)
            elif stage == Replay.SENT:
                self._apply(state, replay, out)
            else:
                self._acknowledge(state, replay, out)
        if state[MARK] > Mark.STANDS:
            after = bytearray(state)
            commit_clear(after)
            out.append(("clear is committed", bytes(after)))
        if state[ZOMBIE_1]:
            self._zombies(state, out)
        elif state[TARGET_UNSURE]:
            _ends(state, TARGET_UNSURE, "target-side quarantine ends", out)
        if state[BOOT] and not state[ZOMBIE_1] and not adrift(state):
            _ends(state, BOOT, "boot quarantine ends", out)

    def _read(self, state: bytes, replay: int, out: Moves) -> None:
        if self._may_clear(state):
            if state[HINT]:
                out.append(("replay takes the hint", _taken(state, replay, state[HINT] - 1, clears=1)))
            for value in self._readable(state):
                out.append((f"clearing replay reads {value}", _taken(state, replay, value, clears=1)))
        for value in VALUES[state[SEEN]]:
            out.append((f"provisional replay reads {value}", _taken(state, replay, value, clears=0)))

    def _may_clear(self, state: bytes) -> bool:
        if self._in_flight and in_flight(state):
            return False
        if self._quarantines_at_read and _unsure(state):
            return False
        return not (self._intents_at_read and stands(state))

    def _readable(self, state: bytes) -> list[int]:
        """What a clearing read may return."""
        if not self._fresh:
            return VALUES[state[SEEN]]
        now = state[SOURCE]
        return [now] if self._barriers or state[SEEN] == BIT[now] else []

    def _send(self, state: bytes, replay: int, out: Moves) -> None:
        after = bytearray(state)
        after[replay] = Replay.SENT
        if self._intents_at_send and stands(state):
            after[replay + CLEARS] = after[replay + SAME] = 0
        out.append(("replay sends", bytes(after)))

    def _apply(self, state: bytes, replay: int, out: Moves) -> None:
        after = bytearray(state)
        value = state[replay + VALUE]
        after[replay] = Replay.APPLIED
        if value or self._absent_deletes:
            after[TARGET] = value
        out.append((f"target applies replay of {value}", bytes(after)))
        self._lose(state, replay, out)

    def _acknowledge(self, state: bytes, replay: int, out: Moves) -> None:
        after = bytearray(state)
        clears = state[replay + CLEARS] and (state[replay + SAME] or not self._generation)
        if clears and not self._quarantines_at_read:
            clears = not _unsure(state)
        if clears and self._intents_at_clear:
            clears = not stands(state)
        if clears:
            after[MARK] = Mark.GOING_AHEAD if state[replay + VALUE] else Mark.GOING
        after[replay : replay + 4] = bytes(4)
        out.append(("replay is acknowledged" + (" and clears" if clears else ""), bytes(after)))
        self._lose(state, replay, out)

    def _lose(self, state: bytes, replay: int, out: Moves) -> None:
        if state[TARGET_LOSSES]:
            after = bytearray(state)
            after[TARGET_LOSSES] -= 1
            if self._quarantine:
                after[TARGET_UNSURE] = 1
            if state[replay] == Replay.SENT:
                set_adrift(after, state[replay + VALUE])
            after[replay : replay + 4] = bytes(4)
            out.append(("answer to the replay is lost", bytes(after)))

    def _zombies(self, state: bytes, out: Moves) -> None:
        for at in range(ZOMBIE_1, ZOMBIE_3 + 1):
            held = state[at]
            if not held or (at > ZOMBIE_1 and held == state[at - 1]):
                continue
            after = bytearray(state)
            after[at] = 0
            _sort(after)
            out.append((f"late replay of {held - 1} is lost", bytes(after)))
            if held > 1 or self._absent_deletes:
                after[TARGET] = held - 1
            out.append((f"target applies late replay of {held - 1}", bytes(after)))


def _unsure(state: bytes) -> int:
    return state[SOURCE_UNSURE] or state[TARGET_UNSURE] or state[BOOT]


def _taken(state: bytes, replay: int, value: int, clears: int) -> bytes:
    after = bytearray(state)
    after[replay : replay + 4] = bytes((Replay.READ, value, clears, clears))
    if clears:
        after[HINT] = 0
    return bytes(after)


def _ends(state: bytes, at: int, name: str, out: Moves) -> None:
    after = bytearray(state)
    after[at] = 0
    out.append((name, bytes(after)))
