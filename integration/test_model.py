"""The protocol in scenarios too large for every commit: some ten million states, all of them visited.

Writes what was walked, and the shortest story without each guard, to `integration/model/out/`; a run worth keeping is
copied to `integration/model/figures/`. Takes some ten minutes on one core and two gigabytes.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path

import pytest

from tests.model.protocol import cutover, predicate, rollback
from tests.model.protocol.catalogue import LARGE, REMOVALS, Removal, described
from tests.model.protocol.cutover import Cutover
from tests.model.protocol.explore import Model, Walk, explore
from tests.model.protocol.predicate import Predicate
from tests.model.protocol.protocol import OneId
from tests.model.protocol.rollback import Rollback
from tests.model.protocol.state import Scenario

OUT = Path(__file__).parent / "model" / "out"
LARGE_SISTERS = (
    Predicate(predicate.Scenario(kills=1, losses=1, deaths=1)),
    Predicate(predicate.Scenario(enumerates=False, kills=1, losses=1, deaths=1)),
    Cutover(cutover.Scenario(kills=1)),
    Cutover(cutover.Scenario(losses=1, replay_losses=1)),
    Cutover(cutover.Scenario(flips=2, kills=1)),
    Rollback(rollback.Scenario(writes=(0, 1, 0), kills=2, deaths=2, losses=1)),
)
Figures = dict[str, list[dict[str, object]]]


@pytest.fixture(scope="module")
def figures() -> Iterator[Figures]:
    """What is found, by kind; written when all is done."""
    found: Figures = {"holds": [], "removed": []}
    yield found
    OUT.mkdir(parents=True, exist_ok=True)
    for kind, rows in found.items():
        if rows:
            (OUT / f"{kind}.json").write_text(json.dumps(rows, indent=1) + "\n")
            (OUT / f"{kind}.md").write_text(_table(rows))


def _table(rows: list[dict[str, object]]) -> str:
    told = [{name: value for name, value in row.items() if name != "story"} for row in rows]
    lines = [" | ".join(told[0]), " | ".join("---" for _ in told[0])]
    lines += [
        " | ".join(f"{value:,}" if isinstance(value, int) else str(value) for value in row.values())
        for row in told
    ]
    return "".join(f"| {line} |\n" for line in lines)


@pytest.mark.parametrize("scenario", LARGE, ids=described)
def test_the_protocol_of_one_id_holds(scenario: Scenario, figures: Figures) -> None:
    _holds(OneId(scenario), described(scenario), figures)


@pytest.mark.parametrize("model", LARGE_SISTERS, ids=lambda model: type(model).__name__)
def test_its_sisters_hold(model: Predicate | Cutover | Rollback, figures: Figures) -> None:
    contents = {name: value for name, value in asdict(model.scenario).items() if name != "without"}
    words = ", ".join(f"{name} {value}" for name, value in contents.items())
    _holds(model, f"{type(model).__name__.lower()}: {words}", figures)


def _holds(model: Model, name: str, figures: Figures) -> None:
    walk = explore(model, live=True)
    result = walk.wrong or "complete, live"
    figures["holds"].append(
        {"scenario": name, "states": walk.states, "seconds": round(walk.seconds, 1), "result": result}
    )
    assert walk.complete, walk.told()
    assert not walk.wrong, walk.told()


@pytest.mark.parametrize("removal", REMOVALS, ids=lambda removal: removal.guard.name.lower())
def test_no_guard_can_be_left_out(removal: Removal, figures: Figures) -> None:
    walks = [explore(OneId(removal.looking_for(orphans=orphans))) for orphans in (False, True)]
    for walk in walks:
        if walk.wrong:
            _caught(removal.guard, removal.needs, walk, figures)
    assert any(walk.wrong for walk in walks)


@pytest.mark.parametrize(
    ("kind", "guard", "scenario"),
    [
        (kind, guard, scenario)
        for kind, room in ((Predicate, predicate), (Cutover, cutover), (Rollback, rollback))
        for guard, scenario, _ in room.REMOVALS
    ],
)
def test_no_guard_of_the_sisters_can_be_left_out(
    kind: type[Predicate | Cutover | Rollback], guard: str, scenario: object, figures: Figures
) -> None:
    walk = explore(kind(replace(scenario, without=frozenset({guard}))))
    _caught(guard, kind.__name__.lower(), walk, figures)
    assert walk.wrong


def _caught(guard: str, needs: str, walk: Walk, figures: Figures) -> None:
    figures["removed"].append(
        {
            "guard": str(guard),
            "in": needs,
            "steps": walk.steps,
            "states": walk.states,
            "wrong": walk.wrong,
            "story": walk.story,
        }
    )
