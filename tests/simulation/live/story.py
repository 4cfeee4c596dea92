"""A story out of a seed: what happens to the world, step by step, and how it must end.

Stories are steered to where the protocol could break: much happens to few ids, while pages are copied, at kills, at the
end of quarantines, around swaps. What a step does is drawn from the world's own seed.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from tests.simulation.live.network import Faults
from tests.simulation.live.watch import Violation
from tests.simulation.live.world import QUARANTINE, World
from vectormigrate.engine.dualwrite.terms import Guards
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Existing

KINDS = ("set", "delete", "patch", "queued", "predicate", "raise", "clear", "add")
SHARES = (56, 22, 8, 3, 5, 2, 1, 3)


def trouble(rng):
    """Faults for a while."""
    kind = rng.choice(
        (
            "lost",
            "late",
            "last",
            "unanswered",
            "mixed",
            "down",
            "slow",
            "slow",
            "throttled",
            "refused",
            "rejected",
        )
    )
    if kind == "mixed":
        return Faults(
            refused=0.05,
            throttled=0.05,
            lost=0.05,
            unanswered=0.1,
            late=0.1,
            last=0.05,
            slow=0.05,
            rejected=0.05,
        )
    if kind == "down":
        return Faults(down=True)
    return Faults(**{kind: rng.choice((0.2, 0.5))})


class Story:
    """One seed's story."""

    def __init__(self, world, steps, *, stalls=False):
        self.world = world
        self.rng = world.rng
        self.steps = steps
        self.stalls = stalls
        """A disk that is in trouble answers late, instead of being full."""
        self.hot = self.rng.choice((2, 5))
        """Ids that are written; the others only lie there."""

    def tell(self):
        world = self.world
        world.boot()
        world.run(0.3 * self.rng.random())
        if self.rng.random() < 0.5:
            self._writes()
        world.command("attest", by="somebody")
        if self.rng.random() < 0.5:
            self._during_backfill()
        else:
            world.run(self.rng.choice((0.0, 1.0, 6.0)))
        for _ in range(self.steps):
            self._step()
            if world.phase in (Phase.ROLLED_BACK, Phase.COMMITTED):
                break
        world.settle()
        self._last()

    def _step(self):
        roll = self.rng.random()
        for share, act in self._acts:
            roll -= share
            if roll < 0:
                act(self)
                break
        self.world.run(self.rng.choice((0.0, 0.001, 0.01, 0.05, 0.3)) * self.rng.random())

    def _writes(self, *, spread=0.0):
        for _ in range(self.rng.choice((1, 1, 2, 4))):
            self._write(self.rng.random() * spread)

    def _write(self, after):
        kind = self.rng.choices(KINDS, SHARES)[0]
        ids = sorted({self.rng.randrange(self.hot) for _ in range(self.rng.choice((1, 1, 2)))})
        self.world.write(kind, ids, hinted=self.rng.random() < 0.5, after=after)

    def _read(self):
        self.world.read(
            sorted({self.rng.randrange(self.hot) for _ in range(2)}), after=0.1 * self.rng.random()
        )

    def _trouble(self):
        world = self.world
        for link in self.rng.choice(((world.source,), (world.target,), (world.source, world.target))):
            link.faults = trouble(self.rng)

    def _calm(self):
        self.world.source.faults = Faults()
        self.world.target.faults = Faults()

    def _kill(self):
        """Often with requests in the network that land when the new process has started."""
        world = self.world
        if self.rng.random() < 0.5:
            link = self.rng.choice((world.source, world.target))
            link.faults = Faults(**{self.rng.choice(("late", "last")): 0.7})
            self._writes()
            world.run(0.05 * self.rng.random())
            self._calm()
        world.kill()
        world.run(self.rng.choice((0.0, 0.0, 0.05, 2.0)))
        world.boot()
        if self.rng.random() < 0.3:
            world.run(QUARANTINE * (0.9 + 0.1 * self.rng.random()))
            self._trouble()

    def _restart(self):
        """In good order."""
        self._calm()
        self.world.stop()
        self.world.run(self.rng.choice((0.0, 0.05)))
        self.world.boot()

    def _full(self):
        world = self.world
        world.database.full = not self.stalls
        world.database.stall = self.rng.choice((0.1, 0.8, 3.0)) if self.stalls else 0.0
        self._writes()
        world.run(self.rng.choice((0.0, 0.05, 0.7)))
        if self.rng.random() < 0.3:
            self._kill()
        world.database.full, world.database.stall = False, 0.0

    def _during_backfill(self):
        """Writes beside pages that are slow to land."""
        world = self.world
        if not world.until(Phase.BACKFILL, most=20.0):
            return
        world.target.faults = Faults(slow=self.rng.choice((0.0, 0.3, 0.6)), late=self.rng.choice((0.0, 0.1)))
        for _ in range(20):
            self._writes(spread=0.05)
            world.run(0.03 * self.rng.random())
            if self.rng.random() < 0.02:
                self._kill()
        self._calm()

    def _turn(self):
        """Swap, under load."""
        world = self.world
        name = {Phase.VERIFIED: "cutover", Phase.REVERSED: "revert"}.get(world.phase)
        if name is None:
            return
        if self.rng.random() < 0.3:
            (world.source if self.rng.random() < 0.5 else world.target).faults = Faults(slow=0.2)
        world.command(name, after=0.1 * self.rng.random())
        for _ in range(self.rng.choice((0, 6, 12))):
            self._write(0.3 * self.rng.random())
            if self.rng.random() < 0.3:
                self._read()
        world.run(self.rng.choice((0.02, 0.1, 0.4)))
        if self.rng.random() < 0.2:
            self._kill()

    def _patient_turn(self):
        """Wait until it can be done."""
        self._calm()
        for _ in range(self.rng.choice((0, 40))):
            if self.world.phase in (Phase.VERIFIED, Phase.REVERSED) and self.world.quiet():
                break
            self.world.run(0.2)
        self._turn()

    def _operate(self):
        world = self.world
        name = self.rng.choice(("pause", "resume", "resume", "validate", "validate", "reads"))
        if name == "validate":
            world.command("validate", sample_size=5, full=self.rng.random() < 0.5, threshold=None, seed=1)
        elif name == "reads":
            world.command("set_reads", share=self.rng.choice((0.0, 0.5)))
        else:
            world.command(name)

    def _poison(self):
        """The target takes some records no more, for good or until somebody mends that."""
        self.world.target.faults = Faults(poison=self.rng.choice((2, 3)))

    def _wait(self):
        self.world.run(self.rng.choice((0.2, 1.0, 5.0)))

    _acts = (
        (0.54, _writes),
        (0.04, _read),
        (0.09, _trouble),
        (0.09, _calm),
        (0.05, _kill),
        (0.01, _restart),
        (0.02, _full),
        (0.04, _turn),
        (0.02, _patient_turn),
        (0.03, _operate),
        (0.01, _poison),
        (1.0, _wait),
    )

    def _last(self):
        """Rolled back or committed while writes go on, in some of the stories."""
        world, roll = self.world, self.rng.random()
        if world.phase is Phase.VERIFIED and roll < 0.3:
            for _ in range(3):
                self._writes(spread=0.5)
            world.leave()
        elif world.phase is Phase.REVERSED and roll < 0.5:
            for _ in range(6):
                self._writes(spread=0.5)
            world.command("commit", after=0.2 * self.rng.random())
            world.settle()


