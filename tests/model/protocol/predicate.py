"""Sister model: a delete by filter beside a client's write, a replay and a page.

One id, which the filter may or may not match when the predicate reaches the source. Two ways to know what it hit:
enumerate the matches before it is forwarded, or compare in a reverse pass afterwards. Reads are fresh here; staleness
is the business of the protocol of one id.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple

# Values: even ones match the filter.
ABSENT, PLAIN, MATCHING, SET_PLAIN, SET_MATCHING = range(5)


class Guard(StrEnum):
    ENUMERATED = "matches are marked before the predicate is forwarded"
    NO_CLEAR_IN_SCOPE = "no clear while a scope intent stands"
    SCOPE_DURABLE = "scope intent durable before the predicate is forwarded"
    SCOPE_OUTLIVES_ATTEMPT = "scope intent stands while the predicate may still arrive"
    NO_HINT_IN_SCOPE = "no hint of a write that a scope intent overlapped"
    PASS_AFTER_PAGES = "reverse pass begins after the pages that stood"
    PASS_MARKS_BUSY = "reverse pass marks what is not quiet"


@dataclass(frozen=True)
class Scenario:
    initial: int = MATCHING
    write: int = SET_PLAIN
    enumerates: bool = True
    """Otherwise a reverse pass is owed."""
    kills: int = 0
    losses: int = 0
    """Lost answers to the predicate."""
    deaths: int = 0
    without: frozenset[Guard] = frozenset()


class Request:
    """Stages of a request to the source."""

    IDLE, READY, SENT, APPLIED, OVER, ADRIFT = range(6)


class Scope:
    """States of the scope intent; OWED is resolved, but for the reverse pass."""

    NONE, REGISTERED, ENUMERATED, FORWARDED, OWED = range(5)


class Task:
    """Stages of a replay, and of a page's worker."""

    IDLE, GRANTED, READ, SENT, APPLIED = range(5)


class State(NamedTuple):
    source: int
    target: int = 0
    mark: int = 0
    copied: int = 0
    write: int = Request.IDLE
    alone: int = 0
    """Whether no predicate overlaps the write."""
    hint: int = 0
    """What the write put there, plus one, while no generation is newer."""
    predicate: int = Request.IDLE
    scope: int = Scope.NONE
    replay: int = Task.IDLE
    replay_value: int = 0
    replay_clears: int = 0
    page: int = Task.IDLE
    page_value: int = 0
    intent: int = 0
    late_page: int = 0
    """Value of a page's write that nobody waits for; likewise:"""
    late_replay: int = 0
    unsure: int = 0
    """Boot quarantine."""
    listed: int = 0
    """The reverse pass: value that it saw in the target, plus one."""
    kills: int = 0
    losses: int = 0
    deaths: int = 0


Move = tuple[str, State]


