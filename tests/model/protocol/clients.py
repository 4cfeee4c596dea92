"""Clients' operations, and the source that they write to.

No order is put between two clients, and the source applies a request whenever it likes, for as long as it is in the
network, whoever still waits for it.
"""

from __future__ import annotations

from .state import (
    AHEAD,
    BIT,
    BOOT,
    DELETE,
    FRESH,
    HINT,
    MARK,
    NEWEST,
    OPS,
    PAGES,
    PATCH,
    PATCHED,
    RANGE,
    READABLE,
    REPLAYS,
    SAME,
    SEEN,
    SET,
    SOLO,
    SOURCE,
    SOURCE_LOSSES,
    SOURCE_UNSURE,
    WORKER,
    Guard,
    Mark,
    Moves,
    Op,
    Scenario,
    Worker,
)

IN_FLIGHT = frozenset((Op.REGISTERED, Op.MARKED, Op.SENT, Op.APPLIED))


def in_flight(state: bytes | bytearray) -> bool:
    """Whether the daemon forwards a write to the id just now."""
    return state[OPS[0]] in IN_FLIGHT or state[OPS[1]] in IN_FLIGHT


def adrift(state: bytes) -> bool:
    """Whether a write may still reach the source that nobody waits for."""
    return state[OPS[0]] == Op.ADRIFT or state[OPS[1]] == Op.ADRIFT


def raise_generation(after: bytearray) -> None:
    """From now on, whoever remembers the generation remembers an old one."""
    after[HINT] = 0
    for replay in REPLAYS:
        after[replay + SAME] = 0
    for op in OPS:
        after[op + NEWEST] = 0


def mark(after: bytearray) -> None:
    """The row is durable. The writer's queue is first in, first out: a clear that was decided before is done."""
    commit_clear(after)
    after[MARK] = Mark.STANDS


def commit_clear(after: bytearray) -> None:
    if after[MARK] == Mark.GOING_AHEAD and after[RANGE] == FRESH:
        after[AHEAD] = 1
    if after[MARK] != Mark.STANDS:
        after[MARK] = Mark.NONE


class Clients:
    """What clients and the source can do next."""

    def __init__(self, scenario: Scenario) -> None:
        self._ops = tuple(zip(OPS, scenario.writers, (2, 3), strict=False))
        self._rejections = scenario.rejections
        self._hints = scenario.hints
        self._mark_first = Guard.MARK_FIRST not in scenario.without
        self._quarantine = Guard.SOURCE_QUARANTINE not in scenario.without
        self._cleared_is_unmarked = Guard.CLEARED_IS_UNMARKED not in scenario.without
        self._solo = Guard.SOLO_HINTS not in scenario.without
        self._calm_hints = Guard.NO_HINT_IN_QUARANTINE not in scenario.without
        self._unmarks = Guard.ONLY_REPLAYS_CLEAR in scenario.without

    def moves(self, state: bytes, out: Moves) -> None:
        for op, kind, own in self._ops:
            stage = state[op]
            if stage == Op.SENT:
                self._in_the_network(state, op, kind, own, out)
            elif stage == Op.APPLIED:
                self._answer(state, op, kind, own, out)
            elif stage == Op.ADRIFT:
                out.append((f"late {kind} reaches the source", self._applied(state, op, kind, own, Op.OVER)))
                out.append((f"late {kind} is lost", _put(state, op, Op.OVER)))
            elif stage != Op.OVER:
                self._on_the_way(state, op, kind, out)
        self._source(state, out)

    def _on_the_way(self, state: bytes, op: int, kind: str, out: Moves) -> None:
        stage = state[op]
        if stage == Op.IDLE:
            out.append((f"{kind} is registered", self._registered(state, op)))
        elif stage == Op.REGISTERED and self._mark_first:
            after = bytearray(state)
            after[op] = Op.MARKED
            mark(after)
            out.append((f"{kind} is marked", bytes(after)))
        else:
            out.append((f"{kind} is sent", _put(state, op, Op.SENT)))

    def _registered(self, state: bytes, op: int) -> bytes:
        unsure = (state[SOURCE_UNSURE] or state[BOOT]) and self._calm_hints
        alone = not (in_flight(state) or unsure)
        after = bytearray(state)
        raise_generation(after)
        # An id that is known to be marked need not wait for the disk.
        durable = state[MARK] == Mark.STANDS or (state[MARK] and not self._cleared_is_unmarked)
        after[op] = Op.MARKED if durable else Op.REGISTERED
        after[op + NEWEST] = SOLO if alone else 1
        return bytes(after)

    def _in_the_network(self, state: bytes, op: int, kind: str, own: int, out: Moves) -> None:
        out.append((f"source applies {kind}", self._applied(state, op, kind, own, Op.APPLIED)))
        if self._rejections:
            after = self._over(state, op)
            if self._unmarks:
                after[MARK] = Mark.NONE
            out.append((f"source rejects {kind}", bytes(after)))
        self._lose(state, op, kind, Op.ADRIFT, out)

    def _answer(self, state: bytes, op: int, kind: str, own: int, out: Moves) -> None:
        after = self._over(state, op)
        newest = state[op + NEWEST]
        if self._hints and kind != PATCH and newest and (newest == SOLO or not self._solo):
            after[HINT] = (own if kind == SET else 0) + 1
        out.append((f"{kind} is acknowledged", bytes(after)))
        self._lose(state, op, kind, Op.OVER, out)

    def _lose(self, state: bytes, op: int, kind: str, stage: int, out: Moves) -> None:
        if state[SOURCE_LOSSES]:
            after = self._over(state, op)
            after[op] = stage
            after[SOURCE_LOSSES] -= 1
            if self._quarantine:
                after[SOURCE_UNSURE] = 1
            out.append((f"answer to {kind} is lost", bytes(after)))

    def _over(self, state: bytes, op: int) -> bytearray:
        after = bytearray(state)
        after[op] = Op.OVER
        after[op + NEWEST] = 0
        if not self._mark_first:
            mark(after)
        return after

    def _applied(self, state: bytes, op: int, kind: str, own: int, stage: int) -> bytes:
        after = bytearray(state)
        after[op] = stage
        before = state[SOURCE]
        value = own if kind == SET else 0 if kind == DELETE or not before else before | PATCHED
        after[SOURCE] = value
        after[SEEN] |= BIT[value]
        for page in PAGES:
            if state[page + WORKER] == Worker.GRANTED:
                after[page + READABLE] |= BIT[value]
        return bytes(after)

    def _source(self, state: bytes, out: Moves) -> None:
        now = BIT[state[SOURCE]]
        if state[SEEN] != now:
            after = bytearray(state)
            after[SEEN] = now
            for page in PAGES:
                if state[page + WORKER] == Worker.GRANTED:
                    after[page + READABLE] = now
            out.append(("source's value is visible everywhere", bytes(after)))
        if state[SOURCE_UNSURE] and not adrift(state):
            out.append(("source-side quarantine ends", _put(state, SOURCE_UNSURE, 0)))


def _put(state: bytes, at: int, value: int) -> bytes:
    after = bytearray(state)
    after[at] = value
    return bytes(after)
