from dataclasses import replace

import numpy as np
import pytest

from tests.engine.validate.pairs import TARGET, make_pair
from tests.fakes.world import World
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.engine.uncopied import Uncopied
from vectormigrate.engine.validate import run as running
from vectormigrate.engine.validate.run import Validation
from vectormigrate.engine.validate.task import CompareTask
from vectormigrate.engine.worker import Worker
from vectormigrate.model.errors import GateRefused, UsageError
from vectormigrate.model.events import FindingConfirmed, Progress, Validated
from vectormigrate.model.finding import FindingKind
from vectormigrate.model.measure import Histogram
from vectormigrate.model.planning import make_plan
from vectormigrate.state import checkpoints, findings, journal, migrations, numbers, ownership
from vectormigrate.state.database import Database
from vectormigrate.stores.base import EVERYWHERE

ID = "move"


class Here:
    """A crew of one worker in this task."""

    def __init__(self, sides):
        self._sides = sides

    async def run(self, coordinator):
        task = CompareTask(coordinator, replace(self._sides, foreign=None))
        await Worker(coordinator, {"compare": task.compare}, concurrency=1).run()


@pytest.fixture
async def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    await owned.write(lambda tx: migrations.create(tx, World(tmp_path / "x").spec, at=""))
    yield owned
    owned.close()


@pytest.fixture
async def pair():
    return await make_pair(count=60)


@pytest.fixture
async def validation(database, pair, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "_RECORDS_A_SPAN", 20)
    spec = World(tmp_path / "y").spec
    made = await pair.source.describe("docs")

    def make(events=None, crew=Here, **live):
        return Validation(
            database,
            replace(spec, target=replace(spec.target, collection=TARGET)),
            pair.source,
            pair.target,
            made,
            make_plan(made, pair.target.capabilities, TARGET, None, None),
            lambda ranges: crew(pair.sides),
            SystemClock(),
            ([] if events is None else events).append,
            **live,
        )

    return make


def held(database):
    return {(one.kind, one.id) for one in database.read(lambda tx: findings.page(tx, ID, ("", "", ""), 99))}


async def test_a_healthy_pair_is_proved_equal_and_the_report_kept(validation, database):
    report = await validation().compare({"full": True})
    assert (report.ok, report.method, report.source_count, report.compared) == (True, "full", 60, 60)
    assert len(report.ranges) == 3
    assert set(report.stores) == {"source", "target"}
    assert all(told.startswith("memory ") for told in report.stores.values())
    assert database.read(lambda tx: findings.latest_report(tx, ID)) == report


async def test_differences_are_confirmed_kept_and_healed_by_the_next(validation, database, pair):
    await pair.target.delete(TARGET, [-40])
    await pair.change(-37, payload={"title": "other"})
    events, rechecks = [], Histogram()
    report = await validation(events, rechecks=rechecks).compare({"full": True})
    assert (report.ok, report.missing, report.mismatched) == (False, 1, 1)
    told = Validated(ID, "full", False, 59, report.statement)
    assert [one for one in events if not isinstance(one, Progress)] == [told, FindingConfirmed(ID, 2)]
    assert rechecks.count == 1
    assert {one for _, one in held(database)} == {"i:-40", "i:-37"}
    assert all(one.confirmed for one in database.read(lambda tx: numbers.findings(tx, ID)))
    (back,) = (await pair.source.fetch("docs", [-40])).records()
    await pair.put(back)
    report = await validation().compare({"full": True})
    assert (report.missing, {one for _, one in held(database)}) == (0, {"i:-37"})


async def test_what_heals_before_it_is_looked_at_again_is_no_finding(validation, database, pair):
    await pair.target.delete(TARGET, [-40])

    class Healing(Here):
        async def run(self, coordinator):
            await super().run(coordinator)
            assert held(database) == {(FindingKind.MISSING, "i:-40")}
            (back,) = (await pair.source.fetch("docs", [-40])).records()
            await pair.put(back)

    report = await validation(crew=Healing).compare({"full": True})
    assert (report.ok, report.missing, held(database)) == (True, 0, set())


def moving(count):
    return lambda: lambda: count


@pytest.mark.parametrize(("counted", "proved"), [(0, False), (1, True)])
async def test_counts_may_be_apart_by_what_is_written_meanwhile(validation, pair, counted, proved):
    class Writing(Here):
        async def run(self, coordinator):
            for side, name in ((pair.source, "docs"), (pair.target, TARGET)):
                await side.delete(name, [-40])
            await super().run(coordinator)

    report = await validation(crew=Writing, moving=moving(counted)).compare({"full": True})
    assert (report.ok, report.source_count, report.compared) == (proved, 59, 59), report.statement


@pytest.mark.parametrize(("counted", "ok"), [(0, False), (1, True)])
async def test_the_counts_of_a_sample_may_be_apart_by_what_is_written_meanwhile(
    validation, pair, counted, ok
):
    await pair.target.delete(TARGET, [-40])  # not drawn with this seed
    report = await validation(moving=moving(counted)).compare({"sample_size": 1, "seed": 3})
    assert (report.missing, report.ok) == (0, ok)


