import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.world import records
from vectormigrate.engine.dualwrite.ledger import Hint, Ledger
from vectormigrate.engine.dualwrite.terms import Guards, Terms

NEVER = float("inf")


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def ledger(clock):
    return make(clock)


def make(clock, guards=Guards(), **terms):  # noqa: B008 frozen
    return Ledger(Terms(**{"quarantine": 60.0, "coalesce": 0.1, **terms}), guards, clock.monotonic)


def write(ledger, ids, generation, *, removes=False, unresolved=False, late=0.0, hint=None):
    """One write from its beginning to its end."""
    entries = ledger.register(ids, generation, removes=removes)
    if hint is not None:
        ledger.hint(entries, hint, generation)
    ledger.release(entries, unresolved=unresolved, late=late)
    return entries


def hint(size=100, ids=(1, 2)):
    return Hint(lambda: records(list(ids)), size, 0)


def due(ledger, most=100):
    return [entry.id for entry in ledger.due(most)]


# Writes.


def test_a_write_raises_the_generation_of_its_ids_and_keeps_them_in_flight_until_it_ends(ledger):
    first = ledger.register([1, 2, 1], 5, removes=False)
    assert [(one.id, one.generation, one.in_flight) for one in first] == [(1, 5, 1), (2, 5, 1)]
    second = ledger.register([2], 6, removes=False)
    assert (ledger.in_flight, ledger.get(2).in_flight, ledger.get(2).generation) == (2, 2, 6)
    ledger.release(first, unresolved=False, late=0.0)
    assert (ledger.in_flight, ledger.get(1).in_flight, ledger.get(2).in_flight) == (1, 0, 1)
    ledger.release(second, unresolved=False, late=0.0)
    assert (ledger.in_flight, ledger.get(2).in_flight) == (0, 0)


def test_what_may_still_land_is_known(ledger, clock):
    write(ledger, [1], 1, unresolved=True)
    write(ledger, [2], 2)
    flying = ledger.register([3], 3, removes=False)
    assert (ledger.landing(), [ledger.may_land(one) for one in (1, 2, 9)]) == ([1, 3], [True, False, False])
    ledger.release(flying, unresolved=False, late=0.0)
    clock.advance(60.0)
    assert (ledger.landing(), ledger.may_land(1)) == ([], False)
    ledger.quiet_after = clock.monotonic() + 60.0  # what an earlier process sent is not known
    assert ledger.may_land(9)


def test_the_ids_written_last_are_known_in_their_order(ledger):
    write(ledger, [1, 2], 1)
    write(ledger, [3], 2)
    assert list(ledger.recent) == [1, 2, 3]


def test_that_it_was_deleted_is_remembered_whatever_is_written_later(ledger):
    (entry,) = write(ledger, [1], 1, removes=True)
    write(ledger, [1], 2)
    assert entry.removed


def test_the_youngest_mark_counts(ledger):
    entries = ledger.register([1], 1, removes=False)
    ledger.mark(entries, (1, 5))
    ledger.mark(entries, (1, 3))  # answered in another order
    assert entries[0].row == (1, 5)


def test_marks_that_another_took_the_place_of_are_remembered(ledger):
    """Each write has its marks on a sheet of its own."""
    entries = ledger.register([1], 1, removes=False)
    for row in [(1, 5), (1, 3), (1, 7)]:
        ledger.mark(entries, row)
    assert (entries[0].row, entries[0].older) == ((1, 7), ((1, 3), (1, 5)))
    for row in [(1, 2), (1, 2), (1, 4)]:
        ledger.find(entries[0], row)
    assert (entries[0].found, entries[0].older[2:]) == ((1, 4), ((1, 2),))


# What may be cleared.


def test_nothing_may_be_cleared_while_a_write_is_in_flight(ledger):
    (entry,) = ledger.register([1], 1, removes=False)
    assert ledger.obstacle(entry) == NEVER
    ledger.release([entry], unresolved=False, late=0.0)
    assert ledger.obstacle(entry) is None


def test_an_unanswered_write_bars_its_ids_for_the_quarantine(ledger, clock):
    (entry,) = write(ledger, [1], 1, unresolved=True)
    until = clock.monotonic() + 60.0
    assert (ledger.obstacle(entry), ledger.unresolved) == (until, True)
    write(ledger, [1], 2)  # answered, and no shorter for that
    assert ledger.obstacle(entry) == until
    clock.advance(60.0)
    assert (ledger.obstacle(entry), ledger.unresolved) == (None, False)