def setting(seed):
    """What kind of installation a seed has."""
    kinds = {"stale": seed % 3 == 0, "barrier": seed % 6 != 0}
    if seed % 10 == 1:
        kinds |= {"foreign": {6: 1006, 50: 1050}, "existing": Existing.OVERWRITE}
    if seed % 10 == 2:
        kinds |= {"foreign": {6: 1006, 50: 1050}, "existing": Existing.SKIP}
    if seed % 10 == 3:
        kinds |= {"entries": 2}
    return kinds


def stalls(seed):
    """Whether the disk of a seed is slow where that of others is full."""
    return seed % 100 == 74


def tell(seed, *, guards=Guards(), steps=40, split=False):  # noqa: B008 frozen
    """Tell the story of a seed, or with `split` that of the same seed with a target in two parts; raises what it shows to be
    wrong.
    """
    kinds = setting(seed)
    if split:
        kinds = {name: one for name, one in kinds.items() if name not in ("foreign", "existing")} | {
            "split": True
        }
    with tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None) as folder:
        world = World(Path(folder) / "state.db", seed, guards=guards, **kinds)
        try:
            Story(world, steps, stalls=stalls(seed)).tell()
        finally:
            world.close()
        return world


def tell_many(seeds, *, guards=Guards(), split=False):  # noqa: B008 frozen
    """Tell one after the other; raises the first violation, with its seed."""
    for seed in seeds:
        try:
            tell(seed, guards=guards, split=split)
        except Exception as error:
            raise Violation(f"seed {seed}: {error}") from error
