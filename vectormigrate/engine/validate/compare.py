"""Two aligned batches in the target's terms: what differs, record by record. Pure; reads nothing.

Source records arrive as the translator made them, target records as they were read; row i of both is the same
record. What a vector must be follows from the plan, not from a wish:

1. BITS. The target can hold what the source holds (the plan is exact, or a cast lost nothing): every bit must
   be equal. One flipped bit or a float16 round trip leaves a cosine of 0.9999999 and is a finding all the same.
2. ROUNDED. The target changes each vector by nature, in a way we can compute: it stores length one under cosine,
   or its element type is narrower. The same change is made to the source first; equal bits pass, and so does a
   pair whose every element is within the rounding of the type (`vectors.ROUNDING`) and whose cosine reaches the
   threshold. That is expected, and not a finding.
3. SIMILAR. The store declares the vector lossy, or holds floats as integers, so no expected bits exist: the
   cosine must reach the threshold and the length be within `vectors.NORM_TOLERANCE`.

So the threshold is the law for 3 and a floor under the others: whatever the rule, a measured pair below it never
passes. It cannot be set below `FLOOR`. Two vectors that are zero are equal; a zero and a non-zero one are not.
Payloads are compared as `payloads.py` says, noted lengths as `model.lengths.agreed` does, partitions when the target has them.

A record gives at most one finding of each kind; `mismatched` counts records.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import cast

import numpy as np

from vectormigrate.model import identity
from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape, Element, VectorKind
from vectormigrate.model.errors import UsageError
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.model.lengths import agreed
from vectormigrate.model.plan import MappingPlan, VectorPlan
from vectormigrate.model.record import Payload, RecordId, id_text
from vectormigrate.model.status import WorstPair

from .payloads import forgiven, payload_difference, surely_same
from .vectors import ROUNDING, Fidelity, Floats, VectorRule, Verdicts, compare_columns

DEFAULT_THRESHOLD = 0.999
FLOOR = 0.98
"""No threshold lets a pair below this cosine pass."""
WORST = 20
"""How many of the pairs that differ most are kept."""

_FLOATS = (Element.FLOAT32, Element.FLOAT16)


def effective_threshold(asked: float) -> float:
    """The threshold that rules: what was asked for, but never below `FLOOR`. Raises UsageError outside 0 to 1."""
    if not 0.0 <= asked <= 1.0:
        raise UsageError(
            f"a threshold of {asked} cannot be meant",
            hint=f"it is a cosine similarity: between {FLOOR} and 1, {DEFAULT_THRESHOLD} if not given",
        )
    return max(asked, FLOOR)


def inexact_doubles(source: Capabilities, target: Capabilities) -> bool:
    """Whether doubles may differ a little: in a target that bends them, or in one that got them as an application wrote
    them and before such a source had bent them.
    """
    return source.inexact_doubles or target.inexact_doubles


@dataclass(frozen=True, slots=True, eq=False)
class Comparison:
    """What one pair of batches showed."""

    compared: int
    mismatched: int
    pairs: int
    """Vectors that both sides hold, whatever their verdict."""
    bit_equal: int
    findings: list[Finding]
    cosine: Floats
    """Of the measured pairs: those whose bits differ and whose cosine has a meaning."""
    norm_ratio: Floats
    """Of the same pairs, without those that have none."""
    worst: list[WorstPair]
    """The measured pairs of lowest cosine, worst first."""


@dataclass(slots=True)
class _Seen:
    """Findings and measures of one batch while it is being compared."""

    rule: identity.IdRule
    ids: Sequence[RecordId]
    findings: list[Finding] = field(default_factory=list)
    rows: set[int] = field(default_factory=set)

    def source_id(self, row: int) -> str:
        source = identity.to_source(self.rule, self.ids[row])
        return id_text(self.ids[row] if source is None else source)

    def add(
        self, kind: FindingKind, row: int, detail: str, cosine: float = np.nan, ratio: float = np.nan
    ) -> None:
        self.rows.add(row)
        self.findings.append(
            Finding(kind, self.source_id(row), detail, _number(cosine), _number(ratio)),
        )


class Comparer:
    """Compares batches as one mapping plan demands. Stateless between calls; safe in threads.

    `source` is the shape of the source collection. `lossy` names target vectors of which the store keeps only
    something similar; `inexact_doubles` forgives doubles that are a little off.
    """

    def __init__(
        self,
        plan: MappingPlan,
        source: CollectionShape,
        *,
        threshold: float = DEFAULT_THRESHOLD,
        lossy: frozenset[str] = frozenset(),
        inexact_doubles: bool = False,
    ) -> None:
        self.threshold = effective_threshold(threshold)
        self.id_rule = plan.id_rule
        self.record_bytes = sum(
            (vector.dim or 0) * np.dtype(vector.element.dtype).itemsize
            for vector in plan.target.vectors
            if vector.kind is not VectorKind.SPARSE
        )
        """Of the vectors of one record, as far as the shape tells."""
        self._declared = {held.name: held.type for held in plan.target.fields}
        self._unwritten = _unwritten_fields(plan, source)
        self._inexact_doubles = inexact_doubles
        self._rules = [
            _vector_rule(vector, plan, source, self.threshold, lossy)
            for vector in plan.vectors
            if vector.kept
        ]
        self._lengths = {
            rule.name: ROUNDING[rule.element][0] for rule in self._rules if rule.name in plan.lengths
        }

    def __call__(self, source: Batch, target: Batch) -> Comparison:
        """Compare a translated batch with the target's batch of the same records in the same order."""
        seen = _Seen(self.id_rule, source.ids)
        columns = [
            compare_columns(source.vectors.get(rule.name), target.vectors.get(rule.name), rule, len(source))
            for rule in self._rules
        ]
        self._vector_findings(columns, seen)
        self._payload_findings(source, target, seen)
        if source.partition is not None:
            _partition_findings(source.partition, target.partition, seen)
        measured = [~verdicts.bit_equal & ~np.isnan(verdicts.cosine) for verdicts in columns]
        cosine = _joined([v.cosine[rows] for v, rows in zip(columns, measured, strict=True)])
        ratio = _joined([v.norm_ratio[rows] for v, rows in zip(columns, measured, strict=True)])
        return Comparison(
            compared=len(source),
            mismatched=len(seen.rows),
            pairs=sum(int(np.count_nonzero(verdicts.pair)) for verdicts in columns),
            bit_equal=sum(int(np.count_nonzero(verdicts.bit_equal)) for verdicts in columns),
            findings=seen.findings,
            cosine=cosine,
            norm_ratio=ratio[~np.isnan(ratio)],
            worst=self._worst(columns, seen) if cosine.size else [],
        )

    def _vector_findings(self, columns: list[Verdicts], seen: _Seen) -> None:
        told: set[int] = set()
        for verdicts in columns:
            for row, detail in verdicts.detail.items():
                if row not in told:
                    told.add(row)
                    seen.add(FindingKind.VECTOR, row, detail, verdicts.cosine[row], verdicts.norm_ratio[row])

    def _payload_findings(self, source: Batch, target: Batch, seen: _Seen) -> None:
        if surely_same(source.payload, target.payload):
            return
        declared, unwritten = self._declared, self._unwritten
        for row, (sent, found) in enumerate(zip(source.payload, target.payload, strict=True)):
            detail = payload_difference(sent, found, declared, unwritten)
            if detail is not None:
                detail = payload_difference(self._forgiven(sent, found), found, declared, unwritten)
            if detail is not None:
                seen.add(FindingKind.PAYLOAD, row, detail)

    def _forgiven(self, sent: Payload, found: Payload) -> Payload:
        """What was sent, with what may have become of it."""
        if self._lengths:
            sent = agreed(sent, found, self._lengths)
        return cast(Payload, forgiven(sent, found)) if self._inexact_doubles else sent

    def _worst(self, columns: list[Verdicts], seen: _Seen) -> list[WorstPair]:
        pairs: list[WorstPair] = []
        for rule, verdicts in zip(self._rules, columns, strict=True):
            measured = np.where(verdicts.bit_equal, np.nan, verdicts.cosine)
            for row in np.argsort(measured)[:WORST].tolist():
                if not np.isnan(measured[row]):
                    ratio = _number(verdicts.norm_ratio[row])
                    pairs.append(
                        WorstPair(seen.source_id(row), rule.name, float(measured[row]), ratio or 0.0, False)
                    )
        return sorted(pairs, key=lambda pair: pair.cosine)[:WORST]


