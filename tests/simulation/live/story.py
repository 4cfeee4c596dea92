"""A story out of a seed: what happens to the world, step by step, and how it must end."""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.simulation.live.network import Faults
from tests.simulation.live.world import World
from vectormigrate.engine.dualwrite.terms import Guards
from vectormigrate.model.phase import Phase

HOT = 5
"""Ids that are written; the others only lie there."""


def trouble(rng):
    """Faults for a while."""
    kind = rng.choice(("lost", "late", "unanswered", "mixed", "down", "slow", "throttled", "refused"))
    if kind == "mixed":
        return Faults(refused=0.05, throttled=0.05, lost=0.05, unanswered=0.1, late=0.1, slow=0.05)
    if kind == "down":
        return Faults(down=True)
    return Faults(**{kind: 0.4})


class Story:
    """One seed's story."""

    def __init__(self, world, steps):
        self.world = world
        self.rng = world.rng
        self.steps = steps

    def tell(self):
        world = self.world
        world.boot()
        world.run(0.3 * self.rng.random())
        if self.rng.random() < 0.5:
            self._writes()
        world.command("attest", by="somebody")
        world.run(self.rng.choice((0.0, 1.0, 6.0)))
        for _ in range(self.steps):
            self._step()
        world.settle()
        if self.rng.random() < 0.3:
            self._leave()

    def _step(self):
        world, roll = self.world, self.rng.random()
        if roll < 0.6:
            self._writes()
        elif roll < 0.68:
            link = self.rng.choice((world.source, world.target))
            link.faults = trouble(self.rng)
        elif roll < 0.78:
            world.source.faults = Faults()
            world.target.faults = Faults()
        elif roll < 0.84:
            self._kill()
        elif roll < 0.87 and world.database is not None:
            world.database.full = not world.database.full
        elif roll < 0.93:
            self._turn()
        else:
            world.run(self.rng.choice((0.2, 1.0, 5.0)))
        world.run(self.rng.choice((0.0, 0.001, 0.01, 0.05, 0.3)) * self.rng.random())

    def _writes(self):
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            kind = self.rng.choices(("set", "delete", "patch", "predicate", "clear"), (60, 22, 10, 7, 1))[0]
            ids = sorted({self.rng.randrange(HOT) for _ in range(self.rng.choice((1, 1, 2)))})
            self.world.write(kind, ids, hinted=self.rng.random() < 0.5)

    def _kill(self):
        self.world.kill()
        self.world.run(self.rng.choice((0.0, 0.05, 2.0)))
        self.world.boot()

    def _turn(self):
        if self.world.phase is Phase.VERIFIED:
            self.world.command("cutover")
        elif self.world.phase is Phase.REVERSED:
            self.world.command("revert")

    def _leave(self):
        """The end of it: rolled back while writes go on."""
        world = self.world
        if world.phase is not Phase.VERIFIED:
            return
        for _ in range(3):
            self._writes()
        world.leave()


def tell(seed, *, guards=Guards(), steps=40):  # noqa: B008 frozen
    """Tell the story of a seed; raises what it shows to be wrong."""
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        world = World(Path(folder) / "state.db", seed, guards=guards, stale=seed % 3 == 0)
        try:
            Story(world, steps).tell()
        finally:
            world.close()
        return world
