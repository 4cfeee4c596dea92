"""The catalogue of settings: whole, and in the words of the model."""

import inspect

import pytest

from vectormigrate.api.commands import COMMANDS
from vectormigrate.daemon.setting import Kind
from vectormigrate.daemon.settings import GLOBAL, METRICS, PHASES, SETTINGS, STORE_KINDS
from vectormigrate.daemon.validate_settings import FLOOR
from vectormigrate.engine.validate import compare
from vectormigrate.model.collection import Metric
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Existing, Specification
from vectormigrate.stores import registry


@pytest.mark.parametrize("setting", SETTINGS, ids=lambda setting: setting.name)
def test_a_setting_says_what_it_is(setting):
    assert setting.help.endswith(".")
    if setting.kind in (Kind.INT, Kind.FLOAT):
        assert setting.unit or setting.unset, "a number needs a unit"
        assert setting.least is not None
        assert setting.most is not None
    assert setting.default is not None or setting.unset, "it must be said what leaving it out means"
    if setting.default is not None and not setting.choices:
        assert setting.parse(setting.default, setting.name) == setting.default


def test_names_of_settings_are_unique():
    names = [setting.name for setting in SETTINGS]
    assert len(names) == len(set(names))
    assert {setting.name for command in COMMANDS for setting in command.all_settings} <= set(names)


def test_the_words_of_choices_are_those_of_the_model():
    assert tuple(sorted(STORE_KINDS)) == registry.KINDS
    assert set(METRICS) == set(Metric)
    assert set(PHASES) == set(Phase)
    by_name = {setting.name: setting for setting in SETTINGS}
    assert set(by_name["existing"].choices) == set(Existing)
    assert by_name["threshold"].least == FLOOR == compare.FLOOR
    assert by_name["threshold"].default == compare.DEFAULT_THRESHOLD


def test_defaults_of_flags_are_those_of_the_specification():
    by_key = {setting.key: setting.default for setting in SETTINGS}
    defaults = {
        name: parameter.default
        for name, parameter in inspect.signature(Specification).parameters.items()
        if name in by_key and name not in ("source", "target", "mapping")  # a file, there
    }
    assert len(defaults) == 22
    assert defaults == {name: by_key[name] for name in defaults}


def test_global_settings_are_at_the_top_of_the_file():
    assert {setting.section for setting in GLOBAL} == {""}
