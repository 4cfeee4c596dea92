"""A difference between source and target: what kind, of which record, seen when."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class FindingKind(StrEnum):
    """What differs."""

    MISSING = "missing"
    """In the source, not in the target."""
    EXTRA = "extra"
    """In the target and ours, not in the source."""
    VECTOR = "vector"
    """A vector differs beyond the threshold, in direction or in length."""
    PAYLOAD = "payload"
    """A payload field differs after mapping."""
    PARTITION = "partition"
    """The record is in another partition, namespace or tenant."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One difference. `id` is the canonical text of the source id; of the target id for an extra record."""

    kind: FindingKind
    id: str
    detail: str = ""
    """Which field or vector, and how: for people."""
    cosine: float | None = None
    norm_ratio: float | None = None
    """Length of the target's vector over the source's."""
