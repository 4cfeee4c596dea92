"""What may be set while a migration runs, and how it is said."""

import pytest

from vectormigrate.daemon.config import Given
from vectormigrate.daemon.levers import LEVERS, change_of, rate_of
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
    ],
)
def test_a_change_is_a_name_and_a_value(text, change):
    assert change_of(text) == change


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("worker=4", "did you mean workers"),
        ("existing=skip", "these can: "),
        ("workers", "workers=VALUE"),
        ("workers=", "workers=VALUE"),
        ("workers=many", "whole number"),
        ("batch-size=0", "from 1"),
    ],
)
def test_what_is_none_is_told(text, told):
    with pytest.raises(UsageError) as caught:
        change_of(text)
    assert told in f"{caught.value.message} {caught.value.hint}"


def test_a_rate_has_to_be_said():
    assert rate_of({"max-rate": Given(5.0, "flag", "--max-rate")}) == {"max_rate": 5.0}
    for layer in ("default", "file"):
        with pytest.raises(UsageError, match="needs a rate"):
            rate_of({"max-rate": Given(5.0, layer, "somewhere")})
