"""One live migration from its beginning to its end, with a daemon that dies at every point on the way.

A daemon is started to die at a named point, or is killed at a random moment, and the next one follows at once; links fail
meanwhile, processes are stopped for a while, a disk is full. Now and then all is healed, nobody writes until nothing is
owed, and both sides are read whole by their vendors' clients: they must be equal, and some order of the writes must explain
what they hold.
"""

from __future__ import annotations

import asyncio
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import apsw

from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.points import POINTS

from .history import History
from .link import FAULTS, Fault
from .vendors import COLD_FROM, HOT, Contents, Vendor
from .world import QUARANTINE, World
from .writers import Writers

COLD = 300
NAME = "m"
RANDOM = "at random"


def _of(*rooms: str) -> list[str]:
    return sorted(point for point in POINTS if point.split(".")[0] in rooms)


QUIET = ["journal.cleared", "replay.clearing", "replay.done", "start.quiet"]
"""Points that no daemon comes to before the quarantine of the one that died before it is over: dear."""
QUICK = [one for one in _of("write", "journal", "replay", "scope", "start") if one not in QUIET] + [RANDOM]
COPYING = [*_of("copy", "backfill"), *_of("copy", "backfill"), "start.owned", "write.marked", RANDOM]
SENDING = ("write.sent", "write.answered")
SWAPPING, ROLLING, ENDING, COMMITTING = _of("swap"), _of("rollback"), _of("stop"), _of("commit")


@dataclass
class Seen:
    """Figures of all stories of a pair."""

    kills: Counter[str] = field(default_factory=Counter)
    faults: Counter[str] = field(default_factory=Counter)
    swaps: int = 0
    migrations: int = 0
    comparisons: int = 0
    acknowledged: int = 0
    unknown: int = 0
    lost: int = 0
    stale: int = 0
    resurrected: int = 0
    unexplained: int = 0
    left: int = 0
    holds_ms: list[float] = field(default_factory=list)

    @property
    def clean(self) -> bool:
        return not (self.lost or self.stale or self.resurrected or self.unexplained or self.left)


