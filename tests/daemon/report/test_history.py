from dataclasses import replace

from tests.fakes.reports import REPORT
from vectormigrate.daemon.report.history import history


def test_the_history_says_what_was_done_as_it_could_be_typed():
    at = {"at": "2026-11-22T17:45:30.5+00:00", "detail": ""}
    rows = [
        {**at, "verb": "move", "before": "created", "after": "preflight", "actor": "", "outcome": ""},
        {
            **at,
            "verb": "cutover",
            "actor": "user ada",
            "outcome": "ok",
            "arguments": '{"dry_run": true, "hold": null}',
        },
        {**at, "verb": "throttle", "actor": "key ab", "outcome": "ok", "arguments": '{"max_rate": 300'},
    ]
    told = history(replace(REPORT, history=rows))
    assert told.rows[0][:2] == ("2026-11-22 17:45:30 UTC", "created → preflight")
    assert told.rows[1][1:4] == ("cutover --dry-run", "user ada", "ok")
    assert told.rows[2][1] == 'throttle {"max_rate": 300'
