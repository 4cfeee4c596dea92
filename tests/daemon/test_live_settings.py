"""One setting a field, with the defaults of what it settles."""

from dataclasses import fields

import pytest

from vectormigrate.daemon.live_settings import GATES, LIVE, SHADOW, TERMS
from vectormigrate.engine.cutover.gate import Limits
from vectormigrate.engine.dualwrite.terms import Terms


def test_every_term_has_a_setting_but_the_quarantine_which_is_a_migrations_own():
    assert [one.key for one in TERMS] == [one.name for one in fields(Terms) if one.name != "quarantine"]
    assert {one.key: one.default for one in TERMS} == {
        one.name: one.default for one in fields(Terms) if one.name != "quarantine"
    }


def test_every_limit_of_the_gates_has_one():
    assert {one.key.removeprefix("gate_"): one.default for one in GATES} == {
        one.name: one.default for one in fields(Limits)
    }
    assert all(one.key.startswith("gate_") for one in GATES)


@pytest.mark.parametrize("setting", LIVE, ids=lambda one: one.name)
def test_its_default_is_of_its_type_and_in_its_bounds(setting):
    if isinstance(setting.default, bool):
        assert setting.least is setting.most is None
        return
    assert setting.least <= setting.default <= setting.most
    assert setting.section == "live"


def test_a_share_is_of_one():
    assert (SHADOW.least, SHADOW.most) == (0, 1)
