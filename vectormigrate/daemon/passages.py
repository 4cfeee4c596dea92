"""Which listener stands in front of the source of a migration, and by which names the source goes there."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.errors import StoreError, UsageError
from vectormigrate.model.specification import Mode, Specification
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
