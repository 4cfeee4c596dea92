"""A migration of a memory world that dies on the way, and what its last request then does."""

from tests.fakes.clock import FakeClock
from tests.fakes.killing import Life, MortalDatabase, MortalFaults, was_killed
from vectormigrate.daemon.control import Control
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.model.events import Progress, Warned
from vectormigrate.stores.memory import Outcome


async def crash(world, after):
    """Run in a process that dies when so many records have arrived."""
    life = Life()
    database = MortalDatabase.open(world.state)
    database.life = life
    before = world.target.faults
    faults = MortalFaults(outcome=before.outcome, late_after=before.late_after, clock=before.clock, life=life)
    faults.unresolved_next = before.unresolved_next
    world.target.faults = faults

    def watch(event):
        world.events.append(event)
        if isinstance(event, Progress) and event.work == "backfill" and event.done >= after:
            life.ends = life.moments

    died = False
    try:
        async with watched(database, watch) as control:
            await control.create(world.spec)
            await control.run(world.spec.id)
    except BaseException as error:
        died = was_killed(error)
        if not died:
            raise
    assert died
    faults.life = Life()


def watched(database, watch):
    return Control(database, Secrets(), watch, SystemClock())


class Zombie(list):
    """The answer to the target's next write is lost, and it lands 60 s later by the target's clock: while somebody
    waits for it, if anybody does.
    """

    def __init__(self, world):
        super().__init__()
        self._clock = FakeClock()
        world.set(quarantine=0.5)
        world.events = self
        world.target.faults.outcome = Outcome.LATE
        world.target.faults.late_after = 60.0
        world.target.faults.clock = self._clock.monotonic
        world.target.faults.unresolved_next = 1

    def append(self, event):
        super().append(event)
        if isinstance(event, Warned) and event.message.startswith("waiting"):
            self._clock.advance(60)
