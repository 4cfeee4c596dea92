"""The front door: exit codes, where output goes, one document with --json."""

import json
import os
import subprocess
import sys

import pytest

from vectormigrate import __version__


def test_version(terminal):
    assert terminal.run("--version").out == f"vectormigrate {__version__}\n"


def test_help_is_a_result_and_no_command_is_an_error(terminal):
    asked = terminal.run("--help")
    assert (asked.code, asked.err) == (0, "")
    lost = terminal.run()
    assert (lost.code, lost.out) == (2, "")
    assert lost.err == asked.out
    assert terminal.run("status", "--help").out.startswith("Examples:\n")


@pytest.mark.parametrize(
    "words",
    [
        ["stauts"],
        ["status"],
        ["status", "docs"],
        ["migrate", "docs"],
        ["list", "--limit", "0"],
        ["status", "docs", "--config", "none.toml"],
    ],
)
def test_what_cannot_be_meant_exits_2_in_both_tongues(terminal, words):
    told = terminal.run(*words)
    assert (told.code, told.out) == (2, "")
    assert told.err.startswith("error: ")
    assert "Traceback" not in told.err
    document = terminal.run(*words, "--json")
    assert (document.code, document.err) == (2, "")
    assert document.document["error"]["exit_code"] == 2
    assert document.document["error"]["retryable"] is False
    assert f"error: {document.document['error']['message']}\n" in told.err


def test_json_by_variable_holds_for_errors_of_the_command_line_too(terminal):
    terminal.environ["VECTORMIGRATE_JSON"] = "1"
    assert json.loads(terminal.run("stauts").out)["error"]["code"] == "usage"


def test_the_file_of_the_directory_is_read(terminal):
    (terminal.directory / "vectormigrate.toml").write_text("[list]\nlimit = 7\n")
    assert terminal.run("list", "--json").document["limit"] == 7
    terminal.environ["VECTORMIGRATE_LIMIT"] = "8"
    assert terminal.run("list", "--json").document["limit"] == 8
    assert terminal.run("list", "--json", "--limit", "9").document["limit"] == 9


def test_a_reader_that_goes_away_is_no_traceback(tmp_path):
    command = [sys.executable, "-m", "vectormigrate", "completion", "bash"]
    process = subprocess.Popen(
        command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, "HOME": str(tmp_path)}
    )
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait(30) == 1


def test_a_profile_is_chosen_by_flag_or_variable(terminal):
    assert "no configuration file to have the profile" in terminal.run("list", "--profile", "x").err
    (terminal.directory / "vectormigrate.toml").write_text(
        "[list]\nlimit = 7\n[profiles.x.list]\nlimit = 3\n"
    )
    assert terminal.run("list", "--json").document["limit"] == 7
    assert terminal.run("list", "--json", "--profile", "x").document["limit"] == 3
    terminal.environ["VECTORMIGRATE_PROFILE"] = "x"
    assert terminal.run("list", "--json").document["limit"] == 3