def _partition_findings(sent: Sequence[str | None], found: Sequence[str | None] | None, seen: _Seen) -> None:
    for row, (want, got) in enumerate(zip(sent, found or [None] * len(sent), strict=True)):
        if want != got:
            seen.add(FindingKind.PARTITION, row, f"partition {want!r} became {got!r}")


def _vector_rule(
    vector: VectorPlan, plan: MappingPlan, source: CollectionShape, threshold: float, lossy: frozenset[str]
) -> VectorRule:
    held = plan.target.vector(vector.target).element
    sent = source.vector(vector.source)
    if sent.kind is VectorKind.SPARSE:
        held, narrower = Element.FLOAT32, False
    else:
        narrower = held is Element.FLOAT16 and sent.element is Element.FLOAT32
    if vector.target in lossy or (sent.element in _FLOATS and held not in _FLOATS):
        fidelity, held = Fidelity.SIMILAR, Element.FLOAT32
    elif vector.normalised or narrower:
        fidelity = Fidelity.ROUNDED
    else:
        fidelity = Fidelity.BITS
    return VectorRule(vector.target, held, fidelity, vector.normalised, threshold)


def _unwritten_fields(plan: MappingPlan, source: CollectionShape) -> frozenset[str]:
    """Declared fields of an existing target that no source record can reach."""
    if source.dynamic or plan.spread:
        return frozenset()
    written = {plan.target for plan in plan.fields}
    return frozenset(held.name for held in plan.target.fields if held.name not in written)


def _joined(parts: list[Floats]) -> Floats:
    return np.concatenate([np.empty(0), *parts])


def _number(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
