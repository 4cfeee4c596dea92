"""Settings that make parts."""

from vectormigrate.daemon.part_settings import PARTS
from vectormigrate.daemon.specify import _PARTS


def test_every_setting_says_something_of_a_division():
    assert {setting.name for setting in PARTS} == set(_PARTS)
    assert {setting.section for setting in PARTS} == {"migrate"}
