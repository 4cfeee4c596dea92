import asyncio
import random

import pytest

from tests.fakes.front import FakeUpstream
from tests.fakes.lanes import make_bench
from tests.fakes.world import SOURCE, records, shape
from vectormigrate.engine.dualwrite.lane import Ends
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.errors import GateRefused, Unresolved
from vectormigrate.model.touch import Ids, Unnamed
from vectormigrate.state.roles import Role, Side
from vectormigrate.stores.front import Outcome
from vectormigrate.stores.raw import HttpRequest

UPSTREAM = object()


def routed(bench, name=SOURCE, upstream=UPSTREAM):
    """Let a bench's lane go by a name, in front of a server."""
    bench.lane.ends = Ends(bench.source, bench.target, name, shape(name), upstream)
    return bench.lane


@pytest.fixture
async def router(bench):
    made = Router(UPSTREAM, random.Random(1))
    made.add(SOURCE, routed(bench))
    return made


@pytest.fixture
async def other():
    made = await make_bench()
    routed(made, "other")
    yield made
    made.state.close()


# Reading.


async def test_what_is_not_under_migration_passes_through(router):
    for name in ("else", None):
        assert (router.reading(name).upstream, router.reading(name).shape) == (UPSTREAM, None)
        assert router.primary(name).upstream is UPSTREAM
    assert router.concerned() == (SOURCE,)


async def test_what_is_goes_to_the_primary(bench, router):
    assert (router.reading(SOURCE).upstream, router.reading(SOURCE).shape) == (UPSTREAM, shape(SOURCE))
    assert router.moved() == ()
    bench.lane.role = Role(Side.TARGET, 1)
    assert (router.reading(SOURCE).upstream, router.reading(SOURCE).store) == (None, bench.target)
    assert router.primary(SOURCE).store is bench.target
    assert router.moved() == (SOURCE,)


async def test_a_lane_can_be_taken_away(bench, router):
    bench.lane.whole = True
    router.shadow(SOURCE, 1.0, print)
    assert router.reading(SOURCE).shadowed
    router.remove(SOURCE)
    assert (router.reading(SOURCE).shape, router.concerned()) == (None, ())
    router.remove(SOURCE)
    router.add(SOURCE, bench.lane)
    assert not router.reading(SOURCE).shadowed


async def test_a_share_of_the_reads_goes_to_the_secondary_and_no_write(bench, router):
    bench.lane.whole, bench.lane.role = True, Role(reads=0.3)
    reads = [router.reading(SOURCE) for _ in range(2000)]
    assert all(read.secondary is (read.store is bench.target) for read in reads)
    went = [read.store for read in reads]
    assert went.count(bench.target) == pytest.approx(600, abs=80)
    assert went.count(None) == 2000 - went.count(bench.target)
    assert {router.primary(SOURCE).store for _ in range(50)} == {None}


async def test_a_share_of_the_searches_is_shadowed(bench, router):
    router.shadow(SOURCE, 0.25, print)
    bench.lane.whole = True
    shadowed = [router.reading(SOURCE).shadowed for _ in range(2000)]
    assert shadowed.count(True) == pytest.approx(500, abs=80)
    bench.lane.role = Role(reads=1.0)
    assert not router.reading(SOURCE).shadowed  # it was answered by the secondary
    assert not router.reading("else").shadowed


async def test_a_secondary_that_lacks_records_is_asked_nothing(bench, router):
    router.shadow(SOURCE, 1.0, print)
    bench.lane.role = Role(reads=1.0)
    assert not bench.lane.whole
    assert (router.reading(SOURCE).upstream, router.reading(SOURCE).shadowed) == (UPSTREAM, False)


async def test_an_observed_search_is_told_by_the_name_of_the_lane(router):
    told = []
    router.observed(SOURCE, 0.5, list)  # nobody asked
    router.shadow(SOURCE, 1.0, lambda *what: told.append(what))
    router.learn(SOURCE, {"alias": SOURCE})
    router.observed("alias", 0.5, list)
    router.observed("else", 0.5, list)
    assert told == [(SOURCE, 0.5, list)]


# Names.


async def test_an_alias_leads_to_the_lane_of_its_collection(bench, router):
    router.learn(SOURCE, {"alias": SOURCE, "strange": "else"})
    assert router.lane("alias") is bench.lane
    assert router.lane("strange") is router.lane("else") is router.lane(None) is None
    assert [router.known_as(name) for name in ("alias", "strange", "else")] == [SOURCE, "else", "else"]
    router.learn(SOURCE, {"other": SOURCE})
    assert (router.lane("alias"), router.lane("other")) == (None, bench.lane)


async def test_a_migration_that_was_given_an_alias_hears_of_the_collection_by_all_its_names(bench):
    router = Router(UPSTREAM, random.Random(1))
    router.add("alias", routed(bench, "alias"))
    router.learn("alias", {"alias": "real", "second": "real"})
    assert router.lane("alias") is router.lane("real") is router.lane("second") is bench.lane


async def test_what_one_source_says_of_its_names_says_nothing_of_anothers(bench, router, other):
    router.add("another", routed(other, "another"))
    router.learn(SOURCE, {"alias": SOURCE})
    router.learn("another", {"others": "another"})
    assert (router.lane("alias"), router.lane("others")) == (bench.lane, other.lane)
    router.remove("another")
    assert (router.lane("alias"), router.lane("others")) == (bench.lane, None)


