import pytest

from vectormigrate.cli.daemon_text import render
from vectormigrate.model.documents import AuditLog, Event, Events, Key, Keys, Operation, Operations

KEY = Key("ab", "read", "ci", "2026-01-01T00:00:00+00:00", None, None, True)
ROW = {
    "number": 7,
    "at": "2026-01-01T10:00:00.5+00:00",
    "actor": "key ab",
    "verb": "cutover",
    "migration_id": "docs",
    "before": "",
    "after": "",
    "detail": "closed\x1b[31m",
    "outcome": "gate_refused",
}


@pytest.mark.parametrize(
    ("document", "told"),
    [
        (Keys([]), "no keys; make one with"),
        (Keys([KEY]), "ab  read   ci     2026-01-01 00:00:00           good"),
        (Keys([KEY], "vmk_ab_x"), "  vmk_ab_x"),
        (Keys([KEY], would="ab would open nothing"), "dry run, nothing was changed; ab would open nothing"),
        (AuditLog([ROW]), r"gate_refused; closed\x1b[31m"),
        (AuditLog([{**ROW, "outcome": "", "detail": "", "before": "a", "after": "b"}]), "a to b"),
        (AuditLog([], 5, 2, "aa"), "the chain of 5 rows is whole; 2 older rows are not part of it"),
        (AuditLog([], 5, 0, "aa", ("row 2 is missing",), False), "THE CHAIN IS BROKEN"),
        (AuditLog([], 5, 0, "aa", ("row 2 is missing",), False), "  row 2 is missing"),
        (Events([], 0), "no events from there on"),
        (Events([Event(3, "2026-01-01T00:00:00", "docs", "warned", {"message": "hot"})], 3), "message hot"),
        (Events([Event(4, "2026-01-01T00:00:00", "docs", "x", {"ms": 73.45030999})], 4), "ms 73.4503"),
        (Events([Event(5, "2026-01-01T00:00:00", "docs", "x", {"ms": 1}, "slow")], 5), "x      slow"),
        (Operations([], 5, 0), "no operations"),
        (Operations([Operation("op", "validate", "docs", "me", "running", "2026")], 5, 0), "running"),
        (
            Operation("op", "validate", "", "me", "failed", "2026", "2027", None, {"message": "no\nway"}),
            r"  error    no\nway",
        ),
    ],
)
def test_every_document_has_its_lines(document, told):
    assert told in "\n".join(render(document))


def test_the_end_of_a_key_is_told():
    from dataclasses import replace

    ended = replace(KEY, good=False, expires_at="2026-02-01T00:00:00")
    assert "expired" in "\n".join(render(Keys([ended])))
    assert "revoked 2026-03-01" in "\n".join(render(Keys([replace(ended, revoked_at="2026-03-01T00:00:00")])))
