from vectormigrate.state import checkpoints, dead_letters, journal, sheets


async def mark(tx, ids, epoch=1, sequence=1):
    await tx(journal.mark, ids, epoch=epoch, sequence=sequence, reason="test", at="")


def named(*ids):
    """Marks of these, of whatever generation."""
    return [journal.Mark(one, 0, 0) for one in ids]


async def test_marks_are_paged_by_id_and_counted(tx):
    await mark(tx, ["i:2", "i:1", "i:3"])
    assert [one.id for one in await tx(journal.marks, "", 2)] == ["i:1", "i:2"]
    assert [one.id for one in await tx(journal.marks, "i:2", 2)] == ["i:3"]
    assert await tx(journal.debt) == 3


async def test_a_mark_is_only_cleared_at_the_generation_that_was_replayed(tx):
    await mark(tx, ["i:1", "i:2"], 1, 1)
    replayed = await tx(journal.marks, "", 10)
    await mark(tx, ["i:1"], 1, 2)  # a write while the replay was under way
    await tx(journal.clear, replayed)
    assert [(one.id, one.epoch, one.sequence) for one in await tx(journal.marks, "", 10)] == [("i:1", 1, 2)]
    again = await tx(journal.marks, "", 10)
    await mark(tx, ["i:1"], 2, 2)  # the same number in a later session is another generation
    await tx(journal.clear, again)
    assert await tx(journal.debt) == 1


async def test_the_text_of_an_id_is_kept_to_the_last_character(tx):
    texts = [
        "s:",
        "s:a\0b",
        "s:\0",
        "s:\u2028'\"\\",
        "s:\U0001f600",
        "s:\x7f\x01\n",
        "s:" + "x" * 50_000,
        'c:["i:5","s:a"]',
    ]
    await mark(tx, texts)
    await mark(tx, texts, 1, 2)  # no second row for any of them
    assert [one.id for one in await tx(journal.marks, "", 10)] == sorted(texts)


async def test_the_generation_of_a_mark_never_falls(tx):
    """Two writes of one process may reach the file in another order than they were numbered."""
    await mark(tx, ["i:1"], 2, 7)
    await mark(tx, ["i:1"], 2, 5)
    assert [(one.epoch, one.sequence) for one in await tx(journal.marks, "", 10)] == [(2, 7)]
    await mark(tx, ["i:1"], 3, 1)
    assert [(one.epoch, one.sequence) for one in await tx(journal.marks, "", 10)] == [(3, 1)]


async def test_a_replay_that_failed_is_counted_and_keeps_the_mark(tx):
    await mark(tx, ["i:1", "i:2"])
    await tx(journal.attempted, named("i:1"), "refused")
    assert [(one.id, one.attempts) for one in await tx(journal.marks, "", 10)] == [("i:1", 1), ("i:2", 0)]


async def open_intent(tx, number, lower, upper, nonce, epoch=1):
    return await tx(journal.open_intent, number, lower, upper, nonce=nonce, epoch=epoch)


async def covers(tx):
    return [(one.range_number, one.lower, one.upper, one.standing) for one in await tx(journal.intents)]


async def test_a_nonce_grants_one_page_however_often_it_is_asked(tx):
    first = await open_intent(tx, 0, None, "i:9", "a")
    assert await open_intent(tx, 0, None, "i:9", "a") == first
    assert await open_intent(tx, 0, "i:4", "i:9", "b") != first
    assert await covers(tx) == [(0, None, "i:9", True), (0, "i:4", "i:9", True)]


async def test_a_cover_shrinks_from_both_sides_and_closes(database, tx):
    number = await open_intent(tx, 0, None, "i:9", "a")
    await database.write(lambda tx: journal.narrow_intent(tx, number, "i:5"))
    await database.write(lambda tx: journal.shrink_intent(tx, number, "i:3"))
    assert await covers(tx) == [(0, "i:3", "i:5", True)]
    await tx(journal.close_intent, number)
    assert await covers(tx) == []


