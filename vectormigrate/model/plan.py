"""The plan of a mapping, as plain data: what happens to the id, to each vector and to each field.

It is stored with the migration. `planning.py` makes it, `mapping.py` carries it out.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from .collection import CollectionShape, Element, Metric
from .errors import MappingRefused
from .identity import IdRule

UNDECLARED = "*"
"""Stands for all keys that nobody declared: in a plan, and in `MappingOptions.drop`."""

PARTITION = "(partition)"
"""Stands for the partition of each record: in a plan, and in `MappingOptions.drop`."""


class Fate(StrEnum):
    """What happens to one thing of the source."""

    EXACT = "exact"
    CONVERTED = "converted"
    REFUSED = "refused"
    DROPPED = "dropped"
    """Accepted by name as lost."""


@dataclass(frozen=True, slots=True)
class MappingOptions:
    """What a user may say about the mapping."""

    rename: dict[str, str] | None = None
    """Source field or vector name to target name."""
    drop: tuple[str, ...] = ()
    """Fields or vectors that may be left behind."""
    spread: tuple[str, ...] = ()
    """JSON fields whose keys become payload keys of their own."""
    narrow: tuple[str, ...] = ()
    """Vectors that may be rounded into the narrower element type of an existing target."""
    metric: Metric | None = None
    """The metric of vectors for which the source declares none."""


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One payload field: where it goes and how. `conversion` names an entry of `conversion.CONVERSIONS`."""

    source: str
    target: str
    fate: Fate
    conversion: str = ""
    reason: str = ""

    @property
    def kept(self) -> bool:
        """Whether it arrives at all."""
        return self.fate in (Fate.EXACT, Fate.CONVERTED)


@dataclass(frozen=True, slots=True)
class VectorPlan:
    """One vector field: where it goes and how."""

    source: str
    target: str
    fate: Fate
    element: Element = Element.FLOAT32
    """Element type on the target."""
    normalised: bool = False
    """The target stores it with length one: expected when comparing."""
    reason: str = ""

    @property
    def kept(self) -> bool:
        """Whether it arrives at all."""
        return self.fate in (Fate.EXACT, Fate.CONVERTED)


@dataclass(frozen=True, slots=True)
class MappingPlan:
    """The whole mapping of one collection. Plain data: it is stored with the migration."""

    id_rule: IdRule
    target: CollectionShape
    vectors: tuple[VectorPlan, ...]
    fields: tuple[FieldPlan, ...]
    spread: tuple[str, ...] = ()

    def losses(self) -> list[str]:
        """One line for everything that does not arrive as it left."""
        lines = [
            f"vector {plan.source!r}: {plan.fate}: {plan.reason}" for plan in self.vectors if plan.reason
        ]
        lines += [f"field {plan.source!r}: {plan.fate}: {plan.reason}" for plan in self.fields if plan.reason]
        if self.id_rule is not IdRule.SAME:
            lines.insert(0, f"id: converted: {self.id_rule}")
        return lines

    def check(self) -> None:
        """Raise MappingRefused when something would be lost that nobody accepted."""
        plans: tuple[VectorPlan | FieldPlan, ...] = (*self.vectors, *self.fields)
        refused = [f"{plan.source!r} ({plan.reason})" for plan in plans if plan.fate is Fate.REFUSED]
        if refused:
            raise MappingRefused(
                "the target cannot hold " + "; ".join(refused),
                hint="leave them behind by name with --drop NAME, or choose another target",
                collection=self.target.name,
            )
