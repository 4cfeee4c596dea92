import asyncio
from dataclasses import replace

import pytest

from tests.fakes.online import Online
from tests.fakes.virtual import virtually
from tests.fakes.world import SOURCE
from vectormigrate.engine.swap import Swap
from vectormigrate.model.errors import GateRefused, StateFull
from vectormigrate.model.events import PhaseChanged, PrimaryChanged
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.phase import Phase
from vectormigrate.model.touch import Scope, Whole
from vectormigrate.state import journal, migrations, roles
from vectormigrate.state.roles import Side
from vectormigrate.stores.memory import CAPABILITIES


@pytest.fixture
def online():
    made = Online()
    yield made
    made.state.close()
    made.world.close()


def moves(online):
    """Where it was moved to, in order."""
    return [event.after.value for event in online.events if isinstance(event, PhaseChanged)]


@virtually
async def test_there_and_back(online):
    await online.verified()
    async with online.running() as conductor:
        report = await conductor.cutover()
        assert (report.ok, report.primary, report.dry_run, online.phase) == (
            True,
            "target",
            False,
            "reversed",
        )
        assert report.hold_ms < 300
        assert (online.role.primary, online.role.revision) == (Side.TARGET, 1)
        await online.put(1, 9, version=5)
        assert online.versions("target")[1] == 5
        assert 9 not in online.versions("source")
        await asyncio.sleep(1)
        assert online.versions("source") == online.versions("target")
        report = await conductor.revert()
        assert (report.primary, online.phase, online.role.revision) == ("source", "verified", 2)
        await online.put(2, version=6)
        assert online.versions("source")[2] == 6
        await asyncio.sleep(1)
        assert online.versions("target")[2] == 6
    assert [event.primary for event in online.events if isinstance(event, PrimaryChanged)] == [
        "target",
        "source",
    ]
    moves = [(event.before, event.after) for event in online.events if isinstance(event, PhaseChanged)]
    assert moves[-4:] == [
        ("verified", "cutting_over"),
        ("cutting_over", "reversed"),
        ("reversed", "cutting_over"),
        ("cutting_over", "verified"),
    ]


@virtually
async def test_a_dry_run_says_which_gates_are_closed_and_changes_nothing(online):
    await online.verified()
    online.free = 0
    report = await online.conductor.cutover(dry_run=True)
    assert (report.ok, report.dry_run, report.hold_ms, online.phase) == (False, True, None, "verified")
    assert [gate.name for gate in report.gates if not gate.open] == ["disk"]
    online.free = 2**40
    assert (await online.conductor.cutover(dry_run=True)).ok


@virtually
async def test_a_refusal_names_every_closed_gate(online):
    await online.verified()
    online.free = 0
    online.conductor.overlap = lambda: 0.5
    with pytest.raises(GateRefused, match=r"not yet: shadow reads: .* 50%.*; disk: ") as caught:
        await online.conductor.cutover()
    assert "--no-way-back" not in caught.value.hint
    assert (online.phase, online.role.revision) == ("verified", 0)


@virtually
async def test_what_was_said_of_the_way_there_counts_not_for_the_way_back(online):
    await online.verified()
    async with online.running() as conductor:
        await conductor.cutover()
        conductor.overlap = lambda: 0.0
        online.clock.shift = 25 * 3600.0  # the comparison is old by now
        await conductor.revert()


@virtually
async def test_an_old_comparison_bars_the_way_there(online):
    await online.verified()
    online.clock.shift = 25 * 3600.0
    assert "compared" in online.closed(await online.conductor.gates())


@virtually
async def test_without_a_way_back_it_must_be_accepted():
    online = Online(mapping=MappingOptions(drop=("*",)))
    online.world.target.capabilities = replace(CAPABILITIES, dynamic=False)
    await online.verified()
    async with online.running() as conductor:
        with pytest.raises(GateRefused, match=r"'\*' is left behind") as caught:
            await conductor.cutover()
        assert "--no-way-back" in caught.value.hint
        assert (await conductor.cutover(no_way_back=True)).ok
        with pytest.raises(GateRefused, match="way back"):
            await conductor.revert()
    await online.close()


