"""Points that a test may arm: cheap when nobody does, and each in the source exactly where its name says."""

import re
from pathlib import Path

from vectormigrate.model import points

PACKAGE = Path(points.__file__).parent.parent


def test_nothing_happens_unless_somebody_armed(monkeypatch):
    seen = []
    points.reached("swap.turned")
    monkeypatch.setattr(points, "ARMED", [seen.append])
    points.reached("swap.turned")
    assert seen == ["swap.turned"]


def test_every_name_stands_at_one_place_and_no_other_name_does():
    named = [
        name
        for path in PACKAGE.rglob("*.py")
        for name in re.findall(r'\breached\("([^"]+)"\)', path.read_text())
    ]
    assert sorted(named) == sorted(points.POINTS)
