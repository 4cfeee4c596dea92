"""Other names of a collection, carried to a target that was made for it: which of them, and having them there.

They are looked at once, when the migration is planned. A name that stands for something at the target already (for the
source itself, when both are one server) is left where it is: to move it would be a cutover of its own.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from vectormigrate.model.errors import PermissionDenied, Unsupported
from vectormigrate.model.events import Event, Warned
from vectormigrate.stores.base import Store


@dataclass(frozen=True, slots=True)
class Aliases:
    """What the plan says of them."""

    carried: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    """A line each for those that are not."""


async def find(source: Store, collection: str, target: Store, wanted: str, *, made: bool) -> Aliases:
    """The other names of the source's `collection` that `wanted` can have at the target, which is `made` for it, or was
    there. Raises StoreError.
    """
    known = await source.aliases(collection)
    real = known.get(collection, collection)
    others = sorted(alias for alias, name in known.items() if name == real and alias != wanted)
    if not others:
        return Aliases()
    held = target.capabilities
    if not held.aliases or "/" in wanted:
        return Aliases(
            notes=tuple(_not(one, "the target has only the collection's own name") for one in others)
        )
    if not made:
        return Aliases(notes=tuple(_not(one, "the target is somebody's own") for one in others))
    taken = {*await target.aliases(), *await target.collections()}
    carried, notes = [], []
    for one in others:
        if one in taken:
            notes.append(
                _not(one, "the target has that name already; switch it yourself when the target answers")
            )
        elif "/" in one or not re.fullmatch(held.collection_pattern, one):
            notes.append(_not(one, "the target does not take the name"))
        else:
            carried.append(one)
    return Aliases(tuple(carried), tuple(notes))


def _not(alias: str, why: str) -> str:
    return f"alias {alias!r} is not carried: {why}"


async def make(
    target: Store,
    collection: str,
    aliases: Sequence[str],
    migration_id: str,
    on_event: Callable[[Event], None],
) -> None:
    """Have them stand for the collection too, and tell of those that somebody else took meanwhile. Repeatable."""
    if not aliases:
        return
    known, collections = await target.aliases(), await target.collections()
    for one in aliases:
        if known.get(one) == collection:
            continue
        try:
            if one in known or one in collections:
                on_event(Warned(migration_id, _not(one, "somebody has taken the name at the target")))
            else:
                await target.add_alias(one, collection)
        except (PermissionDenied, Unsupported) as error:
            on_event(Warned(migration_id, _not(one, error.message)))
