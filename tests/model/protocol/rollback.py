"""Sister model: rollback takes out of the target what was put in, beside clients that go on, whatever had stood.

One id that we own. The procedure: stop replays and grants, wait until nothing of ours can still arrive, walk the
source up to the cursor and over the covers of the rows, then what replays wrote ahead of the cursor, then the journal,
while marking goes on. What must not happen: that it is over and the target holds the record, or can still get it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum
from typing import NamedTuple


class Guard(StrEnum):
    WAIT = "wait until no intent stands"
    QUARANTINE = "wait until no replay can still arrive"
    ROWS = "walk over the covers of lapsed rows too"
    AHEAD = "take out what replays wrote beyond the cursor"
    JOURNAL = "take out what is in the journal"
    JOURNAL_LAST = "the journal last"
    MARKING = "marking goes on"


@dataclass(frozen=True)
class Scenario:
    initial: int = 1
    writes: tuple[int, ...] = (0,)
    """What the client does, one after the other: 1 writes the record, 0 deletes it."""
    kills: int = 0
    deaths: int = 0
    losses: int = 0
    """Lost answers to replays."""
    without: frozenset[Guard] = frozenset()


class Task:
    """Stages of a replay, and of a page's worker."""

    IDLE, GRANTED, READ, SENT, APPLIED = range(5)


class Write:
    """Stages of the client's present write."""

    IDLE, MARKED, SENT, APPLIED = range(4)


class Phase:
    """Of the rollback; durable."""

    NONE, STOPPED, FIRST, SECOND, OVER = range(5)


class State(NamedTuple):
    source: int
    target: int = 0
    mark: int = 0
    ahead: int = 0
    past: int = 0
    """Whether the cursor is past the id."""
    intent: int = 0
    lapsed: int = 0
    page: int = Task.IDLE
    page_value: int = 0
    late_page: int = 0
    replay: int = Task.IDLE
    replay_value: int = 0
    clears: int = 0
    late_insert: int = 0
    """Replays' writes that nobody waits for; likewise:"""
    late_delete: int = 0
    unsure: int = 0
    write: int = Write.IDLE
    done: int = 0
    """Writes that are over."""
    phase: int = Phase.NONE
    kills: int = 0
    deaths: int = 0
    losses: int = 0


Move = tuple[str, State]