async def test_names_that_were_told_before_there_was_a_lane_lead_to_it(bench):
    router = Router(UPSTREAM, random.Random(1))
    router.learn(SOURCE, {"alias": SOURCE})
    assert router.lane("alias") is None
    router.add(SOURCE, routed(bench))
    assert router.lane("alias") is bench.lane


# Writing.


async def test_a_write_is_marked_by_the_lane_of_its_collection(bench, router):
    async with router.writing({SOURCE: [Ids((1,))], "else": [Ids((2,))]}) as write:
        assert bench.marks() == ["i:1"]
        assert write.access.store is None


async def test_a_marked_write_is_not_waited_for_longer_than_its_migrations_bear(bench_of):
    """One that nobody marks, and a read, have the time of the upstream alone."""
    upstream = FakeUpstream()
    upstream.send = lambda request, *, stream=False: asyncio.sleep(60)
    router = Router(upstream, random.Random(1))
    benches = {
        name: await bench_of(terms={"write_timeout": limit}) for name, limit in (("a", 7.0), ("b", 5.0))
    }
    for name, bench in benches.items():
        router.add(name, routed(bench, name, upstream))
    clock = asyncio.get_running_loop()
    began = clock.time()
    with pytest.raises(Unresolved, match="within 5 s"):
        async with router.writing({"a": [Ids((1,))], "b": [Ids((2,))], "else": [Ids((3,))]}) as write:
            await write.access.upstream.send(HttpRequest("PUT", "/"))
    assert clock.time() - began == 5
    assert all(bench.ledger.unresolved for bench in benches.values())
    for bench in benches.values():
        bench.lane.marking = False
    for names in (("a", "b"), ("else",)):
        async with router.writing({name: [Ids((4,))] for name in names}) as write:
            assert write.access.upstream is upstream
    assert router.reading("a").upstream is upstream


async def test_a_write_of_nothing_under_migration_passes(bench, router):
    async with router.writing({"else": [Ids((1,))]}) as write:
        assert (write.access.upstream, write.access.shape) == (UPSTREAM, None)
    async with router.writing({}) as write:
        assert write.access.upstream is UPSTREAM
    assert bench.marks() == []


async def test_two_names_of_one_collection_are_one_write(bench, router):
    router.learn(SOURCE, {"alias": SOURCE})
    async with router.writing({SOURCE: [Ids((1,))], "alias": [Ids((2,))]}):
        assert (bench.marks(), bench.ledger.in_flight, bench.lane.fence.entered) == (["i:1", "i:2"], 1, 1)


async def test_two_collections_in_one_request(bench, router, other):
    router.add("other", other.lane)
    async with router.writing({SOURCE: [Ids((1,))], "other": [Unnamed()]}) as write:
        assert (bench.marks(), other.intents()) == (["i:1"], [("unnamed", "forwarded")])
        write.hint(SOURCE, lambda: records([1]), 10)
        await write.named("other", [7])
        await write.named("else", [8])
        write.hint("else", list, 1)
        write.answered(Outcome.ANSWERED, position="5")
    assert (other.marks(), bench.ledger.get(1).hint is not None) == (["i:7"], True)
    assert (bench.lane.position, other.lane.position) == ("5", "5")


async def test_what_is_said_by_an_alias_concerns_its_collection(bench, router):
    router.learn(SOURCE, {"alias": SOURCE})
    async with router.writing({"alias": [Unnamed()]}) as write:
        router.learn(SOURCE, {"alias": "else"})  # from the next request on
        await write.named("alias", [7])
        write.hint("alias", lambda: records([7]), 10)
    assert (bench.marks(), bench.ledger.get(7) is not None) == (["i:7"], True)


async def test_an_unanswered_request_is_unresolved_in_all_its_lanes(bench, router, other):
    router.add("other", other.lane)
    async with router.writing({SOURCE: [Ids((1,))], "other": [Ids((2,))]}) as write:
        write.answered(Outcome.UNRESOLVED)
    assert bench.ledger.unresolved
    assert other.ledger.unresolved


@pytest.mark.parametrize("beside", ["other", "else"])
async def test_a_request_cannot_go_to_two_databases(bench, router, other, beside):
    router.add("other", other.lane)
    bench.lane.role = Role(Side.TARGET, 1)
    with pytest.raises(GateRefused, match="different databases"):
        async with router.writing({SOURCE: [Ids((1,))], beside: [Ids((2,))]}):
            raise AssertionError("it left")
    assert bench.ledger.in_flight == other.ledger.in_flight == 0
    assert not bench.ledger.unresolved


async def test_the_size_counts_at_the_fence(bench_of):
    bench = await bench_of(terms={"hold_bytes": 25})
    router = Router(UPSTREAM, random.Random(1))
    router.add(SOURCE, routed(bench))
    bench.lane.fence.close()

    async def write(size):
        async with router.writing({SOURCE: [Ids((1,))]}, size=size):
            return True

    async with asyncio.TaskGroup() as group:
        held = group.create_task(write(20))
        await asyncio.sleep(0)
        with pytest.raises(Exception, match="holds writes"):
            await write(20)
        bench.lane.fence.open()
    assert held.result()


async def test_a_front_without_a_server_has_only_its_lanes(bench):
    router = Router(None, random.Random(1))
    router.add(SOURCE, routed(bench, upstream=None))
    assert router.reading(SOURCE).store is bench.source
    assert (router.reading("else").upstream, router.reading("else").store) == (None, None)
