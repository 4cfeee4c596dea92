"""Which framework's layout each side of a migration has: as asked for, or as the source's records show."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from vectormigrate.model.collection import CollectionShape, FieldType
from vectormigrate.model.detection import Detected, detect
from vectormigrate.model.errors import MappingRefused, UsageError
from vectormigrate.model.inference import SeenField
from vectormigrate.model.layout import LayoutPlan
from vectormigrate.model.profiles import FRAMEWORKS, RAW, Profile, profile_for
from vectormigrate.model.specification import Specification


@dataclass(frozen=True, slots=True)
class Layouts:
    """What was found, and what follows."""

    source: str
    """A word of `FRAMEWORKS`."""
    target: str
    detected: Detected
    plan: LayoutPlan | None
    notes: tuple[str, ...]

    def told(self) -> dict[str, object]:
        """As people and programs read it."""
        return {
            "source": self.source,
            "target": self.target,
            "detected": self.detected.framework,
            "certain": self.detected.certain,
            "moves": self.plan is not None,
        }


def layouts(
    spec: Specification,
    shape: CollectionShape,
    existing: CollectionShape | None,
    inferred: Sequence[SeenField],
    sampled: int,
) -> Layouts:
    """Decide. Raises UsageError for a word that is no framework, MappingRefused for a layout that cannot be written."""
    asked = spec.mapping
    for word in filter(None, (asked.source_layout, asked.target_layout)):
        if word not in FRAMEWORKS:
            raise UsageError(f"{word!r} is no layout", hint=f"one of: {', '.join(FRAMEWORKS)}")
    keys = {seen.name: seen.present for seen in inferred}
    origin = spec.source.kind if spec.back is None else spec.back.kind
    detected = detect(origin, shape, keys, sampled)
    source = asked.source_layout or (detected.framework if detected.certain else RAW)
    target = asked.target_layout or source
    there = profile_for(source, origin, shape)
    here = profile_for(target, spec.target.kind, existing)
    if (
        there is not None
        and there.words
        and existing is None
        and (source, origin) == (target, spec.target.kind)
    ):
        here = there  # a copy looks for words as the source does
    notes = tuple(_notes(spec, origin, source, target, detected))
    if there is not None and there.caution and target != RAW:
        notes = (*notes, there.caution)
    if there is None or here is None or there == here:
        return Layouts(source, target, detected, None, notes)
    if here.unwritable:
        raise MappingRefused(
            f"records for {spec.target.kind} cannot be laid out as {target} does: {here.unwritable}",
            hint="take another target, or leave records as they are: --target-layout raw",
        )
    notes = (*notes, *_float_notes(spec, there, here, inferred))
    return Layouts(source, target, detected, LayoutPlan(there.name, here.name), notes)


def _float_notes(
    spec: Specification, there: Profile, here: Profile, inferred: Sequence[SeenField]
) -> Iterable[str]:
    edited = {edit.field for edit in spec.mapping.edits}
    names = [seen.name for seen in inferred if seen.type is FieldType.FLOAT and seen.name not in edited]
    if there.floats and here.kind == "qdrant" and names:
        yield (
            f"numbers arrive as the floats that {spec.source.kind} keeps ({', '.join(names[:5])}), which qdrant does not find by a"
            " filter for an integer: cast those that are integers in a mapping file"
        )


def _notes(spec: Specification, origin: str, source: str, target: str, detected: Detected) -> Iterable[str]:
    if not detected.certain and not spec.mapping.source_layout:
        name = detected.framework
        yield (
            f"the source may have been written by {name}, which cannot be told for certain:"
            f" if it was, say --source-layout {name}"
        )
    for framework, kind in dict.fromkeys(((source, origin), (target, spec.target.kind))):
        if RAW not in (source, target) and profile_for(framework, kind, None) is None:
            yield f"how {framework} lays out records in {kind} is not known: records arrive as they are"
