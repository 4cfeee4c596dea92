"""Which parts a migration of several has: the source is asked, and each part gets a name, its records and its place.

Names on the target are kept where its grammar takes them, and changed where it does not; those of parts that are there
already stay what they are. Two parts never share a place, but for values of a field that are sent into the same one: these
are one part.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from contextlib import aclosing
from dataclasses import dataclass, replace
from difflib import get_close_matches

from vectormigrate.model.division import (
    REST,
    Division,
    Places,
    called,
    of_part,
    part_id,
    unmet,
)
from vectormigrate.model.errors import UsageError
from vectormigrate.model.selection import Share, value_name, value_of
from vectormigrate.model.specification import Specification
from vectormigrate.stores.base import EVERYWHERE, Store

from .secrets import Secrets
from .tasks import Stores

_MOST = 10_000
"""Parts of one migration: beyond that a field is rather one that tells records apart than one that sorts them."""


@dataclass(frozen=True, slots=True)
class _Found:
    """One part, before it has a place."""

    name: str
    collection: str
    share: Share | None = None

    def id(self, whole: str) -> str:
        rest = self.share is not None and self.share.others
        return of_part(whole, REST) if rest else part_id(whole, self.name)


async def parts_of(
    asked: Specification, secrets: Secrets, known: Sequence[Specification] = ()
) -> list[Specification]:
    """The parts that the source has now, those in `known` as they are. Dials both sides and writes nothing.

    Raises UsageError when there are none, when a part that was named is not there, when a record is in none, or when a part
    can have no place.
    """
    source, target = [await secrets.reach(side, asked.id) for side in (asked.source, asked.target)]
    async with Stores.open(source, target, asked.mapping.selection) as stores:
        await stores.greet()
        found = await _found(asked, stores)
        if not known:
            check_there(asked, [part.name for part in found])
            sent = {name for part in found for name in (part.share.values if part.share else (part.name,))}
            check_sent(asked.division, sent)
        if len(found) > _MOST:
            raise UsageError(
                f"there are {len(found):,} parts, and a migration has at most {_MOST:,}",
                hint="take some of them by name or pattern, or another field",
                store=asked.source.kind,
                collection=asked.source.collection,
            )
        places = Places(
            asked.target.collection,
            stores.target.capabilities.collection_pattern,
            (part.target.collection for part in known),
            structured=bool(asked.division.collections) and asked.source.kind == asked.target.kind,
        )
    there = {part.id: part for part in known}
    fresh = [part for part in found if part.id(asked.id) not in there]
    return sorted([*known, *_placed(asked, fresh, places)], key=lambda part: part.id)


async def come(asked: Specification, secrets: Secrets, known: Sequence[Specification]) -> list[Specification]:
    """The parts that have come to the source since. Values of a field are not looked for: that would be to read everything."""
    if asked.division.value_of:
        return []
    ids = {part.id for part in known}
    return [part for part in await parts_of(asked, secrets, known) if part.id not in ids]


async def outside(asked: Specification, secrets: Secrets, held: int) -> int:
    """How many more records the source has than its parts by value, which hold so many, if one of them is not the rest."""
    if not asked.division.value_of or asked.division.rest:
        return 0
    source, target = [await secrets.reach(side, asked.id) for side in (asked.source, asked.target)]
    async with Stores.open(source, target, asked.mapping.selection) as stores:
        await stores.greet()
        return await stores.source.count(asked.source.collection) - held


async def _found(asked: Specification, stores: Stores) -> list[_Found]:
    division, collection = asked.division, asked.source.collection
    if division.collections:
        names = called(await stores.whole.collections(), division.collections)
        return [_Found(name, name) for name in names]
    if division.partitions:
        inside = await stores.whole.partitions(collection)
        return [_Found(name, inside[name]) for name in called(inside, division.partitions)]
    return await _shares(asked, stores.source)


def check_there(asked: Specification, found: Sequence[str]) -> None:
    """There are parts, and every one that was named is there. Later one may go: it was moved by then, or tells so itself."""
    division, collection = asked.division, asked.source.collection
    lacking = unmet(found, division.patterns)
    if lacking or not found:
        what = "collections" if division.collections else f"partitions in {collection!r}"
        told = f"called {lacking[0]!r}" if lacking else f"like {', '.join(division.patterns)}"
        if division.value_of:
            what, told = f"records in {collection!r}", "to be divided"
        raise UsageError(
            f"the source has no {what} {told}",
            hint="names are case sensitive; * stands for anything"
            + ("; tenants that a field tells are divided by --each-value" if division.partitions else ""),
            store=asked.source.kind,
            collection="" if division.collections else collection,
        )


async def _shares(asked: Specification, source: Store) -> list[_Found]:
    """A part for each value, or for several that go into the same place; and one for the rest, where one is wanted."""
    division, collection = asked.division, asked.source.collection
    counts = await values_of(source, collection, division.value_of)
    check_rest(asked, counts.pop(None, 0))
    values = sorted(name for name in counts if name is not None)
    together: dict[str, list[str]] = {}
    for value in values:
        together.setdefault(division.into.get(value, ""), []).append(value)
    alone = together.pop("", [])
    shares: list[tuple[str, tuple[str, ...]]] = [(value, (value,)) for value in alone]
    shares += [(group[0] if len(group) == 1 else place, tuple(group)) for place, group in together.items()]
    found = [_Found(name, collection, Share(division.value_of, group)) for name, group in shares]
    if division.rest:
        found.append(_Found(REST, collection, Share(division.value_of, tuple(values), others=True)))
    return found


def check_rest(asked: Specification, without: int) -> None:
    """Raise UsageError where so many records have no value that makes a part, and no place is given for them."""
    if without and not asked.division.rest:
        raise UsageError(
            f"{without:,} records have no value of {asked.division.value_of!r} that makes a part: none at all, or neither a text,"
            " nor a whole number, a boolean or a UUID",
            hint="say where they go with --rest COLLECTION, or leave them out with a filter ([records] of --mapping)",
            store=asked.source.kind,
            collection=asked.source.collection,
        )


async def values_of(source: Store, collection: str, field: str) -> dict[str | None, int]:
    """How many records have each value of a field; None stands for what makes no part. Reads everything."""
    counts: dict[str | None, int] = {}
    async with aclosing(source.scan(collection, EVERYWHERE)) as pages:
        async for page in pages:
            for payload in page.batch.payload:
                name = value_name(value_of(payload, field))
                counts[name] = counts.get(name, 0) + 1
    return counts


def _placed(asked: Specification, found: Iterable[_Found], places: Places) -> list[Specification]:
    """First those that are sent somewhere and those whose names fit, so that no changed name takes another's place."""
    waiting = {part.name: part for part in found}
    done: dict[str, str] = {}
    for as_it_is in (True, False):
        for name, part in waiting.items():
            if name not in done:
                place = _sent(asked.division, part) or places.claim(name, as_it_is=as_it_is)
                if place is not None:
                    done[name] = place
    for name in (name for name in waiting if name not in done):
        raise UsageError(
            f"part {name!r} cannot have a name of its own on the target: {asked.target.collection!r} with it in its place"
            " is not allowed there, or is taken",
            hint=f"say where it goes: --into '{name}=NAME'",
            store=asked.target.kind,
        )
    _check_apart(done)
    return [_part(asked, waiting[name], place) for name, place in done.items()]


