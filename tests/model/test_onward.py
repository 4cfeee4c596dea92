"""What every answer says can be done next."""

from dataclasses import replace

import pytest

from tests.fakes.reports import FULL
from vectormigrate.model.documents import DeadLetters, Findings, Keys
from vectormigrate.model.onward import onward
from vectormigrate.model.status import GateStatus, LiveStatus, RollbackReport, SwapReport

OPEN, CLOSED = GateStatus("debt", True), GateStatus("disk", False, "nearly full")


def swap(primary, *, ok=True, dry_run=False):
    return SwapReport("docs", dry_run, primary, ok, None)


def live(primary, *gates):
    return LiveStatus("docs", primary, 0.0, 0, 0.0, 0, False, False, 0, "", {}, {}, gates)


def rollback(left, *, dry_run=False):
    return RollbackReport("docs", dry_run, 5, 0, left, 0, 0, False, 1.0)


@pytest.mark.parametrize(
    ("document", "steps"),
    [
        (replace(FULL, migration_id="docs", ok=True), ["report docs"]),
        (replace(FULL, migration_id="docs", ok=False), ["findings docs", "status docs"]),
        (swap("source", dry_run=True), ["cutover docs"]),
        (swap("target", dry_run=True), ["revert docs"]),
        (swap("target"), ["revert docs", "commit docs"]),
        (swap("source"), ["validate docs --full"]),
        (swap("source", ok=False, dry_run=True), ["gates docs"]),
        (rollback(0), []),
        (rollback(2), ["rollback docs"]),
        (rollback(0, dry_run=True), ["rollback docs"]),
        (live("source", OPEN), ["cutover docs --dry-run"]),
        (live("target", OPEN), ["revert docs --dry-run"]),
        (live("source", OPEN, CLOSED), ["status docs"]),
        (DeadLetters("docs", [{"id": "s:a b"}], 10, 0), ["status docs", "waive docs 's:a b' --reason TEXT"]),
        (DeadLetters("docs", [], 10, 0), []),
        (Findings("docs", [{"id": "i:1"}], 10, 0), ["validate docs --full"]),
        (Findings("docs", [], 10, 0), []),
    ],
)
def test_an_answer_says_what_to_do_next(document, steps):
    assert list(onward(document).next_steps) == [f"vectormigrate {step}" for step in steps]


def test_what_has_no_place_for_it_stays_as_it_is():
    keys = Keys([])
    assert onward(keys) is keys
