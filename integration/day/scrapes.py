"""What Prometheus would have seen: each scrape's samples as series of `promtool test rules`, and the alerts that are due.

A rule's alert is asked for at every other minute of the day. Between the moment at which something goes wrong and the one at
which its alert must have fired, and again behind its end, either answer is right; at all other times there is one.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from itertools import groupby
from pathlib import Path

EVERY = 15
"""Seconds between two scrapes."""
_LOOK = 120
_TARGET = 'job="vectormigrate",instance="daemon"'
_SAMPLE = re.compile(r"(?P<name>\w+)(\{(?P<labels>.*)\})? (?P<value>\S+)$")


@dataclass(frozen=True, slots=True)
class Due:
    """One alert that must fire, in seconds of the day."""

    alert: str
    began: float
    fires: float
    """From then on it must."""
    until: float
    """Up to then it must go on."""
    over: float
    """From then on it must not."""

    def at(self, second: float) -> bool | None:
        """Whether it must fire, must not, or (None) may."""
        if second < self.began or second >= self.over:
            return False
        return True if self.fires <= second <= self.until else None


@dataclass
class Series:
    """Every sample of the day, by series."""

    wanted: frozenset[str]
    """Names of samples that the rules ask for."""
    epoch: float
    """The time of day's beginning since 1970: promtool's clock begins at zero."""
    scrapes: int = 0
    _held: dict[str, dict[int, float]] = field(default_factory=lambda: defaultdict(dict))

    @classmethod
    def of(cls, rules: Path, epoch: float) -> Series:
        """What these rules ask for."""
        return cls(frozenset(re.findall(r"\bvectormigrate_\w+", rules.read_text())), epoch)

    def add(self, exposition: bytes | None) -> None:
        """One scrape; None when nobody answered."""
        self._sample("up", "", 0.0 if exposition is None else 1.0)
        for line in (exposition or b"").decode().splitlines():
            found = _SAMPLE.match(line)
            if found is not None and found["name"] in self.wanted:
                since = self.epoch if found["name"].endswith("_timestamp_seconds") else 0.0
                self._sample(found["name"], found["labels"] or "", float(found["value"]) - since)
        self.scrapes += 1

    def _sample(self, name: str, labels: str, value: float) -> None:
        told = f"{labels},{_TARGET}" if labels else _TARGET
        self._held[f"{name}{{{told}}}"][self.scrapes] = value

    def newest(self, name: str) -> list[float]:
        """The last value of every series of that name."""
        return [values[max(values)] for series, values in self._held.items() if series.split("{")[0] == name]

    def document(self, rules: Path, alerts: Iterable[str], due: Iterable[Due]) -> dict[str, object]:
        """A file for promtool, which reads JSON as it is YAML."""
        expected, checks = list(due), []
        for second in range(_LOOK, self.scrapes * EVERY, _LOOK):
            for alert in alerts:
                answers = [one.at(second) for one in expected if one.alert == alert]
                if None in answers and True not in answers:
                    continue
                checks.append(
                    {
                        "expr": f'group(ALERTS{{alertname="{alert}", alertstate="firing"}})',
                        "eval_time": f"{second}s",
                        "exp_samples": [{"labels": "{}", "value": 1}] if True in answers else [],
                    }
                )
        inputs = [
            {"series": series, "values": _values(values, self.scrapes)}
            for series, values in sorted(self._held.items())
        ]
        tests = [{"interval": f"{EVERY}s", "input_series": inputs, "promql_expr_test": checks}]
        return {"rule_files": [str(rules)], "evaluation_interval": "1m", "tests": tests}


def _values(values: dict[int, float], scrapes: int) -> str:
    """In promtool's words: runs of the same number; a series that is not there any more has gone stale."""
    words = []
    for value, run in groupby(values.get(number) for number in range(scrapes)):
        count = len(list(run))
        if value is None:
            words.append("stale" if count == 1 else f"stale _x{count - 1}")
        else:
            words.append(f"{value!r}" if count == 1 else f"{value!r}x{count - 1}")
    return " ".join(words)
