"""The report as one HTML file that needs nothing else: no script, no font, no picture, no network.

Ids and details come from somebody's data and are hostile input: the template escapes everything, characters that
would not show (or would turn the text around) are spelled out, and the page forbids scripts to itself.
"""

from __future__ import annotations

from datetime import datetime
from importlib.resources import files
from typing import Any

from jinja2 import Environment, StrictUndefined

from vectormigrate import __version__
from vectormigrate.model.plaintext import spelled

from . import charts, document
from .document import Report
from .history import history

POLICY = "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
"""For who serves it: what the page says of itself, and that nobody puts it into one of theirs."""
LONGEST = 2_000
"""Characters of one value that are shown."""


def render(report: Report) -> str:
    """The whole page."""
    seen = report.validation
    return _TEMPLATE.render(
        status=report.status,
        proved=document.is_proved(report),
        verdict=document.verdict(report),
        seen=seen,
        method=document.method(seen) if seen else "",
        counts=document.counts(seen) if seen else [],
        similarity=document.similarity(seen) if seen else [],
        histogram=charts.histogram(seen.histogram, seen.threshold) if seen else None,
        findings=document.table(seen.findings if seen else (), first=("kind", "id", "detail")),
        parts=document.parts(report),
        ranges=document.ranges(seen) if seen else document.table(()),
        mapping=document.mapping_rows(report.mapping) if report.mapping else [],
        rollback=report.rollback,
        history=history(report),
        configuration=document.configuration(report),
        facts=document.facts(report),
        generated=document.moment(report.generated_at),
        version=__version__,
        bar_start=charts.LABEL,
    )


def visible(value: Any) -> str:
    """A value as text in which every character shows: a control or a direction mark is spelled out."""
    match value:
        case None:
            text = ""
        case bool():
            text = "yes" if value else "no"
        case int():
            text = f"{value:,}"
        case float():
            text = document.number(value)
        case datetime():
            text = document.moment(value)
        case _:
            text = str(value)
    return spelled(text[:LONGEST] + ("\N{HORIZONTAL ELLIPSIS}" if len(text) > LONGEST else ""))


def _shown(value: Any) -> Any:
    # What a macro gave is markup made of values that went through here already.
    return value if hasattr(value, "__html__") else visible(value)


_TEMPLATE = Environment(
    autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, finalize=_shown
).from_string((files(__package__) / "template.html").read_text("utf-8"))
