"""One setting a field, with the defaults of what it settles."""

from dataclasses import fields

import pytest

from vectormigrate.daemon import config
from vectormigrate.daemon.hosting import LiveSettings, settle_live
from vectormigrate.daemon.live_settings import GATES, LIVE, SHADOW, TERMS
from vectormigrate.engine.cutover.gate import Limits
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.model.errors import ConfigInvalid, UsageError


def merged(text, tmp_path, **flags):
    (tmp_path / "v.toml").write_text(text)
    return config.merge(
        LIVE,
        {name.replace("_", "-"): value for name, value in flags.items()},
        {},
        config.load(tmp_path / "v.toml", {}),
    )


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


def test_what_nobody_says_is_the_default(tmp_path):
    assert settle_live(merged("", tmp_path)) == LiveSettings()


def test_what_somebody_says_arrives_in_its_place(tmp_path):
    text = "[live]\ncoalesce = 0.5\nreplay_batch = 7\nfail_closed = true\ngate_debt = 3\ngate_overlap = 0.5\nshadow = 0.25\n"
    settled = settle_live(merged(text, tmp_path))
    assert settled.terms == Terms(coalesce=0.5, replay_batch=7, fail_closed=True)
    assert settled.gates == Limits(debt=3, overlap=0.5)
    assert settled.shadow == 0.25


@pytest.mark.parametrize("line", ["replay_batch = 0", "shadow = 1.5", "coalesce = -1", "hold_seconds = 301"])
def test_what_cannot_be_meant_is_told(tmp_path, line):
    with pytest.raises((ConfigInvalid, UsageError)):
        settle_live(merged(f"[live]\n{line}\n", tmp_path))


def test_a_share_is_of_one():
    assert (SHADOW.least, SHADOW.most) == (0, 1)
