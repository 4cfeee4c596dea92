"""What happens at which hour, and what Prometheus must make of it.

An hour a chapter. Each says what it does and which alerts are due; everything that is not due must not fire, all day. Around
what must fire there is a margin: a rule's own `for`, its windows, and the scrapes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable

from vectormigrate.model.access import Scope
from vectormigrate.model.clock import Clock

from .scrapes import Due
from .site import RECORDS, Site

HOUR = 3600.0
MINUTE = 60.0


class Day:
    """Tells the chapters in their order."""

    def __init__(self, site: Site, clock: Clock) -> None:
        self._site = site
        self._now = clock.monotonic
        self._began = clock.monotonic()
        self.due: list[Due] = []

    @property
    def second(self) -> float:
        """Of the day."""
        return self._now() - self._began

    async def tell(self) -> None:
        """All of it."""
        chapters: dict[float, Callable[[], Awaitable[None]]] = {
            1: self.restarts,
            2: self.dies,
            3: self.keys,
            4: self.target_away,
            5: self.key_ends,
            6: self.source_away,
            8: self.disk_full,
            10: self.nobody_listens,
            11: self.hook_fails,
            12: self.there_and_back,
            15: self.many_restarts,
            17: self.down,
            18: self.refused,
            20: self.shard_away,
            22: self.altered,
        }
        for hour, chapter in chapters.items():
            await asyncio.sleep(hour * HOUR - self.second)
            await chapter()
        await asyncio.sleep(24 * HOUR - self.second)

    def expect(
        self, alert: str, *, began: float, after: float, until: float | None = None, gone: float
    ) -> None:
        """It fires `after` seconds behind what began, goes on until now (or `until`), and is over `gone` seconds later."""
        ends = self.second if until is None else until
        self.due.append(Due(alert, began, began + after, ends, ends + gone))

    # What must pass unnoticed.

    async def restarts(self) -> None:
        """An upgrade: drained, and up again ten seconds later."""
        await self._site.end()
        await asyncio.sleep(10)
        await self._site.start()

    async def dies(self) -> None:
        """SIGKILL, and up again by its supervisor."""
        await self._site.end(killed=True)
        await asyncio.sleep(2)
        await self._site.start()

    async def keys(self) -> None:
        """Prometheus' key is changed for another, with an overlap in which its file is written anew."""
        (old,) = [key for key in self._site.keyring.every() if key.good]
        fresh, _ = await self._site.keyring.rotate(old.id, 10 * MINUTE)
        await asyncio.sleep(5 * MINUTE)
        self._site.key = fresh

    # What must not.

    async def target_away(self) -> None:
        """Half an hour."""
        began = self.second
        self._site.world.target.faults.down = True
        await asyncio.sleep(30 * MINUTE)
        self._site.world.target.faults.down = False
        self.expect("VectormigrateSecondaryDown", began=began, after=5 * MINUTE, gone=5 * MINUTE)
        self.expect("VectormigrateLagRising", began=began, after=15 * MINUTE, gone=15 * MINUTE)

    async def key_ends(self) -> None:
        """A key that was made a month ago ends in a week: somebody makes another within the hour."""
        ends = 7 * 24 * HOUR + 10 * MINUTE
        await self._site.add_key("ci", made=30 * 24 * HOUR, ends=ends)
        began = self.second
        await asyncio.sleep(40 * MINUTE)
        fresh, _ = await self._site.keyring.create(Scope.OPERATE, "ci", 90 * 24 * HOUR)
        assert fresh
        await self._site.keyring.revoke("ci")
        self.expect("VectormigrateKeyExpiring", began=began + 9 * MINUTE, after=3 * MINUTE, gone=2 * MINUTE)

    async def source_away(self) -> None:
        """Twenty minutes: every request fails before anything is marked, so nothing is owed."""
        began = self.second
        self._site.world.source.faults.down = True
        await asyncio.sleep(20 * MINUTE)
        self._site.world.source.faults.down = False
        self.expect("VectormigrateSourceFailing", began=began, after=8 * MINUTE, gone=10 * MINUTE)

    async def disk_full(self) -> None:
        """The disk of the state file fills up within the hour; the gap that it leaves closes by itself."""
        began = self.second
        self._site.free = 0.1
        await asyncio.sleep(20 * MINUTE)
        full = self.second
        self._site.state.full = True
        await asyncio.sleep(10 * MINUTE)
        self._site.state.full = False
        self.expect("VectormigrateGap", began=full, after=2 * MINUTE, gone=10 * MINUTE)
        self._site.free = 0.8
        self.expect("VectormigrateStateDiskLow", began=began, after=7 * MINUTE, gone=5 * MINUTE)

    async def nobody_listens(self) -> None:
        """The receiver of the webhooks is away while there is something to tell."""
        self._site.receiver.away = True
        began = self.second
        await self._blip()
        await asyncio.sleep(10 * MINUTE)
        self._site.receiver.away = False
        self.expect("VectormigrateHookFailing", began=began, after=5 * MINUTE, gone=20 * MINUTE)

    async def hook_fails(self) -> None:
        """A hook that exits with 1, once."""
        self._site.hooks_fail = True
        began = self.second
        await self._blip()
        self._site.hooks_fail = False
        await asyncio.sleep(5 * MINUTE)
        self.expect("VectormigrateHookFailing", began=began, after=4 * MINUTE, gone=20 * MINUTE)

    async def _blip(self) -> None:
        """The target is away for a minute: worth an event, no alert."""
        self._site.world.target.faults.down = True
        await asyncio.sleep(MINUTE)
        self._site.world.target.faults.down = False

    async def there_and_back(self) -> None:
        """A cutover; the source is away for a quarter of an hour while the target answers; a revert."""
        await self._site.word("cutover", dry_run=False, no_way_back=False)
        await asyncio.sleep(30 * MINUTE)
        began = self.second
        self._site.world.source.faults.down = True
        await asyncio.sleep(15 * MINUTE)
        self._site.world.source.faults.down = False
        self.expect("VectormigrateSecondaryDown", began=began, after=5 * MINUTE, gone=5 * MINUTE)
        self.expect("VectormigrateLagRising", began=began, after=14 * MINUTE, gone=15 * MINUTE)
        await asyncio.sleep(15 * MINUTE)
        await self._site.word("revert", dry_run=False)

    async def many_restarts(self) -> None:
        """It dies six times within half an hour."""
        began = self.second
        for _ in range(6):
            await self.dies()
            await asyncio.sleep(4 * MINUTE)
        self.expect("VectormigrateRestarting", began=began, after=18 * MINUTE, gone=35 * MINUTE)

    async def down(self) -> None:
        """Nobody starts it for ten minutes."""
        began = self.second
        await self._site.end(killed=True)
        await asyncio.sleep(10 * MINUTE)
        await self._site.start()
        self.expect("VectormigrateDown", began=began, after=3 * MINUTE, gone=2 * MINUTE)

    async def refused(self) -> None:
        """The target refuses a record for good, until it is mended and the record tried again."""
        self._site.world.target.faults.refused_ids = frozenset({RECORDS})
        began = self.second
        await self._site.write(RECORDS)
        await asyncio.sleep(20 * MINUTE)
        self._site.world.target.faults.refused_ids = frozenset()
        await self._site.word("retry")
        self.expect("VectormigrateDeadLetters", began=began, after=2 * MINUTE, gone=2 * MINUTE)

    async def shard_away(self) -> None:
        """Half of the source is absent for a while, and a comparison sees it: nothing must be deleted for that."""
        half = range(RECORDS // 2)
        held = await self._site.take_away(half)
        began = self.second
        await self._validate()
        await asyncio.sleep(20 * MINUTE)
        await self._site.give_back(held)
        await self._validate()
        await self._site.word("allow-deletes", by="an operator")
        self.expect("VectormigrateDeleteGuard", began=began, after=3 * MINUTE, gone=5 * MINUTE)
        # What is not deleted is owed.
        self.expect("VectormigrateLagRising", began=began, after=15 * MINUTE, gone=15 * MINUTE)

    async def altered(self) -> None:
        """Somebody changes a record of the target; a comparison finds it, and it heals within minutes. That everything is equal says
        only another comparison, which nobody asks for until an hour and a half later.
        """
        await self._site.alter(7)
        began = self.second
        await self._validate()
        await asyncio.sleep(90 * MINUTE)
        await self._validate()
        self.expect("VectormigrateGateBlocked", began=began + 59 * MINUTE, after=3 * MINUTE, gone=2 * MINUTE)

    async def _validate(self) -> None:
        await self._site.word("validate", sample_size=None, full=True, threshold=None, seed=None)
