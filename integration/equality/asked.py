"""Operators of a filter language, and a thousand queries spread over them."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from .records import Draw, Row, queries, rows

Operators = Mapping[str, Callable[[Draw], Any]]
"""By name, what makes a filter that uses it."""
_EMPTY = 4
"""Every so many-th query of an operator is to find nothing."""
_WHOLE = 5
"""Every so many-th one wants all that match, not only the nearest."""
_NEAREST = 10


@dataclass(frozen=True)
class Question:
    """One search with a filter."""

    number: int
    operator: str
    where: Any
    vector: Row
    limit: int

    @property
    def name(self) -> str:
        """The same in every run: answers are kept by it, and some vendors' filters show nothing but their address."""
        return f"{self.number}: {self.operator}"


def questions(operators: Operators, total: int) -> Iterator[Question]:
    """As many for each operator, give or take one; the same in every run."""
    names = list(operators)
    stored, wanted = rows(), queries()
    for number in range(total):
        turn, place = divmod(number, len(names))
        rng = random.Random(number)
        draw = Draw(rng, stored[rng.randrange(len(stored))], turn % _EMPTY == _EMPTY - 1)
        limit = len(stored) if turn % _WHOLE == 1 else _NEAREST
        where = operators[names[place]](draw)
        yield Question(number, names[place], where, wanted[number % len(wanted)], limit)
