from dataclasses import replace
from datetime import UTC, datetime

from tests.fakes import reports
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.state import api_keys, checkpoints, findings, journal, numbers
from vectormigrate.state.api_keys import StoredKey


async def test_the_last_validation_of_each_method(database, tx):
    assert await tx(numbers.last_validations) == []
    full = replace(reports.FULL, migration_id="move", ok=False, compared=7)
    sample = replace(full, method="sample", mismatch_rate_upper95=0.25)
    for number, one in enumerate((full, sample, replace(full, ok=True), replace(full, migration_id="other"))):
        await database.write(lambda tx, one=one, at=str(number): findings.add_report(tx, one, at=at))
    last = numbers.LastValidation("full", full.started_at, 7, True)
    assert await tx(numbers.last_validations) == [
        numbers.LastValidation("sample", full.started_at, 7, False, 0.25),
        last,
    ]


async def test_findings_by_kind_and_by_whether_they_were_confirmed_with_the_oldest_of_each(database, tx):
    for at, kind, id_ in (
        ("2026-01-02", "missing", "i:1"),
        ("2026-01-01", "missing", "i:2"),
        ("2026-01-03", "extra", "i:3"),
    ):
        found = Finding(FindingKind(kind), id_)
        await database.write(
            lambda tx, found=found, at=at: findings.add(tx, "move", [found], at=f"{at}T00:00:00+00:00")
        )
    seen_again = Finding(FindingKind.MISSING, "i:2")
    await database.write(lambda tx: findings.add(tx, "move", [seen_again], at="2026-01-04T00:00:00+00:00"))
    assert await tx(numbers.findings) == [
        numbers.FindingNumbers("extra", False, 1, datetime(2026, 1, 3, tzinfo=UTC), 1),
        numbers.FindingNumbers("missing", False, 1, datetime(2026, 1, 2, tzinfo=UTC), 1),
        numbers.FindingNumbers("missing", True, 1, datetime(2026, 1, 1, tzinfo=UTC), 2),
    ]


async def test_what_the_copy_left_out_and_what_marks_take(database, tx):
    assert await tx(numbers.spared) == 0
    await tx(checkpoints.plan, [(None, "i:5"), ("i:5", None)])
    for number in (0, 1):
        await tx(checkpoints.advance, number, "i:5", copied=3, skipped=2, size=10)
    assert await tx(numbers.spared) == 4
    before = database.read(numbers.journal_bytes)
    many = [f"i:{one}" for one in range(5000)]
    await tx(journal.mark, many, epoch=1, sequence=1, reason="write", at="2026-01-01")
    assert database.read(numbers.journal_bytes) > before + 5000 * 20


async def test_the_first_key_to_end_of_each_scope_is_told_but_for_those_that_are_meant_to(database):
    def day(number):
        return f"2026-01-{number:02}T00:00:00+00:00"

    def add(tx, name, scope, began, ends, revoked=None):
        api_keys.add(tx, StoredKey(name, b"d", scope, "", day(began), ends and day(ends), revoked))

    def ends(at):
        found = database.read(lambda tx: numbers.first_ends(tx, day(at)))
        return {scope: end.day for scope, end in found.items()}

    def keep(tx):
        add(tx, "never", "read", 1, None)
        add(tx, "late", "read", 1, 28)
        add(tx, "first", "read", 1, 20)
        add(tx, "gone", "read", 1, 17, revoked=day(2))
        add(tx, "short", "read", 4, 17)  # made for 13 days
        add(tx, "operator", "operate", 1, 15)

    await database.write(keep)
    assert ends(10) == {"read": 20, "operate": 15}
    assert ends(15) == {"read": 20}

    def rotate(tx):
        add(tx, "second", "read", 19, 20)
        api_keys.succeed(tx, "first", "second")
        api_keys.expire(tx, "first", at=day(19))

    await database.write(rotate)
    assert ends(18) == {"read": 20}  # the new one ends no later; its line is as old as the first
    await database.write(lambda tx: api_keys.revoke(tx, "second", at=day(19)))
    assert ends(18) == {"read": 28}
