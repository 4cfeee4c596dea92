from dataclasses import replace
from datetime import UTC, datetime

from tests.fakes import reports
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.state import findings, numbers


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


async def test_findings_by_kind_with_the_oldest_of_each(database, tx):
    for at, kind, id_ in (
        ("2026-01-02", "missing", "i:1"),
        ("2026-01-01", "missing", "i:2"),
        ("2026-01-03", "extra", "i:3"),
    ):
        found = Finding(FindingKind(kind), id_)
        await database.write(
            lambda tx, found=found, at=at: findings.add(tx, "move", [found], at=f"{at}T00:00:00+00:00")
        )
    assert await tx(numbers.findings) == [
        numbers.FindingNumbers("extra", 1, datetime(2026, 1, 3, tzinfo=UTC)),
        numbers.FindingNumbers("missing", 2, datetime(2026, 1, 1, tzinfo=UTC)),
    ]
