"""Waits until what was written can be read, as far as `Freshness` knows of it."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from functools import partial
from typing import Any

from vectormigrate.model.errors import StoreDown
from vectormigrate.stores.pinecone.errors import NamespaceMissing
from vectormigrate.stores.pinecone.wire.records import sent_namespace

from .catalog import Catalog, Opened
from .link import together

_SHORTEST, _LONGEST = 0.02, 1.0
_PATIENCE = 600.0
"""Seconds that a namespace whose number moves may need to reach what was written."""


class Waiting:
    """Brings the namespaces of a collection up to date. `visible_after`: see `PineconeStore`."""

    def __init__(self, catalog: Catalog, visible_after: float) -> None:
        self._catalog = catalog
        self.visible_after = visible_after

    async def settle(self, opened: Opened, namespaces: Sequence[str]) -> None:
        """Return when reads of these namespaces see everything that is known to be written.

        Raises StoreDown when the index has not caught up after ten minutes.
        """
        stale = set(opened.freshness.stale())
        await together(partial(self._settle, opened), [name for name in namespaces if name in stale])

    async def for_time(self) -> None:
        """Wait as long as a write may need at most to be seen, where nothing better is known."""
        await asyncio.sleep(self.visible_after)

    async def _settle(self, opened: Opened, namespace: str) -> None:
        standing = opened.freshness.of(namespace)
        clock = asyncio.get_running_loop().time
        began, pause = clock(), _SHORTEST
        while standing.behind:
            await self.probe(opened, namespace)
            if not standing.behind:
                break
            spent = clock() - began
            if standing.indexed < 0 and spent > self.visible_after:
                break  # queries carry no number here: time is all there is
            if spent > max(_PATIENCE, self.visible_after):
                raise opened.place.error(
                    StoreDown, f"writes to namespace {namespace!r} are still not visible", "a retry will help"
                )
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)
        pause = _SHORTEST
        while standing.canaries:
            canary = standing.canaries[0]
            # It may be gone because somebody else has written the record since: then time ends the wait.
            if await canary.look() or clock() - began > self.visible_after:
                standing.canaries = [one for one in standing.canaries if one is not canary]
                continue
            await asyncio.sleep(pause)
            pause = min(2 * pause, _LONGEST)

    async def probe(self, opened: Opened, namespace: str) -> None:
        """The cheapest query there is, for the number that it carries."""
        try:
            answer = await self._catalog.call(opened, "POST", "/query", body=probe_body(opened, namespace))
        except NamespaceMissing:  # or not visible yet
            return
        opened.freshness.saw(namespace, answer)


def probe_body(opened: Opened, namespace: str) -> dict[str, Any]:
    """A query for one record near nothing in particular."""
    body: dict[str, Any] = {
        "namespace": sent_namespace(namespace),
        "topK": 1,
        "includeValues": False,
        "includeMetadata": False,
    }
    if opened.layout.dim is None:
        return body | {"sparseVector": {"indices": [0], "values": [1.0]}}
    return body | {"vector": [1.0] + [0.0] * (opened.layout.dim - 1)}
