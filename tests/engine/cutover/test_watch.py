from tests.fakes.clock import FakeClock
from vectormigrate.engine.cutover.gate import Gate
from vectormigrate.engine.cutover.watch import Watch
from vectormigrate.model.events import GateClosed, GateOpened


async def test_only_what_changes_is_told_and_nobody_is_asked_all_the_time():
    clock, events, asked = FakeClock(), [], []
    watch = Watch("move", clock, events.append)
    now = {"debt": "", "disk": "nearly full"}

    async def gates():
        asked.append(1)
        return [Gate(name, not reason, reason) for name, reason in now.items()]

    await watch.look(gates)
    assert events == []
    now.update(debt="much is owed", disk="")
    await watch.look(gates)
    assert (events, len(asked)) == ([], 1)
    clock.advance(5)
    await watch.look(gates)
    assert events == [GateClosed("move", "debt", "much is owed"), GateOpened("move", "disk")]
    clock.advance(5)
    await watch.look(gates)
    assert len(events) == 2
