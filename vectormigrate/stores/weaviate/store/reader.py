"""Records out of a collection: pages by id, records by id, counts.

The surprises: a cursor excludes the id that it stands on, so the very first of all ids is asked for by itself; an
answer beyond the message limit of the server is an error, so pages shrink; and no page may be larger than the
server's limit of results, which is 10,000 unless set otherwise.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from vectormigrate.model.batch import Batch
from vectormigrate.model.errors import CollectionMissing, StoreBroken
from vectormigrate.model.join import joined
from vectormigrate.model.record import RecordId
from vectormigrate.stores.place import RequestTooLarge
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.filters import by_id
from vectormigrate.stores.weaviate.ids import FIRST, uuid_of
from vectormigrate.stores.weaviate.wire.answers import (
    read_results,
    undeclared,
    wanted_metadata,
    wanted_properties,
)

from .catalog import Catalog, Opened

MOST = 10_000
"""Results of one search: QUERY_MAXIMUM_RESULTS, unless the server sets it otherwise."""
_PAGE_BYTES = 16 * 2**20
"""What the vectors of an answer are meant to weigh at most; an unnamed one is in it twice."""


class Reader:
    """Reads. Blocking; safe to share between threads."""

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog

    def tenants(self, name: str) -> list[str]:
        """The tenants that a collection is in, in the order of a scan; [""] for a class without."""
        opened = self._catalog.opened(name)
        if opened.layout.multi_tenant:
            return self._catalog.tenants.names(opened.layout.name, name)
        return [opened.tenant]

    def count(self, name: str) -> int:
        opened = self._catalog.opened(name)
        total = 0
        for tenant in self.tenants(name):
            request = pb.AggregateRequest(collection=opened.layout.name, tenant=tenant, objects_count=True)
            total += int(self._call("Aggregate", request, name).single_result.objects_count)
        return total

    def page(
        self, name: str, tenant: str, after: UUID | None, limit: int, *, bare: bool = False
    ) -> tuple[Batch, bool]:
        """Records of a tenant behind an id, or from the first on, at most `limit`; and whether there may be more."""
        opened = self._catalog.opened(name)
        size = min(limit, _most(opened, bare))
        if after is None:
            first = self._look_up(opened, tenant, [FIRST], bare)
            if len(first):
                return first, True
        while True:
            request = self.request(opened, tenant, size, bare=bare)
            request.after = str(after or FIRST)
            try:
                batch, _ = self.search(opened, request, bare=bare)
            except RequestTooLarge:
                if size == 1:
                    raise
                size //= 2
            else:
                return batch, len(batch) == size

    def fetch(self, name: str, ids: Sequence[RecordId], *, bare: bool = False) -> Batch:
        """The records of these ids, in that order."""
        opened = self._catalog.opened(name)
        parts = [
            self._look_up(opened, tenant, uuids[start : start + _most(opened, bare)], bare)
            for tenant, uuids in object_ids(opened, ids).items()
            for start in range(0, len(uuids), _most(opened, bare))
        ]
        batch = joined(parts) if parts else read_results([], opened.layout, bare=bare)
        rows = {record_id: row for row, record_id in enumerate(batch.ids)}
        order = [rows[record_id] for record_id in ids if record_id in rows]
        return batch if order == list(range(len(batch))) else batch.take(order)

    def _look_up(self, opened: Opened, tenant: str, uuids: Sequence[UUID], bare: bool) -> Batch:
        """The records of these objects, in any order."""
        request = self.request(opened, tenant, len(uuids), bare=bare)
        request.filters.CopyFrom(by_id(uuids))
        try:
            return self.search(opened, request, bare=bare)[0]
        except RequestTooLarge:
            if len(uuids) == 1:
                raise
        half = len(uuids) // 2
        return joined([self._look_up(opened, tenant, part, bare) for part in (uuids[:half], uuids[half:])])

    def request(self, opened: Opened, tenant: str, limit: int, *, bare: bool) -> Any:
        """A `SearchRequest` for records of one tenant; `bare` for ids alone."""
        return pb.SearchRequest(
            collection=opened.layout.name,
            tenant=tenant,
            limit=limit,
            consistency_level=self._catalog.link.consistency,
            uses_127_api=True,
            metadata=wanted_metadata(opened.layout, vectors=not bare),
            properties=pb.PropertiesRequest() if bare else wanted_properties(opened.layout),
        )

    def search(self, opened: Opened, request: Any, *, bare: bool) -> tuple[Batch, list[Any]]:
        """The records that a search finds, and the `MetadataResult` of each."""
        results = self._call("Search", request, opened.shape.name).results
        if not bare and undeclared(results, opened.layout):
            opened = self._catalog.describe(opened.shape.name)
        try:
            batch = read_results(results, opened.layout, tenant=request.tenant, bare=bare)
        except ValueError as error:
            self._catalog.forget(opened.shape.name)
            raise StoreBroken(
                f"weaviate sent a record that does not fit the collection: {error}",
                hint="if its vectors were changed meanwhile, start again",
                store=f"weaviate {self._catalog.link.address.name}",
                collection=opened.shape.name,
            ) from None
        return batch, [result.metadata for result in results]

    def _call(self, method: str, request: Any, name: str) -> Any:
        try:
            return self._catalog.tenants.call(method, request, collection=name)
        except CollectionMissing:
            self._catalog.forget(name)
            raise


def object_ids(opened: Opened, ids: Sequence[RecordId]) -> dict[str, list[UUID]]:
    """The objects of these ids, by the tenant that they are in; those that cannot be of this collection are left out."""
    groups: dict[str, list[UUID]] = {}
    for record_id in ids:
        found = uuid_of(record_id)
        if found is not None and isinstance(record_id, tuple) is opened.layout.multi_tenant:
            tenant = str(record_id[0]) if isinstance(record_id, tuple) else opened.tenant
            groups.setdefault(tenant, []).append(found)
    return groups


def _most(opened: Opened, bare: bool) -> int:
    """Most records of one answer."""
    return MOST if bare else max(1, min(MOST, _PAGE_BYTES // row_bytes(opened)))


def row_bytes(opened: Opened) -> int:
    """About what a record weighs on the wire, payload aside."""
    return 200 + sum(4 * (vector.dim or 100) for vector in opened.shape.vectors)
