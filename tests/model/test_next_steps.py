import pytest

from vectormigrate.model.next_steps import next_steps
from vectormigrate.model.phase import FINAL, Phase
from vectormigrate.model.specification import Mode


def steps(mode, phase, **how):
    return [step.removeprefix("vectormigrate ") for step in next_steps("docs", mode, phase, **how)]


@pytest.mark.parametrize("mode", [Mode.PROXIED, Mode.CAPTURED])
def test_without_a_daemon_the_next_step_of_a_live_one_is_to_start_it(mode):
    for phase in set(Phase) - FINAL:
        assert steps(mode, phase, owned=False) == ["serve"], phase


def test_a_live_one_is_attested_then_cut_over_then_reverted_or_committed():
    assert steps(Mode.PROXIED, Phase.PASSTHROUGH, owned=True) == ["attest docs", "pause docs"]
    assert steps(Mode.PROXIED, Phase.PASSTHROUGH, owned=True, attested=True) == ["pause docs"]
    assert "cutover docs" in steps(Mode.PROXIED, Phase.VERIFIED, owned=True)
    assert steps(Mode.PROXIED, Phase.REVERSED, owned=True) == ["revert docs", "commit docs"]
    assert steps(Mode.PROXIED, Phase.COMMITTED, owned=False) == ["serve"]  # the facade answers on


def test_a_captured_one_needs_no_word_has_no_way_back_and_leaves_its_capture():
    assert steps(Mode.CAPTURED, Phase.PASSTHROUGH, owned=True) == ["pause docs"]
    assert "cutover docs --no-way-back" in steps(Mode.CAPTURED, Phase.VERIFIED, owned=True)
    for phase in (Phase.COMMITTED, Phase.ROLLED_BACK):
        assert steps(Mode.CAPTURED, phase, owned=False) == ["capture remove docs"]


def test_what_failed_or_rests_is_resumed_or_taken_back_by_whoever_owns_it():
    for phase in (Phase.FAILED, Phase.PAUSED):
        assert steps(Mode.OFFLINE, phase, owned=False) == ["resume docs", "rollback docs"]
        assert steps(Mode.OFFLINE, phase, owned=True) == []
        assert steps(Mode.PROXIED, phase, owned=True) == ["resume docs", "rollback docs"]


def test_what_has_put_nothing_anywhere_can_be_aborted():
    for phase in (Phase.FAILED, Phase.PAUSED):
        assert steps(Mode.OFFLINE, phase, owned=False, untouched=True)[:2] == ["resume docs", "abort docs"]
        assert steps(Mode.OFFLINE, phase, owned=True, untouched=True) == []
        assert steps(Mode.PROXIED, phase, owned=True, untouched=True)[:2] == ["resume docs", "abort docs"]
        assert steps(Mode.CAPTURED, phase, owned=False, untouched=True) == ["serve", "abort docs"]
    assert "abort docs" not in steps(Mode.OFFLINE, Phase.BACKFILL, owned=False, untouched=True)
    assert steps(Mode.CAPTURED, Phase.ABORTED, owned=True) == ["capture remove docs"]


def test_what_differs_is_looked_at_and_mended():
    for mode, first in ((Mode.OFFLINE, ["findings docs", "repair docs"]), (Mode.PROXIED, ["findings docs"])):
        told = steps(mode, Phase.VERIFIED, owned=True, differs=True)
        assert told == [*first, *steps(mode, Phase.VERIFIED, owned=True)]
        assert "findings docs" not in steps(mode, Phase.REVERSED, owned=True, differs=True)
