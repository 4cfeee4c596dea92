"""The similarity histogram as plain geometry, for the template to draw as SVG.

Bars lie, one a bin, on a logarithmic scale, because in a good migration one bin holds everything and the handful
elsewhere is what a reader is looking for. Runs of empty bins are folded into one line.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

LABEL, BAR, COUNT = 170, 430, 120
"""Widths of the three columns, in SVG units."""
LINE = 26

Bin = tuple[float, float, int]


@dataclass(frozen=True, slots=True)
class Bar:
    """One line of the chart; `count` is None for a fold."""

    y: int
    label: str
    width: float
    count: int | None
    below: bool
    """The whole bin lies below the threshold."""


@dataclass(frozen=True, slots=True)
class Histogram:
    """Where everything goes."""

    width: int
    height: int
    bars: tuple[Bar, ...]
    summary: str
    """For those who cannot see it."""


def histogram(bins: Sequence[Bin], threshold: float) -> Histogram | None:
    """Lay out the bins, highest similarity on top; None when they hold nothing."""
    most = max((count for _, _, count in bins), default=0)
    if most == 0:
        return None
    lines = _fold(sorted(bins, reverse=True))
    bars = tuple(
        _bar(place, line, most, threshold) if isinstance(line, tuple) else _gap(place, line)
        for place, line in enumerate(lines)
    )
    held = [f"{_label(low, high)}: {count:,}" for low, high, count in sorted(bins, reverse=True) if count]
    return Histogram(LABEL + BAR + COUNT, LINE * len(bars) + 4, bars, "; ".join(held))


def _fold(bins: Sequence[Bin]) -> list[Bin | int]:
    """Bins with runs of empty ones as their number, and without the empty ones at the low end."""
    lines: list[Bin | int] = []
    for item in bins:
        if item[2]:
            lines.append(item)
        elif lines and isinstance(lines[-1], int):
            lines[-1] += 1
        else:
            lines.append(1)
    if lines and isinstance(lines[-1], int):
        lines.pop()
    return lines


def _bar(place: int, item: Bin, most: int, threshold: float) -> Bar:
    low, high, count = item
    width = BAR * math.log10(1 + count) / math.log10(1 + most)
    return Bar(LINE * place, _label(low, high), round(max(width, 3.0), 1), count, high <= threshold)


def _gap(place: int, empty: int) -> Bar:
    return Bar(LINE * place, f"{empty} empty bin{'s' if empty > 1 else ''}", 0.0, None, False)


def _label(low: float, high: float) -> str:
    return f"{low:g}" if low == high else f"{low:.6g} \N{EN DASH} {high:.6g}"
