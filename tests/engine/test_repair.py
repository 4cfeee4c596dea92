import pytest

from tests.fakes.online import Online
from tests.fakes.virtual import virtually
from vectormigrate.engine import repair
from vectormigrate.model.finding import Finding, FindingKind
from vectormigrate.state import findings, journal


@pytest.fixture
def online():
    made = Online()
    yield made
    made.state.close()
    made.world.close()


def held(online):
    return [one.id for one in online.state.read(lambda tx: findings.page(tx, online.id, ("", "", ""), 9))]


@virtually
async def test_what_was_found_is_marked_by_the_id_of_the_source(online, monkeypatch):
    monkeypatch.setattr(repair, "_PAGE", 2)
    await online.verified()
    online.live.scheduler.paused = True
    found = [Finding(FindingKind.VECTOR, f"i:{one}") for one in range(3)] + [
        Finding(FindingKind.EXTRA, "i:9")
    ]
    plan, session = online.conductor.migration.mapping, online.session

    def mark(tx):
        findings.add(tx, online.id, found, at="")
        tx.execute("INSERT INTO waiver VALUES (?, 'i:1', 'broken', 'ada', '')", (online.id,))
        repair.mark_held(tx, session, online.id, plan, at="2026-01-01T00:00:00+00:00")

    await online.state.write(mark)
    asked = [f"i:{one}" for one in range(12)]
    marked = online.state.read(lambda tx: journal.among(tx, online.id, asked))
    assert marked == {"i:0", "i:2", "i:9"}  # somebody goes without the other


@virtually
async def test_a_difference_that_is_found_while_both_sides_are_served_heals(online):
    await online.verified()
    async with online.running() as conductor:
        await online.world.fill([1], version=7, side="target")
        report = await conductor.validate(sample_size=None, full=True, threshold=None, seed=None)
        assert (report.ok, held(online)) == (False, ["i:1", "i:1"])  # vector and payload
        await online.until_idle()
        assert online.versions("target") == online.versions("source")
        assert len(held(online)) == 2  # as it was seen last, until it is looked at again
        await online.wait(301)
        assert held(online) == []
        report = await conductor.validate(sample_size=None, full=True, threshold=None, seed=None)
        assert report.ok


@virtually
async def test_nothing_is_deleted_because_half_of_a_side_was_absent_when_it_was_looked_at(online):
    await online.world.fill(range(200))
    await online.verified()
    async with online.running() as conductor:
        gone = range(100)
        await online.world.remove(gone)
        report = await conductor.validate(sample_size=None, full=True, threshold=None, seed=None)
        assert report.extra == 100
        await online.wait(30)
        assert online.live.scheduler.guard.tripped
        assert len(online.versions("target")) == 200
        await online.world.fill(gone)
        await online.until_idle()
        assert online.versions("target") == online.versions("source")


@virtually
async def test_a_record_that_was_asked_for_by_its_id_heals_as_well(online):
    await online.verified()
    async with online.running() as conductor:
        await online.world.fill([1, 2], version=7, side="target")
        report = await conductor.validate(ids=["1"], searches=3)
        assert (report.ok, report.mismatched, len(report.searches)) == (False, 1, 1)
        await online.until_idle()
        assert {
            key for key, was in online.versions("source").items() if online.versions("target")[key] != was
        } == {2}
