from dataclasses import replace

from tests.fakes.reports import FULL, STATUS
from vectormigrate.cli.exits import code_of
from vectormigrate.model.documents import AuditLog, Examined, Keys
from vectormigrate.model.phase import Phase
from vectormigrate.model.status import CaptureReport, RollbackReport, SwapReport


def test_a_result_has_the_code_that_its_command_has():
    rolled = RollbackReport("a", False, 1, 0, 0, 0, 0, False, 1.0)
    for result, command, code in (
        (SwapReport("a", False, "target", True, 1.0), "cutover", 0),
        (SwapReport("a", False, "source", False, None), "cutover", 4),
        (rolled, "rollback", 0),
        (RollbackReport("a", False, 1, 0, 2, 0, 0, False, 1.0), "rollback", 1),
        (RollbackReport("a", True, 1, 0, 2, 0, 0, False, 1.0), "rollback", 0),
        (CaptureReport("a", "s", "check", [], ["none"]), "capture", 1),
        (CaptureReport("a", "s", "check", [], []), "capture", 0),
        (Examined([], False), "doctor", 1),
        (AuditLog([], ok=False), "audit", 1),
        (AuditLog([]), "audit", 0),
        (Keys([]), "keys", 0),
        (FULL, "validate", 0),
        (replace(FULL, ok=False), "validate", 3),
        (replace(STATUS, phase=Phase.FAILED), "migrate", 1),
        (replace(STATUS, dead_letters=1), "resume", 3),
        (replace(STATUS, phase=Phase.FAILED), "status", 0),
    ):
        assert code_of(result, command) == code, (result, command)