async def test_a_sample_is_repeatable_by_its_seed_and_only_states_a_bound(validation, pair):
    await pair.change(-37, payload={"title": "other"})
    reports = [await validation().compare({"sample_size": 60, "seed": 7}) for _ in range(2)]
    assert reports[0].mismatched == reports[1].mismatched == 1
    assert {report.seed for report in reports} == {7}
    assert not reports[0].ok
    assert (await validation().compare({"sample_size": 5})).mismatch_rate_upper95 is not None


@pytest.mark.parametrize(
    ("how", "said"),
    [
        ({"full": True}, "1 missing, 0 extra, 0 mismatched; 10 not copied yet"),
        ({"sample_size": 60, "seed": 7}, "1 of 50 samples differ: at most 9.2 % of all records at 95 %; "),
        ({"ids": ["-40", "the last"]}, "1 missing, 0 extra, 0 mismatched; 1 not copied yet"),
    ],
)
async def test_what_the_copy_has_not_come_to_is_no_finding_and_proves_nothing(
    validation, pair, database, how, said
):
    """A comparison in the middle of the copy: nobody is called for what is only not there yet."""
    pages = [page async for page in pair.source.scan("docs", EVERYWHERE)]
    ids = sorted(one for page in pages for one in page.batch.ids)
    how = how | {"ids": ["-40", str(ids[-1])]} if "ids" in how else how
    await pair.target.delete(TARGET, [-40, *ids[50:]])

    def copy(tx):
        checkpoints.plan(tx, ID, [(None, None)])
        checkpoints.advance(tx, ID, 0, pair.source.cursor_of(ids[49]), copied=50, skipped=0, size=1)

    await database.write(copy)
    planned = database.read(lambda tx: checkpoints.ranges(tx, ID))
    telling = Uncopied((await pair.source.describe("docs")).id, pair.source.key_of, planned).without
    report = await validation(telling=telling).compare(how)
    assert said in report.statement
    assert (report.missing, report.ok, len(report.findings)) == (1, False, 1)
    assert {one for _, one in held(database)} == {"i:-40"}
    await pair.put(*(await pair.source.fetch("docs", [-40])).records())
    report = await validation(events := [], telling=telling).compare(how)
    assert (report.missing, report.ok, held(database)) == (0, False, set())  # no gate opens by it
    assert not [one for one in events if isinstance(one, FindingConfirmed)]


async def test_a_sample_counts_both_sides(validation, pair):
    await pair.target.delete(TARGET, [-40])
    report = await validation().compare({"sample_size": 1, "seed": 3})
    assert not report.ok  # whatever was drawn
    assert (report.source_count, report.target_count) == (60, 59)


async def test_foreign_records_are_in_no_count_of_ours(validation, pair, database):
    (one,) = (await pair.source.fetch("docs", [-40])).records()
    await pair.put(replace(one, id=5000))
    assert not (await validation().compare({"sample_size": 60, "seed": 1})).ok
    await database.write(lambda tx: ownership.add_foreign(tx, ID, ["i:5000"]))
    report = await validation().compare({"sample_size": 60, "seed": 1})
    assert (report.ok, report.target_count) == (True, 60)


async def test_a_source_record_whose_place_is_taken_may_leave_the_source(validation, pair, database):
    """Records left out for foreign ones were counted once; the source may have lost some since."""
    await database.write(lambda tx: ownership.add_foreign(tx, ID, ["i:-40", "i:-37"]))
    assert (await validation().compare({"sample_size": 60, "seed": 1})).ok
    await pair.source.delete("docs", [-40])
    assert (await validation().compare({"sample_size": 60, "seed": 1})).ok


async def test_a_reconcile_tells_every_difference_and_leaves_no_findings(validation, database, pair):
    await pair.target.delete(TARGET, [-40])
    (one,) = (await pair.source.fetch("docs", [-37])).records()
    await pair.put(replace(one, id=5000))
    told = []

    def mark(tx, found):
        told.extend(found)
        journal.mark(tx, ID, [one.id for one in found], epoch=1, sequence=1, reason="", at="")

    await validation().reconcile(mark)
    assert {(one.kind, one.id) for one in told} == {
        (FindingKind.MISSING, "i:-40"),
        (FindingKind.EXTRA, "i:5000"),
    }
    assert database.read(lambda tx: journal.debt(tx, ID)) == 2
    assert held(database) == set()


async def test_a_stopped_comparison_proves_nothing(validation, database):
    stopped = validation()
    stopped.stop()
    with pytest.raises(GateRefused, match="proves nothing"):
        await stopped.compare({"full": True})
    assert database.read(lambda tx: findings.latest_report(tx, ID)) is None


