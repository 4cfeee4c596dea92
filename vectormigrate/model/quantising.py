"""What a move takes away of how vectors are searched: quantised indexes, which only a like store understands.

The numbers themselves arrive whole, so nothing is lost that a comparison could find: it is what a search costs that
changes, and a plan has to say so. What the stores call it they write into `VectorField.quantised`.
"""

from __future__ import annotations

from .capabilities import Capabilities
from .collection import CollectionShape, VectorField
from .plan import MappingPlan


def left_behind(
    source: CollectionShape, mapping: MappingPlan, target: Capabilities, existing: CollectionShape | None
) -> list[str]:
    """A line for each vector that arrives and is no longer searched in the source's way. Pure."""
    lines = []
    for plan in mapping.vectors:
        vector = source.vector(plan.source)
        if not plan.kept or not vector.quantised:
            continue
        if existing is None:
            if vector.quantised not in target.quantises:
                lines.append(
                    f"{_said(vector)} is not carried: the target indexes it whole until that is set up there"
                )
        elif (found := existing.vector(plan.target).quantised) != vector.quantised:
            held = f"quantised in another way ({found})" if found else "not quantised"
            lines.append(f"{_said(vector)} is not carried: the target's {plan.target!r} is {held}")
    return lines


def _said(vector: VectorField) -> str:
    called = f"vector {vector.name!r}" if vector.name else "the source's vector"
    return f"quantisation of {called} ({vector.quantised})"
