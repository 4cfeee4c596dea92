"""The part of the catalogue of settings that says when copies and comparisons wait. Any one is enough, all but one are off as
long as nobody sets them, and all can be set while a migration runs. Light, as `settings.py`.
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