async def test_a_lapsed_page_stays_until_the_cursor_is_behind_its_range(database, tx):
    await tx(checkpoints.plan, [(None, "i:9"), ("i:9", None)])
    number = await open_intent(tx, 0, None, "i:9", "a")
    await open_intent(tx, 1, "i:9", None, "b")
    await tx(journal.lapse)
    assert [standing for *_, standing in await covers(tx)] == [False, False]
    await database.write(lambda tx: journal.shrink_intent(tx, number, "i:3"))
    assert (await covers(tx))[0][1] is None  # rollback walks what a lapsed page may have written
    await tx(journal.forget_lapsed, 0)
    assert await covers(tx) == [(1, "i:9", None, False)]


async def test_a_page_that_still_stood_when_its_range_was_done_goes_at_its_lapse(tx):
    await tx(checkpoints.plan, [(None, "i:9"), ("i:9", None)])
    await open_intent(tx, 0, None, "i:9", "a")
    await open_intent(tx, 1, "i:9", None, "b")
    await tx(checkpoints.finish, 0)
    await tx(journal.lapse)
    assert await covers(tx) == [(1, "i:9", None, False)]


async def test_what_may_still_land_is_known_from_the_file(tx):
    assert not await tx(journal.strays)
    number = await open_intent(tx, 0, None, "i:9", "a")
    assert await tx(journal.strays)
    await tx(journal.close_intent, number)
    assert not await tx(journal.strays)
    await open_intent(tx, 0, None, "i:9", "b")
    await tx(journal.lapse)
    assert not await tx(journal.strays)
    await mark(tx, ["i:1"])
    assert await tx(journal.strays)  # a replay of it may have been cut off
    await tx(journal.attempted, named("i:1"), "refused")
    assert not await tx(journal.strays)  # it was answered


# What live writes need.


async def test_marks_by_age_leave_out_what_was_refused(tx):
    await mark(tx, ["i:3"], 1, 2)
    await mark(tx, ["i:2", "i:1"], 1, 3)
    await mark(tx, ["i:9"], 2, 1)
    await tx(journal.attempted, named("i:2"), journal.REFUSED)
    await tx(journal.attempted, named("i:1"), "unanswered")
    first = await tx(journal.oldest, None, 2)
    assert [(one.id, one.epoch, one.sequence, one.reason) for one in first] == [
        ("i:3", 1, 2, "test"),
        ("i:1", 1, 3, "test"),
    ]
    assert [one.id for one in await tx(journal.oldest, first[-1], 10)] == ["i:9"]
    assert await tx(journal.oldest, first[-1], 0) == []


async def test_a_write_or_a_word_lets_a_refused_record_be_tried_again(tx):
    await mark(tx, ["i:1", "i:2", "i:3"])
    await tx(journal.attempted, named("i:1", "i:2"), journal.REFUSED)
    await tx(journal.attempted, named("i:3"), "unanswered")
    await mark(tx, ["i:1", "i:3"], 1, 2)
    assert sorted(one.id for one in await tx(journal.oldest, None, 10)) == ["i:1", "i:3"]
    assert await tx(journal.strays)  # the write of i:3 does not answer for its replay
    await tx(journal.retry)
    assert len(await tx(journal.oldest, None, 10)) == 3


async def test_that_an_absence_is_meant_stays_until_the_mark_is_cleared(tx):
    for sequence, reason in enumerate(["write", "delete", "write"]):
        meant = await tx(journal.mark, ["i:1"], epoch=1, sequence=sequence, reason=reason, at="")
        assert meant == (set() if not sequence else {"i:1"})
    assert [one.reason for one in await tx(journal.oldest, None, 9)] == ["delete"]
    await tx(journal.clear, [journal.Mark("i:1", 1, 2)])
    assert await tx(journal.mark, ["i:1"], epoch=1, sequence=3, reason="write", at="") == set()


async def test_that_absences_are_meant_can_be_said_of_all_that_is_marked(tx):
    await mark(tx, ["i:1", "i:2"])
    await tx(journal.mean)
    await mark(tx, ["i:3"])
    reasons = {one.id: one.reason in journal.MEANT for one in await tx(journal.oldest, None, 10)}
    assert reasons == {"i:1": True, "i:2": True, "i:3": False}


