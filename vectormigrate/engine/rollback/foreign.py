"""Lists what the target holds before our first write: no rollback may delete it, however the migration ends.

Of some the content is remembered too, as a digest, to prove at a rollback that they did not change.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import aclosing

from vectormigrate.model.record import id_text
from vectormigrate.model.snapshot import record_digest
from vectormigrate.state import ownership
from vectormigrate.state.database import Database, Transaction
from vectormigrate.stores.base import Content, Page, Range, Store

_DIGESTS = 1000
"""About so many, at most."""
_PAGE = 1000


async def note_foreign(
    database: Database,
    migration_id: str,
    target: Store,
    collection: str,
    count: int,
    progress: Callable[[int], None],
) -> None:
    """Forget what an interrupted attempt noted, and list the `count` records that are there; may be repeated."""
    await database.write(lambda tx: ownership.forget_foreign(tx, migration_id))
    if not count:
        return
    every = max(1, count // _DIGESTS)
    seen = 0
    scan = target.scan(collection, Range(), content=Content.IDS, limit=_PAGE)
    async with aclosing(scan) as pages:
        async for page in pages:
            await _note(database, migration_id, target, collection, page, -seen % every, every)
            seen += len(page.batch)
            progress(seen)


async def _note(
    database: Database,
    migration_id: str,
    target: Store,
    collection: str,
    page: Page,
    first: int,
    every: int,
) -> None:
    ids = [id_text(one) for one in page.batch.ids]
    held = await target.fetch(collection, page.batch.ids[first::every])
    digests = [(id_text(record.id), record_digest(record)) for record in held.records()]

    def note(tx: Transaction) -> None:
        ownership.add_foreign(tx, migration_id, ids)
        ownership.set_digests(tx, migration_id, digests)

    await database.write(note)
