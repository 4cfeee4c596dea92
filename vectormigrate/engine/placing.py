"""Whether a mapping leaves at the target what tells which part of a split a record belongs to.

A split of a collection in use goes by what a record holds at the target (`model/placement.py`), so the field must arrive there as it
is, under the name that the placement knows. Checked against the plan, and against a sample of records, before anything starts.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import MappingRefused
from vectormigrate.model.mapping import MappingPlan, Translator
from vectormigrate.model.placement import Placement
from vectormigrate.model.plan import PARTITION, UNDECLARED, FieldPlan
from vectormigrate.model.record import id_text
from vectormigrate.stores.base import Store

_FAITHFUL = ("", "uuid_text", "extended_json")
"""Conversions that leave a value called as it was."""
_HINT = "leave that field as it is, or split offline: every value is a migration of its own there"


def check(placement: Placement, plan: MappingPlan, sample: Batch | None, target: Store) -> None:
    """Raise MappingRefused where a record could not be told to belong where it does."""
    for problem in _problems(placement, plan):
        raise MappingRefused(f"the collection cannot be split while it is in use: {problem}", hint=_HINT)
    if sample is None or placement.division.partitions:
        return
    translation = Translator(plan, target.capabilities, target.endpoint.redact_key)(sample)
    unfit = {row for row, _ in translation.refused}
    rows = [row for row in range(len(sample)) if row not in unfit]
    wanted = replace(placement, field=placement.division.value_of).of(sample.take(rows))
    for row, before, after in zip(rows, wanted, placement.of(translation.batch), strict=True):
        if before != after:
            raise MappingRefused(
                f"the collection cannot be split while it is in use: a record belongs to {before!r}, and to {after!r} by what"
                f" arrives of its {placement.division.value_of!r}",
                hint=_HINT,
                ids=(id_text(sample.ids[row])[:200],),
            )


def _problems(placement: Placement, plan: MappingPlan) -> Iterator[str]:
    asked = placement.division.value_of or PARTITION
    names = (asked, asked.partition(".")[0])
    if plan.layout is not None:
        yield "its records are laid out anew, by another framework's layout"
    if any(edit.field in names for edit in plan.edits):
        yield f"{asked!r} is cast, redacted or given a default on its way"
    if any(name in plan.spread for name in names):
        yield f"{asked!r} is taken apart on its way"
    found = _of(plan, names)
    if found is None:
        return  # no record has it, or a partition goes as one
    if not found.kept:
        yield f"{asked!r} does not arrive: {found.reason or found.fate}"
    elif found.conversion not in _FAITHFUL:
        yield f"{asked!r} is changed on its way: {found.reason}"
    elif found.source != UNDECLARED and found.target != placement.field.partition(".")[0] != placement.field:
        yield f"{found.source!r} is called {found.target!r} there"
    elif found.source == asked and found.target != placement.field:
        yield f"{asked!r} is called {found.target!r} there, unless it is renamed to that: --rename {asked}={found.target}"


def _of(plan: MappingPlan, names: tuple[str, ...]) -> FieldPlan | None:
    for name in (*names, *([UNDECLARED] if PARTITION not in names else [])):
        for field in plan.fields:
            if field.source == name:
                return field
    return None


def notes(placement: Placement) -> list[str]:
    """Where which records go, for the plan."""
    asked = placement.division.value_of
    told = f"with {asked!r} as" if asked else "of partition"
    by_place: dict[str, list[str]] = {}
    for name, place in sorted(placement.places.items()):
        by_place.setdefault(place, []).append(repr(name))
    lines = [f"records {told} {', '.join(names)} go to {place!r}" for place, names in by_place.items()]
    if placement.division.rest:
        return [*lines, f"all others go to {placement.division.rest!r}"]
    if not asked:
        return [*lines, "a partition that is made later has no part: its records would be refused"]
    return [
        *lines,
        f"a record that is given another {asked!r}, or none, has no part and is refused: `rest` of [split] takes it",
    ]
