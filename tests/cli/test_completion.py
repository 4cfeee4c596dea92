"""Completion scripts."""

import shutil
import subprocess

import pytest

from vectormigrate.api.commands import COMMANDS


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_a_script_knows_every_command_and_flag(terminal, shell):
    script = terminal.run("completion", shell).out
    for command in COMMANDS:
        assert command.name in script
    assert "batch-size" in script
    assert terminal.run("completion", shell, "--json").document == {
        "format_version": 1,
        "shell": shell,
        "script": script.rstrip("\n"),
    }


@pytest.mark.skipif(shutil.which("bash") is None, reason="no bash")
def test_bash_completes(terminal):
    script = terminal.directory / "completion"
    script.write_text(terminal.run("completion", "bash").out)
    probe = f"""
        source {script}
        COMP_WORDS=(vectormigrate migrate --batch); COMP_CWORD=2
        $(complete -p vectormigrate | sed 's/.*-F \\([^ ]*\\).*/\\1/') vectormigrate --batch migrate
        echo "${{COMPREPLY[@]}}"
    """
    told = subprocess.run(["bash", "-c", probe], capture_output=True, text=True, check=True)
    assert told.stdout.split() == ["--batch-size"]
