"""Several operators type at once: words to one live migration that overlap, while an application writes and the daemon is told to stop
in between. Over memory stores, by seeds. No word hangs or ends otherwise than by an error of ours, and at the end every acknowledged
write is where the phase says.

`VECTORMIGRATE_LIVES` lives (100) from `VECTORMIGRATE_SEED` on.
"""

from __future__ import annotations

import asyncio
import os
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from tests.fakes.hosted import Site
from tests.fakes.world import SOURCE, TARGET, records
from vectormigrate.daemon.hosting import Host
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.touch import Ids

FIRST = int(os.environ.get("VECTORMIGRATE_SEED", "1"))
LIVES = int(os.environ.get("VECTORMIGRATE_LIVES", "100"))
IDS = 30
LONGEST = 30.0
"""Seconds after which a word hangs."""
FULL = {"sample_size": None, "full": True, "seed": 1}
WORDS: dict[str, list[dict[str, Any]]] = {
    "cutover": [{"dry_run": dry, "no_way_back": False} for dry in (False, False, True)],
    "revert": [{"dry_run": dry} for dry in (False, False, True)],
    "validate": [FULL, {"sample_size": 5, "full": False, "seed": 1}],
    "reads": [{"share": share} for share in (0.0, 0.5)],
    "attest": [{"by": "me"}],
    **{word: [{}] for word in ("pause", "resume", "retry", "status")},
}
RARE: dict[str, list[dict[str, Any]]] = {
    "rollback": [{"dry_run": dry} for dry in (False, True)],
    "abort": [{"dry_run": dry} for dry in (False, True)],
    "allow-deletes": [{"by": "me"}],
    "commit": [{}],
}
OVER = ("rolled_back", "aborted", "committed")


class Life:
    """One migration, from a seed."""

    def __init__(self, seed: int, folder: Path) -> None:
        self._chance = random.Random(seed)
        self._site = Site(folder)
        self._site.world.set(quarantine=self._chance.choice([0.0, 0.0, 0.05]))
        self._ended = ""
        self._held: dict[int, int] = {}
        """Version by id, of what the application was told."""
        self._writing = False
        self.told: list[tuple[str, str, str]] = []
        """Each word, how it ended and the phase behind it."""

    async def run(self) -> str:
        """The phase that it ends in. Raises AssertionError."""
        world, chance = self._site.world, self._chance
        await world.fill(range(20))
        self._held = dict.fromkeys(range(20), 0)
        world.source.faults.latency = world.target.faults.latency = chance.choice([0.0, 0.001, 0.003])
        for lifetime in range(chance.randint(1, 3)):
            if lifetime and self._site_is_over():
                break
            async with self._site.daemon() as host:
                if not lifetime:
                    await self._begun(host)
                under_way = await self._typed(host)
            assert all(task.done() for task in under_way)
        world.source.faults.latency = world.target.faults.latency = 0.0
        async with self._site.daemon() as host:
            await self._judged(host)
        world.close()
        return str(self._ended)

    def _site_is_over(self) -> bool:
        return self._ended in OVER

    async def _begun(self, host: Host) -> None:
        await host.create(self._site.world.spec)
        if self._chance.random() < 0.8:
            await host.answer("attest", "move", {"by": "me"})
            if self._chance.random() < 0.6:
                await self._site.until("verified")

    async def _typed(self, host: Host) -> list[asyncio.Task[None]]:
        """Words by twos and threes; now and then the daemon is told to stop while some are under way, which are returned."""
        self._writing = True
        writer = asyncio.create_task(self._write())
        under_way: list[asyncio.Task[None]] = []
        for step in range(self._chance.randint(4, 12)):
            words = [self._word(host) for _ in range(self._chance.choice([1, 2, 2, 3, 4]))]
            under_way = [asyncio.create_task(word) for word in words]
            if step and self._chance.random() < 0.06:
                await asyncio.sleep(self._chance.choice([0.0, 0.002, 0.02]))
                host.stop()
                await asyncio.gather(*under_way)
                break
            await asyncio.gather(*under_way)
            self._ended = self._site.phase
            if self._ended in OVER:
                break
        self._writing = False
        await writer
        self._ended = self._site.phase
        return under_way

    def _word(self, host: Host) -> Any:
        words = WORDS if self._chance.random() < 0.93 else RARE
        word = self._chance.choice(list(words))
        after = self._chance.choice([0.0, 0.0, 0.001, 0.003, 0.01, 0.03])
        return self._say(host, word, dict(self._chance.choice(words[word])), after)

    async def _say(self, host: Host, word: str, arguments: dict[str, Any], after: float) -> None:
        await asyncio.sleep(after)
        try:
            async with asyncio.timeout(LONGEST):
                await host.answer(word, "move", arguments)
            ended = "done"
        except VectormigrateError as error:
            ended = error.code
        self.told.append((word, ended, self._site.phase))

    async def _write(self) -> None:
        """One after another, so that what was acknowledged is what must be there."""
        version, chance = 0, random.Random(self._chance.random())
        while self._writing:
            version, one = version + 1, chance.randrange(IDS)
            async with self._site.router.writing({SOURCE: [Ids((one,))]}) as write:
                # Where no lane is up any more, or yet, a request is passed on as it is.
                store = write.access.store or self._site.world.store("source")
                if chance.random() < 0.2:
                    await store.delete(SOURCE, [one])
                    self._held.pop(one, None)
                else:
                    await store.upsert(SOURCE, records([one], version))
                    self._held[one] = version
            await asyncio.sleep(chance.choice([0.0, 0.001, 0.004]))

    async def _judged(self, host: Host) -> None:
        if self._ended == "rolling_back":
            await host.answer("rollback", "move", {"dry_run": False})
        if self._ended in (*OVER, "rolling_back"):
            self._ended = self._site.phase
            assert await self._found("target" if self._ended == "committed" else "source") == self._held
            if self._ended != "committed":
                assert not self._site.world.held("target")
            return
        await host.answer("resume", "move", {})
        await host.answer("attest", "move", {"by": "me"})
        async with asyncio.timeout(LONGEST):
            while self._site.phase not in ("verified", "reversed"):
                await asyncio.sleep(0.01)
            await self._site.paid()
        assert (await host.answer("validate", "move", dict(FULL)))["ok"]
        assert await self._found("source") == self._held
        assert await self._found("target") == self._held
        self._ended = self._site.phase

    async def _found(self, side: str) -> dict[int, int]:
        held = await self._site.world.store(side).fetch(SOURCE if side == "source" else TARGET, range(IDS))
        assert held.payload is not None
        return {one: row["version"] for one, row in zip(held.ids, held.payload, strict=True)}


@pytest.mark.timeout(0)
async def test_whatever_operators_type_at_once(tmp_path: Path) -> None:
    ended: Counter[str] = Counter()
    words: Counter[str] = Counter()
    for seed in range(FIRST, FIRST + LIVES):
        folder = tmp_path / str(seed)
        folder.mkdir()
        life = Life(seed, folder)
        try:
            async with asyncio.timeout(20 * LONGEST):
                ended[await life.run()] += 1
        except BaseException as error:
            error.add_note(f"seed {seed}: {life.told}")
            raise
        words.update(f"{word}: {how}" for word, how, _ in life.told)
    print(dict(ended), dict(sorted(words.items())))
    if LIVES >= 50:  # all of it happened
        assert {"verified", "reversed", *OVER} <= {*ended}
        assert all(words[f"{word}: done"] for word in (*WORDS, *RARE))
