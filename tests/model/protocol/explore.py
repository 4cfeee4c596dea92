"""Breadth-first walk over every state of a model, with the shortest story to a wrong one.

Knows nothing of what is modelled: a model says where it starts, what can happen next, what is wrong and what is
settled. A state is any hashable value; small `bytes` are quickest and smallest (about 190 bytes a state, all told).
The surprise: nothing but the number of the parent is kept of how a state was reached; the names of a story are found
again by asking the model, once, at the end.
"""

from __future__ import annotations

import time
from array import array
from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from typing import Protocol


class Model(Protocol):
    """What can be walked."""

    def start(self) -> Hashable: ...

    def moves(self, state: Hashable) -> Iterable[tuple[str, Hashable]]:
        """What can happen next: name and state after it."""

    def wrong(self, state: Hashable) -> str:
        """What must never be seen, in words; empty when all is well."""

    def settled(self, state: Hashable) -> bool:
        """Whether nothing is left to be done."""


@dataclass(frozen=True)
class Walk:
    """What was found. `wrong` is empty if nothing was; then `complete` says whether every state was visited."""

    states: int
    seconds: float
    complete: bool
    wrong: str = ""
    story: tuple[str, ...] = ()

    @property
    def steps(self) -> int:
        return len(self.story)

    def told(self) -> str:
        """For people: the story, a line a step."""
        if not self.wrong:
            return f"{self.states:,} states, {'complete' if self.complete else 'stopped'}, nothing wrong"
        return "\n".join([f"{self.wrong}, after {self.steps} steps:", *self.story])


def explore(model: Model, *, most: int | None = None, live: bool = False) -> Walk:
    """Walk until something wrong is seen, all is seen, or `most` states are.

    With `live`, a state from which no settled state can be reached is wrong too (only judged when all is seen).
    """
    begun = time.process_time()
    start = model.start()
    moves, wrong = model.moves, model.wrong
    numbers, order = {start: 0}, [start]
    parents, edges, ends = array("I", [0]), array("I"), array("Q")
    problem = wrong(start)
    for at, state in enumerate(order):
        if problem or (most is not None and len(order) >= most):
            break
        for _, onward in moves(state):
            number = numbers.get(onward)
            if number is None:
                numbers[onward] = number = len(order)
                order.append(onward)
                parents.append(at)
                problem = wrong(onward)
                if problem:
                    break
            if live:
                edges.append(number)
        ends.append(len(edges))
    complete = len(ends) == len(order) and not problem
    worst = len(order) - 1
    if live and complete:
        stuck = _stuck(model, order, edges, ends)
        if stuck is not None:
            worst, problem = stuck, "no settled state can be reached any more"
    story = _story(model, order, parents, worst) if problem else ()
    return Walk(len(order), time.process_time() - begun, complete, problem, story)


def _stuck(model: Model, order: list[Hashable], edges: array[int], ends: array[int]) -> int | None:
    """The first state from which no settled one can be reached.

    Swept from the last state to the first until a sweep changes nothing: most ways lead to later states, so that
    few sweeps do, and no second graph with the arrows turned round is held.
    """
    good = bytearray(model.settled(state) for state in order)
    todo = [number for number in reversed(range(len(order))) if not good[number]]
    while todo:
        left = []
        for number in todo:
            first = ends[number - 1] if number else 0
            if any(good[onward] for onward in edges[first : ends[number]]):
                good[number] = 1
            else:
                left.append(number)
        if len(left) == len(todo):
            return left[-1]
        todo = left
    return None


def _story(model: Model, order: list[Hashable], parents: array[int], number: int) -> tuple[str, ...]:
    names = []
    while number:
        parent, state = parents[number], order[number]
        names.append(next(name for name, onward in model.moves(order[parent]) if onward == state))
        number = parent
    return tuple(reversed(names))
