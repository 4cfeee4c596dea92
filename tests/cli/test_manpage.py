"""The manual page: what is in it, and that it is one."""

import shutil
import subprocess

import pytest

from vectormigrate.api.commands import COMMANDS
from vectormigrate.cli.help import flag_words
from vectormigrate.cli.manpage import page

NEEDS_GROFF = pytest.mark.skipif(
    shutil.which("groff") is None, reason="groff is not installed (Debian: groff-base): nothing sets the page"
)


@NEEDS_GROFF
def test_it_is_set_without_a_complaint_and_says_everything_as_it_can_be_typed():
    done = subprocess.run(
        ["groff", "-man", "-Tascii", "-P-cbou", "-ww", "-rLL=1000n"],
        input=page(),
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == ""
    told = done.stdout
    assert "vectormigrate - moves a live vector database" in told
    for command in COMMANDS:
        assert command.summary in told
        assert f"vectormigrate {command.examples[0].words.partition(' --')[0]}" in told
        for setting in command.all_settings:
            assert flag_words(setting) in told
    assert "'docs-*'" in told  # quotes of a shell, and no others


def test_no_line_of_ours_is_a_request_by_accident():
    requests = {line.split()[0] for line in page().splitlines() if line[:1] in (".", "'")}
    assert requests == {".TH", ".nh", ".ad", ".SH", ".SS", ".PP", ".B", ".TP", ".RS", ".RE", ".EX", ".EE"}
