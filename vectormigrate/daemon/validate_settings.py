"""The part of the catalogue of settings that says what `validate` compares, and what is asked for by them. Light, as
`settings.py`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from vectormigrate.model.comparing import Comparing

from .setting import Kind, Setting

FLOOR = 0.98
"""Cosine similarity below which no pair of vectors passes, whatever the threshold asked for."""

SAMPLE_SIZE = Setting(
    name="sample-size",
    section="validate",
    kind=Kind.INT,
    default=100,
    least=1,
    most=10_000_000,
    unit="records",
    help="Compare this many records, chosen at random.",
)
FULL = Setting(
    name="full",
    section="validate",
    kind=Kind.FLAG,
    default=False,
    help="Compare every record of both sides; counts what is missing and what is extra.",
)
THRESHOLD = Setting(
    name="threshold",
    section="validate",
    kind=Kind.FLOAT,
    default=0.999,
    least=FLOOR,
    most=1.0,
    because=f"below {FLOOR} nothing passes: pairs that unlike are not the same vector",
    unit="cosine similarity",
    help="Least similarity of two vectors that passes.",
)
SEED = Setting(
    name="seed",
    section="validate",
    kind=Kind.INT,
    least=0,
    most=2**63 - 1,
    help="Choose the same sample again.",
    unset="chosen and printed",
)
IDS = Setting(
    name="ids",
    section="validate",
    kind=Kind.NAMES,
    default=(),
    metavar="ID",
    help="Compare this record of the source, by its id, and no other; repeatable.",
)
RECALL = Setting(
    name="recall",
    section="validate",
    kind=Kind.INT,
    default=0,
    least=0,
    most=100_000,
    unit="searches",
    help="Search so often on both sides, by vectors of records: what the target finds of it, and how long either takes.",
)
LEAST = Setting(
    name="least-recall",
    section="validate",
    kind=Kind.FLOAT,
    default=0.9,
    least=0,
    most=1,
    unit="of 1",
    help="With --recall: share of the source's results that the target has to find.",
)
VALIDATE = (SAMPLE_SIZE, FULL, IDS, THRESHOLD, SEED, RECALL, LEAST)


def comparing(value: Callable[[str], Any]) -> Comparing:
    """What is asked for, by the values of these settings."""
    return Comparing(
        full=value("full"),
        ids=list(value("ids")),
        sample_size=value("sample-size"),
        seed=value("seed"),
        threshold=value("threshold"),
        searches=value("recall"),
        least_recall=value("least-recall"),
    )