@pytest.mark.parametrize("command", ["cutover", "revert", "commit"])
@virtually
async def test_each_command_has_its_phase(online, command):
    await online.world.fill(range(5))
    await online.start()
    async with online.running() as conductor:
        await online.until("passthrough")
        with pytest.raises(GateRefused, match="is in phase passthrough"):
            await getattr(conductor, command)()


@virtually
async def test_what_cannot_be_paid_in_time_gives_the_swap_up(online):
    await online.verified()
    async with online.running() as conductor:
        async with online.router.writing({SOURCE: [Whole(Scope.CLEAR)]}):
            pass
        online.conductor._limits = online.limits
        await asyncio.sleep(10)
        assert online.closed(await conductor.gates()) == set()

        async def forever():
            async with online.router.writing({"docs": []}):
                await asyncio.sleep(100)

        writer = asyncio.get_running_loop().create_task(forever())
        await asyncio.sleep(0.1)
        with pytest.raises(GateRefused, match="nothing was changed"):
            await conductor.cutover()
        writer.cancel()
        assert (online.phase, online.role.revision, online.live.lane.fence.closed) == ("verified", 0, False)
        assert moves(online)[-2:] == ["cutting_over", "verified"]


@virtually
async def test_something_that_is_owed_at_the_last_moment_gives_it_up(online):
    """A refusal is no debt of the drain, and no record may be left behind."""
    await online.verified()
    online.world.target.faults.refused_ids = frozenset({1})
    async with online.running() as conductor:
        settled = online.live.settled

        async def late(*, within):
            done = await settled(within=within)
            await online.state.write(
                lambda tx: journal.mark(tx, online.id, ["i:1"], epoch=9, sequence=1, reason="", at="")
            )
            return done

        online.live.settled = late
        with pytest.raises(GateRefused, match="owed by now"):
            await conductor.cutover()
        assert (online.phase, online.role.revision) == ("verified", 0)


@virtually
async def test_a_second_swap_waits_for_nobody(online):
    await online.verified()
    async with online.running() as conductor, asyncio.TaskGroup() as group:
        first = group.create_task(conductor.cutover())
        await asyncio.sleep(0)
        with pytest.raises(GateRefused, match="being swapped already"):
            await conductor.cutover()
        await first
        assert (online.phase, online.role.revision) == ("reversed", 1)


@virtually
async def test_nor_does_one_while_somebody_is_asked_whether_the_first_may_be(online):
    await online.verified()

    async def asked(step, migration_id):
        await asyncio.sleep(1)

    online.conductor.allowed = asked
    async with online.running() as conductor, asyncio.TaskGroup() as group:
        first = group.create_task(conductor.cutover())
        await asyncio.sleep(0.5)
        with pytest.raises(GateRefused, match="being swapped already"):
            await conductor.cutover()
        await first
    assert (online.phase, online.role.revision) == ("reversed", 1)


@pytest.mark.parametrize("turned", [False, True])
@virtually
async def test_an_interrupted_swap_is_decided_by_the_bit(online, turned, monkeypatch):
    await online.verified()

    async def stop(swap):
        if turned:
            await online.state.write(lambda tx: roles.swap(tx, online.id, online.live.lane.role))
        raise KeyboardInterrupt

    monkeypatch.setattr(Swap, "_commit_bit", stop)
    move = online.conductor._move

    async def once(before, after, reason=""):
        if before is Phase.CUTTING_OVER:
            raise StateFull("no")
        await move(before, after, reason)

    online.conductor._move = once
    with pytest.raises((KeyboardInterrupt, StateFull)):
        await online.conductor.cutover()
    assert online.phase == "cutting_over"
    await online.die()
    await online.start()
    assert online.phase == ("reversed" if turned else "verified")
    assert online.live.lane.role.primary is (Side.TARGET if turned else Side.SOURCE)


@virtually
async def test_a_swap_that_could_not_be_called_off_is_called_off_later(online):
    await online.verified()
    await online.state.write(
        lambda tx: migrations.move(tx, online.id, Phase.VERIFIED, Phase.CUTTING_OVER, at="")
    )
    async with online.running():
        await online.until("verified")
