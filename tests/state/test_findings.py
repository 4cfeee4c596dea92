from dataclasses import replace

from tests.fakes import reports
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.state import findings, views

MISSING, EXTRA = Finding(FindingKind.MISSING, "i:1"), Finding(FindingKind.EXTRA, "i:2")


async def test_a_finding_seen_again_gets_a_generation(tx):
    await tx(findings.add, [MISSING], at="1")
    await tx(findings.add, [MISSING, EXTRA], at="2")
    held = {row["id"]: row for row in await tx(views.findings, 10, 0)}
    assert (held["i:1"]["generation"], held["i:1"]["first_seen"], held["i:1"]["last_seen"]) == (2, "1", "2")
    assert held["i:2"]["generation"] == 1
    assert await tx(findings.count) == 2


async def test_pages_go_on_behind_the_last(tx):
    await tx(findings.add, [MISSING, EXTRA], at="1")
    first = await tx(findings.page, ("", "", ""), 1)
    assert first == [EXTRA]
    assert await tx(findings.page, (EXTRA.kind.value, EXTRA.id, EXTRA.detail), 10) == [MISSING]


async def test_what_heals_is_forgotten(tx):
    await tx(findings.add, [MISSING, EXTRA], at="1")
    await tx(findings.keep_only, {"i:2"}, confirmed={"i:2"}, at="2")
    assert await tx(findings.page, ("", "", ""), 10) == [EXTRA]
    (left,) = await tx(views.findings, 10, 0)
    assert (left["generation"], left["first_seen"], left["last_seen"]) == (2, "1", "2")
    await tx(findings.keep_only, {"i:2"}, confirmed=(), at="3")  # it differs in another way each time
    assert (await tx(views.findings, 10, 0)) == [left]
    await tx(findings.forget)
    assert await tx(findings.count) == 0


async def test_what_is_known_of_others_stays(tx):
    await tx(findings.add, [MISSING, EXTRA], at="1")
    await tx(findings.settle, {"i:1", "i:9"})
    assert await tx(findings.page, ("", "", ""), 10) == [EXTRA]


async def test_the_last_report_comes_back_as_it_was(database, tx):
    assert await tx(findings.latest_report) is None
    report = replace(reports.FULL, migration_id="move")
    await database.write(lambda tx: findings.add_report(tx, replace(report, ok=not report.ok), at="1"))
    await database.write(lambda tx: findings.add_report(tx, report, at="2"))
    assert await tx(findings.latest_report) == report
    sample = replace(report, method="sample")
    await database.write(lambda tx: findings.add_report(tx, sample, at="3"))
    assert await tx(findings.latest_report) == sample
    assert await tx(findings.latest_report, full=True) == report
