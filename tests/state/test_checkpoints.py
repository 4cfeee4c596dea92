from vectormigrate.state import checkpoints


async def test_a_plan_is_kept_and_a_cursor_moves_with_its_counts(tx):
    await tx(checkpoints.plan, [(None, "i:5"), ("i:5", None)])
    first, second = await tx(checkpoints.ranges)
    assert (first.number, first.lower, first.upper, first.cursor, first.start) == (0, None, "i:5", None, None)
    assert (second.number, second.start, second.done) == (1, "i:5", False)
    await tx(checkpoints.advance, 1, "i:7", copied=2, skipped=1, size=100)
    await tx(checkpoints.advance, 1, "i:9", copied=3, skipped=0, size=100)
    _, second = await tx(checkpoints.ranges)
    assert (second.cursor, second.start, second.copied, second.batches) == ("i:9", "i:9", 5, 2)


async def test_a_range_is_done_until_it_is_opened_again(tx):
    await tx(checkpoints.plan, [(None, None)])
    await tx(checkpoints.finish, 0)
    assert (await tx(checkpoints.ranges))[0].done
    await tx(checkpoints.reopen, 0)
    assert not (await tx(checkpoints.ranges))[0].done


async def test_a_removal_has_a_cursor_of_its_own(tx):
    await tx(checkpoints.plan, [(None, None)])
    await tx(checkpoints.advance_removal, 0, "i:3")
    row = (await tx(checkpoints.ranges))[0]
    assert (row.removed_to, row.removed, row.cursor) == ("i:3", False, None)
    await tx(checkpoints.finish_removal, 0)
    assert (await tx(checkpoints.ranges))[0].removed
