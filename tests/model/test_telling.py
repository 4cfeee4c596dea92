from vectormigrate.model.events import (
    DeadLettered,
    DeletesStopped,
    Event,
    FindingConfirmed,
    GapOpened,
    GateClosed,
    GateOpened,
    PhaseChanged,
    PrimaryChanged,
    Progress,
    RangeDone,
    Resumed,
    Retried,
    SecondaryDown,
    SecondaryUp,
    Throttled,
    Unthrottled,
    Validated,
    Warned,
    WorkerLost,
)
from vectormigrate.model.phase import Phase
from vectormigrate.model.telling import sentence


def test_every_event_has_a_sentence():
    examples = [
        PhaseChanged("m", Phase.BACKFILL, Phase.FAILED, "disk full"),
        Progress("m", "backfill", 1, 2),
        Resumed("m", 1000, False),
        Retried("m", 1, 0.5, "e"),
        DeadLettered("m", "i:1", "e"),
        WorkerLost("m", -9),
        Warned("m", "w"),
        RangeDone("m", 1, 2),
        Validated("m", "sample", True, 3, "no difference"),
        FindingConfirmed("m", 2),
        GateOpened("m", "debt"),
        GateClosed("m", "debt", "much is owed"),
        Throttled("m", "cpu", "too much"),
        Unthrottled("m", "cpu"),
        SecondaryDown("m", "e"),
        SecondaryUp("m"),
        DeletesStopped("m"),
        GapOpened("m", "disk full"),
        PrimaryChanged("m", "target", 12.0),
    ]
    assert {type(example) for example in examples} == set(Event.__args__)
    told = [sentence(example) for example in examples]
    assert told[0] == "phase: backfill -> failed (disk full)"
    assert told[2] == "going on: 1,000 records were copied before; the run before did not end by itself"
    assert "exit code -9" in told[5]
    assert all(told)
