from datetime import timedelta

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.statefile import MemoryState
from vectormigrate.engine.cutover.gate import Gate
from vectormigrate.engine.cutover.watch import Watch
from vectormigrate.model.errors import StateFull
from vectormigrate.model.events import GateClosed, GateOpened


@pytest.fixture
def state():
    made = MemoryState()
    yield made
    made.close()


class Watched:
    """A watch over gates that the test opens and closes."""

    def __init__(self, state, clock, now):
        self.clock, self.events, self.asked, self.now = clock, [], 0, now
        self.watch = Watch("move", state, clock, self.events.append)

    async def gates(self):
        self.asked += 1
        return [Gate(name, not reason, reason) for name, reason in self.now.items()]

    async def look(self):
        await self.watch.look(self.gates)


async def test_only_what_changes_is_told_and_nobody_is_asked_all_the_time(state):
    one = Watched(state, FakeClock(), {"debt": "", "disk": "nearly full"})
    await one.look()
    assert one.events == []
    one.now.update(debt="much is owed", disk="")
    await one.look()
    assert (one.events, one.asked) == ([], 1)
    one.clock.advance(5)
    await one.look()
    assert one.events == [GateClosed("move", "debt", "much is owed"), GateOpened("move", "disk")]
    one.clock.advance(5)
    await one.look()
    assert len(one.events) == 2


async def test_since_when_each_is_closed_is_known_over_restarts(state):
    clock = FakeClock()
    one = Watched(state, clock, {"debt": "much is owed", "disk": "nearly full", "gap": ""})
    began = clock.now()
    await one.look()
    assert one.watch.closed == {"debt": began, "disk": began}
    clock.advance(600)
    again = Watched(state, clock, {"debt": "much is owed", "disk": "", "gap": "a gap"})
    assert again.watch.closed == {}
    await again.look()
    assert again.watch.closed == {"debt": began, "gap": began + timedelta(seconds=600)}
    assert again.events == [GateOpened("move", "disk")]  # an earlier process told of its being closed


async def test_a_state_file_that_takes_nothing_keeps_it_from_nothing(state):
    clock = FakeClock()
    one = Watched(state, clock, {"disk": "nearly full"})
    state.full = True
    with pytest.raises(StateFull):
        await state.write(lambda tx: None)
    await one.look()
    assert one.watch.closed == {"disk": clock.now()}
