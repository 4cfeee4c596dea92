"""Hypothesis tells the stories: its rules are what clients, operators, networks and disks do; the watch keeps the
invariants; at the end everything is healed, settled and judged. A failure is shrunk to its shortest story.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule

from tests.simulation.live.network import Faults
from tests.simulation.live.story import KINDS
from tests.simulation.live.world import QUARANTINE, World
from vectormigrate.model.phase import Phase
from vectormigrate.model.specification import Existing

FAULTS = {
    "refused": Faults(refused=0.4),
    "throttled": Faults(throttled=0.4),
    "rejected": Faults(rejected=0.4),
    "lost": Faults(lost=0.4),
    "unanswered": Faults(unanswered=0.4),
    "late": Faults(late=0.6),
    "last": Faults(last=0.6),
    "slow": Faults(slow=0.5),
    "poison": Faults(poison=2),
    "down": Faults(down=True),
}
LINKS = st.sampled_from(("source", "target"))
IDS = st.lists(st.integers(0, 3), min_size=1, max_size=2, unique=True)
SOON = st.sampled_from((0.0, 0.001, 0.005, 0.02, 0.1))


class Installation(RuleBasedStateMachine):
    """One world; see `world.World`."""

    @initialize(
        seed=st.integers(0, 2**32),
        delays=st.sampled_from(("none", "barrier", "time")),
        foreign=st.sampled_from((None, None, Existing.SKIP, Existing.OVERWRITE)),
        entries=st.sampled_from((200_000, 200_000, 2)),
    )
    def begin(self, seed, delays, foreign, entries):
        self.folder = tempfile.TemporaryDirectory(dir="/dev/shm" if Path("/dev/shm").is_dir() else None)
        self.world = World(
            Path(self.folder.name) / "state.db",
            seed,
            stale=delays != "none",
            barrier=delays != "time",
            foreign={6: 1006, 50: 1050} if foreign else None,
            existing=foreign or Existing.FAIL,
            entries=entries,
        )
        self.world.boot()

    def running(self):
        return self.world.lane is not None

    # Clients.

    @rule(kind=st.sampled_from((*KINDS, "set", "set", "delete")), ids=IDS, hinted=st.booleans(), after=SOON)
    def write(self, kind, ids, hinted, after):
        self.world.write(kind, sorted(ids), hinted=hinted, after=after)

    @rule(ids=IDS, hinted=st.booleans(), kinds=st.lists(st.sampled_from(KINDS[:3]), min_size=2, max_size=4))
    def write_at_once(self, ids, hinted, kinds):
        for kind in kinds:
            self.world.write(kind, sorted(ids), hinted=hinted)

    @rule(ids=IDS, after=SOON)
    def read(self, ids, after):
        self.world.read(sorted(ids), after=after)

    # Time.

    @rule(seconds=st.sampled_from((0.001, 0.003, 0.01, 0.05, 0.3, 1.0, QUARANTINE * 0.97, 6.0)))
    def wait(self, seconds):
        self.world.run(seconds)

    @precondition(lambda self: self.world.phase is Phase.PASSTHROUGH and self.running())
    @rule()
    def come_to_the_backfill(self):
        self.world.command("attest", by="somebody")
        self.world.until(Phase.BACKFILL, most=6.0)

    @precondition(lambda self: self.world.phase in (Phase.BACKFILL, Phase.CATCH_UP) and self.running())
    @rule()
    def come_to_the_swap(self):
        self.world.heal()
        self.world.until(Phase.VERIFIED, most=10.0)

    # What breaks.

    @rule(link=LINKS, kind=st.sampled_from(sorted(FAULTS)))
    def fault(self, link, kind):
        if kind != "poison" or link == "target":
            getattr(self.world, link).faults = FAULTS[kind]

    @rule()
    def calm(self):
        self.world.source.faults = Faults()
        self.world.target.faults = Faults()

    @precondition(running)
    @rule(full=st.booleans())
    def disk(self, full):
        self.world.database.full = full

    @rule(away=st.sampled_from((0.0, 0.05, 2.0)))
    def kill(self, away):
        self.world.kill()
        self.world.run(away)
        self.world.boot()

    @rule()
    def restart(self):
        self.world.heal()
        self.world.stop()
        self.world.boot()

    # Operators.

    @precondition(running)
    @rule(name=st.sampled_from(("pause", "resume", "cutover", "revert", "cutover", "revert")), after=SOON)
    def command(self, name, after):
        self.world.command(name, after=after)

    @precondition(running)
    @rule(full=st.booleans())
    def validate(self, full):
        self.world.command("validate", sample_size=5, full=full, threshold=None, seed=1)

    @precondition(running)
    @rule(share=st.sampled_from((0.0, 0.5)))
    def move_reads(self, share):
        self.world.command("set_reads", share=share)

    @precondition(lambda self: self.running() and self.world.phase is not Phase.CUTTING_OVER)
    @rule(name=st.sampled_from(("rollback", "commit")), sure=st.sampled_from((False, False, False, True)))
    def leave(self, name, sure):
        if sure:
            self.world.command(name)

    def teardown(self):
        try:
            self.world.settle()
        finally:
            self.world.close()
            self.folder.cleanup()


TestInstallation = Installation.TestCase
TestInstallation.settings = settings(
    max_examples=100,
    stateful_step_count=25,
    derandomize=True,
    database=None,
    deadline=None,
    suppress_health_check=list(HealthCheck),
)
