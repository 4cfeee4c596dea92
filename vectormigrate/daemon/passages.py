"""Which listener stands in front of the source of a migration, and by which names the source goes there."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.errors import GateRefused, StoreError, UsageError
from vectormigrate.model.specification import Mode, Specification, StoreRef
from vectormigrate.stores.base import Store
from vectormigrate.stores.raw import Upstream

OWN = "neutral"
"""The dialect that goes with every kind of source."""
_DATABASE = "default"
"""Of a Milvus: its requests name databases beside collections, and lanes go by the collection alone."""


@dataclass(slots=True)
class Passage:
    """One listener: what stands in front of a source server."""

    name: str
    dialect: str
    upstream: Upstream | None
    """None where only our own API is spoken."""
    router: Router


def fronting(passages: Mapping[str, Passage], spec: Specification) -> Passage | None:
    """The listener, by the name of which it is asked for or as the only one that speaks the source's API; None where the
    source notes its changes itself. Raises UsageError when there is none, or more than one.
    """
    if spec.mode is Mode.CAPTURED:
        return None
    wanted = spec.source.options.get("listener")
    if wanted is not None and wanted in passages:
        return _checked(passages[wanted], spec)
    by_dialect = [
        [one for one in passages.values() if one.dialect == dialect] for dialect in (spec.source.kind, OWN)
    ]
    fitting = by_dialect[0] or by_dialect[1]
    if not fitting:
        raise UsageError(
            f"no listener of this daemon speaks {spec.source.kind}, for migration {spec.id!r}",
            hint="add one to [listeners] of its configuration, in front of the source, and restart it",
        )
    if wanted is not None or len(fitting) > 1:
        names = ", ".join(one.name for one in fitting)
        raise UsageError(
            f"there is no listener {wanted!r}, for migration {spec.id!r}"
            if wanted is not None
            else f"{len(fitting)} listeners speak {spec.source.kind}, for migration {spec.id!r}",
            hint=f"say which with --source-option listener=NAME: {names}",
        )
    return _checked(fitting[0], spec)


def _checked(passage: Passage, spec: Specification) -> Passage:
    if passage.dialect != OWN and spec.source.options.get("database", _DATABASE) not in ("", _DATABASE):
        raise UsageError(
            f"a listener stands in front of the database {_DATABASE!r} only, for migration {spec.id!r}",
            hint="leave out --source-option database, or let the application write through our own API",
        )
    return passage


def check_apart(
    passages: Mapping[str, Passage], spec: Specification, others: Iterable[Specification]
) -> None:
    """Raise GateRefused where requests about the source go the way of one of the others, for they have one way only. Or one
    has the same target: each would take for its own what the other puts there.
    """
    passage = fronting(passages, spec)
    for other in others:
        same = passage is not None and _met(spec.source, passage, other.source, fronting(passages, other))
        if same or _places(other.target) & _places(spec.target):
            side = spec.source if same else spec.target
            raise GateRefused(
                f"the {'source' if same else 'target'} of {spec.id!r} is that of migration {other.id!r}, which is not over",
                hint=f"`vectormigrate status {other.id}` says where it is; roll it back, or name another collection",
                store=side.kind,
                collection=side.collection,
            )


def _met(one: StoreRef, passage: Passage, other: StoreRef, others: Passage | None) -> bool:
    """Whether a request may be about both sources."""
    if others is not passage:
        return others is not None and _place(one) == _place(other)
    lane = passage.router.lane(one.collection)
    same_lane = lane is not None and lane is passage.router.lane(other.collection)
    return same_lane or one.collection == other.collection


def _place(side: StoreRef) -> tuple[str, str, str]:
    return side.kind, side.url, side.collection


def _places(side: StoreRef) -> set[tuple[str, str, str]]:
    return {(side.kind, side.url, one) for one in side.collections}


async def learn(passage: Passage | None, source: Store, collection: str) -> None:
    """By which names the collection goes now at its source. Raises StoreError."""
    if passage is not None:
        passage.router.learn(collection, await source.aliases(collection))


async def learnt(passage: Passage | None, source: Store, collection: str) -> bool:
    """The same; False when the source does not answer."""
    try:
        await learn(passage, source, collection)
    except StoreError:
        return False
    return True