class Predicate:
    """A model for `explore`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._on = {guard: guard not in scenario.without for guard in Guard}

    def start(self) -> State:
        scenario = self.scenario
        return State(scenario.initial, kills=scenario.kills, losses=scenario.losses, deaths=scenario.deaths)

    def moves(self, state: State) -> Iterator[Move]:
        yield from self._write(state)
        yield from self._predicate(state)
        yield from self._pass(state)
        yield from self._replay(state)
        yield from _page(state)
        yield from _late(state)
        if state.kills:
            yield "the daemon is killed", self._killed(state)

    def wrong(self, state: State) -> str:
        if state.target != state.source and self.settled(state):
            return f"settled with {state.source} in the source and {state.target} in the target"
        return ""

    def settled(self, state: State) -> bool:
        at_rest = (Request.IDLE, Request.OVER)
        busy = (state.mark, state.scope, state.replay, state.page, state.intent, state.late_page)
        busy += (state.late_replay, state.unsure, not state.copied)
        return not any(busy) and state.write in at_rest and state.predicate in at_rest

    # The client's write, and the predicate.

    def _write(self, state: State) -> Iterator[Move]:
        value = self.scenario.write
        if state.write == Request.IDLE:
            alone = int(not (_in_scope(state) and self._on[Guard.NO_HINT_IN_SCOPE]))
            yield "write is marked", _marked(state)._replace(write=Request.READY, alone=alone)
        elif state.write == Request.READY:
            yield "write is sent", state._replace(write=Request.SENT)
        elif state.write in (Request.SENT, Request.ADRIFT):
            after = Request.APPLIED if state.write == Request.SENT else Request.OVER
            yield f"source applies write of {value}", state._replace(write=after, source=value)
            if state.write == Request.ADRIFT:
                yield "write is lost", state._replace(write=Request.OVER)
        elif state.write == Request.APPLIED:
            hint = value + 1 if state.alone else 0
            yield "write is acknowledged", state._replace(write=Request.OVER, hint=hint)

    def _predicate(self, state: State) -> Iterator[Move]:
        stage = state.predicate
        if stage == Request.IDLE:
            alone = 0 if self._on[Guard.NO_HINT_IN_SCOPE] else state.alone
            after = state._replace(predicate=Request.READY, listed=0, alone=alone)
            yield "predicate is registered", after._replace(scope=Scope.REGISTERED)
        elif stage == Request.READY:
            yield from self._forward(state)
        elif stage in (Request.SENT, Request.ADRIFT):
            yield from self._reach(state)
        elif stage == Request.APPLIED:
            yield "predicate is acknowledged", self._resolved(state)._replace(predicate=Request.OVER)
        if stage == Request.OVER and Scope.NONE < state.scope < Scope.OWED:
            yield "scope intent is resolved", self._resolved(state)

    def _forward(self, state: State) -> Iterator[Move]:
        enumerates = self.scenario.enumerates and self._on[Guard.ENUMERATED]
        if state.scope == Scope.REGISTERED and enumerates:
            after = state._replace(scope=Scope.ENUMERATED)
            if _matches(state.source):
                after = _marked(after)
            yield "matches are marked", after
        else:
            yield "predicate is forwarded", state._replace(scope=Scope.FORWARDED, predicate=Request.SENT)

    def _reach(self, state: State) -> Iterator[Move]:
        adrift = state.predicate == Request.ADRIFT
        hit = state._replace(source=ABSENT) if _matches(state.source) else state
        yield "source applies predicate", hit._replace(predicate=Request.OVER if adrift else Request.APPLIED)
        if adrift:
            yield "predicate is lost", state._replace(predicate=Request.OVER)
            if not self._on[Guard.SCOPE_OUTLIVES_ATTEMPT] and Scope.NONE < state.scope < Scope.OWED:
                yield "scope intent is resolved", self._resolved(state)
        elif state.losses:
            yield (
                "answer to predicate is lost",
                state._replace(predicate=Request.ADRIFT, losses=state.losses - 1),
            )

    def _resolved(self, state: State) -> State:
        return state._replace(scope=Scope.NONE if self.scenario.enumerates else Scope.OWED)

    # The reverse pass: reads the target, then the source, and only marks.

    def _pass(self, state: State) -> Iterator[Move]:
        if state.scope != Scope.OWED:
            return
        if not state.listed:
            if state.intent and self._on[Guard.PASS_AFTER_PAGES]:
                return
            after = state._replace(listed=state.target + 1)
            if self._on[Guard.PASS_MARKS_BUSY] and _busy(state):
                after = _marked(after)
            yield "reverse pass lists the target", after
            return
        after = state._replace(scope=Scope.NONE, listed=0)
        if state.listed - 1 not in (ABSENT, state.source):
            after = _marked(after)
        yield "reverse pass asks the source", after

    # Replay.

    def _replay(self, state: State) -> Iterator[Move]:
        if state.replay == Task.IDLE and state.mark:
            clears = int(self._may_clear(state))
            if clears and state.hint:
                after = state._replace(replay=Task.READ, replay_value=state.hint - 1, replay_clears=1, hint=0)
                yield "replay takes the hint", after
            name = "clearing" if clears else "provisional"
            after = state._replace(replay=Task.READ, replay_value=state.source, replay_clears=clears)
            yield f"{name} replay reads {state.source}", after
        elif state.replay == Task.READ:
            yield "replay sends", state._replace(replay=Task.SENT)
        elif state.replay == Task.SENT:
            after = state._replace(replay=Task.APPLIED, target=state.replay_value)
            yield f"target applies replay of {state.replay_value}", after
        elif state.replay == Task.APPLIED:
            mark = 0 if state.replay_clears else state.mark
            after = state._replace(replay=Task.IDLE, replay_value=0, replay_clears=0, mark=mark)
            yield "replay is acknowledged" + (" and clears" if state.replay_clears else ""), after
        if state.unsure and not (state.late_replay or Request.ADRIFT in (state.write, state.predicate)):
            yield "boot quarantine ends", state._replace(unsure=0)

    def _may_clear(self, state: State) -> bool:
        in_flight = state.write in (Request.READY, Request.SENT, Request.APPLIED)
        if _in_scope(state) and self._on[Guard.NO_CLEAR_IN_SCOPE]:
            return False
        return not (in_flight or state.unsure or state.intent)

    # A kill.

    def _killed(self, state: State) -> State:
        over = {Request.READY: Request.OVER, Request.SENT: Request.ADRIFT, Request.APPLIED: Request.OVER}
        after = state._replace(
            kills=state.kills - 1,
            write=over.get(state.write, state.write),
            predicate=over.get(state.predicate, state.predicate),
            replay=Task.IDLE,
            replay_value=0,
            replay_clears=0,
            hint=0,
            unsure=1,
            listed=0,
        )
        if state.replay == Task.SENT:
            after = after._replace(late_replay=state.replay_value + 1)
        if not self._on[Guard.SCOPE_DURABLE] and state.scope != Scope.OWED:
            after = after._replace(scope=Scope.NONE)
        return after


def _marked(state: State) -> State:
    """Marked, and the generation is a new one."""
    return state._replace(mark=1, replay_clears=0, hint=0, alone=0)


def _in_scope(state: State) -> bool:
    return state.scope in (Scope.REGISTERED, Scope.ENUMERATED, Scope.FORWARDED)


def _matches(value: int) -> bool:
    return value in (MATCHING, SET_MATCHING)


def _busy(state: State) -> bool:
    """Not quiet: something of the id is still to be done."""
    resting = state.write in (Request.IDLE, Request.OVER)
    return bool(state.mark or state.replay or state.unsure or state.late_replay or not resting)


def _page(state: State) -> Iterator[Move]:
    if state.page == Task.IDLE and not (state.intent or state.copied):
        yield "page: intent is committed", state._replace(page=Task.GRANTED, intent=1)
    elif state.page == Task.IDLE and state.intent and not state.late_page:
        yield "page: intent lapses", state._replace(intent=0)
    elif state.page == Task.GRANTED:
        stage = Task.READ if state.source else Task.APPLIED
        yield f"page: reads {state.source}", state._replace(page=stage, page_value=state.source)
    elif state.page == Task.READ:
        yield "page: sends", state._replace(page=Task.SENT)
    elif state.page == Task.SENT:
        yield (
            f"page: target applies {state.page_value}",
            state._replace(page=Task.APPLIED, target=state.page_value),
        )
    elif state.page == Task.APPLIED:
        yield (
            "page: reports, its intent is closed",
            state._replace(page=Task.IDLE, page_value=0, intent=0, copied=1),
        )
    if state.deaths and state.page != Task.IDLE:
        late = state.page_value if state.page == Task.SENT else 0
        after = state._replace(page=Task.IDLE, page_value=0, late_page=late, deaths=state.deaths - 1)
        yield "page: worker dies", after


def _late(state: State) -> Iterator[Move]:
    if state.late_page:
        yield "page: late write is lost", state._replace(late_page=0)
        yield "page: late write lands", state._replace(late_page=0, target=state.late_page)
    if state.late_replay:
        yield "late replay is lost", state._replace(late_replay=0)
        yield "target applies late replay", state._replace(late_replay=0, target=state.late_replay - 1)


HOLDS = tuple(
    Scenario(initial, write, enumerates, kills, losses, deaths)
    for enumerates in (True, False)
    for initial, write in ((PLAIN, SET_MATCHING), (MATCHING, SET_PLAIN), (ABSENT, SET_MATCHING))
    for kills, losses, deaths in ((1, 0, 1), (0, 1, 1))
)
REMOVALS = (
    (Guard.ENUMERATED, Scenario(), 9),
    (Guard.NO_CLEAR_IN_SCOPE, Scenario(), 12),
    (Guard.SCOPE_DURABLE, Scenario(enumerates=False, kills=1), 10),
    (Guard.SCOPE_OUTLIVES_ATTEMPT, Scenario(losses=1), 13),
    (Guard.NO_HINT_IN_SCOPE, Scenario(write=SET_MATCHING), 16),
    (Guard.PASS_AFTER_PAGES, Scenario(enumerates=False), 11),
    (Guard.PASS_MARKS_BUSY, Scenario(write=SET_MATCHING, enumerates=False), 17),
)
"""A guard, the least that goes wrong without it, and in how many steps."""
