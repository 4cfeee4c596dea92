"""Sister model: the primary moves from one side to the other and back, beside two writers, a replay and a page.

One id, two sides. The bit is the only authority: it says which side answers clients, and a mark means that the other
side owes a replay. Reads are fresh here. What must not happen: that the primary ever holds what a register could not
hold after the writes so far (an acknowledged one lost), or that a settled state has sides that differ. The surprise:
of the gates only three are needed. A mark outlives whatever may still happen to its id, so that an empty journal says
that nothing is in flight or unresolved; that, too, is looked at in every state.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Guard(StrEnum):
    FENCE = "new writes are held between the gates and the bit"
    JOURNAL_EMPTY = "journal empty at the gates"
    RANGES_DONE = "ranges done at the gates"
    NO_INTENT = "no page intent stands at the gates"
    GRANTS_STOP = "no scan and no grant once the fence is up or the bit has moved"


@dataclass(frozen=True)
class Scenario:
    writers: int = 2
    flips: int = 1
    """2: and back again."""
    kills: int = 0
    losses: int = 0
    """Lost answers to writes."""
    replay_losses: int = 0
    scans: int = 0
    without: frozenset[Guard] = frozenset()


class Write:
    """Stages of a client's write."""

    IDLE, MARKED, SENT, APPLIED, ACKNOWLEDGED, OVER, ADRIFT = range(7)


class Task:
    """Stages of a replay, and of a page's worker."""

    IDLE, GRANTED, READ, SENT, APPLIED = range(5)


class Fence:
    """DOWN, UP, and UP with every gate seen green."""

    DOWN, UP, GREEN = range(3)


class State(NamedTuple):
    sides: tuple[int, int] = (1, 0)
    """Value in the old and in the new side."""
    primary: int = 0
    """The bit."""
    mark: int = 0
    copied: int = 0
    fence: int = Fence.DOWN
    writes: tuple[int, int] = (Write.IDLE, Write.IDLE)
    at: tuple[int, int] = (0, 0)
    """The side that each write goes to."""
    acked_before: int = 0
    """Whether the first write was acknowledged before the second began."""
    replay: int = Task.IDLE
    replay_value: int = 0
    replay_to: int = 0
    clears: int = 0
    page: int = Task.IDLE
    page_value: int = 0
    intent: int = 0
    late_page: int = 0
    """Value of a page's write that nobody waits for."""
    late: tuple[int, int] | None = None
    """A replay's write that nobody waits for: value and side."""
    unsure_write: int = 0
    unsure_replay: int = 0
    boot: int = 0
    flips: int = 0
    kills: int = 0
    losses: int = 0
    replay_losses: int = 0
    scans: int = 0


Move = tuple[str, State]
IN_FLIGHT = (Write.MARKED, Write.SENT, Write.APPLIED)