def test_an_unanswered_replay_bars_its_id_as_well(ledger, clock):
    (entry,) = write(ledger, [1], 1)
    entry.target_until = clock.monotonic() + 5
    assert (ledger.obstacle(entry), ledger.unresolved) == (clock.monotonic() + 5, True)


def test_a_process_bars_everything_at_first(ledger, clock):
    ledger.quiet_after = clock.monotonic() + 60
    (entry,) = write(ledger, [1], 1)
    assert (ledger.obstacle(entry), ledger.unresolved) == (ledger.quiet_after, True)
    clock.advance(60)
    assert (ledger.obstacle(entry), ledger.unresolved) == (None, False)


def test_a_read_must_be_late_enough_to_see_an_acknowledged_write(clock):
    ledger = make(clock, visibility=2.0)
    (entry,) = write(ledger, [1], 1)
    assert ledger.obstacle(entry) == clock.monotonic() + 2.0
    assert not ledger.unresolved  # it was answered
    (entry,) = write(ledger, [2], 2, late=9.0)
    assert ledger.obstacle(entry) == clock.monotonic() + 9.0


def test_a_hint_needs_no_read_and_so_no_wait_for_one(clock):
    ledger = make(clock, visibility=2.0)
    (entry,) = write(ledger, [1], 1, hint=hint())
    assert ledger.obstacle(entry) is None
    ledger.take_hint(entry)
    assert ledger.obstacle(entry) is not None


@pytest.mark.parametrize(
    "guard", ["in_flight", "boot_quarantine", "source_quarantine", "target_quarantine", "fresh_read"]
)
def test_the_simulation_can_take_each_guard_out(clock, guard):
    def obstacles(guards):
        ledger = make(clock, guards, visibility=1.0)
        ledger.quiet_after = clock.monotonic() + (1 if guard == "boot_quarantine" else 0)
        (entry,) = ledger.register([1], 1, removes=False)
        if guard != "in_flight":
            entry.in_flight = 0
        entry.source_until = clock.monotonic() + (guard == "source_quarantine")
        entry.target_until = clock.monotonic() + (guard == "target_quarantine")
        entry.fresh_at = clock.monotonic() + (guard == "fresh_read")
        return ledger.obstacle(entry)

    assert obstacles(Guards()) is not None
    assert obstacles(Guards(**{guard: False})) is None


# Hints.


def test_a_hint_is_given_once(ledger):
    entries = write(ledger, [1, 2], 1, hint=(given := hint()))
    assert ledger.take_hint(entries[0]) is given
    assert ledger.take_hint(entries[0]) is None
    assert ledger.take_hint(entries[1]) is given


def test_what_a_hint_put_there_may_stand_among_the_records_of_others():
    one = hint()
    one.decoded(records([5, 7, 8, 9]), 1, 2)
    assert one.rows == {7: 1, 8: 2}


def test_no_hint_of_a_write_that_another_overlapped(ledger):
    first = ledger.register([1, 2], 1, removes=False)
    second = ledger.register([2], 2, removes=False)
    ledger.hint(first, hint(), 1)
    ledger.hint(second, hint(), 2)
    assert [entry.hint is not None for entry in first] == [True, False]
    ledger.release(first, unresolved=False, late=0.0)
    ledger.release(second, unresolved=False, late=0.0)
    ledger.hint(second, hint(), 2)  # it was not alone, though it is now
    assert first[1].hint is None


def test_no_hint_of_a_write_that_is_not_the_last(ledger):
    first = write(ledger, [1], 1)
    write(ledger, [1], 2)
    ledger.hint(first, hint(), 1)
    assert first[0].hint is None


def test_a_write_takes_the_hint_of_the_one_before_it_away(ledger):
    (entry,) = write(ledger, [1], 1, hint=hint())
    ledger.register([1], 2, removes=False)
    assert entry.hint is None


@pytest.mark.parametrize("landing", ["another write", "the boot", "itself"])
def test_no_hint_while_an_unanswered_write_may_land_behind_it(ledger, clock, landing):
    if landing == "another write":
        write(ledger, [1], 1, unresolved=True)
    if landing == "the boot":
        ledger.quiet_after = clock.monotonic() + 60
    (entry,) = write(ledger, [1], 2, hint=hint(), unresolved=landing == "itself")
    if landing == "itself":
        ledger.hint([entry], hint(), 2)
        assert entry.solo == 0
        return
    assert entry.hint is None
    clock.advance(60)
    write(ledger, [1], 3, hint=hint())
    assert entry.hint is not None


