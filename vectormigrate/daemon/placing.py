"""What a collection that is split while it is in use is split into: the source is asked once, before the migration is made.

Where it is moved offline each value, or partition of a Milvus collection, is a part, and a migration of its own: `parting.py`. In use it is one migration of one
collection into several, and which record belongs where must not change any more once writes are marked.
"""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import replace

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.division import WHOLE, Places, called
from vectormigrate.model.errors import UnknownMigration, UsageError
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.placement import MOST, Placement
from vectormigrate.model.plan import PARTITION, PLACE
from vectormigrate.model.selection import UNNAMED
from vectormigrate.model.specification import Specification
from vectormigrate.state import views
from vectormigrate.state.database import Database

from .parting import check_rest, check_sent, check_there, values_of
from .secrets import Secrets
from .tasks import Stores

_ANY = "*"


async def settled(spec: Specification, secrets: Secrets) -> Specification:
    """The specification with what its target consists of, where that is still to be found out. Dials both sides.

    Raises UsageError where a record would belong nowhere, or a part can have no place.
    """
    if not spec.splits:
        return spec
    source, target = [await secrets.reach(side, spec.id) for side in (spec.source, spec.target)]
    async with Stores.open(source, target, spec.mapping.selection) as stores:
        await stores.greet()
        names = await (_values if spec.division.value_of else _partitions)(spec, stores)
        able = stores.target.capabilities
    return as_settled(spec, _placement(spec, names, able))


async def _values(spec: Specification, stores: Stores) -> list[str]:
    """Those that records have, and those that somebody sends somewhere."""
    counts = await values_of(stores.source, spec.source.collection, spec.division.value_of)
    check_rest(spec, counts.pop(None, 0))
    return sorted({*(name for name in counts if name is not None), *spec.division.into})


async def _partitions(spec: Specification, stores: Stores) -> list[str]:
    names = called(await stores.whole.partitions(spec.source.collection), spec.division.partitions)
    check_there(spec, names)
    check_sent(spec.division, names)
    return names


async def settled_for_good(spec: Specification, secrets: Secrets, database: Database) -> Specification:
    """The same, but one that is in the state file keeps what it has: values that came since are no parts of it."""
    if not spec.splits:
        return spec
    with suppress(UnknownMigration):
        known = database.read(lambda tx: views.specification(tx, spec.id)).target.placement
        if known is not None and known.division == spec.division:
            return as_settled(spec, known)
    return await settled(spec, secrets)


def as_settled(spec: Specification, placement: Placement) -> Specification:
    """The same, of one piece, into a target of several collections. Partitions that are not asked for are left out."""
    mapping, asked = spec.mapping, placement.division.partitions
    if asked and _ANY not in asked:
        chosen = replace(mapping.selection, partitions=tuple(sorted(placement.places)))
        mapping = replace(mapping, selection=chosen)
    return replace(spec, division=WHOLE, mapping=mapping, target=replace(spec.target, placement=placement))


def _placement(spec: Specification, names: list[str], able: Capabilities) -> Placement:
    division = spec.division
    if not names:
        raise UsageError(
            f"no record of {spec.source.collection!r} has a value of {division.value_of!r}, so there is nothing to split by",
            hint="name the values and where they go with --into VALUE=COLLECTION",
            store=spec.source.kind,
            collection=spec.source.collection,
        )
    taken = [*division.into.values(), *([division.rest] if division.rest else [])]
    places = Places(spec.target.collection, able.collection_pattern, taken, structured=False)
    given = _given(spec, names, places)
    if division.partitions:
        placement = Placement(division, (spec.mapping.rename or {}).get(PARTITION, PLACE), given, UNNAMED)
    else:
        placement = Placement(division, _at_target(spec.mapping, division.value_of), given)
    if len(placement.collections) > MOST:
        raise UsageError(
            f"{len(placement.collections):,} collections, and a collection that is in use is split into {MOST} at most",
            hint="send several values to one with --into, or what is rare to --rest; offline there may be more",
        )
    return placement


def _given(spec: Specification, names: Iterable[str], places: Places) -> dict[str, str]:
    """First those that are sent somewhere and those whose names fit, so that no changed name takes another's place."""
    given = dict(spec.division.into)
    for as_it_is in (True, False):
        for name in names:
            if name not in given and (place := places.claim(name, as_it_is=as_it_is)) is not None:
                given[name] = place
    for name in (name for name in names if name not in given):
        raise UsageError(
            f"records of {name!r} cannot have a collection of their own on the target: {spec.target.collection!r} with it in its"
            " place is not allowed there, or is taken",
            hint=f"say where they go: --into '{name}=NAME'",
            store=spec.target.kind,
        )
    return given


def _at_target(mapping: MappingOptions, field: str) -> str:
    """The field as it is called there, as far as it was asked for."""
    renamed = mapping.rename or {}
    root, dot, rest = field.partition(".")
    return renamed.get(field) or f"{renamed.get(root, root)}{dot}{rest}"
