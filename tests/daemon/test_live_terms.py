import pytest

from vectormigrate.daemon import config
from vectormigrate.daemon.live_settings import LIVE
from vectormigrate.daemon.live_terms import LiveSettings, settle_live
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
