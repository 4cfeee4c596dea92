from vectormigrate.daemon.telemetry.catalogue import BY_NAME, CATALOGUE


def test_names_are_distinct_and_in_base_units():
    assert len(BY_NAME) == len(CATALOGUE)
    assert all(not metric.name.endswith(("_total", "_ms", "_mb", "_percent")) for metric in CATALOGUE)
    assert all(
        metric.name.endswith(("_seconds", "_size")) for metric in CATALOGUE if metric.kind == "histogram"
    )


def test_every_metric_says_what_it_is():
    assert all(metric.help.endswith(".") and metric.group for metric in CATALOGUE)


def test_no_label_can_have_unbounded_values():
    bounded = {
        "migration",
        "listener",
        "operation",
        "outcome",
        "reason",
        "side",
        "state",
        "kind",
        "method",
        "phase",
    }
    bounded |= {"gate", "version", "file", "event"}
    assert {label for metric in CATALOGUE for label in metric.labels} == bounded


def test_the_names_of_its_samples():
    assert BY_NAME["requests"].exported == ("vectormigrate_requests_total",)
    assert BY_NAME["gap"].exported == ("vectormigrate_gap",)
    assert BY_NAME["replay_seconds"].exported == tuple(
        f"vectormigrate_replay_seconds_{part}" for part in ("bucket", "sum", "count")
    )
