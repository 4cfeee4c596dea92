"""The order of events: an application lives with its database, then with a daemon in front of it, through a cutover and a
revert, and is answered the same all the time.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

from .answers import Answers, Call, Refusal, differences
from .daemon import Daemon

Ask = Callable[[list[Call]], Awaitable[Answers]]
"""Ask these calls of one client."""


@dataclass
class Tally:
    """What was compared, and what came of it."""

    calls: int = 0
    equal: int = 0
    refused: dict[str, str] = field(default_factory=dict)
    """Calls that the source answers and the daemon refuses after the cutover, with the reason."""
    wrong: list[str] = field(default_factory=list)

    def compare(
        self, when: str, mine: Answers, theirs: Mapping[str, Any], may_refuse: Collection[str]
    ) -> None:
        """The answers of the daemon and those of the source alone."""
        for name, told in mine.items():
            self.calls += 1
            found = list(differences(told, theirs[name], ""))
            if not found:
                self.equal += 1
            elif isinstance(told, Refusal) and not isinstance(theirs[name], Refusal):
                self.refused[name] = f"{told.error} {told.status}: {told.said}"
                if name not in may_refuse:
                    self.wrong.append(f"{when}: {name}: refused with {self.refused[name]}")
            else:
                self.wrong += [f"{when}: {name}: {one}" for one in found[:3]]

    def beyond(self, name: str, answer: Any) -> None:
        """What was answered to something that only the vendor can answer."""
        self.calls += 1
        if isinstance(answer, Refusal):
            self.refused[name] = f"{answer.error} {answer.status}: {answer.said}"
        else:
            self.wrong.append(f"after the cutover: {name} is not refused: {answer!r:.300}")


@dataclass(frozen=True)
class Life:
    """The parts of a life; each begins and ends with the seeded records."""

    seed: list[Call]
    reads: list[Call]
    writes: list[Call]
    look: list[Call]
    """Reads everything."""
    beyond: list[Call]
    """What only the vendor can answer: refused after the cutover."""


Telling = Callable[[Life, Mapping[str, Any], Daemon, str, Ask, Ask, Collection[str]], Awaitable[Tally]]
"""What is told of a life, as `lived` tells the ordinary one: what the source alone answers, the daemon and its migration, whom to
ask through the daemon and directly, and what may be refused behind a cutover.
"""


async def told(life: Life, direct: Ask) -> dict[str, Any]:
    """What the source says of it, with nobody in between."""
    answers: dict[str, Any] = {}
    for calls in (life.seed, life.reads, life.writes):
        answers |= await direct(calls)
    await direct(life.seed)
    return answers


async def lived(
    life: Life,
    theirs: Mapping[str, Any],
    daemon: Daemon,
    migration: str,
    through: Ask,
    direct: Ask,
    may_refuse: Collection[str] = (),
) -> Tally:
    """The life through a daemon with a migration that is verified: before, after its cutover, and after its revert.

    After the cutover and all that is written then, the source must come to hold what the daemon answers.
    """
    tally = Tally()

    async def live(when: str, allowed: Collection[str]) -> None:
        for calls in (life.reads, life.writes, life.seed):
            tally.compare(when, await through(calls), theirs, allowed)

    await live("before the cutover", ())
    await daemon.settled(migration)
    await daemon.swap("cutover", migration)
    await live("after the cutover", may_refuse)
    for name, answer in (await through(life.beyond)).items():
        tally.beyond(name, answer)
    await daemon.settled(migration)
    tally.compare("reverse replay", await direct(life.look), await through(life.look), ())
    await daemon.swap("revert", migration)
    await live("after the revert", ())
    return tally
