"""Whether what a plan moves can be had back as it was: a sample is sent there and back in thought.

What the plan itself forbids is told by `model.inverse.obstacles`; here is what comes back, but otherwise. Of the target only
what its capabilities say is known: that it stores vectors at length one, and bends doubles.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Any

from vectormigrate.engine.validate.payloads import payload_difference
from vectormigrate.model.batch import Batch
from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import RecordRefused, StoreBroken
from vectormigrate.model.inverse import Inverse, obstacles
from vectormigrate.model.lengths import noted
from vectormigrate.model.mapping import MappingPlan, Translator
from vectormigrate.model.record import id_text

_TOLD = 5
"""Fields that are told of."""
_SURE_DIGITS = 15
"""So many decimal digits of a double survive every way of reading them."""


def unrestored(
    sample: Batch, source: CollectionShape, plan: MappingPlan, origin: Capabilities, target: Capabilities
) -> tuple[str, ...]:
    """What of these records would come back otherwise than it is, a line each; empty when nothing would. `origin` is what the
    source can do.

    Empty too where nothing comes back at all. Records that the mapping refuses do not leave, and say nothing.
    """
    if obstacles(plan, source):
        return ()
    translation = Translator(plan, target)(sample)
    refused = {row for row, _ in translation.refused}
    sent = sample.take([row for row in range(len(sample)) if row not in refused]) if refused else sample
    # What a source has cut to length one is left as it is by a target that does the same.
    told = [] if origin.normalises_cosine else [*_vectors(translation.batch, plan)]
    if target.inexact_doubles and any(map(_bendable, translation.batch.payload)):
        told.append("doubles of 16 digits and more may come back one or two units in their last place off")
    try:
        found = Inverse(plan, source).batch(translation.batch)
    except (RecordRefused, StoreBroken) as error:
        return (*told, error.message)
    by_place: dict[str, str] = {}
    for difference in _records(sent, found, source):
        by_place.setdefault(difference.partition(": ")[0], difference)
    return (*told, *islice(by_place.values(), _TOLD))


def _vectors(translated: Batch, plan: MappingPlan) -> Iterator[str]:
    for vector in plan.vectors:
        if not vector.normalised or not noted(translated.vectors, [vector.target]):
            continue
        kept = vector.target in plan.lengths
        to = f"to the rounding of {vector.element}" if kept else "with length one"
        yield f"vector {vector.source!r} comes back {to}: the target stores it with length one"


def _bendable(value: Any) -> bool:
    """Whether a value holds a double that is read back exactly only by those who take care to."""
    match value:
        case float():
            digits = repr(value).partition("e")[0].replace(".", "").strip("-0")
            return len(digits) > _SURE_DIGITS
        case dict():
            return any(map(_bendable, value.values()))
        case list():
            return any(map(_bendable, value))
        case _:
            return False


def _records(sent: Batch, found: Batch, source: CollectionShape) -> Iterator[str]:
    declared = {field.name: field.type for field in source.fields}
    if len(found) < len(sent):
        yield f"of {len(sent):,} ids {len(found):,} would be known again"
        return
    for row, (before, after) in enumerate(zip(sent.ids, found.ids, strict=True)):
        if id_text(before) != id_text(after):
            yield f"an id comes back as another: {id_text(after)[:200]}"
        if difference := payload_difference(sent.payload[row], found.payload[row], declared):
            yield difference
