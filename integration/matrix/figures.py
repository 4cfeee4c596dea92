"""The outcomes of a whole run as plain data, beside the other figures: what the page and its check are made of."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from .oracle import Fate, Verdict
from .page import Matrix

FIGURES = Path(__file__).parents[1] / "bench" / "figures" / "value-matrix.json"


def as_plain(matrix: Matrix) -> dict[str, Any]:
    """By source, by target, by kind: the outcome, and behind a colon how or why if there is more to say."""
    return {
        source: {
            target: {
                kind: verdict.fate.value + (f": {verdict.how}" if verdict.how else "")
                for kind, verdict in outcomes.items()
            }
            for target, outcomes in row.items()
        }
        for source, row in matrix.items()
    }


def as_matrix(plain: dict[str, Any]) -> Matrix:
    """`as_plain` backwards."""
    return {
        source: {
            target: {kind: _verdict(told) for kind, told in outcomes.items()}
            for target, outcomes in row.items()
        }
        for source, row in plain.items()
    }


def _verdict(told: str) -> Verdict:
    fate, _, how = told.partition(": ")
    return Verdict(Fate(fate), how)