class Rollback:
    """A model for `explore`."""

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._on = {guard: guard not in scenario.without for guard in Guard}

    def start(self) -> State:
        scenario = self.scenario
        return State(scenario.initial, kills=scenario.kills, deaths=scenario.deaths, losses=scenario.losses)

    def moves(self, state: State) -> Iterator[Move]:
        yield from self._write(state)
        yield from self._replay(state)
        yield from self._page(state)
        yield from _late(state)
        yield from self._take_out(state)
        if state.kills:
            yield "the daemon is killed", _killed(state)

    def wrong(self, state: State) -> str:
        if state.phase == Phase.OVER and state.target:
            return "rolled back, and the target holds the record"
        return ""

    def settled(self, state: State) -> bool:
        return state.phase == Phase.OVER

    def _write(self, state: State) -> Iterator[Move]:
        if state.done == len(self.scenario.writes):
            return
        value = self.scenario.writes[state.done]
        name = "insert" if value else "delete"
        if state.write == Write.IDLE:
            marks = state.phase == Phase.NONE or self._on[Guard.MARKING]
            after = state._replace(mark=1 if marks else state.mark, clears=0, write=Write.MARKED)
            yield f"{name} is marked" if marks else f"{name} is not marked", after
        elif state.write == Write.MARKED:
            yield f"{name} is sent", state._replace(write=Write.SENT)
        elif state.write == Write.SENT:
            yield f"source applies {name}", state._replace(write=Write.APPLIED, source=value)
        else:
            yield f"{name} is acknowledged", state._replace(write=Write.IDLE, done=state.done + 1)

    def _replay(self, state: State) -> Iterator[Move]:
        value, name = state.replay_value, "insert" if state.replay_value else "delete"
        if state.replay == Task.IDLE and state.mark and state.phase == Phase.NONE:
            clears = int(not (state.write or state.intent or state.unsure))
            after = state._replace(replay=Task.READ, replay_value=state.source, clears=clears)
            yield "clearing replay reads" if clears else "provisional replay reads", after
        elif state.replay == Task.READ and state.phase == Phase.NONE:
            yield "replay sends", state._replace(replay=Task.SENT)
        elif state.replay == Task.READ:
            yield "replay is dropped", _without_replay(state)
        elif state.replay == Task.SENT:
            yield f"target applies replayed {name}", state._replace(replay=Task.APPLIED, target=value)
        elif state.replay == Task.APPLIED:
            yield "replay is acknowledged" + (" and clears" if state.clears else ""), self._cleared(state)
        if state.replay == Task.SENT and state.losses:
            yield "answer to the replay is lost", _adrift(state)._replace(losses=state.losses - 1, unsure=1)
        if state.unsure and not (state.late_insert or state.late_delete):
            yield "quarantine ends", state._replace(unsure=0)

    def _cleared(self, state: State) -> State:
        after = _without_replay(state)
        if not state.clears:
            return after
        return after._replace(mark=0, ahead=1 if state.replay_value and not state.past else state.ahead)

    def _page(self, state: State) -> Iterator[Move]:
        if state.page == Task.IDLE and not (state.intent or state.past or state.phase):
            yield "page: intent is committed", state._replace(page=Task.GRANTED, intent=1)
        elif state.page == Task.GRANTED:
            stage = Task.READ if state.source else Task.APPLIED
            yield f"page: reads {state.source}", state._replace(page=stage, page_value=state.source)
        elif state.page == Task.READ:
            yield "page: sends", state._replace(page=Task.SENT)
        elif state.page == Task.SENT:
            yield "page: target applies", state._replace(page=Task.APPLIED, target=1)
        elif state.page == Task.APPLIED:
            after = state._replace(page=Task.IDLE, page_value=0, intent=0, past=1, lapsed=0, ahead=0)
            yield "page: reports, its intent is closed", after
        elif state.intent and not state.late_page:
            yield "page: intent lapses", state._replace(intent=0, lapsed=1)
        if state.deaths and state.page != Task.IDLE:
            late = int(state.page == Task.SENT)
            after = state._replace(page=Task.IDLE, page_value=0, late_page=late, deaths=state.deaths - 1)
            yield "page: worker dies", after

    def _take_out(self, state: State) -> Iterator[Move]:
        on = self._on
        if state.phase == Phase.NONE:
            yield "rollback: replays and grants stop", state._replace(phase=Phase.STOPPED)
        elif state.phase == Phase.STOPPED:
            sent = state.replay or state.late_insert or state.late_delete or state.unsure
            if not ((state.intent and on[Guard.WAIT]) or (sent and on[Guard.QUARANTINE])):
                yield self._part(state, 0)
        elif state.phase == Phase.FIRST:
            yield self._part(state, 1)
        elif state.phase == Phase.SECOND:
            yield self._part(state, 2)

    def _part(self, state: State, number: int) -> Move:
        """One of the three lists is taken out of the target; a kill in the middle begins the list again."""
        on = self._on
        covered = state.past or state.intent or (state.lapsed and on[Guard.ROWS])
        walk = "walks the source up to the cursor and over the rows", state.source and covered
        ahead = "takes out what was written ahead", state.ahead and on[Guard.AHEAD]
        journal = "takes out what is in the journal", state.mark and on[Guard.JOURNAL]
        order = (walk, ahead, journal) if on[Guard.JOURNAL_LAST] else (journal, walk, ahead)
        name, named = order[number]
        after = state._replace(phase=state.phase + 1, target=0 if named else state.target)
        return f"rollback: {name}", after


def _late(state: State) -> Iterator[Move]:
    if state.late_page:
        yield "page: late write is lost", state._replace(late_page=0)
        yield "page: late write lands", state._replace(late_page=0, target=1)
    if state.late_insert:
        yield "late insert is lost", state._replace(late_insert=0)
        yield "late insert lands", state._replace(late_insert=0, target=1)
    if state.late_delete:
        yield "late delete is lost", state._replace(late_delete=0)
        yield "late delete lands", state._replace(late_delete=0, target=0)


def _killed(state: State) -> State:
    after = _adrift(state) if state.replay == Task.SENT else _without_replay(state)
    # A write that was under way ends as it will; the client begins its next one anew.
    return after._replace(kills=state.kills - 1, unsure=1)


def _adrift(state: State) -> State:
    late = "late_insert" if state.replay_value else "late_delete"
    return _without_replay(state)._replace(**{late: 1})


def _without_replay(state: State) -> State:
    return state._replace(replay=Task.IDLE, replay_value=0, clears=0)


HOLDS = tuple(
    Scenario(initial, writes, kills=1, deaths=1, losses=1)
    for initial, writes in ((1, (0,)), (1, (0, 1)), (0, (1,)), (0, (1, 0)), (1, (1, 0)))
)
REMOVALS = (
    (Guard.WAIT, Scenario(), 8),
    (Guard.QUARANTINE, Scenario(), 8),
    (Guard.ROWS, Scenario(deaths=1), 10),
    (Guard.AHEAD, Scenario(0, (1,)), 12),
    (Guard.JOURNAL, Scenario(), 9),
    (Guard.JOURNAL_LAST, Scenario(), 12),
    (Guard.MARKING, Scenario(), 12),
)
"""A guard, the least that goes wrong without it, and in how many steps."""
