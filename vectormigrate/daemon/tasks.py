"""What a worker does with an assignment: the one place where copying and comparing are put together for it."""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Self

from vectormigrate.engine.backfill.copier import Copier
from vectormigrate.engine.validate.compare import Comparer, inexact_doubles
from vectormigrate.engine.validate.sides import Sides
from vectormigrate.engine.validate.task import CompareTask, ask_foreign, differing
from vectormigrate.engine.work import Coordinator
from vectormigrate.engine.worker import Task
from vectormigrate.model.mapping import Translator
from vectormigrate.model.selection import EVERYTHING, Selection
from vectormigrate.model.specification import Existing, WayBack
from vectormigrate.stores import registry
from vectormigrate.stores.base import Endpoint, Store
from vectormigrate.stores.placed import placed
from vectormigrate.stores.retry import OnRetry, RetryPolicy, RetryStore
from vectormigrate.stores.returned import returned
from vectormigrate.stores.selected import selected
from vectormigrate.stores.surrogate import keyed

from .pipe import Job
from .runtime import settle_in


class SystemClock:
    """The machine's clocks."""

    def now(self) -> datetime:
        return datetime.now(UTC)  # noqa: TID251 this is the clock that everyone else is given

    def monotonic(self) -> float:
        return time.monotonic()


@dataclass(frozen=True, slots=True)
class Stores:
    """Both sides, open."""

    source: Store
    """What the migration moves of it."""
    target: Store
    whole: Store
    """The source with everything, as an application sees it."""

    @classmethod
    def open(
        cls,
        source: Endpoint,
        target: Endpoint,
        selection: Selection = EVERYTHING,
        back: WayBack | None = None,
        *,
        serves: bool = False,
    ) -> Stores:
        """Open both; nothing is dialled yet. `serves`: what an application writes to the target goes by this one."""
        whole = returned(registry.open_store(source), back)
        held = placed(registry.open_store(target), target.placement, serves=serves)
        return cls(selected(whole, selection), held, whole)

    async def greet(self) -> None:
        """Dial both, before anything is asked of their capabilities: some depend on the server's version."""
        await self.source.info()
        await self.target.info()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        try:
            await self.source.close()
        finally:
            await self.target.close()


def tasks(coordinator: Coordinator, job: Job, stores: Stores) -> dict[str, Task]:
    """By kind of work, how to do it."""
    settle_in()
    translator = Translator(job.mapping, stores.target.capabilities, stores.target.endpoint.redact_key)
    policy = RetryPolicy(attempts=1 + job.max_retries)
    written = keyed(stores.target, job.mapping, job.shape.id)
    source = RetryStore(stores.source, policy)
    target = RetryStore(written, policy)
    foreign = ask_foreign(coordinator, untouched=job.settings.existing is Existing.OVERWRITE)
    sides = Sides(
        source,
        job.settings.source_collection,
        target,
        job.settings.target_collection,
        translator,
        Comparer(
            job.mapping,
            job.shape,
            threshold=job.threshold,
            inexact_doubles=inexact_doubles(stores.source.capabilities, stores.target.capabilities),
        ),
        foreign if job.settings.foreign else None,
    )

    def attempting(on_retry: OnRetry) -> Store:
        return RetryStore(written, policy, on_retry=on_retry)

    copier = Copier(
        coordinator,
        source,
        target,
        attempting,
        translator,
        job.settings,
        SystemClock(),
        partial(differing, sides),
    )
    return {"copy": copier.copy, "compare": CompareTask(coordinator, sides).compare}
