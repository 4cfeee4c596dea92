from vectormigrate.state import sheets
from vectormigrate.state.sheets import Sheet


async def put(tx, ids, epoch=1, sequence=1, migration="move"):
    return await tx(
        lambda one, _: sheets.put(one, Sheet(epoch, sequence, migration, "write", "10:00", ids), beside=True)
    )


async def held(tx):
    return [(one.epoch, one.sequence, one.ids) for one in await tx(sheets.from_age, 0, 0, 100)]


async def test_a_sheet_holds_the_marks_of_a_write_until_all_are_struck(tx):
    assert await put(tx, ["i:2", "i:1"], 3, 7)
    struck = await tx(sheets.strike, [("i:1", 3, 7), ("i:9", 3, 7), ("i:2", 3, 6)])
    assert struck == [Sheet(3, 7, "move", "write", "10:00", ["i:1"])]
    assert await held(tx) == [(3, 7, ["i:2"])]
    assert await tx(sheets.strike, [("i:1", 3, 7)]) == [Sheet(3, 7, "move", "write", "10:00", [])]  # again
    await tx(sheets.strike, [("i:2", 3, 7)])
    assert await held(tx) == []


async def test_nothing_is_struck_off_another_migrations_sheet(tx):
    await put(tx, ["i:1"], migration="other")
    assert await tx(sheets.strike, [("i:1", 1, 1)]) == []


async def test_too_many_or_a_second_time_at_one_generation_is_not_taken(tx):
    assert not await put(tx, [f"i:{one}" for one in range(sheets.LARGEST + 1)])
    assert await put(tx, ["i:1"])
    assert not await put(tx, ["i:2"])
    assert await held(tx) == [(1, 1, ["i:1"])]


async def test_the_oldest_come_first_whatever_epoch_they_are_of(tx):
    for epoch, sequence in [(2, 1), (1, 9), (1, 3)]:
        await put(tx, ["i:1"], epoch, sequence)
    assert [(one.epoch, one.sequence) for one in await tx(sheets.from_age, 1, 4, 9)] == [(1, 9), (2, 1)]
    taken = await tx(lambda one, _: sheets.take_older(one, 2, 1, 9))
    assert [(one.epoch, one.sequence) for one in taken] == [(1, 3), (1, 9)]
    assert await held(tx) == [(2, 1, ["i:1"])]


async def test_texts_of_ids_are_kept_to_the_last_character(tx):
    texts = ["s:", "s:a\0b", "s:\u2028'\"\\", "s:\U0001f600", 'c:["i:5","s:a"]']
    await put(tx, texts)
    assert await held(tx) == [(1, 1, texts)]
    assert await tx(sheets.among, [*texts, "s:b"]) == set(texts)
