from dataclasses import fields, replace

import pytest

from vectormigrate.engine.cutover.gate import Conditions, Limits, gates

STALE = "no comparison of everything was clean and recent enough (`validate --full` makes one)"
FINE = Conditions(
    copied=True,
    standing=0,
    debt=0,
    oldest=0.0,
    dead_letters=0,
    scopes=0,
    gap=False,
    unresolved=False,
    unread="",
    compared_ago=60.0,
    secondary_down="",
    deletes_stopped=False,
    overlap=None,
    altered=(),
    obstacles=(),
    no_way_back_accepted=False,
    free_bytes=2**40,
)
LIMITS = Limits(debt=100, oldest=5.0, fresh=3600.0, overlap=0.9, free_bytes=1000)


def closed(limits=LIMITS, **changes):
    """Name and reason of the gates that these conditions close."""
    return {gate.name: gate.reason for gate in gates(replace(FINE, **changes), limits) if not gate.open}


def test_all_are_told_open_or_not():
    found = gates(FINE, LIMITS)
    assert all(gate.open and not gate.reason for gate in found)
    assert [gate.name for gate in found] == [gate.name for gate in gates(replace(FINE, copied=False), LIMITS)]
    assert len({gate.name for gate in found}) == len(found) == 16


@pytest.mark.parametrize(
    ("changes", "name", "reason"),
    [
        ({"copied": False}, "copied", "the backfill is not done"),
        ({"standing": 1}, "pages", "a page may still be written"),
        ({"standing": 2}, "pages", "2 pages may still be written"),
        ({"debt": 101}, "debt", "101 records are owed"),
        ({"oldest": 5.1}, "lag", "the oldest mark is 5 s old"),
        ({"dead_letters": 1200}, "dead letters", "1,200 records were refused"),
        ({"scopes": 3}, "scopes", "3 writes of unknown extent are not compared yet"),
        ({"gap": True}, "gap", "writes left without a mark, and both sides were not compared since"),
        ({"unresolved": True}, "unresolved", "requests that were not answered may still land"),
        ({"unread": "no slot"}, "capture", "changes of the source are not read: no slot"),
        ({"compared_ago": None}, "compared", STALE),
        ({"compared_ago": 3601.0}, "compared", STALE),
        ({"secondary_down": "it is away"}, "secondary", "it is away"),
        (
            {"deletes_stopped": True},
            "deletes",
            "too many records are absent that nobody deleted (`allow-deletes` if they are gone)",
        ),
        ({"overlap": 0.899}, "shadow reads", "searches agree in 90% of their results"),
        ({"altered": ("field 'x'",)}, "shape", "the source has what the plan does not know: field 'x'"),
        ({"obstacles": ("one", "two")}, "way back", "one; two"),
        ({"free_bytes": 999}, "disk", "the disk of the state file is nearly full"),
    ],
)
def test_each_condition_closes_its_own_gate_with_its_reason(changes, name, reason):
    assert closed(**changes) == {name: reason}


@pytest.mark.parametrize(
    "changes",
    [
        {"debt": 100},
        {"oldest": 5.0},
        {"compared_ago": 3600.0},
        {"overlap": 0.9},
        {"overlap": None},
        {"free_bytes": 1000},
        {"obstacles": ("one",), "no_way_back_accepted": True},
    ],
    ids=str,
)
def test_at_its_limit_a_gate_is_open(changes):
    assert closed(**changes) == {}


def test_several_may_be_closed_at_once():
    assert set(closed(copied=False, gap=True, debt=1000)) == {"copied", "gap", "debt"}


def test_the_limits_are_those_of_the_design_unless_told_otherwise():
    assert [getattr(Limits(), one.name) for one in fields(Limits)] == [
        10_000,
        5.0,
        86_400.0,
        False,
        0.9,
        200 * 2**20,
    ]
    assert {gate.name for gate in gates(replace(FINE, debt=10_001)) if not gate.open} == {"debt"}
