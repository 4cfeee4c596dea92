"""The table of commands, as data."""

import re

import pytest

from vectormigrate.api.commands import ACCESS, BY_NAME, COMMANDS
from vectormigrate.daemon.settings import GLOBAL


def test_names_are_unique_and_speakable():
    assert len(BY_NAME) == len(COMMANDS)
    assert all(re.fullmatch(r"[a-z]+(-[a-z]+)*", name) for name in BY_NAME)


@pytest.mark.parametrize("command", COMMANDS, ids=lambda command: command.name)
def test_a_row_is_whole(command):
    assert command.summary.endswith(".")
    assert not command.details or command.details.endswith(".")
    assert command.result
    assert re.fullmatch(r"[\w.]+:\w+", command.handler)
    assert all(example.words.split()[0] == command.name for example in command.examples)
    names = [setting.name for setting in command.all_settings]
    assert len(names) == len(set(names))
    assert command.all_settings[-len(GLOBAL) :] == GLOBAL


def test_every_flag_that_was_promised():
    promised = {
        "migrate": "source-type target-type source-url target-url source-api-key target-api-key source-index target-index"
        " batch-size max-retries validate-every dry-run existing rename drop spread metric workers max-rate quarantine"
        " source-option target-option state config json quiet verbose no-color",
        "validate": "sample-size full ids recall least-recall threshold seed",
        "rollback": "force yes dry-run",
        "report": "html output",
        "list": "status limit offset",
        "findings": "limit offset",
        "dead-letters": "limit offset",
    }
    for name, flags in promised.items():
        assert set(flags.split()) <= {setting.name for setting in BY_NAME[name].all_settings}, name


def test_promised_defaults():
    named = (BY_NAME[name] for name in ("migrate", "validate", "rollback"))
    defaults = {setting.name: setting.default for command in named for setting in command.settings}
    assert (defaults["batch-size"], defaults["max-retries"], defaults["validate-every"]) == (100, 3, 10)
    assert (defaults["sample-size"], defaults["threshold"], defaults["existing"]) == (100, 0.999, "fail")
    assert (defaults["dry-run"], defaults["force"], defaults["full"]) == (False, False, False)


def test_what_changes_something_can_be_rehearsed_or_is_harmless():
    changing = {command.name for command in COMMANDS if not command.reads_only}
    offline = {"migrate", "apply", "export", "import", "resume", "validate", "rollback", "pause", "capture"}
    offline |= {"throttle", "unthrottle", "set", "approve", "waive", "repair", "abort"}
    assert changing == offline | {
        "serve",
        "emulate",
        "allow-deletes",
        "attest",
        "cutover",
        "revert",
        "commit",
        "reads",
        "dead-letters",
        "keys",
        "vec",
        "mcp",
    }
    for name in (
        "migrate",
        "apply",
        "export",
        "import",
        "repair",
        "rollback",
        "abort",
        "cutover",
        "revert",
        "commit",
    ):
        assert "dry-run" in {setting.name for setting in BY_NAME[name].settings}


def test_secrets_can_be_given_again_where_stores_are_opened():
    for name in ("resume", "validate", "repair", "rollback"):
        assert set(ACCESS) <= set(BY_NAME[name].settings)
