"""What may be set while a migration runs, and how it is said."""

import pytest

from vectormigrate.daemon.config import Given
from vectormigrate.daemon.levers import LEVERS, THROTTLING, anew, asked_of, change_of, released, throttling
from vectormigrate.model.errors import UsageError
from vectormigrate.model.specification import Levers


def test_they_are_those_of_the_model():
    assert {setting.key for setting in LEVERS.values()} == set(Levers.__dataclass_fields__)


@pytest.mark.parametrize(
    ("text", "change"),
    [
        ("workers=4", {"workers": 4}),
        ("batch_size = 7", {"batch_size": 7}),
        ("max-rate=0.5", {"max_rate": 0.5}),
        ("max-rate=none", {"max_rate": None}),
        ("rate=7", {"max_rate": 7.0}),
        ("concurrency=2", {"workers": 2}),
        ("nice_ratio=1.5", {"nice_ratio": 1.5}),
        ("bandwidth=64kB/s", {"bandwidth": 64_000.0}),
        ("max-lag=90s", {"throttle_lag": 90.0}),
        ("max-load=500ms", {"throttle_source_latency": 0.5}),
        ("critical-load=2", {"critical_source_latency": 2.0}),
        ("critical-load=none", {"critical_source_latency": None}),
        ("throttle-hold=yes", {"throttle_hold": True}),
        ("throttle-window=22:00-06:00", {"throttle_window": "22:00-06:00"}),
        ("throttle-file=", {}),
        ("workers", {}),
        ("workers=?", {}),
    ],
)
def test_a_change_is_a_name_and_a_value(text, change):
    assert change_of(text) == change


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("worker=4", "did you mean workers"),
        ("maxload=1", "did you mean max-load"),
        ("nice-ratio=101", "from 0 to 100"),
        ("existing=skip", "these can: "),
        ("throttle-window=at night", "HH:MM-HH:MM"),
        ("throttle-url=here", "http:// or https://"),
        ("workers=many", "whole number"),
        ("batch-size=0", "from 1"),
    ],
)
def test_what_is_none_is_told(text, told):
    with pytest.raises(UsageError) as caught:
        change_of(text)
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_what_is_shown_is_one_or_all():
    assert asked_of("batch-size=?") == ("batch_size",)
    assert asked_of("rate") == ("max_rate",)
    assert set(asked_of("")) == set(Levers.__dataclass_fields__)


def test_to_throttle_is_what_is_said_or_to_wait():
    given = {
        "max-rate": Given(5.0, "flag", "--max-rate"),
        "throttle-cpu": Given(0.5, "file", "somewhere"),
        "throttle-file": Given("stop", "environment", "VECTORMIGRATE_THROTTLE_FILE"),
    }
    assert throttling(given) == {"max_rate": 5.0, "throttle_file": "stop"}
    assert throttling({"max-rate": Given(5.0, "file", "somewhere")}) == {"throttle_hold": True}


def test_to_unthrottle_is_to_go_back_to_what_was_asked_for_and_not_to_hold():
    assert released(held=False) == {one.key: None for one in THROTTLING}
    assert released(held=True)["throttle_hold"] is False


def test_only_what_workers_are_told_at_their_start_begins_them_anew():
    assert anew({"workers": 2})
    assert anew({"batch_size": None, "max_rate": 1.0})
    assert not anew({"max_rate": 1.0, "throttle_hold": True})
