from dataclasses import fields

from vectormigrate.daemon.throttle_settings import THROTTLE
from vectormigrate.model.specification import Specification


def test_they_are_fields_of_a_migration_with_its_defaults():
    asked = {one.name: one.default for one in fields(Specification) if one.name.startswith("throttle_")}
    assert {one.key: one.default for one in THROTTLE} == asked
