from vectormigrate.state import scopes
from vectormigrate.state.scopes import ScopeIntent

from .conftest import AT


async def register(tx, kind="matching", detail=""):
    return await tx(scopes.register, kind, detail=detail, epoch=3, at=AT)


async def standing(tx):
    return [(one.number, one.state) for one in await tx(scopes.standing)]


async def test_an_intent_from_its_registration_to_its_end(tx, database):
    number = await register(tx, "unknown", "POST /x")
    assert await tx(scopes.standing) == [ScopeIntent(number, "unknown", "registered", "POST /x", 3)]
    await database.write(lambda tx: scopes.forward(tx, number))
    assert await standing(tx) == [(number, "forwarded")]
    await database.write(lambda tx: scopes.resolve(tx, number))
    assert await standing(tx) == []


async def test_numbers_rise_and_are_given_once(tx, database):
    assert database.read(scopes.last_number) == 0
    first = await register(tx)
    await database.write(lambda tx: scopes.resolve(tx, first))
    second = await register(tx)
    assert second > first
    assert database.read(scopes.last_number) == second


async def test_what_is_owed_is_no_answers_to_take_away(tx, database):
    number = await register(tx)
    await database.write(lambda tx: scopes.owe(tx, number, "why"))
    await database.write(lambda tx: scopes.resolve(tx, number))
    (held,) = await tx(scopes.standing)
    assert (held.state, held.detail) == ("owed", "why")


async def test_a_comparison_pays_what_was_owed_when_it_began_and_nothing_else(tx, database):
    before, forwarded, after = [await register(tx) for _ in range(3)]
    for number in (before, after):
        await database.write(lambda tx, number=number: scopes.owe(tx, number, ""))
    await database.write(lambda tx: scopes.forward(tx, forwarded))
    await tx(scopes.compared, forwarded)
    assert await standing(tx) == [(forwarded, "forwarded"), (after, "owed")]
    await tx(scopes.compared, after)
    assert await standing(tx) == [(forwarded, "forwarded")]


async def test_the_intents_of_another_migration_are_its_own(tx, database):
    number = await register(tx)
    await database.write(lambda tx: scopes.owe(tx, number, ""))
    await database.write(lambda tx: scopes.compared(tx, "other", number))
    assert await standing(tx) == [(number, "owed")]
    assert database.read(lambda tx: scopes.standing(tx, "other")) == []
