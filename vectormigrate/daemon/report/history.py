"""The history in a report: moves between phases, and commands with who gave them, as a person reads them."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec

from .document import Report, Table, moment, table


def history(report: Report) -> Table:
    """What was done, when, by whom, and what became of it."""
    return table(
        [
            {
                "at": moment(datetime.fromisoformat(str(row["at"]))),
                "what": _deed(row),
                "by": row.get("actor"),
                "outcome": row.get("outcome"),
                "detail": row.get("detail"),
            }
            for row in report.history
        ]
    )


def _deed(row: Mapping[str, Any]) -> str:
    """A move between phases, or a command as it could have been typed."""
    if row.get("before") and row.get("after"):
        return f"{row['before']} \N{RIGHTWARDS ARROW} {row['after']}"
    told = str(row.get("arguments") or "{}")
    try:
        given: dict[str, Any] = msgspec.json.decode(told, type=dict[str, Any])
    except msgspec.DecodeError:  # too long to be kept whole
        return f"{row['verb']} {told}"
    flags = [
        f"--{name.replace('_', '-')}" + ("" if value is True else f"={value}")
        for name, value in given.items()
        if value not in (None, False, "")
    ]
    return " ".join([str(row["verb"]), *flags])
