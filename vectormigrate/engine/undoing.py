"""The way back: what a migration put into its target is taken out, what it overwrote is put back, and a collection that it
made goes when nothing is left in it. Repeatable at any point; who may do so, and when, the conductor says.
"""

from __future__ import annotations

from collections.abc import Callable

from vectormigrate.model.errors import CollectionMissing
from vectormigrate.model.events import Event, Progress
from vectormigrate.model.mapping import MappingPlan
from vectormigrate.model.status import RollbackReport
from vectormigrate.state import checkpoints
from vectormigrate.state.database import Database
from vectormigrate.stores.base import Store

from .rollback.pool import Pool, Removal


class Undoing:
    """One rollback of one migration."""

    def __init__(
        self,
        database: Database,
        migration_id: str,
        source: Store,
        collection: str,
        target: Store,
        on_event: Callable[[Event], None],
        stopped: Callable[[], bool],
        *,
        dry_run: bool,
    ) -> None:
        """`collection` is the source's."""
        self._database = database
        self._id = migration_id
        self._source = source
        self._collection = collection
        self._target = target
        self._on_event = on_event
        self._stopped = stopped
        self._dry_run = dry_run

    async def remove(self, plan: MappingPlan, *, remove_unknown: bool, only_verify: bool) -> Removal:
        """Take out what is ours; where there is no collection, nothing is."""
        if await self._is_gone(plan.target.name):
            return Removal()
        rows = self._database.read(lambda tx: checkpoints.ranges(tx, self._id))
        total = sum(row.copied for row in rows if not row.removed)
        pool = Pool(
            self._database,
            self._id,
            self._source,
            self._collection,
            self._target,
            plan,
            remove_unknown=remove_unknown,
            dry_run=self._dry_run,
            progress=lambda done: self._on_event(Progress(self._id, "rollback", done, total)),
            stopped=self._stopped,
        )
        return await pool.run(only_verify=only_verify)

    async def drop_empty(self, collection: str) -> bool:
        """Drop a collection of our own; whether it is gone. One that holds anything stays."""
        if await self._is_gone(collection):
            return True  # by an earlier attempt that was killed behind it
        if await self._target.count(collection):
            return False
        await self._target.drop(collection)
        return True

    async def _is_gone(self, collection: str) -> bool:
        try:
            await self._target.describe(collection)
        except CollectionMissing:
            return True
        return False

    def report(self, removal: Removal, *, dropped: bool, seconds: float) -> RollbackReport:
        """What was done."""
        return RollbackReport(
            self._id,
            self._dry_run,
            removal.deleted,
            removal.restored,
            removal.left,
            removal.foreign_kept,
            removal.foreign_changed,
            dropped,
            seconds,
            removal.unknown,
        )
