"""The settings of serving, in the words of what serves."""

import logging

from vectormigrate.daemon.listeners import Limits
from vectormigrate.daemon.serving_settings import DIALECTS, EMULATED_AT, LISTENER, LOG_LEVELS, SERVE
from vectormigrate.daemon.settings import SETTINGS
from vectormigrate.daemon.upstream import Timeouts
from vectormigrate.stores import registry


def test_the_words_of_choices_are_those_of_what_serves():
    assert DIALECTS == registry.DIALECTS
    assert all(level.upper() in logging.getLevelNamesMapping() for level in LOG_LEVELS)


def test_defaults_are_those_of_the_listeners_and_upstreams():
    defaults = {setting.name: setting.default for setting in SERVE}
    assert defaults["max-body"] * 1024 * 1024 == Limits().body
    assert defaults["max-connections"] == Limits().connections
    assert defaults["upstream-timeout"] == Timeouts().answer


def test_what_emulate_takes_of_a_listener_is_in_the_catalogue():
    assert {setting.name for setting in EMULATED_AT} <= {setting.name for setting in LISTENER}
    assert {setting.name for setting in LISTENER} <= {setting.name for setting in SETTINGS}
