from typing import get_args

import pytest

from vectormigrate.daemon.chronicle import kind_of
from vectormigrate.daemon.telemetry.happenings import BEFORE, DERIVED, Happening, happenings
from vectormigrate.model import events
from vectormigrate.model.events import GapOpened, PhaseChanged, PrimaryChanged, Progress
from vectormigrate.model.phase import Phase


def names(event):
    return [one.name for one in happenings(event)]


def test_an_event_is_told_by_its_own_name_with_what_it_says():
    assert happenings(GapOpened("move", "disk full")) == [
        Happening("gap_opened", "move", {"why": "disk full"})
    ]


@pytest.mark.parametrize(
    ("before", "after", "means"),
    [
        (Phase.PASSTHROUGH, Phase.BACKFILL, "backfill_started"),
        (Phase.BACKFILL, Phase.CATCH_UP, "backfill_done"),
        (Phase.CATCH_UP, Phase.VERIFIED, "verified"),
        (Phase.BACKFILL, Phase.PAUSED, "paused"),
        (Phase.BACKFILL, Phase.FAILED, "failure"),
        (Phase.REVERSED, Phase.COMMITTED, "success"),
        (Phase.ROLLING_BACK, Phase.ROLLED_BACK, "rolled_back"),
    ],
)
def test_a_move_is_told_by_what_it_means_as_well(before, after, means):
    assert names(PhaseChanged("move", before, after)) == ["phase_changed", means]


def test_a_swap_is_told_by_who_answers_now_and_not_by_the_phase_it_leaves():
    assert names(PrimaryChanged("move", "target", 40.0)) == ["primary_changed", "after_cutover"]
    assert names(PrimaryChanged("move", "source", 40.0)) == ["primary_changed", "after_revert"]
    assert names(PhaseChanged("move", Phase.CUTTING_OVER, Phase.VERIFIED)) == ["phase_changed"]


def test_progress_is_not_told():
    assert names(Progress("move", "backfill", 1, 2)) == []


def test_no_name_means_two_things():
    kinds = {kind_of(kind.__new__(kind)) for kind in get_args(events.Event)}
    assert not kinds & set(DERIVED)
    assert set(BEFORE) < set(DERIVED)
