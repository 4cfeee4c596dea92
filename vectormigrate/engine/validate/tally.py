"""Counts of a validation: what a range, a sample or a whole scan saw. Adds up, and travels as JSON.

A worker process fills one tally a range and sends it home; the sum of the tallies of all ranges is the tally of the
scan. Counts are exact; of findings and of worst pairs only the first few are carried, because all findings go to
the sink while they are found.

The surprise: the digest covers ids, not contents. Content is compared directly, and hashing it would cost several
times more than comparing it; the digest is there so that a second run, or somebody else, can tell whether it
saw the same set of records. It is a sum, so it does not depend on the order, and it is over the ids *as the target
has them*: equal digests of both sides mean equal sets of ids.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field, replace
from hashlib import blake2b
from typing import Any, Self

import msgspec
import numpy as np

from vectormigrate.model.finding import Finding
from vectormigrate.model.record import RecordId, id_text
from vectormigrate.model.status import WorstPair

from .compare import WORST, Comparison

EDGES = (-1.0, 0.0, 0.5, 0.9, 0.95, 0.98, 0.99, 0.995, 0.999, 0.9995, 0.9999, 0.99999, 0.999999, 1.0)
"""Bounds of the histogram's bins, dense where it matters; pairs of equal bits fall into the last."""
SHOWN = 100
"""How many findings a tally carries."""


@dataclass(slots=True)
class Tally:
    """What was seen. `source_count` and `target_count` are of records that were read, of the target ours only."""

    source_count: int = 0
    target_count: int = 0
    foreign: int = 0
    """Target records that are not ours; in no other count."""
    skipped: int = 0
    """Source records whose target id belongs to a foreign record."""
    uncopied: int = 0
    """Source records that the copy has not come to yet; no worker knows of any."""
    compared: int = 0
    missing: int = 0
    extra: int = 0
    mismatched: int = 0
    pairs: int = 0
    bit_equal: int = 0
    measured: int = 0
    """Pairs whose bits differ and whose cosine has a meaning."""
    cosine_sum: float = 0.0
    """Of the measured pairs."""
    min_cosine: float | None = None
    min_norm_ratio: float | None = None
    max_norm_ratio: float | None = None
    histogram: list[int] = field(default_factory=lambda: [0] * (len(EDGES) - 1))
    worst: list[WorstPair] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)
    """The first `SHOWN`."""
    finding_count: int = 0
    source_digest: int = 0
    target_digest: int = 0

    def add(self, comparison: Comparison) -> None:
        """Count one pair of batches; its findings are told to `note`, like all others."""
        self.compared += comparison.compared
        self.mismatched += comparison.mismatched
        self.pairs += comparison.pairs
        self.bit_equal += comparison.bit_equal
        self.histogram[-1] += comparison.bit_equal
        if comparison.bit_equal:
            self._extremes(1.0, 1.0, 1.0)
        if comparison.cosine.size:
            self.measured += comparison.cosine.size
            self.cosine_sum += float(comparison.cosine.sum())
            bins = np.histogram(comparison.cosine, EDGES)[0].tolist()
            self.histogram = [had + more for had, more in zip(self.histogram, bins, strict=True)]
            self._extremes(float(comparison.cosine.min()), None, None)
            self.worst = _worst(self.worst, comparison.worst)
        if comparison.norm_ratio.size:
            self._extremes(None, float(comparison.norm_ratio.min()), float(comparison.norm_ratio.max()))

    def note(self, findings: Sequence[Finding]) -> None:
        """Carry the first findings, count all."""
        self.finding_count += len(findings)
        self.findings.extend(findings[: SHOWN - len(self.findings)])

    def postpone(self, count: int, telling: Callable[[Sequence[Finding]], list[Finding]]) -> None:
        """So many of the missing ones, which `telling` leaves out of findings, are not copied yet."""
        self.uncopied += count
        self.missing -= count
        self.finding_count -= count
        self.findings = telling(self.findings)

    def merge(self, other: Tally) -> None:
        """Add what another range saw."""
        for name in _SUMS:
            setattr(self, name, getattr(self, name) + getattr(other, name))
        self._extremes(other.min_cosine, other.min_norm_ratio, other.max_norm_ratio)
        self.histogram = [had + more for had, more in zip(self.histogram, other.histogram, strict=True)]
        self.worst = _worst(self.worst, other.worst)
        self.findings.extend(other.findings[: SHOWN - len(self.findings)])
        self.source_digest = (self.source_digest + other.source_digest) % 2**64
        self.target_digest = (self.target_digest + other.target_digest) % 2**64

    def without(self, ids: AbstractSet[str]) -> Tally:
        """The same without the worst pairs of these records, which were being written and are equal now."""
        gone = [pair.cosine for pair in self.worst if pair.id in ids]
        if not gone:
            return self
        worst = [pair for pair in self.worst if pair.id not in ids]
        known = [*(pair.cosine for pair in worst), *([1.0] if self.bit_equal else [])]
        measured = self.measured - len(gone)
        bins = np.histogram(gone, EDGES)[0].tolist()
        return replace(
            self,
            pairs=self.pairs - len(gone),
            measured=measured,
            cosine_sum=self.cosine_sum - sum(gone),
            # With none of the carried ones left, nobody knows the least of the others.
            min_cosine=min(known) if known and (worst or not measured) else None,
            histogram=[had - less for had, less in zip(self.histogram, bins, strict=True)],
            worst=worst,
        )

    @property
    def mean_cosine(self) -> float | None:
        """Over all pairs that have a cosine, those of equal bits included."""
        pairs = self.bit_equal + self.measured
        return (self.bit_equal + self.cosine_sum) / pairs if pairs else None

    def bins(self) -> tuple[tuple[float, float, int], ...]:
        """The histogram as (from, to, pairs)."""
        return tuple(zip(EDGES, EDGES[1:], self.histogram, strict=False))

    def _extremes(self, cosine: float | None, shortest: float | None, longest: float | None) -> None:
        self.min_cosine = _pick(min, self.min_cosine, cosine)
        self.min_norm_ratio = _pick(min, self.min_norm_ratio, shortest)
        self.max_norm_ratio = _pick(max, self.max_norm_ratio, longest)

    def as_dict(self) -> dict[str, Any]:
        """As plain values, for JSON."""
        plain: dict[str, Any] = msgspec.to_builtins(self)
        return plain

    @classmethod
    def from_dict(cls, plain: dict[str, Any]) -> Self:
        """Undo `as_dict`."""
        return msgspec.convert(plain, cls)


_SUMS = (
    "source_count",
    "target_count",
    "foreign",
    "skipped",
    "uncopied",
    "compared",
    "missing",
    "extra",
    "mismatched",
    "pairs",
    "bit_equal",
    "measured",
    "cosine_sum",
    "finding_count",
)


def digest(ids: Iterable[RecordId]) -> int:
    """The sum, modulo 2^64, of a 64-bit hash of each id: the same for the same set in any order."""
    hashes = b"".join([blake2b(id_text(record_id).encode(), digest_size=8).digest() for record_id in ids])
    return int(np.frombuffer(hashes, ">u8").sum(dtype=np.uint64))


def _worst(one: list[WorstPair], other: list[WorstPair]) -> list[WorstPair]:
    return sorted([*one, *other], key=lambda pair: (pair.cosine, pair.id))[:WORST]


def _pick(choose: Any, one: float | None, other: float | None) -> float | None:
    held = [value for value in (one, other) if value is not None]
    return choose(held) if held else None
