from dataclasses import replace

import pytest

from tests.fakes.world import World
from vectormigrate.model.errors import GateRefused
from vectormigrate.model.specification import Mode
from vectormigrate.state import migrations, roles
from vectormigrate.state.roles import Role, Side

from .conftest import AT


def test_each_side_has_another():
    assert (Side.SOURCE.other, Side.TARGET.other) == (Side.TARGET, Side.SOURCE)


async def test_the_source_answers_until_somebody_says_otherwise(tx):
    assert await tx(roles.get) == Role(Side.SOURCE, 0, 0.0, None, "")


async def test_a_swap_there_and_back(tx):
    await tx(roles.swap, Role())
    first = await tx(roles.get)
    assert (first.primary, first.revision) == (Side.TARGET, 1)
    await tx(roles.swap, first)
    second = await tx(roles.get)
    assert (second.primary, second.revision) == (Side.SOURCE, 2)


async def test_a_swap_of_another_state_than_was_thought_changes_nothing(tx):
    await tx(roles.swap, Role())
    held = await tx(roles.get)
    for stale in (Role(), Role(Side.SOURCE, 1), Role(Side.TARGET, 0)):
        with pytest.raises(GateRefused, match="is target at revision 1 by now: nothing was changed"):
            await tx(roles.swap, stale)
    assert await tx(roles.get) == held


async def test_reads_go_back_to_the_primary_with_a_swap(tx):
    await tx(roles.set_reads, 0.25)
    assert (await tx(roles.get)).reads == 0.25
    await tx(roles.set_reads, 0.5)
    held = await tx(roles.get)
    assert (held.reads, held.primary, held.revision) == (0.5, Side.SOURCE, 0)
    await tx(roles.swap, held)
    assert (await tx(roles.get)).reads == 0.0


async def test_who_vouched_and_when_is_kept_through_swaps(tx):
    await tx(roles.attest, at=AT, by="ops")
    await tx(roles.attest, at=AT, by="me")
    held = await tx(roles.get)
    assert (held.attested_at, held.attested_by, held.revision) == (AT, "me", 0)
    await tx(roles.swap, held)
    assert (await tx(roles.get)).attested_by == "me"


@pytest.mark.parametrize(("mode", "answers"), [("proxied", True), ("captured", False)])
async def test_whether_an_application_is_answered_by_a_target_here(database, tmp_path, mode, answers):
    """A captured one is pointed there itself."""
    spec = replace(World(tmp_path / "x.db").spec, id="other", mode=Mode(mode))
    await database.write(lambda tx: migrations.create(tx, spec, at=AT))
    assert not database.read(roles.target_answers)
    await database.write(lambda tx: roles.swap(tx, "other", Role()))
    assert database.read(roles.target_answers) is answers
