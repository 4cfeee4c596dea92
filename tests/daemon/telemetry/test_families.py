import pytest
from prometheus_client.openmetrics import parser as openmetrics
from prometheus_client.openmetrics.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from vectormigrate.daemon.telemetry.catalogue import CATALOGUE
from vectormigrate.daemon.telemetry.families import Families
from vectormigrate.model.measure import Histogram


def test_numbers_states_and_histograms_as_prometheus_reads_them():
    out = Families({'a "move"\n': ("docs", "berlin")})
    out.add("requests", 3, "main", "read", "ok")
    out.add("gap", 0, "another")
    out.add("backfill_eta_seconds", None, "move")
    out.one_of("primary", "target", ("source", "target"), 'a "move"\n')
    seen = Histogram((1.0,))
    seen.observe(0.5)
    seen.observe(2.0)
    out.histogram("journal_commit_seconds", seen)
    samples = {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(out.text().decode())
        for sample in family.samples
    }
    assert samples == {
        ("vectormigrate_requests_total", "main", "read", "ok"): 3,
        ("vectormigrate_primary", "docs", 'a "move"\n', "berlin", "source"): 0,
        ("vectormigrate_primary", "docs", 'a "move"\n', "berlin", "target"): 1,
        ("vectormigrate_gap", "", "another", ""): 0,
        ("vectormigrate_journal_commit_seconds_bucket", "1.0"): 1,
        ("vectormigrate_journal_commit_seconds_bucket", "+Inf"): 2,
        ("vectormigrate_journal_commit_seconds_count",): 2,
        ("vectormigrate_journal_commit_seconds_sum",): 2.5,
    }


def test_families_come_in_the_order_of_the_catalogue():
    out = Families()
    for metric in reversed(CATALOGUE):
        if metric.kind != "histogram":
            out.add(metric.name, 1, *(one for one in metric.labels if one not in ("collection", "partition")))
    lines = [line for line in out.text().decode().splitlines() if line.startswith("# TYPE")]
    assert [line.split()[2] for line in lines] == [
        metric.exported[0] for metric in CATALOGUE if metric.kind != "histogram"
    ]


def test_nothing_can_be_exported_that_is_not_in_the_catalogue():
    with pytest.raises(KeyError):
        Families().add("surprises", 1)
    with pytest.raises(ValueError, match="label"):
        Families().add("requests", 1, "main")


def test_traces_are_told_in_the_format_that_has_room_for_them():
    seen = Histogram((1.0,))
    seen.observe(0.5, "ab" * 16)
    seen.observe(2.0)
    out = Families()
    out.histogram("journal_commit_seconds", seen)
    assert "trace_id" not in out.text().decode()
    (family,) = openmetrics.text_string_to_metric_families(out.text(generate_latest).decode())
    told = {sample.labels["le"]: sample.exemplar for sample in family.samples if "le" in sample.labels}
    assert (told["1.0"].labels, told["1.0"].value) == ({"trace_id": "ab" * 16}, 0.5)
    assert told["+Inf"] is None
