"""The plan of a mapping, as plain data: what happens to the id, to each vector and to each field.

It is stored with the migration. `planning.py` makes it, `mapping.py` carries it out.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

from .collection import CollectionShape, Element, Metric
from .edits import Edit
from .errors import MappingRefused
from .identity import IdRule
from .layout import LayoutPlan
from .selection import EVERYTHING, Selection

UNDECLARED = "*"
"""Stands for all keys that nobody declared: in a plan, and in `MappingOptions.drop`."""

SPARSE = "_vm_sparse"
"""Payload key under which stand sparse vectors that the target has no place for: see `beside.py`."""

PARTITION = "(partition)"
"""Stands for the partition of each record: in a plan, and in `MappingOptions.drop`."""
PLACE = "_vm_partition"
"""Payload key under which the partition stands where the target has none, unless another was asked for."""

_SAID = {UNDECLARED: "undeclared keys"}


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
    edits: tuple[Edit, ...] = ()
    """What is done to values of single fields before anything else."""
    selection: Selection = EVERYTHING
    """Which records of the source are moved at all."""
    accept: tuple[str, ...] = ()
    """Names of losses that may happen: see `Loss`."""
    source_layout: str = ""
    """Whose layout the source's records have, a word of `layout.FRAMEWORKS`; empty for what is detected."""
    target_layout: str = ""
    """Whose layout the target's get; empty for the source's."""
    lengths: bool | None = None
    """Note the lengths of vectors that the target stores at length one; None for wherever there is room for that."""
    surrogates: bool = False
    """Store under made-up ids what the target's key cannot hold, even where it holds most."""


@dataclass(frozen=True, slots=True)
class Loss:
    """Something that does not arrive as it left and cannot be had back from what arrives.

    `name` is stable: `field:NAME`, `vector:NAME`, `undeclared` (keys that nobody declared) and `partition` do not arrive
    at all; `rounding:VECTOR`, `length:VECTOR` (stored with length one) and `last-digit:FIELD` (of a double) arrive less
    exactly.
    """

    name: str
    reason: str
    accepted: bool


@dataclass(frozen=True, slots=True)
class FieldPlan:
    """One payload field: where it goes and how. `conversion` names an entry of `conversion.CONVERSIONS`."""

    source: str
    target: str
    fate: Fate
    conversion: str = ""
    reason: str = ""
    loss: str = ""
    """Name of what is lost although it arrives; empty when nothing is."""

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
    loss: str = ""
    """Name of what is lost although it arrives; empty when nothing is."""

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
    edits: tuple[Edit, ...] = ()
    accepted: tuple[str, ...] = ()
    """Names of losses that may happen."""
    selection: Selection = EVERYTHING
    """Which records are moved."""
    lengths: tuple[str, ...] = ()
    """Vectors of the target whose lengths are noted beside the record."""
    spelled: tuple[VectorPlan, ...] = ()
    """Sparse vectors that the target has no place for: kept as JSON beside the record, and in none of `vectors`."""
    layout: LayoutPlan | None = None
    """From which framework's layout to which; None where payloads stay laid out as they are."""
    aliases: tuple[str, ...] = ()
    """Other names that the target is given."""

    @property
    def parts(self) -> tuple[VectorPlan | FieldPlan, ...]:
        """Every vector and field of the source, whatever becomes of it."""
        own = [field for field in self.fields if not self.spelled or field.source != SPARSE]
        return (*self.vectors, *self.spelled, *own)

    def losses(self) -> list[str]:
        """One line for everything that does not arrive as it left."""
        lines = [
            f"vector {plan.source!r}: {plan.fate}: {plan.reason}"
            for plan in (*self.vectors, *self.spelled)
            if plan.reason
        ]
        lines += [f"field {plan.source!r}: {plan.fate}: {plan.reason}" for plan in self.fields if plan.reason]
        if self.id_rule is not IdRule.SAME:
            lines.insert(0, f"id: converted: {self.id_rule}")
        return lines

    def lost(self) -> Iterator[tuple[str, Loss]]:
        """What is lost for good, with the name of the vector or field that it happens to."""
        for plan in self.parts:
            if not plan.kept or plan.loss:
                name = loss_name(plan)
                accepted = name in self.accepted if plan.kept else plan.fate is Fate.DROPPED
                yield plan.source, Loss(name, plan.reason, accepted)

    def check(self) -> None:
        """Raise MappingRefused when something would be lost that nobody accepted."""
        lost = [(source, loss) for source, loss in self.lost() if not loss.accepted]
        if lost:
            named = " ".join(f"--accept {loss.name}" for _, loss in lost[:5])
            raise MappingRefused(
                "the target cannot hold "
                + "; ".join(f"{_SAID.get(source) or repr(source)} ({loss.reason})" for source, loss in lost),
                hint=f"accept each loss by its name ({named}), or choose another target",
                collection=self.target.name,
            )


def fates(plan: MappingPlan, kind: type[VectorPlan | FieldPlan]) -> tuple[dict[str, object], ...]:
    """Where each vector or each field goes and how, as people and programs read it."""
    return tuple(
        {"source": part.source, "target": part.target, "fate": part.fate, "reason": part.reason}
        for part in plan.parts
        if isinstance(part, kind)
    )


def loss_name(plan: VectorPlan | FieldPlan) -> str:
    """The name of the loss that it is when this does not arrive."""
    if plan.loss:
        return plan.loss
    if isinstance(plan, VectorPlan):
        return f"vector:{plan.source}"
    return {UNDECLARED: "undeclared", PARTITION: "partition"}.get(plan.source, f"field:{plan.source}")