async def test_a_stop_midway_ends_it_behind_the_present_span(validation, database):
    events = []
    made = validation(events)
    made._on_event = lambda event: (events.append(event), made.stop())
    with pytest.raises(GateRefused):
        await made.compare({"full": True})
    assert len(events) == 1


async def test_too_many_findings_are_all_kept_and_not_looked_at_again(
    validation, database, pair, monkeypatch
):
    monkeypatch.setattr(running, "_RECHECKED", 5)
    await pair.target.delete(TARGET, [-40 + 3 * row for row in range(10)])
    report = await validation().compare({"full": True})
    assert (report.missing, len(held(database))) == (10, 10)
    assert not any(one.confirmed for one in database.read(lambda tx: numbers.findings(tx, ID)))


# While the application writes.


def writing(*texts):
    """Says that these are being written, whoever else is asked about."""
    return lambda asked: set(texts) & set(asked)


async def test_records_that_are_being_written_are_no_findings(validation, database, pair):
    await pair.target.delete(TARGET, [-40])
    await pair.change(-37, payload={"title": "other"})
    report = await validation(writing=writing("i:-40")).compare({"full": True})
    assert (report.missing, report.mismatched, held(database)) == (0, 1, {(FindingKind.PAYLOAD, "i:-37")})
    report = await validation(writing=writing("i:-40", "i:-37")).compare({"sample_size": 60, "seed": 1})
    assert (report.missing, report.mismatched) == (0, 0)


@pytest.mark.parametrize("look", [0, 1, 2])
async def test_a_write_at_any_time_of_the_looks_counts(validation, database, pair, look):
    await pair.target.delete(TARGET, [-40])
    asked = []

    def once(texts):
        asked.append(texts)
        return {"i:-40"} if len(asked) == look + 1 else set()

    report = await validation(writing=once).compare({"full": True})
    assert (report.ok, len(asked)) == (True, 3)  # before each of two looks, and behind the last


async def test_a_record_of_the_target_alone_is_asked_about_by_its_source_id(validation, pair):
    (one,) = (await pair.source.fetch("docs", [-37])).records()
    await pair.put(replace(one, id=5000))
    assert not (await validation().compare({"full": True})).ok
    assert (await validation(writing=writing("i:5000")).compare({"full": True})).ok  # it is being removed


async def test_a_difference_must_last_for_a_while(validation, pair, monkeypatch):
    waited = []

    async def sleep(seconds):
        waited.append(seconds)

    monkeypatch.setattr(running.asyncio, "sleep", sleep)
    await pair.target.delete(TARGET, [-40])
    assert not (await validation(settling=3.0).compare({"full": True})).ok
    assert [seconds for seconds in waited if seconds] == [3.0, 3.0]


async def test_records_are_compared_by_their_ids_and_what_is_known_of_others_stays(
    validation, database, pair
):
    await pair.target.delete(TARGET, [-40])
    await pair.change(-37, payload={"title": "other"})
    assert not (await validation().compare({"full": True})).ok
    kept = database.read(lambda tx: findings.latest_report(tx, ID))
    (back,) = (await pair.source.fetch("docs", [-40])).records()
    await pair.put(back)
    report = await validation().compare({"ids": ["-40", "i:-34", "-40", "5000"]})
    assert (report.ok, report.method, report.compared, report.source_count) == (True, "ids", 2, 2)
    assert "1 on neither side" in report.statement
    assert {one for _, one in held(database)} == {"i:-37"}
    report = await validation().compare({"ids": ["-37"]})
    assert (report.ok, report.mismatched, [one["id"] for one in report.findings]) == (False, 1, ["i:-37"])
    # A gate goes by the last report that was kept: two records prove nothing of sixty.
    assert database.read(lambda tx: findings.latest_report(tx, ID)) == kept


@pytest.mark.parametrize("how", [{"ids": ["word"]}, {"ids": ["s:-40"]}, {"ids": ["-40"], "full": True}])
async def test_what_cannot_be_compared_is_refused(validation, how):
    with pytest.raises(UsageError):
        await validation().compare(how)


async def test_searches_beside_a_comparison_are_told_and_must_find_enough(validation, database, pair):
    report = await validation().compare({"sample_size": 10, "searches": 20})
    (seen,) = report.searches
    assert (report.ok, seen.vector, seen.searches, seen.recall, seen.order) == (True, "v", 20, 1.0, 1.0)
    assert database.read(lambda tx: findings.latest_report(tx, ID)) == report
    for one in range(-40, 140, 9):
        await pair.change(one, dense={"v": np.full(16, 900.0, np.float32)})
    report = await validation().compare({"ids": ["-37"], "searches": 20, "least_recall": 0.95})
    assert (report.ok, report.mismatched, report.searches[0].recall < 0.95) == (False, 0, True)
    assert "less than 95.00%" in report.statement
    assert (await validation().compare({"ids": ["-37"], "searches": 20, "least_recall": 0})).ok
