"""The part of the catalogue of settings that is about live writes: what dual writes and cutovers go by. Light, as
`settings.py`; the defaults are those of `engine.dualwrite.terms` and `engine.cutover.gate`, which a test holds equal.
"""

from __future__ import annotations

from .setting import Kind, Setting


def _seconds(name: str, default: float, words: str, *, most: float = 86_400.0) -> Setting:
    return Setting(
        name=name,
        section="live",
        kind=Kind.FLOAT,
        default=default,
        least=0,
        most=most,
        unit="seconds",
        help=words,
    )


def _count(name: str, default: int, words: str, *, unit: str, most: int = 2**31, least: int = 1) -> Setting:
    return Setting(
        name=name,
        section="live",
        kind=Kind.INT,
        default=default,
        least=least,
        most=most,
        unit=unit,
        help=words,
    )


def _share(name: str, default: float, words: str) -> Setting:
    return Setting(
        name=name, section="live", kind=Kind.FLOAT, default=default, least=0, most=1, unit="of 1", help=words
    )


TERMS = (
    Setting(
        name="write-timeout",
        section="live",
        kind=Kind.FLOAT,
        default=30.0,
        least=0.1,
        most=3600,
        unit="seconds",
        help="Longest wait for the source's answer to a write of a live migration, while other requests have"
        " `upstream-timeout`; --quarantine should be at least twice as long.",
    ),
    _seconds(
        "visibility", 0.0, "How long an acknowledged write may stay unseen by reads that no barrier helps."
    ),
    _seconds("coalesce", 0.1, "How long a mark waits for others before it is replayed."),
    _seconds(
        "provisional-after",
        0.25,
        "Age of a mark at which an id that is written all the time is copied all the same.",
    ),
    _count("replay-batch", 200, "Most ids of one replay.", unit="ids", most=10_000),
    _count("replay-concurrency", 8, "Most replays under way at once.", unit="replays", most=256),
    _count(
        "hint-bytes",
        64 * 2**20,
        "Payloads kept in memory to spare reading them back.",
        unit="bytes",
        most=2**40,
        least=0,
    ),
    _seconds("hold-seconds", 5.0, "Longest time for which a cutover may hold writes.", most=300),
    _count("hold-requests", 10_000, "Most writes that a cutover may hold.", unit="requests"),
    _count(
        "hold-bytes", 256 * 2**20, "Most bytes of writes that a cutover may hold.", unit="bytes", most=2**40
    ),
    _seconds(
        "mark-limit",
        2.0,
        "A mark that takes longer opens the gap: the write passes, and both sides are compared later.",
    ),
    Setting(
        name="fail-closed",
        section="live",
        kind=Kind.FLAG,
        default=False,
        help="Refuse writes that cannot be marked, instead of letting them pass and comparing later.",
    ),
    _count(
        "enumerate-limit",
        10_000,
        "Ids that a delete or update by filter is resolved into before it leaves.",
        unit="ids",
    ),
    _seconds(
        "enumerate-seconds", 2.0, "How long that may take; beyond, both sides are compared later.", most=300
    ),
    _seconds(
        "delete-confirmation",
        5.0,
        "An absence that nobody asked for is believed when it is seen again after this.",
    ),
    _share(
        "delete-guard", 0.05, "Share of the last replays that may find such an absence before deletes stop."
    ),
    _seconds("retry-longest", 30.0, "Longest wait between two attempts at the secondary."),
    _count("entries", 200_000, "Ids kept in memory; the others are in the state file.", unit="ids"),
)
"""One a field of `Terms` but the quarantine, which is a migration's own."""

GATES = (
    _count("gate-debt", 10_000, "Most records owed at a cutover.", unit="records", least=0),
    _seconds("gate-oldest", 5.0, "Greatest age of a mark at a cutover."),
    _seconds("gate-fresh", 86_400.0, "How long a clean comparison counts.", most=10**9),
    Setting(
        name="gate-sampled",
        section="live",
        kind=Kind.FLAG,
        default=False,
        help="Let a clean comparison of 1,000 records count as one of all of them.",
    ),
    _share("gate-overlap", 0.9, "Least mean overlap of shadow reads."),
    _count(
        "gate-free-bytes",
        200 * 2**20,
        "Least free space on the disk of the state file.",
        unit="bytes",
        most=2**50,
        least=0,
    ),
)
"""One a field of the gates' `Limits`."""

SHADOW = _share("shadow", 0.0, "Share of the searches that is asked of the secondary as well, and compared.")

LIVE = (*TERMS, *GATES, SHADOW)

MODE = Setting(
    name="mode",
    section="migrate",
    choices=("offline", "proxied", "captured"),
    default="offline",
    help="Where the writes come from that happen meanwhile: there are none; they pass through `vectormigrate serve`; the"
    " source notes them (`vectormigrate capture`).",
)
BY = Setting(
    name="by", section="attest", metavar="NAME", help="Who vouches for it.", unset="the user of this shell"
)
SHARE = Setting(
    name="share",
    section="reads",
    kind=Kind.FLOAT,
    default=0.0,
    least=0,
    most=1,
    unit="of 1",
    help="Share of the reads that the secondary answers.",
)
NO_WAY_BACK = Setting(
    name="no-way-back",
    section="cutover",
    kind=Kind.FLAG,
    default=False,
    help="Accept that what the mapping left behind cannot be carried back: there will be no revert.",
)
FOLLOW = Setting(
    name="follow",
    local=True,
    section="migrate",
    kind=Kind.FLAG,
    default=False,
    help="Show how far the daemon is until a live migration is verified; Ctrl-C ends the looking alone.",
)
REASON = Setting(
    name="reason", section="waive", metavar="TEXT", help="Why, for the audit log.", unset="required"
)
RETRY = Setting(
    name="retry",
    section="dead-letters",
    kind=Kind.FLAG,
    default=False,
    help="Have the daemon try them once more: the target, or the records, have been mended.",
)