def test_hints_take_no_more_bytes_than_they_may(clock):
    ledger = make(clock, hint_bytes=250)
    first = write(ledger, [1, 2], 1, hint=hint(200))
    (third,) = write(ledger, [3], 2, hint=hint(100))
    assert (first[0].hint is not None, third.hint) == (True, None)
    ledger.take_hint(first[0])  # gives back its share of the 200
    (third,) = write(ledger, [3], 3, hint=hint(100))
    assert third.hint is not None


def test_a_forgotten_entry_gives_its_bytes_back(clock):
    ledger = make(clock, hint_bytes=100)
    (entry,) = write(ledger, [1], 1, hint=hint(100))
    due(ledger)
    clock.advance(1)
    due(ledger)
    ledger.forget(entry)
    assert ledger.get(1) is None
    (other,) = write(ledger, [2], 2, hint=hint(100))
    assert other.hint is not None


# The queue.


def test_a_write_is_due_when_others_had_time_to_come_along(ledger, clock):
    write(ledger, [1, 2], 1)
    assert (due(ledger), ledger.next_at()) == ([], clock.monotonic() + 0.1)
    clock.advance(0.1)
    assert ledger.next_at() <= clock.monotonic()
    assert due(ledger) == [1, 2]
    assert (due(ledger), ledger.next_at(), ledger.queued) == ([], None, 0)


def test_what_is_written_meanwhile_is_due_with_the_first(ledger, clock):
    write(ledger, [1], 1)
    clock.advance(0.06)
    write(ledger, [2], 2)
    clock.advance(0.05)
    assert due(ledger) == [1, 2]
    write(ledger, [3], 3)
    assert ledger.next_at() == clock.monotonic() + 0.1


def test_a_hot_id_waits_once(ledger, clock):
    for generation in range(1, 5):
        write(ledger, [1], generation)
    assert ledger.queued == 1
    clock.advance(1)
    assert due(ledger) == [1]


def test_at_most_so_many_are_given_at_once_and_the_rest_next(ledger, clock):
    write(ledger, [1, 2, 3], 1)
    clock.advance(1)
    assert (due(ledger, 2), due(ledger, 2)) == ([1, 2], [3])


def test_an_id_whose_slot_is_taken_waits_for_its_end(ledger, clock):
    (entry,) = write(ledger, [1], 1)
    clock.advance(1)
    assert due(ledger) == [1]
    entry.busy = True
    ledger.queue(entry, clock.monotonic())
    assert (due(ledger), entry.again) == ([], True)


def test_an_id_that_was_queued_before_its_slot_was_taken_waits_too(ledger, clock):
    (entry,) = write(ledger, [1], 1)
    entry.busy = True
    clock.advance(1)
    assert (due(ledger), entry.again, entry.queued) == ([], True, False)


def test_a_cutover_does_not_wait_for_others_to_come_along(ledger, clock):
    write(ledger, [1], 1)
    ledger.queue(ledger.entry(2), clock.monotonic() + 60)  # that one waits for something else
    ledger.hasten()
    assert due(ledger) == [1]


# Forgetting.


def test_only_what_is_done_with_is_forgotten(ledger, clock):
    (entry,) = ledger.register([1], 1, removes=False)
    ledger.forget(entry)
    assert ledger.get(1) is entry  # in flight
    ledger.release([entry], unresolved=False, late=0.0)
    ledger.forget(entry)
    assert ledger.get(1) is entry  # queued
    clock.advance(1)
    due(ledger)
    entry.busy = True
    ledger.forget(entry)
    assert ledger.get(1) is entry
    entry.busy = False
    ledger.forget(entry)
    assert len(ledger) == 0
    again = ledger.entry(1)
    ledger.forget(entry)  # somebody still holds the old one
    assert ledger.get(1) is again


def marked(ledger, ids, generation, **how):
    entries = ledger.register(ids, generation, removes=False)
    ledger.mark(entries, (1, generation))
    ledger.release(entries, unresolved=how.get("unresolved", False), late=how.get("late", 0.0))
    return entries


