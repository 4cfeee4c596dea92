"""Makes what of a migration runs for as long as the daemon does, out of what both of its sides can bear."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import replace

from vectormigrate.engine.dualwrite.aside import Aside, Here
from vectormigrate.engine.dualwrite.terms import Terms
from vectormigrate.engine.live import Live
from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.events import Event
from vectormigrate.state.database import Database
from vectormigrate.state.gap import GapFlag
from vectormigrate.state.migrations import Migration
from vectormigrate.state.sessions import Session
from vectormigrate.stores.capture import Capture
from vectormigrate.stores.raw import Upstream

from .assistant import Assistant
from .tasks import Stores

_CAREFUL = 100
"""Ids of one replay to a side of which nobody knows what it can take."""


def make_live(
    database: Database,
    session: Session,
    migration: Migration,
    stores: Stores,
    clock: Clock,
    on_event: Callable[[Event], None],
    gap: GapFlag,
    terms: Terms,
    *,
    upstream: Upstream | None,
    capture: Capture | None,
    met: bool,
    backfilling: Callable[[], bool],
) -> Live:
    """A planned migration's. `met`: both sides could be asked what they can do."""
    spec = migration.specification
    assert migration.source_shape is not None
    assert migration.mapping is not None
    bearable = (side.capabilities.write_batch if met else _CAREFUL for side in (stores.target, stores.source))
    return Live(
        database,
        session,
        spec,
        stores.whole,
        stores.target,
        migration.source_shape,
        migration.mapping,
        clock,
        on_event,
        gap,
        upstream=upstream,
        capture=capture,
        terms=replace(terms, quarantine=spec.quarantine, replay_batch=min(terms.replay_batch, *bearable)),
        backfilling=backfilling,
        aside=aside_of(stores, migration.source_shape),
    )


def aside_of(stores: Stores, shape: CollectionShape) -> Aside:
    """Who reads and decodes for its replays: another process, where another one sees the same source."""
    here = Here(stores.whole, asyncio.to_thread)
    if not stores.source.capabilities.multi_process:
        return here
    return Assistant(stores.whole.endpoint, shape, here)
