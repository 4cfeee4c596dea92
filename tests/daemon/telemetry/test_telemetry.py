import asyncio

from tests.fakes.clock import FakeClock
from tests.fakes.facades import Scripted
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.telemetry import Telemetry, each
from vectormigrate.engine.throttle import Felt
from vectormigrate.model.events import (
    PhaseChanged,
    PrimaryChanged,
    Throttled,
    Unthrottled,
    Validated,
    Warned,
    WorkerLost,
)
from vectormigrate.model.phase import Phase
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import open_store
from vectormigrate.stores.raw import HttpRequest


def test_swaps_are_counted_with_how_long_they_held_and_those_given_up():
    telemetry = Telemetry(FakeClock())
    telemetry.on_event(PrimaryChanged("move", "target", 40.0))
    telemetry.on_event(PhaseChanged("move", Phase.CUTTING_OVER, Phase.REVERSED))
    telemetry.on_event(PhaseChanged("move", Phase.CUTTING_OVER, Phase.VERIFIED, "the swap was given up"))
    telemetry.on_event(PhaseChanged("move", Phase.VERIFIED, Phase.CUTTING_OVER))
    assert telemetry.swaps == {("move", "done"): 1, ("move", "given_up"): 1}
    assert telemetry.holds["move"].sum == 0.04


def test_lost_workers_are_counted_and_what_is_no_number_is_not():
    telemetry = Telemetry(FakeClock())
    telemetry.on_event(WorkerLost("move", -9))
    telemetry.on_event(Warned("move", "look"))
    assert telemetry.workers_lost == {"move": 1}


async def test_the_seams_of_one_listener_share_its_numbers():
    telemetry = Telemetry(FakeClock())
    store = open_store(Endpoint("memory", "telemetry"))
    front = telemetry.front("main", Standing(store))

    async def answer(request):
        assert front.reading("docs").store is store
        return await Scripted().http(request)

    await telemetry.facade("main", Scripted(answer)).http(HttpRequest("GET", "/"))
    assert list(telemetry.traffic) == ["main"]
    assert telemetry.traffic["main"].requests["read", "ok"].count == 1


async def test_sides_of_a_migration_are_told_apart():
    telemetry = Telemetry(FakeClock())
    await telemetry.store("move", "target", open_store(Endpoint("memory", "telemetry"))).info()
    telemetry.store("move", "source", open_store(Endpoint("memory", "telemetry")))
    assert {side: one.seconds.count for side, one in telemetry.sides.items()} == {
        ("move", "target"): 1,
        ("move", "source"): 0,
    }


async def test_a_loop_that_is_held_up_is_noticed(monkeypatch):
    monkeypatch.setattr("vectormigrate.daemon.telemetry.telemetry._BEAT", 0.001)
    clock = SystemClock()
    telemetry = Telemetry(clock)
    assert telemetry.loop_lag == 0.0
    watching = asyncio.ensure_future(telemetry.watch_loop())
    await asyncio.sleep(0)
    until = clock.monotonic() + 0.05
    while clock.monotonic() < until:
        pass  # nobody else's turn
    async with asyncio.timeout(10):
        while telemetry.loop_lag < 0.04:
            await asyncio.sleep(0.001)
    watching.cancel()


def test_an_event_can_be_told_to_several():
    heard = []
    each(heard.append, lambda event: heard.append(event.message))(Warned("move", "look"))
    assert heard == [Warned("move", "look"), "look"]


async def test_a_migration_feels_what_is_measured_here():
    telemetry = Telemetry(FakeClock())
    telemetry.store("move", "target", open_store(Endpoint("memory", "telemetry")))
    captured, proxied = Felt(), Felt()
    telemetry.feel(captured, "move", "")
    telemetry.feel(proxied, "move", "main")
    side = telemetry.sides["move", "target"]
    side.outcomes["throttled"] += 2
    assert captured.refused_elsewhere() == proxied.refused_elsewhere() == 2
    assert captured.target == proxied.target == (side.seconds,)
    assert captured.source == ()
    assert proxied.source == (telemetry.traffic["main"].source,)


def test_waiting_is_timed_by_reason_whether_it_is_over_or_not():
    clock = FakeClock()
    telemetry = Telemetry(clock)
    telemetry.on_event(Throttled("move", "cpu", "too much"))
    clock.advance(5)
    telemetry.on_event(Throttled("move", "file", "there"))
    telemetry.on_event(Unthrottled("move", "cpu"))
    clock.advance(2)
    assert telemetry.throttled() == {("move", "cpu"): (False, 5.0), ("move", "file"): (True, 2.0)}
    telemetry.on_event(Throttled("move", "cpu", "again"))
    clock.advance(1)
    assert telemetry.throttled()["move", "cpu"] == (True, 6.0)


def test_comparisons_and_further_scans_are_counted():
    telemetry = Telemetry(FakeClock())
    for compared in (3, 4):
        telemetry.on_event(Validated("move", "full", True, compared, ""))
    telemetry.on_event(PhaseChanged("move", Phase.CATCH_UP, Phase.BACKFILL, "records were added"))
    assert (telemetry.compared, telemetry.rescans) == ({("move", "full"): 7}, {"move": 1})
