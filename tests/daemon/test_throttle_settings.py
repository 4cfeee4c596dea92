from dataclasses import fields

import pytest

from vectormigrate.daemon.throttle_settings import THROTTLE
from vectormigrate.model.errors import UsageError
from vectormigrate.model.specification import Specification


def test_they_are_fields_of_a_migration_with_its_defaults():
    asked = {one.name: one.default for one in fields(Specification) if one.name.startswith("throttle_")}
    assert {one.key: one.default for one in THROTTLE} == asked


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
