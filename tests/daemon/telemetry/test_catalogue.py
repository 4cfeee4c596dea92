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
    bounded |= {"gate", "version", "file", "event", "scope"}
    bounded |= {"collection", "partition"}  # one of each a migration
    assert {label for metric in CATALOGUE for label in metric.labels} == bounded


def test_the_names_of_its_samples():
    assert BY_NAME["requests"].exported == ("vectormigrate_requests_total",)
    assert BY_NAME["gap"].exported == ("vectormigrate_gap",)
    assert BY_NAME["replay_seconds"].exported == tuple(
        f"vectormigrate_replay_seconds_{part}" for part in ("bucket", "sum", "count")
    )


AS_PLANNED = {
    "requests_total", "request_seconds", "source_seconds", "mark_seconds", "inflight_requests", "added_seconds",
    "journal_ids", "journal_oldest_seconds", "marks_total", "clears_total", "clear_conflicts_total",
    "journal_commit_seconds", "journal_batch_size", "journal_bytes", "gap", "scope_intents",
    "replay_seconds", "replay_lag_seconds", "provisional_replays_total", "hint_replays_total", "ambiguous_total",
    "quarantined_ids", "delete_confirmations_total", "throttled", "throttled_seconds_total",
    "backfill_records_total", "backfill_dropped_total", "backfill_bytes_total", "ranges", "backfill_eta_seconds",
    "page_seconds", "rescans_total", "compared_total", "findings", "finding_longest_seconds", "recheck_generation",
    "recheck_seconds", "mismatch_rate_upper95", "phase", "primary", "gate_open", "write_hold_seconds", "boot_epoch",
    "boot_quarantine_seconds", "state_disk_free_bytes", "loop_lag_seconds",
}  # fmt: skip
"""Numbers that an operator was promised when the product was designed, under the names that they were promised by."""
OTHERWISE = {
    "marks_skipped_sync_total": "marks_skipped_total",
    "replay_total": "replays_total",
    "target_requests_total": "store_requests_total",  # of both sides
    "target_seconds": "store_seconds",
    "target_up": "store_up",
    "last_full_pass_timestamp": "validation_timestamp_seconds",  # method="full"
    "cutover_attempts_total": "swaps_total",  # reverts as well
    "sqlite_wal_bytes": "state_file_bytes",  # file="log"
}
"""Those that go by another name, because they say more."""


def test_everything_that_was_promised_is_exported():
    exported = {metric.name + ("_total" if metric.kind == "counter" else "") for metric in CATALOGUE}
    assert exported >= AS_PLANNED | set(OTHERWISE.values())
    assert not exported & OTHERWISE.keys()
