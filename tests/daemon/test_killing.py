"""Death at a named point: at the nth time, once, and never without the variable."""

import signal

import pytest

from vectormigrate.daemon import killing
from vectormigrate.model import points
from vectormigrate.model.errors import UsageError


@pytest.fixture
def killed(monkeypatch):
    monkeypatch.setattr(points, "ARMED", armed := [])
    monkeypatch.setattr(killing, "ARMED", armed)
    return []


def arm(killed, value, *victims):
    killing.arm(
        {killing.VARIABLE: value} if value else {}, *victims, kill=lambda *asked: killed.append(asked)
    )


def test_nothing_is_armed_without_the_variable(killed):
    arm(killed, None, 7)
    assert points.ARMED == []


def test_the_nth_time_kills_once(killed, capfd):
    arm(killed, "swap.turned:3", 7, 8)
    for point in ("swap.turned", "swap.fenced", "swap.turned"):
        points.reached(point)
    assert killed == []
    points.reached("swap.turned")
    points.reached("swap.turned")
    assert killed == [(7, signal.SIGKILL), (8, signal.SIGKILL)]
    assert capfd.readouterr().err == "killed at swap.turned\n"


def test_the_first_time_is_assumed(killed):
    arm(killed, "start.owned", 7)
    points.reached("start.owned")
    assert killed == [(7, signal.SIGKILL)]


@pytest.mark.parametrize("value", ["nowhere:1", "swap.turned:often"])
def test_what_cannot_be_meant_is_refused(killed, value):
    with pytest.raises(UsageError, match="NAME:NTH"):
        arm(killed, value, 7)
