"""A command with its values settled."""

import io
from pathlib import Path

import pytest

from vectormigrate.api.commands import BY_NAME
from vectormigrate.cli.call import Call, default_state
from vectormigrate.daemon.config import Config, merge


def call(environ=None, name="status", **flags):
    command = BY_NAME[name]
    merged = merge(
        command.all_settings,
        {name.replace("_", "-"): value for name, value in flags.items()},
        environ or {},
        Config(),
    )
    return Call(
        command, {"id": "docs"}, merged, Config(), environ or {}, io.StringIO(), io.StringIO(), io.StringIO()
    )


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({"XDG_STATE_HOME": "/x"}, Path("/x/vectormigrate/state.db")),
        ({"XDG_STATE_HOME": "relative"}, Path.home() / ".local/state/vectormigrate/state.db"),
        ({}, Path.home() / ".local/state/vectormigrate/state.db"),
    ],
)
def test_where_the_state_is(environ, expected):
    assert default_state(environ) == expected
    assert call(environ).state == expected


def test_a_state_that_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert call(state="s.db").state == tmp_path / "s.db"
    assert call({"VECTORMIGRATE_STATE": "/s.db"}).state == Path("/s.db")


def test_remarks_are_for_people_and_can_be_turned_off():
    loud, quiet = call(), call(quiet=True)
    for one in (loud, quiet):
        one.remark("by the way")
        one.warn("look out")
        assert one.out.getvalue() == ""
    assert loud.err.getvalue() == "by the way\nwarning: look out\n"
    assert quiet.err.getvalue() == "warning: look out\n"


@pytest.mark.parametrize(
    ("environ", "flags", "colour"),
    [({}, {}, None), ({"NO_COLOR": "1"}, {}, False), ({}, {"no_color": True}, False)],
)
def test_colours(environ, flags, colour):
    assert call(environ, **flags).colour is colour


@pytest.mark.parametrize(
    ("name", "flags", "hands"),
    [
        ("migrate", {}, 3),
        ("migrate", {"workers": 2}, 1),
        ("migrate", {"dry_run": True}, 0),
        ("resume", {}, 3),
        ("validate", {"full": True}, 3),
        ("validate", {}, 0),
        ("rollback", {}, 0),
        ("migrate", {"workers": 5, "mode": "proxied"}, 0),
    ],
)
def test_processes_worth_starting_with_the_command(monkeypatch, name, flags, hands):
    monkeypatch.setattr("os.cpu_count", lambda: 4)
    assert call(name=name, **flags).hands == hands
