"""Every number that the daemon exports: its name, kind, labels and meaning. The page of metrics in the documentation, the
dashboards and the alert rules are held against this table, and nothing that is not in it can be exported.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

Kind = Literal["counter", "gauge", "histogram"]

PREFIX = "vectormigrate_"


@dataclass(frozen=True, slots=True)
class Metric:
    """One family. Base units: seconds, bytes; a counter is exported with `_total` behind its name."""

    group: str
    name: str
    """Without the prefix."""
    kind: Kind
    help: str
    labels: tuple[str, ...] = ()
    prefix: str = PREFIX

    @property
    def full_name(self) -> str:
        """With the prefix."""
        return self.prefix + self.name

    @property
    def exported(self) -> tuple[str, ...]:
        """Names of its samples, as a query uses them."""
        name = self.full_name
        if self.kind == "counter":
            return (f"{name}_total",)
        return (name,) if self.kind == "gauge" else (f"{name}_bucket", f"{name}_sum", f"{name}_count")


_OF = ("migration", "collection", "partition")
"""Whose number it is. The last two are told by the first, and put beside it by `families`."""


def _group(group: str, *metrics: tuple[str, Kind, str, tuple[str, ...]]) -> tuple[Metric, ...]:
    return tuple(Metric(group, name, kind, text, labels) for name, kind, text, labels in metrics)


CLIENT = _group(
    "client path",
    (
        "requests",
        "counter",
        "Requests answered, by what they do (read, write, other) and how they ended (ok, refused, throttled, failed).",
        ("listener", "operation", "outcome"),
    ),
    (
        "request_seconds",
        "histogram",
        "From the whole request to its answer.",
        ("listener", "operation", "outcome"),
    ),
    ("source_seconds", "histogram", "What the vendor's own server took of it.", ("listener",)),
    ("added_seconds", "histogram", "The rest: what passing through here costs.", ("listener", "operation")),
    (
        "mark_seconds",
        "histogram",
        "From the wish to write to the durable mark, waiting at the fence of a cutover included.",
        ("listener",),
    ),
    ("inflight_requests", "gauge", "Requests being answered.", ("listener",)),
    (
        "connections_refused",
        "counter",
        "Connections that never came to be a request, by reason: no_http, head (too large), slow, tls (no handshake), crowded.",
        ("listener", "reason"),
    ),
)
JOURNAL = _group(
    "journal",
    ("journal_ids", "gauge", "Debt: ids that the secondary still owes.", _OF),
    (
        "journal_oldest_seconds",
        "gauge",
        "Lag: how long the record that waits longest has not been copied.",
        _OF,
    ),
    ("marks", "counter", "Marks made durable, by reason.", (*_OF, "reason")),
    ("marks_skipped", "counter", "Writes to ids whose mark was durable already.", _OF),
    ("clears", "counter", "Marks paid.", _OF),
    ("clear_conflicts", "counter", "Copies that could not clear their mark because of a newer write.", _OF),
    ("gap", "gauge", "1 while writes left without a mark and both sides were not compared since.", _OF),
    (
        "scope_intents",
        "gauge",
        "Requests of unknown extent that stand, or are owed a comparison, by what they touch: matching, whole, unnamed, unknown.",
        (*_OF, "kind"),
    ),
    ("journal_bytes", "gauge", "What the marks of all migrations take in the state file.", ()),
    ("journal_commit_seconds", "histogram", "A commit of the state file, its fsync included.", ()),
    ("journal_batch_size", "histogram", "Writes of the state file that shared a commit.", ()),
)
REPLAY = _group(
    "replay",
    (
        "replays",
        "counter",
        "Records copied to the secondary, by outcome: upserted, deleted, refused, unanswered.",
        (*_OF, "outcome"),
    ),
    ("replay_seconds", "histogram", "One replay of many ids, read and write.", _OF),
    ("replay_lag_seconds", "histogram", "From the first mark of an id, or its last copy, to its clear.", _OF),
    (
        "provisional_replays",
        "counter",
        "Copies that could not clear their mark because something may still land.",
        _OF,
    ),
    ("hint_replays", "counter", "Copies that needed no read of the primary.", _OF),
    ("delete_confirmations", "counter", "Absences that were looked at again before they were believed.", _OF),
    (
        "ambiguous",
        "counter",
        "Ids of writes that were never answered: of the application to the primary, of replays to the secondary.",
        (*_OF, "side"),
    ),
    ("quarantined_ids", "gauge", "Ids whose mark waits because such a write may still land.", _OF),
    (
        "boot_quarantine_seconds",
        "gauge",
        "Time left in which no mark is cleared after an unclean start.",
        _OF,
    ),
    ("unresolved", "gauge", "1 while a request that was never answered may still land.", _OF),
    ("delete_guard_tripped", "gauge", "1 while nothing is deleted because too much is absent.", _OF),
)
STORES = _group(
    "stores",
    ("store_up", "gauge", "0 while the secondary counts as down.", (*_OF, "side")),
    (
        "store_requests",
        "counter",
        "Requests that this process made of a side, by outcome (ok, refused, throttled, failed); workers' are not in it.",
        (*_OF, "side", "outcome"),
    ),
    ("store_seconds", "histogram", "What they took.", (*_OF, "side")),
    (
        "throttled",
        "gauge",
        "1 while copies and comparisons wait, or are slowed down, by reason.",
        (*_OF, "reason"),
    ),
    ("throttled_seconds", "counter", "For how long they did, by reason.", (*_OF, "reason")),
)
BACKFILL = _group(
    "backfill",
    ("source_records", "gauge", "Records of the source when the plan was made.", _OF),
    ("backfill_records", "counter", "Records that the target acknowledged, copied again ones included.", _OF),
    ("backfill_bytes", "counter", "Bytes of them.", _OF),
    ("backfill_batches", "counter", "Batches of them.", _OF),
    (
        "backfill_dropped",
        "counter",
        "Records that the copy left out, by reason: foreign (another record has their place).",
        (*_OF, "reason"),
    ),
    ("page_seconds", "histogram", "A page of the copy, from the question to the source to its answer.", _OF),
    (
        "rescans",
        "counter",
        "Times that the copy went on behind its last key, because records were added there.",
        _OF,
    ),
    ("ranges", "gauge", "Ranges of the copy, by state: open, done.", (*_OF, "state")),
    ("backfill_eta_seconds", "gauge", "Time left at the present rate; absent before it is known.", _OF),
    ("dead_letters", "gauge", "Records that the target refused for good.", _OF),
    ("workers_lost", "counter", "Workers that ended without being told to.", _OF),
)
VERIFICATION = _group(
    "verification",
    (
        "findings",
        "gauge",
        "Differences that the last validation found, by kind, and by state: seen, or by further looks confirmed.",
        (*_OF, "kind", "state"),
    ),
    ("finding_longest_seconds", "gauge", "Age of the oldest of them.", _OF),
    (
        "validation_ok",
        "gauge",
        "1 when the last validation of this method found nothing.",
        (*_OF, "method"),
    ),
    ("compared", "counter", "Records that validations compared, by method.", (*_OF, "method")),
    ("recheck_generation", "gauge", "How often the difference was seen that was seen most often.", _OF),
    ("recheck_seconds", "histogram", "One second look at what differs.", _OF),
    ("validation_compared", "gauge", "Records that it compared.", (*_OF, "method")),
    (
        "validation_timestamp_seconds",
        "gauge",
        "When it began, as seconds since 1970.",
        (*_OF, "method"),
    ),
    (
        "mismatch_rate_upper95",
        "gauge",
        "Bound of the rate of differing records at 95 %; absent for a full scan.",
        _OF,
    ),
    ("shadow_overlap", "gauge", "Mean overlap of shadow reads; absent when there were none.", _OF),
)
CUTOVER = _group(
    "cutover",
    ("phase", "gauge", "1 for the phase that the migration is in.", (*_OF, "phase")),
    ("primary", "gauge", "1 for the side that answers the application.", (*_OF, "side")),
    (
        "read_share",
        "gauge",
        "Share of the reads that the secondary answers.",
        _OF,
    ),
    ("gate_open", "gauge", "1 when this condition of a swap is met.", (*_OF, "gate")),
    (
        "gate_closed_timestamp_seconds",
        "gauge",
        "Since when this condition is not met, as seconds since 1970, over restarts; there in `verified` and `reversed`, while it is not.",
        (*_OF, "gate"),
    ),
    ("write_hold_seconds", "histogram", "How long a swap held writes.", _OF),
    ("swaps", "counter", "Swaps of the roles, by outcome: done, given_up.", (*_OF, "outcome")),
)
PROCESS = _group(
    "process",
    ("build_info", "gauge", "1, with the version as a label.", ("version",)),
    ("boot_epoch", "gauge", "Number of this session of the state file.", ()),
    ("state_file_bytes", "gauge", "Size of the state file and its write-ahead log, by file.", ("file",)),
    ("state_disk_free_bytes", "gauge", "Free space where the state file is.", ()),
    ("state_disk_bytes", "gauge", "Size of that file system.", ()),
    (
        "api_key_expires_timestamp_seconds",
        "gauge",
        "When the first key of this scope ends, as seconds since 1970; not of keys that were rotated or made for less than 14 days.",
        ("scope",),
    ),
    ("loop_lag_seconds", "gauge", "Longest time that the loop was held up in the last minute.", ()),
    (
        "hooks",
        "counter",
        "Hooks and webhooks called, by event and outcome: ok, failed.",
        ("event", "outcome"),
    ),
)
QORTEX = tuple(
    replace(metric, prefix="qortex_")
    for metric in _group(
        "vectors of qortex",
        ("migration_vectors", "counter", "Vectors that `vec` wrote.", ()),
        ("migration_duration_seconds", "histogram", "How long a `vec` took.", ()),
    )
)
"""What qortex counted, under its names."""

CATALOGUE: tuple[Metric, ...] = (
    *CLIENT,
    *JOURNAL,
    *REPLAY,
    *STORES,
    *BACKFILL,
    *VERIFICATION,
    *CUTOVER,
    *PROCESS,
    *QORTEX,
)
BY_NAME = {metric.name: metric for metric in CATALOGUE}


def reference() -> str:
    """docs/metrics.md: the whole table, as Markdown."""
    lines = [
        "# Metrics",
        "",
        "Generated from the catalogue (`make reference`). Served in Prometheus' text format at `/metrics` of the API, for a key of",
        "scope `read`. Base units; a counter carries `_total`, a histogram `_bucket`, `_sum` and `_count` behind its name. Labels have",
        "few values: never an id of a record. Beside these there are the usual `process_...` and `python_...`.",
        "",
        "`collection` is the source's, and `partition` the namespace, tenant, partition or value of a field that a part of a migration",
        "moves; empty for one that is not divided so. Each `migration` has one of both, so that `on (migration)` and `by (migration)`",
        "are enough in a query. What passes a listener is not told by collection: clients send what names they like.",
        "",
        "What only the daemon's memory knows (lag, replays, gates) is there for the migrations that it hosts; what the state file",
        "knows, for all of them. Rules and dashboards over these names are in `deploy/prometheus` and `deploy/grafana`.",
    ]
    for group in dict.fromkeys(metric.group for metric in CATALOGUE):
        lines += [
            "",
            f"## {group.capitalize()}",
            "",
            "| name | kind | labels | meaning |",
            "|---|---|---|---|",
        ]
        lines += [
            f"| `{metric.exported[0] if metric.kind != 'histogram' else metric.full_name}` | {metric.kind} |"
            f" {', '.join(metric.labels)} | {metric.help} |"
            for metric in CATALOGUE
            if metric.group == group
        ]
    return "\n".join(lines) + "\n"
