import pytest

from vectormigrate.model.comparing import check_comparable, check_meant
from vectormigrate.model.errors import GateRefused, UsageError
from vectormigrate.model.phase import Phase


def test_records_by_their_ids_or_every_one():
    check_meant({"full": True, "ids": []})
    check_meant({"ids": ["i:1"]})
    with pytest.raises(UsageError, match="one of both"):
        check_meant({"full": True, "ids": ["i:1"]})


def test_what_was_planned_and_is_not_taken_out_can_be_compared():
    check_comparable("docs", Phase.BACKFILL, planned=True)
    for phase, planned, hint in (
        (Phase.PREFLIGHT, False, "copy first: `vectormigrate resume docs`"),
        (Phase.ROLLED_BACK, True, ""),
    ):
        with pytest.raises(GateRefused, match=f"is {phase}: there is nothing to compare") as refused:
            check_comparable("docs", phase, planned=planned)
        assert refused.value.hint == hint


def test_behind_a_commit_a_difference_would_say_nothing():
    check_comparable("docs", Phase.REVERSED, planned=True)
    with pytest.raises(GateRefused, match="what is written since is in the target alone"):
        check_comparable("docs", Phase.COMMITTED, planned=True)