async def test_since_when_the_oldest_are_owed(tx):
    assert await tx(journal.first_seen, 9) == []
    for sequence, (one, at) in enumerate([("i:2", "10:00"), ("i:1", "11:00"), ("i:3", "12:00")]):
        await tx(journal.mark, [one], epoch=1, sequence=sequence, reason="", at=at)
    assert await tx(journal.first_seen, 2) == [("i:2", "10:00"), ("i:1", "11:00")]
    await tx(
        journal.mark, ["i:1"], epoch=1, sequence=9, reason="", at="13:00"
    )  # raised, and owed since 11:00
    assert await tx(journal.first_seen, 9) == [("i:2", "10:00"), ("i:3", "12:00"), ("i:1", "11:00")]
    await tx(journal.attempted, named("i:2"), journal.REFUSED)
    assert await tx(journal.first_seen, 1) == [("i:3", "12:00")]


async def test_nothing_is_owed_any_more_wherever_it_was_noted(tx, database):
    await write(tx, ["i:1", "i:2"], 5)
    await mark(tx, ["i:3"], 1, 4)
    await tx(journal.forgive)
    assert (await rows(database), await on_sheets(database)) == ([], [])
    assert await tx(journal.debt) == 0


async def test_which_of_some_ids_are_marked(tx, database):
    await mark(tx, ["i:1", "i:2"])
    assert await tx(journal.among, ["i:1", "i:3"]) == {"i:1"}
    assert database.read(lambda tx: journal.among(tx, "other", ["i:1"])) == set()


async def test_how_many_were_refused(tx):
    await mark(tx, ["i:1", "i:2"])
    assert await tx(journal.refused) == 0
    letters = [dead_letters.DeadLetter(one, "record_refused", "no") for one in ("i:1", "i:9")]
    await tx(dead_letters.add, letters, at="")
    assert await tx(journal.refused) == 1  # of those that are marked


async def test_records_ahead_of_the_cursors(tx):
    await tx(journal.keep_ahead, ["i:2", "i:1"])
    await tx(journal.keep_ahead, ["i:2", "i:3"])
    assert await tx(journal.ahead, "", 2) == ["i:1", "i:2"]
    assert await tx(journal.ahead, "i:2", 2) == ["i:3"]
    await tx(journal.forget_ahead)
    assert await tx(journal.ahead, "", 9) == []


# Marks on sheets: nobody who asks can tell.


async def write(tx, ids, sequence, epoch=1, at="10:00"):
    return await tx(journal.mark_write, ids, epoch=epoch, sequence=sequence, at=at)


async def on_sheets(database):
    return database.read(lambda tx: [one.ids for one in sheets.from_age(tx, "move", 0, 0, 100)])


async def rows(database):
    return database.read(lambda tx: [one for (one,) in tx.execute("SELECT id FROM journal ORDER BY id")])


async def test_a_write_has_its_marks_on_a_sheet_and_they_are_marks_as_any(tx, database):
    assert await write(tx, ["i:2", "i:1"], 5) == set()
    await mark(tx, ["i:3"], 1, 4)
    await write(tx, ["i:4"], 6, at="11:00")
    assert (await rows(database), await on_sheets(database)) == (["i:3"], [["i:2", "i:1"], ["i:4"]])
    assert await tx(journal.debt) == 4
    assert await tx(journal.strays)
    assert await tx(journal.among, ["i:1", "i:3", "i:9"]) == {"i:1", "i:3"}
    assert [one.id for one in await tx(journal.marks, "i:1", 2)] == ["i:2", "i:3"]
    assert [(one.id, one.sequence) for one in await tx(journal.marks, "", 1)] == [("i:1", 5)]
    assert [one.id for one in await tx(journal.oldest, None, 3)] == ["i:3", "i:1", "i:2"]
    assert await tx(journal.first_seen, 9) == [
        ("i:3", ""),
        ("i:1", "10:00"),
        ("i:2", "10:00"),
        ("i:4", "11:00"),
    ]


