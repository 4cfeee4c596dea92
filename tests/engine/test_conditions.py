from dataclasses import replace
from datetime import timedelta
from types import SimpleNamespace

import pytest

from tests.fakes.online import Online
from tests.fakes.virtual import virtually
from tests.fakes.world import SOURCE
from vectormigrate.engine.conditions import measure
from vectormigrate.engine.cutover.gate import Conditions
from vectormigrate.model.errors import Throttled, Unresolved
from vectormigrate.model.touch import Ids, Scope, Whole
from vectormigrate.state import checkpoints, findings, journal

FINE = Conditions(
    copied=True,
    standing=0,
    debt=0,
    oldest=0.0,
    dead_letters=0,
    scopes=0,
    gap=False,
    unresolved=False,
    unread="",
    compared_ago=0.0,
    secondary_down="",
    deletes_stopped=False,
    overlap=0.5,
    altered=(),
    obstacles=[],
    no_way_back_accepted=False,
    free_bytes=7,
)


@pytest.fixture
def online():
    made = Online()
    yield made
    made.state.close()
    made.world.close()


async def measured(online, **words):
    """The conditions now, with the age of the last comparison in whole tenths of a second."""
    found = await measure(
        online.state,
        online.id,
        online.live,
        online.conductor.migration.mapping,
        online.clock,
        **{
            "overlap": 0.5,
            "no_way_back": False,
            "altered": (),
            "uncompared": False,
            "sampled": False,
            "free_bytes": 7,
            **words,
        },
    )
    ago = found.compared_ago
    return found if ago is None else replace(found, compared_ago=round(ago, 0))


@virtually
async def test_a_verified_migration_that_nobody_writes_to(online):
    await online.verified()
    assert await measured(online) == FINE
    assert (await measured(online, no_way_back=True)).no_way_back_accepted


@virtually
async def test_what_is_owed_and_what_was_refused_are_told_apart(online):
    await online.verified()
    online.world.target.faults.refused_ids = frozenset({1})
    await online.put(1)
    await online.until_idle()
    online.live.scheduler.paused = True
    await online.put(2)
    await online.wait(3)
    found = await measured(online)
    assert (found.debt, found.dead_letters, found.oldest) == (1, 1, pytest.approx(3.0))


@virtually
async def test_requests_without_an_answer(online):
    await online.verified()
    with pytest.raises(Unresolved):
        async with online.router.writing({SOURCE: [Ids((1,))]}):
            raise Unresolved("x")
    assert (await measured(online)).unresolved


@virtually
async def test_what_no_mark_tells_of(online):
    await online.verified()
    async with online.router.writing({SOURCE: [Whole(Scope.CLEAR)]}):
        pass
    found = await measured(online)
    assert (found.scopes, found.gap) == (1, False)
    online.state.full = True
    await online.put(1)
    online.state.full = False
    assert (await measured(online)).gap


@virtually
async def test_pages_and_ranges(online):
    await online.verified()
    await online.state.write(lambda tx: journal.open_intent(tx, online.id, 0, None, None, nonce="n", epoch=1))
    assert (await measured(online)).standing == 1
    await online.state.write(lambda tx: checkpoints.reopen(tx, online.id, 0))
    assert not (await measured(online)).copied


@virtually
async def test_the_last_comparison_counts_if_it_was_clean(online):
    await online.verified()
    online.clock.shift = 50.0
    assert (await measured(online)).compared_ago == 50.0
    report = online.state.read(lambda tx: findings.latest_report(tx, online.id))
    bad = replace(report, ok=False)
    await online.state.write(lambda tx: findings.add_report(tx, bad, at="2030-01-01T00:00:00+00:00"))
    assert (await measured(online)).compared_ago is None


@virtually
async def test_a_sample_counts_for_all_only_where_that_was_said(online):
    await online.verified()
    full = online.state.read(lambda tx: findings.latest_report(tx, online.id))
    assert (full.method, full.ok) == ("full", True)
    later = replace(full, method="sample", started_at=full.started_at + timedelta(seconds=40))
    await online.state.write(lambda tx: findings.add_report(tx, later, at="2030-01-01T00:00:00+00:00"))
    online.clock.shift = 50.0
    assert (await measured(online)).compared_ago == 50.0
    assert (await measured(online, sampled=True)).compared_ago == 10.0
    bad = replace(later, ok=False)
    await online.state.write(lambda tx: findings.add_report(tx, bad, at="2030-01-01T00:00:00+00:00"))
    assert (await measured(online)).compared_ago is None


@virtually
async def test_no_comparison_of_everything_was_made(online):
    online.limits = replace(online.limits, sampled=True)
    await online.verified()
    assert (await measured(online)).compared_ago is None
    assert (await measured(online, sampled=True)).compared_ago == 0.0


@virtually
async def test_a_secondary_that_is_down_and_deletes_that_stopped(online):
    await online.verified()
    breaker, guard = online.live.scheduler.breaker, online.live.scheduler.guard
    breaker.failed(Throttled("less"), 0.0)
    assert (await measured(online)).secondary_down == ""  # it only asks for less
    for _ in range(3):
        breaker.failed(Throttled("less"), 0.0)
    for _ in range(100):
        guard.saw(strange=True)
    found = await measured(online)
    assert (found.secondary_down, found.deletes_stopped) == ("less", True)


@virtually
async def test_on_the_way_back_the_other_side_holds_everything(online):
    await online.verified()
    async with online.running() as conductor:
        await conductor.cutover()
    online.clock.shift = 1e6
    found = await measured(online)
    assert (found.compared_ago, found.overlap) == (0.0, None)


@virtually
async def test_why_there_would_be_no_way_back(online):
    await online.verified()
    online.live.intake = SimpleNamespace(trouble="no slot")
    (why,) = (await measured(online)).obstacles
    assert "nobody notes" in why
    assert (await measured(online)).unread == "no slot"


@virtually
async def test_what_the_source_was_given_counts_on_the_way_there_only(online):
    await online.verified()
    assert (await measured(online, altered=["field 'x'"])).altered == ["field 'x'"]
    await online.conductor.cutover()
    assert (await measured(online, altered=["field 'x'"])).altered == ()