class Cutover:
    """A model for `explore`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._on = {guard: guard not in scenario.without for guard in Guard}

    def start(self) -> State:
        scenario = self.scenario
        return State(
            writes=(Write.IDLE, Write.IDLE if scenario.writers == 2 else Write.OVER),
            flips=scenario.flips,
            kills=scenario.kills,
            losses=scenario.losses,
            replay_losses=scenario.replay_losses,
            scans=scenario.scans,
        )

    def moves(self, state: State) -> Iterator[Move]:
        for number in range(2):
            yield from self._write(state, number)
        yield from self._bit(state)
        yield from _replay(state)
        yield from self._page(state)
        yield from _quarantines(state)
        if state.kills:
            yield "the daemon is killed", _killed(state)
        if state.scans and state.copied and not self._void(state):
            yield "the range is scanned again", state._replace(copied=0, scans=state.scans - 1)

    def wrong(self, state: State) -> str:
        if state.sides[state.primary] not in _allowed(state):
            return f"the primary holds {state.sides[state.primary]}, an acknowledged write is lost"
        if not state.mark and _unfinished(state):
            return "something is in flight or unresolved, and there is no mark"
        if state.sides[0] != state.sides[1] and self.settled(state):
            return f"settled with {state.sides[0]} in the old side and {state.sides[1]} in the new"
        return ""

    def settled(self, state: State) -> bool:
        busy = (state.mark, state.page, state.intent, state.boot, state.fence, not state.copied)
        return not (any(busy) or _unfinished(state))

    # Clients.

    def _write(self, state: State, number: int) -> Iterator[Move]:
        stage, name = state.writes[number], f"write {number + 1}"
        if stage == Write.IDLE:
            yield from self._begin(state, number)
        elif stage == Write.MARKED:
            yield f"{name} is sent", _stage(state, number, Write.SENT)
        elif stage == Write.APPLIED:
            yield f"{name} is acknowledged", _stage(state, number, Write.ACKNOWLEDGED)
        elif stage in (Write.SENT, Write.ADRIFT):
            sides = _set(state.sides, state.at[number], number + 2)
            after = Write.APPLIED if stage == Write.SENT else Write.OVER
            yield (
                f"{name} is applied to side {state.at[number]}",
                _stage(state, number, after)._replace(sides=sides),
            )
        if stage == Write.ADRIFT:
            yield f"{name} is lost", _stage(state, number, Write.OVER)
        elif stage == Write.SENT and state.losses:
            after = _stage(state, number, Write.ADRIFT)
            yield f"answer to {name} is lost", after._replace(losses=state.losses - 1, unsure_write=1)

    def _begin(self, state: State, number: int) -> Iterator[Move]:
        if state.fence != Fence.DOWN and self._on[Guard.FENCE]:
            return
        if number == 1 and state.writes[0] == Write.IDLE:
            return  # the two are alike: the first first
        after = _stage(state, number, Write.MARKED)._replace(mark=1, clears=0)
        after = after._replace(at=_set(state.at, number, state.primary))
        if number == 1:
            after = after._replace(acked_before=int(state.writes[0] == Write.ACKNOWLEDGED))
        yield f"write {number + 1} is marked", after

    # Cutover, and revert.

    def _bit(self, state: State) -> Iterator[Move]:
        if state.fence == Fence.DOWN:
            if state.flips:
                yield "the fence goes up", state._replace(fence=Fence.UP)
            return
        yield (
            "cutover is given up, the fence goes down",
            state._replace(fence=Fence.DOWN, flips=state.flips - 1),
        )
        if state.fence == Fence.GREEN:
            after = state._replace(fence=Fence.DOWN, primary=1 - state.primary, flips=state.flips - 1)
            yield f"the bit: side {after.primary} is primary", after
        elif self._green(state):
            yield "the gates are green", state._replace(fence=Fence.GREEN)

    def _green(self, state: State) -> bool:
        gates = {
            Guard.JOURNAL_EMPTY: not state.mark,
            Guard.RANGES_DONE: bool(state.copied),
            Guard.NO_INTENT: not state.intent,
        }
        return all(green or not self._on[guard] for guard, green in gates.items())

    # Pages.

    def _page(self, state: State) -> Iterator[Move]:
        if state.page == Task.IDLE and not (state.intent or state.copied or self._void(state)):
            yield "page: intent is committed", state._replace(page=Task.GRANTED, intent=1)
        elif state.page == Task.GRANTED:
            value = state.sides[0]
            yield f"page: reads {value}", state._replace(page=Task.READ, page_value=value)
        elif state.page == Task.READ:
            yield "page: sends", state._replace(page=Task.SENT)
        elif state.page == Task.SENT:
            after = state._replace(page=Task.APPLIED, sides=_set(state.sides, 1, state.page_value))
            yield f"page: new side applies {state.page_value}", after
        elif state.page == Task.APPLIED:
            after = state._replace(page=Task.IDLE, page_value=0, intent=0, copied=1)
            yield "page: reports, its intent is closed", after
            # P9: an earlier attempt was not answered. The cursor may move; the intent stands on.
            after = after._replace(intent=1, late_page=state.page_value)
            yield "page: reports an unanswered attempt", after
        elif state.intent and state.page == Task.IDLE and not state.late_page:
            yield "page: intent lapses", state._replace(intent=0)

    def _void(self, state: State) -> bool:
        return bool(state.primary or state.fence) and self._on[Guard.GRANTS_STOP]


def _replay(state: State) -> Iterator[Move]:
    if state.replay == Task.IDLE and state.mark:
        value = state.sides[state.primary]
        in_flight = any(stage in IN_FLIGHT for stage in state.writes)
        unsure = state.unsure_write or state.unsure_replay or state.boot
        clears = int(not (in_flight or unsure or state.intent))
        after = state._replace(
            replay=Task.READ, replay_value=value, replay_to=1 - state.primary, clears=clears
        )
        yield f"{'clearing' if clears else 'provisional'} replay reads {value}", after
    elif state.replay == Task.READ:
        yield "replay sends", state._replace(replay=Task.SENT)
    elif state.replay == Task.SENT:
        sides = _set(state.sides, state.replay_to, state.replay_value)
        name = f"side {state.replay_to} applies replay of {state.replay_value}"
        yield name, state._replace(replay=Task.APPLIED, sides=sides)
    elif state.replay == Task.APPLIED:
        after = _without_replay(state)._replace(mark=0 if state.clears else state.mark)
        yield "replay is acknowledged" + (" and clears" if state.clears else ""), after
    if state.replay == Task.SENT and state.replay_losses and not state.late:
        late = (state.replay_value, state.replay_to)
        after = _without_replay(state)._replace(late=late, unsure_replay=1)
        yield "answer to the replay is lost", after._replace(replay_losses=state.replay_losses - 1)


def _quarantines(state: State) -> Iterator[Move]:
    if state.late:
        value, side = state.late
        yield "late replay is lost", state._replace(late=None)
        yield (
            f"side {side} applies late replay of {value}",
            state._replace(late=None, sides=_set(state.sides, side, value)),
        )
    if state.late_page:
        yield "page: late write is lost", state._replace(late_page=0)
        name = f"page: new side applies late {state.late_page}"
        yield name, state._replace(late_page=0, sides=_set(state.sides, 1, state.late_page))
    adrift = Write.ADRIFT in state.writes
    if state.unsure_write and not adrift:
        yield "quarantine of writes ends", state._replace(unsure_write=0)
    if state.unsure_replay and not state.late:
        yield "quarantine of replays ends", state._replace(unsure_replay=0)
    if state.boot and not (adrift or state.late):
        yield "boot quarantine ends", state._replace(boot=0)


def _killed(state: State) -> State:
    """The bit and the rows stay; the fence is memory, so that the next daemon serves whatever the bit says."""
    over = {Write.MARKED: Write.OVER, Write.SENT: Write.ADRIFT, Write.APPLIED: Write.OVER}
    after = _without_replay(state)._replace(
        kills=state.kills - 1,
        fence=Fence.DOWN,
        writes=tuple(over.get(stage, stage) for stage in state.writes),
        unsure_write=0,
        unsure_replay=0,
        boot=1,
    )
    if state.replay == Task.SENT and not state.late:
        after = after._replace(late=(state.replay_value, state.replay_to))
    return after


def _without_replay(state: State) -> State:
    return state._replace(replay=Task.IDLE, replay_value=0, replay_to=0, clears=0)


def _stage(state: State, number: int, stage: int) -> State:
    return state._replace(writes=_set(state.writes, number, stage))


def _set(pair: tuple[int, int], at: int, value: int) -> tuple[int, int]:
    return (value, pair[1]) if at == 0 else (pair[0], value)


def _unfinished(state: State) -> bool:
    moving = any(stage in IN_FLIGHT or stage == Write.ADRIFT for stage in state.writes)
    return bool(moving or state.replay or state.late or state.unsure_write or state.unsure_replay)


def _allowed(state: State) -> set[int]:
    """What a register may hold after these writes: 1 first, then 2 and 3 by the two clients."""
    first, second = state.writes
    allowed = {1}
    if first != Write.IDLE:
        allowed.add(2)
    if second != Write.IDLE:
        allowed.add(3)
    if Write.ACKNOWLEDGED in (first, second):
        allowed.discard(1)
    if second == Write.ACKNOWLEDGED and state.acked_before:
        allowed.discard(2)
    return allowed


HOLDS = (
    Scenario(),
    Scenario(losses=1),
    Scenario(writers=1, kills=1, losses=1, scans=1),
    Scenario(writers=1, flips=2, kills=1, replay_losses=1),
    Scenario(flips=2),
)
REMOVALS = (
    (Guard.FENCE, Scenario(writers=1), 12),
    (Guard.JOURNAL_EMPTY, Scenario(writers=1), 12),
    (Guard.RANGES_DONE, Scenario(writers=1), 3),
    (Guard.NO_INTENT, Scenario(writers=1), 13),
    (Guard.GRANTS_STOP, Scenario(writers=1, scans=1), 17),
)
"""A guard, the least that goes wrong without it, and in how many steps."""