async def test_marks_by_age_are_paged_over_sheets_and_journal(tx):
    for sequence in range(1, 9):
        ids = [f"i:{sequence}{one}" for one in range(sequence % 3 + 1)]
        await (write(tx, ids, sequence) if sequence % 2 else mark(tx, ids, 1, sequence))
    seen, last = [], None
    while page := await tx(journal.oldest, last, 2):
        seen += [one.id for one in page]
        last = page[-1]
    assert seen == sorted(seen)
    assert len(seen) == await tx(journal.debt) == 17


async def test_what_is_replayed_is_cleared_wherever_its_mark_is(tx, database):
    await write(tx, ["i:1", "i:2"], 1)
    await mark(tx, ["i:3"], 1, 2)
    await tx(journal.clear, [journal.Mark("i:1", 1, 1), journal.Mark("i:3", 1, 2), journal.Mark("i:2", 1, 9)])
    assert (await rows(database), await on_sheets(database)) == ([], [["i:2"]])


async def test_what_is_in_the_journal_stays_there_and_one_that_is_deleted_goes_there(tx, database):
    await tx(journal.mark, ["i:1"], epoch=1, sequence=1, reason="delete", at="")
    assert await write(tx, ["i:1", "i:2"], 2) == {"i:1"}
    assert [(one.id, one.sequence) for one in await tx(journal.marks, "", 9)] == [("i:1", 2), ("i:2", 2)]
    assert await on_sheets(database) == [["i:2"]]
    older = [journal.Mark("i:2", 1, 2)]
    await tx(journal.mark, ["i:2"], epoch=1, sequence=3, reason="delete", at="", instead_of=older)
    assert (await rows(database), await on_sheets(database)) == (["i:1", "i:2"], [])


async def test_a_replay_that_failed_lifts_its_marks_into_the_journal(tx, database):
    await write(tx, ["i:1", "i:2"], 1)
    await tx(journal.attempted, [journal.Mark("i:1", 1, 1)], journal.REFUSED)
    assert (await rows(database), await on_sheets(database)) == (["i:1"], [["i:2"]])
    assert await tx(journal.rejected, ["i:1", "i:2"]) == {"i:1"}
    assert [one.id for one in await tx(journal.oldest, None, 9)] == ["i:2"]


async def test_what_is_lifted_keeps_its_age_and_never_lowers_a_generation(tx, database):
    await write(tx, ["i:1", "i:2"], 7, epoch=1)
    await tx(journal.mark, ["i:1"], epoch=2, sequence=3, reason="finding", at="12:00")
    assert await tx(lambda one, _: journal.lift(one, 9))
    assert not await tx(lambda one, _: journal.lift(one, 9))
    assert await on_sheets(database) == []
    marks = [(one.id, one.epoch, one.sequence) for one in await tx(journal.marks, "", 9)]
    assert marks == [("i:1", 2, 3), ("i:2", 1, 7)]
    assert dict(await tx(journal.first_seen, 9)) == {"i:1": "10:00", "i:2": "10:00"}


async def test_a_sheet_that_grows_old_is_lifted_by_the_writes_behind_it(tx, database, monkeypatch):
    """What is written again and again while nothing is paid would have a place on every one of its sheets."""
    monkeypatch.setattr(journal, "_AGED", 20)
    for sequence in range(1, 101):
        await write(tx, ["i:1", f"i:{sequence + 100}"], sequence)
    assert len(await on_sheets(database)) <= 20 + 8
    assert len(await rows(database)) + len(await on_sheets(database)) <= await tx(journal.debt) <= 101 + 28


async def test_more_than_fit_on_a_sheet_have_rows(tx, database):
    ids = [f"i:{one}" for one in range(sheets.LARGEST + 1)]
    assert await write(tx, ids, 1) == set()
    assert (await on_sheets(database), await tx(journal.debt)) == ([], len(ids))


async def test_that_absences_are_meant_can_be_said_of_what_is_on_sheets(tx):
    await write(tx, ["i:1"], 1)
    await tx(journal.mean)
    assert [one.reason in journal.MEANT for one in await tx(journal.oldest, None, 9)] == [True]
