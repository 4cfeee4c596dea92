"""Records that somebody goes without."""

import pytest

from vectormigrate.model.errors import GateRefused
from vectormigrate.state import audit, dead_letters, journal, waivers


async def refused(tx, *ids):
    """The target has refused these, and they are owed."""
    await tx(journal.mark, ids, epoch=1, sequence=1, reason="write", at="then")
    await tx(
        dead_letters.add, [dead_letters.DeadLetter(one, "record_refused", "no") for one in ids], at="then"
    )
    await tx(journal.attempted, [journal.Mark(one, 0, 0) for one in ids], journal.REFUSED)


async def test_what_is_waived_is_owed_no_more_and_remembered_with_its_reason(tx, database):
    await refused(tx, "i:1", "i:2")
    await tx(waivers.waive, ["i:1"], "broken", at="now", by="ada")
    assert await tx(journal.debt) == 1
    assert await tx(dead_letters.among, ["i:1", "i:2"]) == {"i:2"}
    assert (await tx(waivers.among, ["i:1", "i:2"]), await tx(waivers.count)) == ({"i:1"}, 1)
    (row,) = [
        one for one in database.read(lambda tx: audit.latest(tx, "move", 10, 0)) if one["verb"] == "waive"
    ]
    assert (row["detail"], row["actor"]) == ("i:1: broken", "ada")


async def test_only_what_was_refused_can_be_waived_and_all_or_none(tx):
    await refused(tx, "i:1")
    with pytest.raises(GateRefused, match="has not refused a record 'i:9'"):
        await tx(waivers.waive, ["i:1", "i:9"], "broken", at="now", by="ada")
    assert (await tx(waivers.count), await tx(journal.debt)) == (0, 1)


async def test_what_was_written_since_is_not_waived(tx):
    await refused(tx, "i:1")
    await tx(journal.retry)
    with pytest.raises(GateRefused, match="was written since, or is tried again"):
        await tx(waivers.waive, ["i:1"], "broken", at="now", by="ada")
    assert await tx(journal.debt) == 1
