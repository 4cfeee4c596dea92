"""The part of the catalogue of settings that says how fast copies and comparisons go, and when they wait. Any one is enough, all
but one are off as long as nobody sets them, and all can be set while a migration runs. Light, as `settings.py`.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from vectormigrate.model.schedule import schedule

from .setting import Kind, Setting


def _number(name: str, words: str, unit: str, *, whole: bool = False, default: float = 0.0) -> Setting:
    return Setting(
        name=f"throttle-{name}",
        section="migrate",
        kind=Kind.INT if whole else Kind.FLOAT,
        default=int(default) if whole else default,
        least=0,
        most=2**31 if whole else 86_400.0,
        unit=unit,
        help=f"Copies and comparisons wait while {words}; 0 for never.",
    )


def _schedule(text: str) -> None:
    if text:
        schedule(text)


def _address(text: str) -> None:
    parts = urlsplit(text)
    if text and (parts.scheme not in ("http", "https") or not parts.hostname):
        raise ValueError("a URL with http:// or https:// and a host")
    if parts.username or parts.password:  # whoever asks for the status is shown it
        raise ValueError("a URL without a password")


PACE = (
    Setting(
        name="max-rate",
        section="migrate",
        kind=Kind.FLOAT,
        default=0.0,
        least=0,
        most=1e9,
        unit="records a second",
        help="Most records a second, all workers and replays together, replays first; 0 is no limit.",
    ),
    Setting(
        name="bandwidth",
        section="migrate",
        kind=Kind.FLOAT,
        default=0.0,
        least=0,
        most=1e12,
        unit="bytes a second",
        help="Most bytes of records a second, as all workers copy them together (20MiB/s); 0 is no limit.",
    ),
    Setting(
        name="nice-ratio",
        section="migrate",
        kind=Kind.FLOAT,
        default=0.0,
        least=0,
        most=100,
        unit="times",
        help="A worker rests behind each batch for so many times as long as that took: with 1 it works half of the time.",
    ),
)
"""How fast it goes while nothing says that it should wait."""
THROTTLE = (
    Setting(
        name="throttle-hold",
        section="migrate",
        kind=Kind.FLAG,
        default=False,
        help="Copies and comparisons wait until `unthrottle`; writes of the application are marked and replayed.",
    ),
    _number("target-latency", "a write to the target takes longer than this on average", "seconds"),
    _number(
        "source-latency",
        "the source takes longer than this on average: for the application's requests where they pass through the daemon,"
        " for a page of the copy elsewhere",
        "seconds",
    ),
    _number(
        "target-429s",
        "the target asked for less (429) more often than this within half a minute",
        "answers",
        whole=True,
    ),
    _number("cpu", "the process takes more processor time than this", "cores"),
    _number(
        "backlog",
        "more records than this wait for their replay, which goes first",
        "records",
        whole=True,
        default=10_000,
    ),
    _number("lag", "a record waits longer than this for its replay", "seconds"),
    Setting(
        name="throttle-file",
        section="migrate",
        metavar="FILE",
        default="",
        help="Copies and comparisons wait while there is such a file, where the migration runs.",
    ),
    Setting(
        name="throttle-url",
        section="migrate",
        metavar="URL",
        default="",
        form=_address,
        help="Copies and comparisons wait while this does not answer HEAD with 2xx.",
    ),
    Setting(
        name="throttle-window",
        section="migrate",
        metavar="HOURS",
        default="",
        form=_schedule,
        help="Copies and comparisons go on at these hours only, in UTC: 22:00-06:00, or mon-fri 20:00-07:00, sat-sun 00:00-24:00.",
    ),
)
CRITICAL = Setting(
    name="critical-source-latency",
    section="migrate",
    kind=Kind.FLOAT,
    default=0.0,
    least=0,
    most=86_400.0,
    unit="seconds",
    help="The copy ends behind its present batches and waits for `resume` once the source takes longer than this on average,"
    " of what --throttle-source-latency looks at; 0 for never.",
)
"""Where waiting is not enough."""
