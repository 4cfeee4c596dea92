import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.telemetry.sides import MeasuredStore, SideTraffic
from vectormigrate.model.errors import RecordRefused, Throttled, Unreachable
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import open_store


@pytest.mark.parametrize(
    ("error", "outcome"),
    [
        (None, "ok"),
        (Throttled("slow down"), "throttled"),
        (Unreachable("gone"), "failed"),
        (RecordRefused("no"), "refused"),
        (ValueError(), "failed"),
    ],
)
async def test_a_request_is_counted_by_how_it_ended_and_timed(error, outcome):
    clock, traffic = FakeClock(), SideTraffic()
    store = MeasuredStore(open_store(Endpoint("memory", "sides")), traffic, clock.monotonic)

    async def request():
        clock.advance(0.3)
        if error is not None:
            raise error
        return "answer"

    if error is None:
        assert await store._through(request) == "answer"
    else:
        with pytest.raises(type(error)):
            await store._through(request)
    assert dict(traffic.outcomes) == {outcome: 1}
    assert traffic.seconds.sum == pytest.approx(0.3)


async def test_every_request_of_a_store_goes_through_it():
    traffic = SideTraffic()
    store = MeasuredStore(open_store(Endpoint("memory", "sides")), traffic, FakeClock().monotonic)
    await store.info()
    await store.collections()
    assert dict(traffic.outcomes) == {"ok": 2}
