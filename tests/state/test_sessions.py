from vectormigrate.state import sessions


async def begin(database):
    return await database.write(lambda tx: sessions.begin(tx, at="now"))


async def end(database, session):
    await database.write(lambda tx: sessions.end(tx, session.epoch, at="then"))


async def test_a_session_without_an_end_is_a_crash(database):
    first = await begin(database)
    assert first.clean_before
    second = await begin(database)
    assert not second.clean_before
    await end(database, second)
    third = await begin(database)
    assert third.clean_before
    assert first.epoch < second.epoch < third.epoch


async def test_no_number_is_given_twice_in_a_session(database):
    session = await begin(database)
    assert len({session.next_sequence() for _ in range(10)}) == 10


async def test_a_session_that_cannot_be_written_yet_has_the_epoch_that_it_will_have(database):
    before = await begin(database)
    going_on = database.read(sessions.unrecorded)
    assert (going_on.clean_before, going_on.recorded) == (False, False)
    assert before.epoch < going_on.epoch == (await begin(database)).epoch
