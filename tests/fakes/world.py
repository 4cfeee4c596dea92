"""A migration between two memory databases of this process, with its state in a file: what most engine tests need."""

from __future__ import annotations

from contextlib import asynccontextmanager
from dataclasses import replace
from uuid import uuid4

import numpy as np

from vectormigrate.daemon.control import Control
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.batch import Batch, dense_column
from vectormigrate.model.collection import CollectionShape, IdField, IdKind, Metric, VectorField
from vectormigrate.model.snapshot import record_bytes
from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.state.database import Database
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import MemoryStore, forget, shared

DIM = 4
SOURCE, TARGET = "docs", "copy"


def shape(name=SOURCE, kind=IdKind.INT):
    return CollectionShape(
        name, IdField("id", kind), (VectorField("v", dim=DIM, metric=Metric.EUCLID),), dynamic=True
    )


def records(ids, version=0):
    """Records whose content follows from their id and a version."""
    vectors = [np.array([len(str(one)), version, 1, 2], np.float32) for one in ids]
    payload = [{"title": f"title {one}", "version": version} for one in ids]
    return Batch(list(ids), {"v": dense_column(vectors, width=DIM, dtype=np.dtype(np.float32))}, payload)


class World:
    """Two databases, a state file and the settings of one migration between them."""

    def __init__(self, state, **settings):
        self.state = state
        self.name = uuid4().hex
        self.source = shared(self._url("source"))
        self.target = shared(self._url("target"))
        self.spec = Specification(
            "move",
            StoreRef("memory", self._url("source"), SOURCE),
            StoreRef("memory", self._url("target"), TARGET),
            **{"batch_size": 5, "quarantine": 0.0, **settings},
        )
        self.events = []

    def _url(self, side):
        return f"{self.name}-{side}"

    def close(self):
        forget(self._url("source"))
        forget(self._url("target"))

    def set(self, **settings):
        """Change the settings of the migration, before it is made."""
        self.spec = replace(self.spec, **settings)

    # The two sides, as somebody else's client sees them.

    def store(self, side="source"):
        return MemoryStore(Endpoint("memory", self._url(side)), getattr(self, side))

    async def fill(self, ids, version=0, side="source"):
        """Put records into a side, making its collection if need be."""
        database, name = getattr(self, side), SOURCE if side == "source" else TARGET
        if name not in database.tables:
            kind = IdKind.TEXT if ids and isinstance(next(iter(ids)), str) else IdKind.INT
            await self.store(side).create(shape(name, kind))
        if len(ids):
            await self.store(side).upsert(name, records(ids, version))

    async def remove(self, ids, side="source"):
        await self.store(side).delete(SOURCE if side == "source" else TARGET, list(ids))

    def held(self, side):
        """Id to whole content; None when there is no collection."""
        table = getattr(self, side).tables.get(SOURCE if side == "source" else TARGET)
        if table is None:
            return None
        return {record.id: record_bytes(record) for record in table.after(None, None, float("inf"))}

    def equal(self):
        return self.held("source") == self.held("target")

    # The migration.

    @asynccontextmanager
    async def control(self, clock=None, database=None):
        owned = database or Database.open(self.state)
        async with Control(owned, Secrets(), self.events.append, clock or SystemClock()) as control:
            yield control

    async def run(self, clock=None):
        """Create it, or go on with it, in a process of its own as it were."""
        async with self.control(clock) as control:
            await control.create(self.spec)
            return await control.run(self.spec.id)

    async def rollback(self, **options):
        async with self.control() as control:
            return await control.rollback(self.spec.id, **{"dry_run": False, **options})

    def view(self, what, *arguments):
        """What another process sees: `status`, `history`, ..."""
        with Viewer.open(self.state) as viewer:
            return getattr(viewer, what)(self.spec.id, *arguments)

    @property
    def status(self):
        return self.view("status")

    @property
    def letters(self):
        return [letter["id"] for letter in self.view("dead_letters", 1000, 0)]

    def told(self, kind):
        return [event for event in self.events if isinstance(event, kind)]
