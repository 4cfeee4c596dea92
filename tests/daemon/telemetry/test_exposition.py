"""A whole life, scraped: every name of the catalogue is exported by the daemon that lived it, and nothing else of ours."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.parser import text_string_to_metric_families

from tests.fakes.facades import Scripted
from tests.fakes.hosted import Site
from tests.fakes.world import DIM, SOURCE
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.catalogue import CATALOGUE, PREFIX
from vectormigrate.model.events import PhaseChanged, Throttled, WorkerLost
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.phase import Phase
from vectormigrate.model.query import Query
from vectormigrate.state import api_keys, findings
from vectormigrate.state.api_keys import StoredKey
from vectormigrate.stores.raw import HttpRequest


@pytest.fixture
async def site(tmp_path):
    made = Site(tmp_path)
    yield made
    made.world.close()


def sample(text, name, label):
    """Samples of that name: one of the labels, and the value."""
    return [
        (one.labels[label], one.value)
        for family in text_string_to_metric_families(text)
        for one in family.samples
        if one.name == PREFIX + name
    ]


async def scraped(host):
    """Samples by name and values of labels, in whatever order; those that tell of whose collection they are left out."""
    return {
        (
            sample.name.removeprefix(PREFIX),
            frozenset(sample.labels.values()) - {SOURCE, ""},
        ): sample.value
        for family in text_string_to_metric_families((await host.numbers()).decode())
        for sample in family.samples
    }


async def test_the_numbers_of_a_migration_that_was_cut_over(site):
    async with site.daemon() as host:
        await site.verified(host)
        await site.put(1, 7, version=2)
        await host._hosted["move"].live.settled(within=10)
        await host.answer("validate", "move", {"sample_size": 6, "full": False, "seed": 1})
        await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False})
        await host.answer("reads", "move", {"share": 0.25})
        seen = await scraped(host)
    told = {
        "phase": {"reversed": 1, "verified": 0},
        "primary": {"source": 0, "target": 1},
        "swaps_total": {"done": 1},
        "marks_total": {"write": 2},
        "ranges": {"open": 0},
        "validation_ok": {"full": 1, "sample": 1},
        "validation_compared": {"full": 5, "sample": 6},
        "compared_total": {"full": 5, "sample": 6},
        "backfill_dropped_total": {"foreign": 0},
        "scope_intents": {"whole": 0, "unknown": 0},
        "ambiguous_total": {"primary": 0, "secondary": 0},
        "store_up": {"source": 1},
    }
    for name, values in told.items():
        for label, value in values.items():
            assert seen[name, frozenset({"move", label})] == value, (name, label)
    alone = {"journal_ids": 0, "source_records": 5, "backfill_records_total": 5, "clears_total": 2, "gap": 0}
    alone |= {
        "read_share": 0.25,
        "dead_letters": 0,
        "finding_longest_seconds": 0,
        "write_hold_seconds_count": 1,
    }
    assert {name: seen[name, frozenset({"move"})] for name in alone} == alone
    assert seen["store_requests_total", frozenset({"move", "target", "ok"})] > 0
    assert seen["process_resident_memory_bytes", frozenset()] > 0


async def test_whose_numbers_they_are_is_told_with_the_collection(site):
    async with site.daemon() as host:
        await site.verified(host)
        text = (await host.numbers()).decode()
    places = {
        (sample.labels["migration"], sample.labels["collection"], sample.labels["partition"])
        for family in text_string_to_metric_families(text)
        for sample in family.samples
        if "migration" in sample.labels
    }
    assert places == {("move", SOURCE, "")}


async def test_findings_are_told_by_kind_with_the_age_of_the_oldest(site):
    async with site.daemon() as host:
        await site.verified(host)

        def find(tx):
            for at, id_ in (("2026-01-01T00:00:00+00:00", "i:1"), ("2026-01-02T00:00:00+00:00", "i:2")):
                findings.add(tx, "move", [Finding(FindingKind.MISSING, id_)], at=at)
            extra = [Finding(FindingKind.EXTRA, "i:3")]
            findings.add(tx, "move", extra, at="2026-01-02T00:00:00+00:00", generation=3)

        await site.database.write(find)
        seen = await scraped(host)
        oldest = SystemClock().now().timestamp() - 1767225600  # the first of the year
    assert seen["findings", frozenset({"move", "missing", "seen"})] == 2
    assert seen["findings", frozenset({"move", "extra", "confirmed"})] == 1
    assert seen["finding_longest_seconds", frozenset({"move"})] == pytest.approx(oldest, abs=60)


async def test_every_name_of_the_catalogue_is_exported_and_no_other(site):
    telemetry = site.telemetry
    site.settings = replace(site.settings, shadow=1.0)
    async with site.daemon() as host:
        await site.verified(host)
        await host.answer("validate", "move", {"sample_size": 5, "full": False, "seed": 1})
        front = telemetry.front("app", site.router)

        async def answer(request):
            async with front.writing({SOURCE: []}):
                return await Scripted().http(request)

        await telemetry.facade("app", Scripted(answer)).http(HttpRequest("PUT", "/"))
        telemetry.on_event(WorkerLost("move", -9))
        telemetry.on_event(Throttled("move", "cpu", "too much"))
        telemetry.on_event(PhaseChanged("move", Phase.CATCH_UP, Phase.BACKFILL))
        telemetry.hooks["success", "ok"] += 1
        conductor = host._hosted["move"].conductor
        blocked = datetime(2026, 1, 1, tzinfo=UTC)
        ends = StoredKey("k", b"d", "read", "", "2026-01-01", "2999-01-01T00:00:00+00:00", None)
        await site.database.write(lambda tx: api_keys.add(tx, ends))
        telemetry.strangers.turned_away("app", "no_http", "10.0.0.7")
        await host.answer("cutover", "move", {"dry_run": False, "no_way_back": False})
        await site.put(1, version=2)
        found = Finding(FindingKind.MISSING, "i:1")
        await site.database.write(
            lambda tx: findings.add(tx, "move", [found], at="2026-01-01T00:00:00+00:00")
        )
        site.router.observed(SOURCE, 0.01, lambda: (Query(np.ones(DIM, np.float32), "v", 1), []))
        while host._hosted["move"].shadow.overlap() is None:
            await asyncio.sleep(0.001)
        conductor.watch._closed = {"lag": blocked}
        text = (await host.numbers()).decode()
        other = (await host.numbers(open_metrics=True)).decode()
    assert sample(text, "gate_closed_timestamp_seconds", "gate") == [("lag", blocked.timestamp())]
    assert sample(text, "api_key_expires_timestamp_seconds", "scope") == [("read", 32472144000.0)]
    both = {
        sample.name
        for family in openmetrics.text_string_to_metric_families(other)
        for sample in family.samples
    }
    families = text_string_to_metric_families(text)
    names = {
        sample.name
        for family in families
        for sample in family.samples
        if sample.name.startswith((PREFIX, "qortex_"))
    }
    # Known for as long as a copy runs, which this one does not.
    passing = {PREFIX + "backfill_eta_seconds"}
    assert names == {name for metric in CATALOGUE for name in metric.exported} - passing
    assert names <= both
