"""Files of what looks ahead."""

import json


def test_a_plan_under_which_nothing_would_start_is_written_and_said_to_be_one(terminal):
    terminal.source()
    assert terminal.run("migrate", "one", *terminal.flags(), "--rename", "title=name").code == 0
    refused = terminal.run("plan", "docs", *terminal.flags(), "--existing", "skip", "-o", "docs.plan")
    assert (refused.code, "as it stands it would not start" in refused.err) == (2, True), refused.err
    assert json.loads((terminal.directory / "docs.plan").read_text())["refused"]
    assert terminal.run("apply", "docs.plan").code == 2


def test_what_cannot_be_written_is_told(terminal):
    terminal.source()
    for flag in ("-o", "--write-mapping"):
        ran = terminal.run("plan", "docs", *terminal.flags(), flag, "nowhere/file")
        assert (ran.code, "nowhere/file cannot be written" in ran.err) == (2, True), ran.err
