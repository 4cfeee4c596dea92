"""Taking a command line apart."""

import pytest

from vectormigrate.cli.arguments import build, parse
from vectormigrate.model.errors import UsageError


def test_a_command_with_everything():
    typed = parse(
        [
            "migrate",
            "docs",
            "--batch-size",
            "7",
            "--drop",
            "a",
            "--drop",
            "b",
            "--rename",
            "a=b",
            "--dry-run",
            "-q",
        ]
    )
    assert typed.command.name == "migrate"
    assert typed.words == {"id": "docs"}
    assert typed.flags == {
        "batch-size": "7",
        "drop": ["a", "b"],
        "rename": ["a=b"],
        "dry-run": True,
        "quiet": True,
    }


def test_what_is_not_given_is_not_there():
    assert parse(["status", "docs"]).flags == {}


@pytest.mark.parametrize(
    "argv", [["--json", "status", "docs"], ["status", "--json", "docs"], ["status", "docs", "--json"]]
)
def test_flags_of_every_command_may_stand_anywhere(argv):
    typed = parse(argv)
    assert typed.flags == {"json": True}
    assert typed.words == {"id": "docs"}


def test_equals_and_negative_numbers():
    assert parse(["migrate", "docs", "--batch-size=-1"]).flags == {"batch-size": "-1"}
    assert parse(["migrate", "docs", "--batch-size", "-1"]).flags == {"batch-size": "-1"}


def test_help_and_version_need_nothing_else():
    assert parse(["migrate", "--help"]).help
    assert parse(["--help"]).help
    assert parse(["-h"]).help
    assert parse(["--version"]).version
    assert parse([]).command is None


@pytest.mark.parametrize(
    ("argv", "told", "hint"),
    [
        (["stauts"], "there is no command 'stauts'", "did you mean status?"),
        (["xyzzy"], "there is no command 'xyzzy'", "commands: demo, migrate"),
        (["status"], "vectormigrate status needs ID", "vectormigrate status docs"),
        (["status", "a", "b"], "does not take 'b'", "--help"),
        (["migrate", "a", "--batchsize", "3"], "has no flag --batchsize", "did you mean --batch-size?"),
        (["migrate", "a", "--batch", "3"], "has no flag --batch", "did you mean --batch-size?"),
        (["migrate", "a", "--xyzzy=3"], "has no flag --xyzzy", "migrate --help"),
        (["migrate", "a", "--batch-size"], "--batch-size needs a value", ""),
        (["--xyzzy"], "vectormigrate has no flag --xyzzy", "vectormigrate --help"),
        (["completion"], "needs SHELL: one of bash, zsh, fish", "completion"),
        (["completion", "fsh"], "shell must be one of bash, zsh, fish, not 'fsh'", "did you mean fish?"),
    ],
)
def test_what_cannot_be_meant(argv, told, hint):
    with pytest.raises(UsageError) as caught:
        parse(argv)
    assert told in caught.value.message
    assert hint in caught.value.hint


def test_the_parser_for_completion_knows_the_choices():
    commands = next(action for action in build(complete=True)._actions if action.dest == "command")
    kinds = next(action for action in commands.choices["migrate"]._actions if action.dest == "source-type")
    assert "sqlite" in kinds.choices
    assert kinds.help
