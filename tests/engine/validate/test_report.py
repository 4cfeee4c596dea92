from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest

from vectormigrate.engine.validate.recheck import Rechecked, recheck
from vectormigrate.engine.validate.report import Run, full_report, sample_report
from vectormigrate.engine.validate.sample import compare_sample
from vectormigrate.model.finding import FindingKind

from .pairs import TARGET, make_pair

RUN = Run("m", datetime(2024, 1, 1, tzinfo=UTC), 1.5, 0.999)


async def nothing():
    return None


async def test_a_clean_full_scan():
    pair = await make_pair()
    report = full_report(RUN, await pair.scan())
    assert report.ok
    assert report.statement == (
        "all 200 records of both sides were compared: 0 missing, 0 extra, 0 mismatched"
    )
    assert (report.method, report.migration_id, report.seconds, report.threshold) == ("full", "m", 1.5, 0.999)
    assert (report.source_count, report.target_count, report.compared, report.bit_equal) == (200,) * 4
    assert (report.min_cosine, report.mean_cosine, report.min_norm_ratio, report.max_norm_ratio) == (1.0,) * 4
    assert report.mismatch_rate_upper95 is None
    assert report.histogram[-1] == (0.999999, 1.0, 200)
    assert len(report.ranges) == 3


async def test_differences_fail_a_full_scan_and_are_told():
    pair = await make_pair()
    await pair.target.delete(TARGET, [-40, -37])
    await pair.put(replace(await pair.target_record(-31), id=-30))
    await pair.change(-34, dense={"v": np.ones(16, np.float32)}, payload={})
    report = full_report(RUN, await pair.scan())
    assert not report.ok
    assert (report.missing, report.extra, report.mismatched) == (2, 1, 1)
    assert report.statement == (
        "all 200 records of the source and all 199 of the target were compared: 2 missing, 1 extra, 1 mismatched"
    )
    assert [finding["kind"] for finding in report.findings].count("missing") == 2
    vector = next(finding for finding in report.findings if finding["kind"] == "vector")
    assert vector["id"] == "i:-34"
    assert vector["cosine"] == report.min_cosine == report.worst[0].cosine < 0.9
    assert vector["norm_ratio"] == report.worst[0].norm_ratio


async def test_counts_that_do_not_agree_prove_nothing():
    pair = await make_pair()
    totals = replace(await pair.scan(), doubts=("the target counts 3 records and its scan gave 2",))
    report = full_report(RUN, totals)
    assert not report.ok
    assert report.statement == (
        "this scan proves nothing, because counts do not agree: the target counts 3 records and its scan gave 2"
    )
    totals.tally.missing = 7
    totals.tally.postpone(7, list)
    report = full_report(RUN, totals)
    assert not report.ok
    assert report.statement.endswith(
        "0 missing, 0 extra, 0 mismatched; 7 not copied yet"
    )  # which explains the counts


async def test_a_recheck_decides_what_counts():
    pair = await make_pair()
    await pair.change(-40, payload={})
    await pair.target.delete(TARGET, [-37])
    lost = await pair.source.fetch("docs", [-37])
    totals = await pair.scan()

    async def heal():
        await pair.target.upsert(TARGET, lost)

    rechecked = await recheck(pair.sides, pair.findings, heal)
    report = full_report(RUN, totals, rechecked)
    assert not report.ok
    assert (report.missing, report.mismatched) == (0, 1)
    assert [finding["kind"] for finding in report.findings] == ["payload"]
    assert report.statement.endswith("1 mismatched; differences gone when looked at again: 1")
    healed = Rechecked(healed=[*rechecked.healed, *rechecked.confirmed])
    assert full_report(RUN, totals, healed).ok
    unsettled = full_report(RUN, totals, Rechecked(unsettled=rechecked.confirmed))
    assert not unsettled.ok
    assert unsettled.statement.endswith("; differences that kept changing while looked at: 1")


async def test_a_clean_sample_states_its_bound_and_never_that_sides_are_equal():
    pair = await make_pair()
    sampled = await compare_sample(pair.sides, 100, 7, pair.sink)
    report = sample_report(RUN, sampled)
    assert report.ok
    assert report.statement == "100 clean samples: under 3 % differ at 95 %"
    assert report.mismatch_rate_upper95 == pytest.approx(0.0295, rel=0.01)
    assert (report.method, report.seed, report.source_count, report.target_count) == ("sample", 7, 200, 200)
    bigger = sample_report(RUN, replace(sampled, drawn=3_000))
    assert bigger.statement == "3,000 clean samples: under 0.1 % differ at 95 %"
    ranged = sample_report(RUN, replace(sampled, uniform=False))
    assert "drawn by ranges" in ranged.statement


async def test_a_sample_that_found_something():
    pair = await make_pair()
    await pair.target.patch(TARGET, [-40, -37, -34], {"n": 7})
    await pair.source.delete("docs", [200])
    sampled = await compare_sample(pair.sides, 200, 7, pair.sink)
    report = sample_report(RUN, sampled)
    assert not report.ok
    assert (report.mismatched, report.extra) == (3, 1)
    assert report.statement == (
        "3 of 199 samples differ: at most 3.9 % of all records at 95 %; 1 of 200 records drawn from the target are not in the"
        " source; the source counts 199 records, the target 200 of ours"
    )
    assert {finding["kind"] for finding in report.findings} == {FindingKind.PAYLOAD, FindingKind.EXTRA}


async def test_counts_fail_a_sample_that_saw_nothing():
    pair = await make_pair()
    sampled = await compare_sample(pair.sides, 10, 7, pair.sink)
    short = sample_report(RUN, replace(sampled, target_total=199))
    assert not short.ok
    assert short.statement.endswith("; the source counts 200 records, the target 199 of ours")
    assert not sample_report(RUN, replace(sampled, target_total=201)).ok


@pytest.mark.parametrize(
    ("target", "foreign", "skipped", "agree"),
    [
        (200, 0, None, True),
        (199, 0, None, False),
        (201, 0, None, False),
        (205, 6, 1, True),
        (205, 6, 0, False),
        (205, 6, None, True),
        (200, 6, None, True),
        (199, 6, None, False),
        (207, 6, None, False),
    ],
)
async def test_foreign_records_are_taken_out_of_the_counts(target, foreign, skipped, agree):
    pair = await make_pair()
    sampled = replace(
        await compare_sample(pair.sides, 10, 7, pair.sink),
        target_total=target,
        foreign_total=foreign,
        skipped_total=skipped,
    )
    assert sample_report(RUN, sampled).ok is agree


async def test_an_extra_record_fails_a_sample_of_which_the_counts_agree():
    pair = await make_pair()
    await pair.put(replace(await pair.target_record(-40), id=-41))
    await pair.target.delete(TARGET, [-40])
    sampled = await compare_sample(pair.sides, 200, 7, pair.sink)
    sampled.tally.missing = 0
    report = sample_report(RUN, sampled)
    assert (report.extra, report.missing, sampled.counts_agree, report.ok) == (1, 0, True, False)


async def test_a_sample_of_nothing_claims_nothing():
    pair = await make_pair(count=1)
    await pair.source.delete("docs", [-40])
    await pair.target.delete(TARGET, [-40])
    report = sample_report(RUN, await compare_sample(pair.sides, 10, 0, pair.sink))
    assert report.ok
    assert report.statement == "there was no record to draw"
    assert report.mismatch_rate_upper95 is None
