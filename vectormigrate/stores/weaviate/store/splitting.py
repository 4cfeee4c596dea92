"""Where to cut a collection into ranges of about equal size.

A small one is listed. For a large one Weaviate has no samples and no order but that of its cursor, which may start at
any id: the last id is found by halving what may lie behind, and each cut is the record behind one of some ids evenly
spread between the first and the last. That is fair to random ids and to those that grow with time.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from uuid import UUID

from vectormigrate.model.record import RecordId, parse_id
from vectormigrate.stores.weaviate.ids import FIRST
from vectormigrate.stores.weaviate.wire.objects import object_id

from .catalog import Catalog, Opened
from .reader import MOST, Reader

_LISTED = 20_000
"""Up to so many records, the ids are all read; beyond, the ids of few decide."""
_LAST = UUID(int=2**128 - 1)


@dataclass(frozen=True, slots=True, order=True)
class Spot:
    """Where a cursor stands: at an object, whether or not it is there, of a tenant."""

    tenant: str
    id: UUID


class Splitting:
    """Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog, reader: Reader) -> None:
        self._catalog = catalog
        self._reader = reader

    def spot(self, name: str, cursor: str | None) -> Spot | None:
        """Where a cursor stands in the order of a scan; None for none."""
        if cursor is None:
            return None
        opened, record_id = self._catalog.opened(name), parse_id(cursor)
        tenant = (
            str(record_id[0])
            if opened.layout.multi_tenant and isinstance(record_id, tuple)
            else opened.tenant
        )
        return Spot(tenant, object_id(record_id))

    def bounds(self, name: str, parts: int) -> list[RecordId]:
        """At most `parts` - 1 ids, in the order of a scan, at which to cut."""
        opened, total = self._catalog.opened(name), self._reader.count(name)
        if parts < 2 or total < 2:
            return []
        tenants = self._reader.tenants(name)
        if total > _LISTED and len(tenants) < parts:
            each = parts // len(tenants)
            return [one for tenant in tenants for one in self._spread(opened, tenant, each)][: parts - 1]
        found: list[RecordId] = [(tenant, _LAST) for tenant in tenants]
        if total <= _LISTED:
            found = [one for tenant in tenants for one in self._listed(opened, tenant)]
        cuts = sorted({len(found) * part // parts for part in range(1, parts)} - {0})
        return [found[cut - 1] for cut in cuts]

    def _listed(self, opened: Opened, tenant: str) -> Iterator[RecordId]:
        after: UUID | None = None
        more = True
        while more:
            batch, more = self._reader.page(opened.shape.name, tenant, after, MOST, bare=True)
            if len(batch):
                after = object_id(batch.ids[-1])
            yield from batch.ids

    def _spread(self, opened: Opened, tenant: str, parts: int) -> list[RecordId]:
        """The records behind some ids evenly spread over a tenant, and the end of it where there are others."""
        first = self._behind(opened, tenant, FIRST)
        cuts: list[RecordId] = []
        if first is not None:
            low = object_id(first).int
            step = max(1, (self._last(opened, tenant, low) - low) // parts)
            behind = [self._behind(opened, tenant, UUID(int=low + part * step)) for part in range(1, parts)]
            cuts = [one for one in dict.fromkeys(behind) if one is not None]
        return [*cuts, (tenant, _LAST)] if opened.layout.multi_tenant else cuts

    def _last(self, opened: Opened, tenant: str, low: int) -> int:
        high = 2**128
        while high - low > 1:
            middle = (low + high) // 2
            behind = self._behind(opened, tenant, UUID(int=middle))
            if behind is None:
                high = middle
            else:
                low = object_id(behind).int
        return low

    def _behind(self, opened: Opened, tenant: str, spot: UUID) -> RecordId | None:
        batch, _ = self._reader.page(opened.shape.name, tenant, spot, 1, bare=True)
        return batch.ids[0] if len(batch) else None