def test_beyond_the_bound_what_is_written_stays_in_the_file_and_what_is_older_in_memory(clock):
    ledger = make(clock, entries=3)
    marked(ledger, [1, 2, 3], 1)
    assert (len(ledger), ledger.full, ledger.spilled) == (3, False, False)
    marked(ledger, [4, 5], 2)
    marked(ledger, [3], 3)
    assert (len(ledger), ledger.full, ledger.spilled) == (3, False, True)
    clock.advance(1)
    assert due(ledger) == [1, 2, 3]


def test_what_is_only_found_in_the_file_goes_too(clock):
    ledger = make(clock, entries=0)
    ledger.entry(1).found = (1, 1)
    write(ledger, [1], 1)
    assert len(ledger) == 0


def test_what_is_under_way_or_not_in_the_file_stays_and_its_queue_with_it(clock):
    ledger = make(clock, entries=0)
    (flying,) = ledger.register([1], 1, removes=False)
    marked(ledger, [1], 2)  # ends before the other
    (busy,) = ledger.register([2], 3, removes=False)
    ledger.mark([busy], (1, 3))
    busy.busy = True
    ledger.release([busy], unresolved=False, late=0.0)
    write(ledger, [3], 4)  # the gap is open: it has no mark
    assert sorted(one for one in (1, 2, 3) if ledger.get(one)) == [1, 2, 3]
    assert ledger.get(1) is flying
    clock.advance(1)
    assert due(ledger) == [1, 3]


@pytest.mark.parametrize("kind", ["source", "target", "fresh"])
def test_one_of_which_something_may_land_is_kept_beyond_the_bound(clock, kind):
    ledger = make(clock, entries=1, visibility=60.0 if kind == "fresh" else 0.0)
    landing(ledger, clock, 1, kind)
    landing(ledger, clock, 2, kind)
    assert (len(ledger), ledger.full, ledger.spilled) == (2, True, False)
    clock.advance(61)
    marked(ledger, [2], 9)
    if kind != "fresh":  # it may, anew
        assert (ledger.get(2), ledger.spilled) == (None, True)


@pytest.mark.parametrize("kind", ["source", "target", "fresh"])
def test_a_quarantine_that_is_forgotten_holds_for_everybody(clock, kind):
    ledger = make(clock, entries=0, visibility=60.0 if kind == "fresh" else 0.0)
    landing(ledger, clock, 1, kind)
    assert ledger.get(1) is None
    assert ledger.obstacle(ledger.entry(99)) == clock.monotonic() + 60
    assert ledger.register([1], 2, removes=False)[0].solo == 0  # and no hint until then


def landing(ledger, clock, one, kind):
    """A marked write of an id, of which something may land for a minute."""
    (entry,) = ledger.register([one], one, removes=False)
    ledger.mark([entry], (1, one))
    if kind == "target":
        entry.target_until = clock.monotonic() + 60
    ledger.release([entry], unresolved=kind == "source", late=0.0)


def test_the_bytes_of_hints_that_go_come_back(clock):
    ledger = make(clock, entries=0, hint_bytes=100)
    (entry,) = ledger.register([1], 1, removes=False)
    ledger.mark([entry], (1, 1))
    ledger.hint([entry], hint(100), 1)
    ledger.release([entry], unresolved=False, late=0.0)
    assert len(ledger) == 0
    (other,) = write(ledger, [2], 2, hint=hint(100))
    assert other.hint is not None


def test_what_waits_for_its_time_is_not_overdue(ledger, clock):
    assert ledger.overdue == 0
    for one in range(3):
        ledger.queue(ledger.entry(one), clock.monotonic() + one)
    assert ledger.overdue == 1
    clock.advance(1.5)
    assert ledger.overdue == 2
    assert [entry.id for entry in ledger.due(10)] == [0, 1]
    assert ledger.overdue == 0


def test_ids_of_which_a_request_may_still_land_are_counted(ledger, clock):
    entries = ledger.register([1, 2, 3], 1, removes=False)
    ledger.release(entries[:2], unresolved=True, late=0.0)
    assert (ledger.ambiguous, ledger.quarantined, ledger.unresolved) == (2, 2, True)
    ledger.get(3).target_until = clock.monotonic() + 1
    assert ledger.quarantined == 3
    clock.advance(10_000)
    assert (ledger.ambiguous, ledger.quarantined, ledger.unresolved) == (2, 0, False)
