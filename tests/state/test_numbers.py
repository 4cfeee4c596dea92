from dataclasses import replace
from datetime import UTC, datetime

from tests.fakes import reports
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.state import checkpoints, findings, journal, numbers


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
