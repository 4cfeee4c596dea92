"""Where to cut a collection into ranges of about equal size, when nothing can say how many ids lie between two.

A small collection is listed. Of a large one a sample is taken: a search that asks for 10,000 ids near nowhere in
particular answers with ids that have little to do with their order.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from vectormigrate.model.errors import StoreError
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Range
from vectormigrate.stores.pinecone.wire.records import to_key
from vectormigrate.stores.pinecone.wire.shape import Keys

from .catalog import Catalog, Opened
from .reader import Located, Reader
from .waiting import probe_body

LISTED = 20_000
_SAMPLE = 10_000
_SEED = 20_240_229


class Splitting:
    """Cuts collections."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader

    async def cuts(self, opened: Opened, parts: int) -> list[RecordId]:
        """At most `parts - 1` keys, ascending, none of them the last of the collection."""
        sizes = await self._reader.sizes(opened)
        weighed: list[tuple[Located, float]] = []
        if sum(sizes.values()) > LISTED:
            weighed = await self._sampled(opened, sizes)
        if not weighed:
            weighed = [(one, 1.0) async for page in self._reader.ids(opened, Range()) for one in page]
        if len(weighed) < 2:
            return []
        edges = np.cumsum([weight for _, weight in weighed])
        wanted = edges[-1] * np.arange(1, parts) / parts
        rows = sorted({max(int(row) - 1, 0) for row in np.searchsorted(edges, wanted, side="right")})
        return [to_key(opened.layout, *weighed[row][0]) for row in rows if row < len(weighed) - 1]

    async def _sampled(self, opened: Opened, sizes: dict[str, int]) -> list[tuple[Located, float]]:
        """Ids of a sample in key order, and how many records each stands for; nothing when no sample can be had."""
        random = np.random.default_rng(_SEED)
        weighed: list[tuple[Located, float]] = []
        for namespace in sorted(name for name, size in sizes.items() if size):
            body: dict[str, Any] = probe_body(opened, namespace) | {"topK": min(sizes[namespace], _SAMPLE)}
            if opened.layout.dim is not None:
                body["vector"] = random.standard_normal(opened.layout.dim).astype(np.float32)
            try:
                answer = await self._catalog.call(opened, "POST", "/query", body=body)
            except StoreError as error:
                if error.retryable:
                    raise
                return []
            ids = sorted(one["id"] for one in answer.body.get("matches") or [])
            if len(ids) * 10 < min(sizes[namespace], _SAMPLE):
                return []  # a sparse index answers only what shares a term with the question
            weighed += [((namespace, one), sizes[namespace] / len(ids)) for one in ids]
        if opened.layout.keys is Keys.PARTITIONED:
            weighed.sort(key=lambda one: one[0][1])
        return weighed
