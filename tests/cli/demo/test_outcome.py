"""What counts as proved."""

from dataclasses import replace

import pytest

from vectormigrate.cli.demo.outcome import Leg, Lived, Outcome, Undone

LEG = Leg("sqlite", "pgvector", 3000, 3000, True, 0, 0, 0, 1.0, 9.5)

LIVED = Lived(600, 0, 0, 0, 120.5, 7.5, 0)


def outcome(**changes: object) -> Outcome:
    return Outcome(**({"legs": [LEG, LEG], "rollback": Undone(0, 0), "live": LIVED} | changes))


def test_the_document_has_the_promised_keys_and_nothing_else():
    document = outcome().document()
    assert list(document) == ["legs", "live", "rollback", "ok"]
    assert list(document["legs"][0]) == [
        "source",
        "target",
        "records",
        "copied",
        "resumed_after_kill",
        "missing",
        "extra",
        "mismatched",
        "min_cosine",
        "seconds",
    ]
    assert document["live"] == {
        "writes_acknowledged": 600,
        "writes_lost": 0,
        "stale": 0,
        "resurrected": 0,
        "cutover_hold_ms": 120.5,
        "revert_hold_ms": 7.5,
    }
    assert document["rollback"] == {"left": 0, "foreign_changed": 0}
    assert document["ok"] is True


@pytest.mark.parametrize(
    "change",
    [
        {"copied": 2999},
        {"copied": 3001},
        {"records": 0, "copied": 0},
        {"resumed_after_kill": False},
        {"missing": 1},
        {"extra": 1},
        {"mismatched": 1},
        {"min_cosine": 0.9},
        {"min_cosine": None},
    ],
)
def test_a_leg_that_differs_in_anything_proves_nothing(change):
    assert outcome().ok
    assert not outcome(legs=[LEG, replace(LEG, **change)]).ok


@pytest.mark.parametrize(
    "change",
    [
        {"legs": [LEG]},
        {"rollback": None},
        {"rollback": Undone(1, 0)},
        {"rollback": Undone(0, 1)},
        {"live": None},
        {"live": replace(LIVED, writes_acknowledged=0)},
        {"live": replace(LIVED, writes_lost=1)},
        {"live": replace(LIVED, stale=1)},
        {"live": replace(LIVED, resurrected=1)},
        {"live": replace(LIVED, left=1)},
        {"problems": ["psycopg reads 1 other vector"]},
    ],
)
def test_so_does_a_story_that_did_not_come_to_its_end(change):
    assert not outcome(**change).ok
    assert outcome(**change).conclusion().startswith("Not proved")


def test_the_conclusion_names_the_problems():
    assert "psycopg reads 1 other vector" in outcome(problems=["psycopg reads 1 other vector"]).conclusion()
    assert "6,000 records" in outcome().conclusion()
    assert "under 600 acknowledged writes" in outcome().conclusion()