def check_sent(division: Division, names: Collection[str]) -> None:
    """Raise UsageError where something is sent somewhere by a name that none of these is."""
    unknown = sorted(division.into.keys() - set(names))
    if unknown:
        near = get_close_matches(unknown[0], names, n=1)
        raise UsageError(
            f"--into sends {unknown[0]!r} somewhere, and no part is called so",
            hint=f"did you mean {near[0]}?" if near else f"there are: {', '.join(sorted(names)[:10])}",
        )


def _sent(division: Division, part: _Found) -> str:
    """Where a part is sent by name; "" when it is not."""
    if part.share is None:
        return division.into.get(part.name, "")
    return division.rest if part.share.others else division.into.get(part.share.values[0], "")


def _check_apart(places: Mapping[str, str]) -> None:
    whose: dict[str, str] = {}
    for name, place in places.items():
        other = whose.setdefault(place, name)
        if other != name:
            raise UsageError(
                f"{other!r} and {name!r} would both go to {place!r}, where their ids may be the same",
                hint="send one of them elsewhere: --into NAME=COLLECTION",
            )


def _part(asked: Specification, found: _Found, place: str) -> Specification:
    mapping = asked.mapping
    if found.share is not None:
        mapping = replace(mapping, selection=replace(mapping.selection, share=found.share))
    return replace(
        asked,
        id=found.id(asked.id),
        source=replace(asked.source, collection=found.collection),
        target=replace(asked.target, collection=place),
        mapping=mapping,
        division=Division(),
    )