class Story:
    """One migration. `tell` it."""

    def __init__(
        self,
        world: World,
        vendor: Vendor,
        seen: Seen,
        rng: random.Random,
        log: Path,
        on_round: Callable[[], None],
    ) -> None:
        self._world = world
        self._vendor = vendor
        self._seen = seen
        self._rng = rng
        self._log = log
        self._on_round = on_round
        self._began = time.monotonic()
        self._history = History({})
        self._writers = Writers(world, vendor, self._history, COLD, rng, pause=0.08)
        self._mending: set[asyncio.Task[None]] = set()

    def _say(self, words: str) -> None:
        with self._log.open("a") as log:
            log.write(
                f"{time.monotonic() - self._began:7.1f} {self._seen.kills.total():5} kills {self._seen.swaps:4} swaps"
                f" {words}\n"
            )

    async def tell(self, *, rounds: int, commits: bool, workers: int) -> None:
        """`rounds` of kills and swaps between the backfill and the end: a commit, or a rollback under traffic."""
        self._seen.migrations += 1
        await self._fill()
        await self._world.start(self._vendor)
        assert await self._world.serves()
        more = ("--batch-size", "20", "--max-rate", "500", "--workers", str(workers))
        assert await self._world.run(*self._world.migration(NAME, self._vendor, *more)) == 0
        async with self._writers.running():
            await self._verified()
            for number in range(rounds):
                self._say(f"round {number}")
                await self._burst()
                await self._die_swapping()
                await self._swaps(self._rng.randint(2, 7))
                await self._die_ending()
                await self._heal()
                self._on_round()
            await (self._commit() if commits else self._roll_back())
        await self._check_alone(commits=commits)
        await self._world.kill()

    async def _fill(self) -> None:
        for request in self._vendor.create():
            assert await self._world.send(request, port=self._world.source_port) == "ok"
        ids = [*range(HOT), *range(COLD_FROM, COLD_FROM + COLD)]
        for start in range(0, len(ids), 50):
            part = self._vendor.upsert({one: one for one in ids[start : start + 50]})
            assert await self._world.send(part, port=self._world.source_port) == "ok"
        self._history.initial |= {one: (one, None) for one in ids}

    # Dying.

    async def _die(self, points: Sequence[str], within: float, *, during: Any = None) -> bool:
        """Start a daemon and have it die: at the point of these that was reached least, or else by `within` seconds.
        `during` is done meanwhile, once it serves. Whether it died where it was meant to.
        """
        least = min(self._seen.kills[point] for point in points)
        point = self._rng.choice([one for one in points if self._seen.kills[one] == least])
        nth = self._rng.randint(1, 3) if point.split(".")[0] in ("write", "journal", "replay") else 1
        daemon = await self._world.start(self._vendor, kill_at="" if point == RANDOM else f"{point}:{nth}")
        began = time.monotonic()
        moment = self._rng.uniform(0.05, 1.5) if point == RANDOM else within
        task = asyncio.create_task(self._meanwhile(during))
        try:
            async with asyncio.timeout(moment):
                await daemon.ended.wait()
        except TimeoutError:
            await self._world.kill()
        task.cancel()
        self._writers.gentle = False
        if not os.WIFSIGNALED(daemon.status) and point not in ENDING:
            self._seen.kills.setdefault(point, 0)
            self._seen.faults["left by itself"] += 1
            self._say(f"left by itself, {daemon.status}: {daemon.log.read_text()[-1500:]}")
            return False
        at = daemon.killed_at()
        self._say(f"{point}:{nth}, died {at or RANDOM} after {time.monotonic() - began:.2f} s")
        self._seen.kills[at or RANDOM] += 1
        return at == point

    async def _meanwhile(self, during: Any) -> None:
        if during is not None and await self._world.serves():
            await during()

    async def _burst(self) -> None:
        """Kills in a row, links failing."""
        for _ in range(self._rng.randint(14, 20)):
            self._disturb()
            points = QUICK if self._rng.random() < 0.9 else QUIET
            away = (
                SENDING if self._phase() == "reversed" else ()
            )  # then nothing is sent to the source's own server
            await self._die([one for one in points if one not in away], 3.5)

    async def _die_swapping(self) -> None:
        await self._calm()
        await self._die(SWAPPING, 20, during=self._swap)

    async def _die_ending(self) -> None:
        await self._calm()
        if self._rng.random() < 0.4:
            await self._die(ENDING, 10, during=self._end)

    async def _end(self) -> None:
        """SIGTERM. Every other time behind the quarantine: only then is it an end in good order."""
        await asyncio.sleep(self._rng.choice([self._rng.uniform(0, 0.5), QUARANTINE + 1.5]))
        assert self._world.daemon is not None
        self._world.daemon.signal(signal.SIGTERM)

    # Faults.

    def _disturb(self) -> None:
        chance = self._rng.random()
        if chance < 0.4:
            link = self._rng.choice([self._world.to_source, self._world.to_target])
            fault = self._rng.choice(FAULTS)
            where = "source" if link is self._world.to_source else "target"
            self._seen.faults[f"{where} {fault.value}"] += 1
            link.set(fault)
            self._later(self._rng.uniform(0.2, 1.5), lambda: link.set(Fault.NONE))
        elif chance < 0.5:
            self._later(self._rng.uniform(0.1, 0.6), self._stop_for_a_while)
        elif chance < 0.55:
            at_start = self._rng.random() < 0.5
            self._later(0.02 if at_start else self._rng.uniform(0.1, 0.6), self._fill_the_disk)

    def _later(self, seconds: float, act: Any) -> None:
        async def wait() -> None:
            await asyncio.sleep(seconds)
            act()

        task = asyncio.create_task(wait())
        self._mending.add(task)
        task.add_done_callback(self._mending.discard)

    def _stop_for_a_while(self) -> None:
        """SIGSTOP, for longer than any timeout."""
        daemon = self._world.daemon
        if daemon is not None and daemon.alive:
            self._seen.faults["daemon stopped"] += 1
            daemon.signal(signal.SIGSTOP)
            self._later(self._rng.uniform(0.7, 1.2), lambda: daemon.signal(signal.SIGCONT))

    def _fill_the_disk(self) -> None:
        """No file of the daemon may grow."""
        daemon = self._world.daemon
        if daemon is None or not daemon.alive:
            return
        self._seen.faults["disk full"] += 1
        state = self._world.state
        wal = Path(f"{state}-wal")
        full = min(path.stat().st_size for path in (state, wal) if path.exists())
        daemon.limit(max(full, 4096))
        self._later(self._rng.uniform(0.2, 0.8), lambda: daemon.limit(-1))

    async def _calm(self) -> None:
        while self._mending:
            await asyncio.sleep(0.05)
        for link in (self._world.to_source, self._world.to_target):
            link.set(Fault.NONE)

    # The way.

    def _phase(self) -> str:
        connection = apsw.Connection(str(self._world.state), flags=apsw.SQLITE_OPEN_READWRITE)
        connection.set_busy_timeout(5_000)
        try:
            return str(connection.execute("SELECT phase FROM migration").get)
        finally:
            connection.close()

    async def _verified(self) -> None:
        """Through the backfill, dying on the way."""
        await self._until(("passthrough",))
        assert isinstance(await self._world.ask("attest", NAME, by="nemesis"), dict)
        await self._world.kill()
        for _ in range(12):
            if self._phase() not in ("passthrough", "backfill", "failed"):
                break
            self._disturb()
            await self._die(COPYING, 7)
        await self._calm()
        await self._world.start(self._vendor)
        await self._until(("verified",))
        await self._world.kill()
        self._seen.kills[RANDOM] += 1

    async def _until(self, phases: tuple[str, ...]) -> None:
        """Wait for a phase, resuming what failed."""
        self._writers.gentle = True
        deadline = time.monotonic() + 240
        while (phase := self._phase()) not in phases:
            assert time.monotonic() < deadline, f"{phase} for ever, {await self._world.ask('status', NAME)}"
            if phase == "failed":
                await self._world.ask("resume", NAME)
            await asyncio.sleep(0.2)
        self._writers.gentle = False

    async def _primary(self) -> str:
        found = await self._ask("status")
        return str(found["primary"])

    async def _ask(self, verb: str, **arguments: Any) -> dict[str, Any]:
        """An answer of a daemon that lives. Raises its refusal."""
        await self._world.serves()
        found = await self._world.ask(verb, NAME, **arguments)
        if isinstance(found, VectormigrateError):
            raise found
        assert found is not None, "the daemon is gone"
        return found

    async def _ask_on(self, verb: str, **arguments: Any) -> None:
        """Until it is done, or the daemon dies of it."""
        while isinstance(found := await self._world.ask(verb, NAME, **arguments), VectormigrateError):
            self._say(f"{verb}: {found.message}")
            await asyncio.sleep(0.3)

    async def _swap(self) -> None:
        """One cutover or revert, as soon as it may be; counted by what the file says afterwards."""
        began = time.monotonic()
        while time.monotonic() < began + 60:
            self._writers.gentle = time.monotonic() > began + QUARANTINE + 0.5
            phase = self._phase()
            verb, words = ("cutover", {"no_way_back": False}) if phase == "verified" else ("revert", {})
            found = await self._world.ask(verb, NAME, dry_run=False, **words)
            if isinstance(found, dict):
                self._seen.swaps += 1
                self._seen.holds_ms.append(round(found["hold_ms"], 1))
                self._writers.gentle = False
                return
            if found is None:
                break
            await asyncio.sleep(0.1)
        self._writers.gentle = False
        assert found is None, f"no {verb}: {found}"

    async def _swaps(self, most: int) -> None:
        """In a row, in peace."""
        await self._calm()
        await self._world.start(self._vendor)
        await self._until(("verified", "reversed"))
        for _ in range(most):
            await self._swap()
            await asyncio.sleep(self._rng.uniform(0, 0.3))
        await self._world.kill()
        self._seen.kills[RANDOM] += 1

    async def _heal(self) -> None:
        """Everything works and nobody writes: when nothing is owed both sides are the same."""
        await self._calm()
        assert self._world.daemon is not None
        if not self._world.daemon.alive:
            await self._world.start(self._vendor)
        await self._until(("verified", "reversed"))
        await self._writers.hush()
        found = await self._paid()
        await self._compare(found["primary"])
        self._writers.speak()
        await self._world.kill()
        self._seen.kills[RANDOM] += 1

    async def _paid(self) -> dict[str, Any]:
        deadline = time.monotonic() + 120
        while True:
            found = await self._ask("status")
            if not (found["debt"] or found["unresolved"] or found["scopes"] or found["gap"]):
                return found
            assert time.monotonic() < deadline, found
            await asyncio.sleep(0.05)

    async def _compare(self, primary: str) -> None:
        source = await asyncio.to_thread(self._vendor.read, self._world.source_port)
        target = await asyncio.to_thread(self._world.target.read, self._vendor.collection)
        assert target is not None
        first, second = (source, target) if primary == "source" else (target, source)
        seen = self._seen
        seen.comparisons += 1
        missing, extra = first.keys() - second.keys(), second.keys() - first.keys()
        stale = [one for one in first.keys() & second.keys() if first[one] != second[one]]
        seen.lost += len(missing)
        seen.resurrected += len(extra)
        seen.stale += len(stale)
        self._count()
        self._explain(first)
        evidence = {one: (first.get(one), second.get(one)) for one in [*missing, *extra, *stale]}
        assert not evidence, f"{primary} first, then the other: {evidence}"

    def _count(self) -> None:
        history, seen = self._history, self._seen
        seen.acknowledged += history.acknowledged
        seen.unknown += history.unknown
        history.acknowledged = history.unknown = 0

    def _explain(self, held: Contents) -> None:
        wrong = self._history.unexplained({one: found[0] for one, found in held.items()})
        self._seen.unexplained += len(wrong)
        assert not wrong, [(one, found, why, self._history.by_id[one][-12:]) for one, found, why in wrong[:3]]

    # The end.

    async def _commit(self) -> None:
        await self._world.start(self._vendor)
        await self._until(("verified", "reversed"))
        while self._phase() != "reversed":
            await self._swap()
        await self._world.kill()
        for _ in COMMITTING:
            if self._phase() != "committed":
                await self._die(COMMITTING, 10, during=lambda: self._ask_on("commit"))
        await self._world.start(self._vendor)
        if self._phase() != "committed":
            await self._ask("commit")
        await self._until(("committed",))

    async def _roll_back(self) -> None:
        await self._world.start(self._vendor)
        await self._until(("verified", "reversed"))
        while self._phase() != "verified":
            await self._swap()
        await self._world.kill()
        for _ in range(2 * len(ROLLING)):
            if self._phase() == "rolled_back":
                break
            await self._die(ROLLING, 15, during=lambda: self._ask_on("rollback", dry_run=False))
        await self._world.start(self._vendor)
        if self._phase() != "rolled_back":
            found = await self._ask("rollback", dry_run=False)
            self._seen.left += found["left"]
        await asyncio.sleep(0.5)

    async def _check_alone(self, *, commits: bool) -> None:
        """One side is left: its contents, and that nothing is left on the other."""
        self._count()
        await asyncio.sleep(1.0)  # what was sent and not answered lands
        target = await asyncio.to_thread(self._world.target.read, self._vendor.collection)
        if commits:
            assert target is not None
            self._explain(target)
            return
        self._seen.left += len(target or {})
        assert not target, f"{len(target or {})} records are left behind a rollback"
        self._explain(await asyncio.to_thread(self._vendor.read, self._world.source_port))
