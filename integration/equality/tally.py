"""What was compared for one pair, and what came of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from typing import Any

from tests.life.answers import Answers, Refusal, differences

from .asked import Question


class Tally:
    """The answers of a facade over a target beside those of the source."""

    def __init__(
        self, asked: Sequence[Question], theirs: Answers, mine: Answers, refused: Collection[str]
    ) -> None:
        """`refused` are names of questions of which the plan has said that they would be."""
        self.wrong: list[str] = []
        self._equal: Counter[str] = Counter()
        self._asked = Counter(one.operator for one in asked)
        self._found: Counter[str] = Counter(one.operator for one in asked if theirs[one.name])
        self._worst = 0.0
        self._other: Counter[str] = Counter()
        self._refused: dict[str, str] = {}
        for one in asked:
            if one.name in refused:
                self._is_refused(one.name, mine[one.name])
                continue
            found = list(differences(mine[one.name], theirs[one.name]))
            self._equal[one.operator] += not found
            self.wrong += [f"{one.name}: {one.where!r:.300}: {each}" for each in found[:2]]
            if not found:
                self._worst = max(self._worst, _furthest(mine[one.name], theirs[one.name]))

    def reads(self, theirs: Mapping[str, Any], mine: Mapping[str, Any]) -> None:
        """Whatever was read beside the searches."""
        for name, answer in theirs.items():
            found = list(differences(mine[name], answer))
            self._other["equal" if not found else "wrong"] += 1
            self.wrong += [f"{name}: {each}" for each in found[:2]]

    def pages(self, theirs: Sequence[str], mine: Sequence[str]) -> None:
        """All ids, page by page: the order is the store's own."""
        if sorted(theirs) != sorted(mine):
            self.wrong.append(
                f"pages: {len(mine)} ids ({len({*mine})} of them once) instead of {len(theirs)}"
            )

    def beyond(self, theirs: Mapping[str, Any], mine: Mapping[str, Any], planned: Collection[str]) -> None:
        """What only the vendor itself can answer: refused where the plan has said so, and else answered alike."""
        for name, answer in mine.items():
            phrase = name.partition(": ")[0]
            if phrase not in planned:
                found = list(differences(answer, theirs[name]))
                self._other["equal" if not found else "wrong"] += 1
                self.wrong += [f"{name} is not in the plan, and {each}" for each in found[:2]]
            else:
                self._is_refused(name, answer)

    def _is_refused(self, name: str, answer: Any) -> None:
        if isinstance(answer, Refusal):
            self._refused[name] = answer.said
        else:
            self.wrong.append(f"{name} is not refused: {answer!r:.200}")

    def told(self) -> dict[str, Any]:
        """The figures."""
        return {
            "queries": self._asked.total(),
            "equal": self._equal.total(),
            "worst score difference": self._worst,
            "reads": dict(self._other),
            "refused": self._refused,
            "operators": {
                name: {"queries": asked, "finding": self._found[name], "equal": self._equal[name]}
                for name, asked in self._asked.items()
            },
            "wrong": self.wrong,
        }


def _furthest(mine: Any, theirs: Any) -> float:
    if not isinstance(mine, list):
        return 0.0
    return max(
        (abs(one["score"] - other["score"]) for one, other in zip(mine, theirs, strict=True)), default=0.0
    )
