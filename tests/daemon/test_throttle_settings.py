from dataclasses import fields

import pytest

from vectormigrate.daemon.throttle_settings import CRITICAL, PACE, THROTTLE
from vectormigrate.model.errors import UsageError
from vectormigrate.model.specification import Specification


def test_they_are_fields_of_a_migration_with_its_defaults():
    asked = {one.name: one.default for one in fields(Specification) if one.name.startswith("throttle_")}
    assert {one.key: one.default for one in THROTTLE} == asked


def test_those_of_the_pace_are_off_unless_somebody_sets_them():
    assert [(one.key, one.default) for one in (*PACE, CRITICAL)] == [
        ("max_rate", 0.0),
        ("bandwidth", 0.0),
        ("nice_ratio", 0.0),
        ("critical_source_latency", 0.0),
    ]
    assert PACE[1].parse("20MiB/s", "here") == 20 * 2**20


@pytest.mark.parametrize(
    ("url", "told"),
    [
        ("file:///etc/passwd", "http:// or https://"),
        ("http://", "a host"),
        ("http://u:p@h/", "without a password"),
    ],
)
def test_an_address_is_one_that_anybody_may_see(url, told):
    setting = next(one for one in THROTTLE if one.name == "throttle-url")
    assert setting.parse("https://load.internal/ok?job=1", "here") == "https://load.internal/ok?job=1"
    with pytest.raises(UsageError, match=told):
        setting.parse(url, "here")
