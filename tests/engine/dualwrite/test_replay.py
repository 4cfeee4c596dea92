import pytest

from tests.fakes.world import SOURCE, TARGET, World, shape
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.engine.dualwrite.replay import Paid, Replayer
from vectormigrate.model.errors import RecordRefused, Unreachable
from vectormigrate.model.planning import make_plan
from vectormigrate.model.record import id_text
from vectormigrate.model.specification import Existing
from vectormigrate.state import dead_letters, journal, migrations, ownership, views
from vectormigrate.state.database import Database


@pytest.fixture
async def world(tmp_path):
    made = World(tmp_path / "unused.db")
    await made.fill(range(10))
    await made.fill([], side="target")
    yield made
    made.close()


@pytest.fixture
async def database(tmp_path, world):
    owned = Database.open(tmp_path / "state.db")
    await owned.write(lambda tx: migrations.create(tx, world.spec, at=""))
    yield owned
    owned.close()


class Journal:
    """The marks of one migration and who pays them."""

    def __init__(self, world, database):
        self.world, self.database, self.id = world, database, world.spec.id
        self.unanswered = []
        self.sequence = 0

    async def mark(self, *ids):
        self.sequence += 1
        texts = [id_text(one) for one in ids]
        await self.database.write(
            lambda tx: journal.mark(tx, self.id, texts, epoch=1, sequence=self.sequence, reason="", at="")
        )

    @property
    def marks(self):
        return [one.id for one in self.database.read(lambda tx: journal.marks(tx, self.id, "", 100))]

    @property
    def letters(self):
        return [row["id"] for row in self.database.read(lambda tx: views.dead_letters(tx, self.id, 10, 0))]

    async def foreign(self, *ids):
        texts = [id_text(one) for one in ids]
        await self.database.write(lambda tx: ownership.add_foreign(tx, self.id, texts))

    def replayer(self, existing=Existing.FAIL, target=None, batch_size=3):
        target = target or self.world.store("target")
        plan = make_plan(shape(SOURCE), target.capabilities, TARGET, shape(TARGET), self.world.spec.mapping)
        return Replayer(
            self.database,
            self.id,
            self.world.store("source"),
            SOURCE,
            target,
            plan,
            existing,
            batch_size=batch_size,
            now=SystemClock().now,
            unanswered=lambda: bool(self.unanswered and self.unanswered.pop(0)),
        )

    async def pay(self, stopped=lambda: False, **options):
        return await self.replayer(**options).pay(stopped)


@pytest.fixture
def owed(world, database):
    return Journal(world, database)


async def test_the_present_state_of_each_mark_is_copied_and_its_mark_cleared(world, owed):
    await world.fill([2, 99], version=5, side="target")  # an old version, and one that the source lost
    await owed.mark(1, 2, 3, 4, 99)
    assert await owed.pay() == Paid(written=4, deleted=1, refused=0, unanswered=False)
    source = world.held("source")
    assert world.held("target") == {one: source[one] for one in (1, 2, 3, 4)}
    assert owed.marks == []


async def test_a_mark_raised_while_it_was_replayed_stays(world, owed):
    await owed.mark(1, 2)
    replayer = owed.replayer()
    intact = replayer._target.upsert

    async def upsert(collection, batch, **options):
        await owed.mark(2)
        return await intact(collection, batch, **options)

    replayer._target.upsert = upsert
    await replayer.pay(lambda: False)
    assert owed.marks == ["i:2"]


async def test_a_refusal_becomes_a_letter_and_keeps_its_mark_until_it_arrives(world, owed, database):
    await owed.mark(*range(5))
    world.target.faults.refused_ids = frozenset({1})
    assert (await owed.pay()).refused == 1
    assert (owed.marks, owed.letters) == (["i:1"], ["i:1"])
    assert not database.read(lambda tx: journal.strays(tx, owed.id))  # it was answered
    world.target.faults.refused_ids = frozenset()
    await owed.pay()
    assert (owed.marks, owed.letters) == ([], [])
    assert len(world.held("target")) == 5


async def test_a_letter_goes_when_the_source_lost_its_record(world, owed, database):
    letter = dead_letters.DeadLetter("i:1", "refused", "no")
    await database.write(lambda tx: dead_letters.add(tx, owed.id, [letter], at=""))
    await owed.mark(1)
    await world.remove([1])
    await owed.pay()
    assert (owed.marks, owed.letters) == ([], [])


async def test_a_batch_refused_whole_is_halved_to_the_record_that_spoils_it(world, owed):
    target = world.store("target")
    intact = target.upsert

    async def upsert(collection, batch, **options):
        if 3 in batch.ids:
            raise RecordRefused("one of them is bad")
        return await intact(collection, batch, **options)

    target.upsert = upsert
    await owed.mark(*range(6))
    assert (await owed.pay(target=target, batch_size=6)).refused == 1
    assert sorted(world.held("target")) == [0, 1, 2, 4, 5]
    assert (owed.marks, owed.letters) == (["i:3"], ["i:3"])


async def test_an_error_keeps_the_marks_that_were_not_paid(world, owed, database):
    await owed.mark(*range(6))
    world.target.faults.next_errors.append(Unreachable("gone"))
    with pytest.raises(Unreachable):
        await owed.pay()
    assert len(owed.marks) == 6
    assert database.read(lambda tx: journal.strays(tx, owed.id))  # nobody knows


async def test_marks_of_an_unanswered_attempt_stand_though_the_next_was_answered(world, owed):
    await owed.mark(*range(6))
    owed.unanswered = [False, True, False, False]  # asked before and after each of two batches
    assert (await owed.pay()).unanswered
    assert owed.marks == ["i:0", "i:1", "i:2"]
    assert not (await owed.pay()).unanswered
    assert owed.marks == []


async def test_it_stops_behind_a_batch(world, owed):
    await owed.mark(*range(6))
    asked = iter([False, True])
    await owed.pay(stopped=lambda: next(asked))
    assert owed.marks == ["i:3", "i:4", "i:5"]


async def test_foreign_records_are_neither_written_nor_deleted(world, owed):
    await world.fill([1, 99], version=9, side="target")
    before = world.held("target")
    await owed.foreign(1, 99)
    await owed.mark(1, 2, 99)
    await owed.pay(existing=Existing.SKIP)
    assert {one: world.held("target")[one] for one in (1, 99)} == before
    assert owed.marks == []


async def test_what_is_replaced_is_kept_and_comes_back_with_the_delete(world, owed, database):
    await world.fill([1], version=9, side="target")
    before = world.held("target")
    await owed.foreign(1)
    await owed.mark(1)
    await owed.pay(existing=Existing.OVERWRITE)
    assert world.held("target")[1] == world.held("source")[1]
    assert database.read(lambda tx: ownership.pre_images(tx, owed.id, "", 10)) == [("i:1", before[1])]
    await world.remove([1])
    await owed.mark(1)
    await owed.pay(existing=Existing.OVERWRITE)
    assert world.held("target") == before
    await world.fill([1], version=2)
    await owed.mark(1)
    await owed.pay(existing=Existing.OVERWRITE)  # and once more, the other way
    assert world.held("target")[1] == world.held("source")[1]
    assert database.read(lambda tx: ownership.pre_images(tx, owed.id, "", 10)) == [("i:1", before[1])]
