import apsw
import pytest

from vectormigrate.state import audit

APPENDED_ONLY = "append only"


async def test_rows_are_told_oldest_first_and_of_one_migration(database, tx):
    asked = {"before": "backfill", "after": "paused", "actor": "user ada", "outcome": "ok", "detail": "asked"}
    await tx(audit.record, "pause", at="2", **asked)
    await database.write(lambda tx: audit.record(tx, "other", "create", at="3"))
    created, paused = await tx(audit.of_migration)
    assert created["verb"] == "create"
    assert paused == {"at": "2", "verb": "pause", "arguments": "", **asked}


async def test_a_page_is_newest_first_with_who_asked_and_what_became_of_it(database, tx):
    await tx(
        audit.record, "cutover", at="2", actor="key ab", way="rest", arguments="{}", outcome="gate_refused"
    )
    await database.write(lambda tx: audit.record(tx, "other", "list", at="3"))
    newest, asked = database.read(lambda tx: audit.latest(tx, None, 2, 0))
    assert newest["migration_id"] == "other"
    assert (asked["actor"], asked["way"], asked["outcome"]) == ("key ab", "rest", "gate_refused")
    assert [row["verb"] for row in database.read(lambda tx: audit.latest(tx, "move", 5, 0))] == [
        "cutover",
        "create",
    ]
    assert database.read(lambda tx: audit.latest(tx, None, 1, 1)) == [asked]
    assert database.read(lambda tx: audit.since(tx, asked["number"], 10)) == [newest]


async def test_rows_can_neither_be_changed_nor_taken_out(database, tx):
    for statement in ("UPDATE audit SET actor = 'nobody'", "DELETE FROM audit"):
        with pytest.raises(apsw.ConstraintError, match=APPENDED_ONLY):
            await database.write(lambda tx, text=statement: tx.execute(text))


@pytest.fixture
async def chained(database, tx):
    """Rows 1 to 4, and who can write the file whatever the triggers say."""
    for number in range(3):
        await tx(audit.record, "look", at=str(number))

    def forge(*statements):
        def work(tx):
            tx.execute("DROP TRIGGER audit_stays; DROP TRIGGER audit_keeps")
            for statement in statements:
                tx.execute(statement)
            return audit.verify(tx)

        return database.write(work)

    return forge


async def test_a_whole_chain_is_whole(chained):
    seen = await chained()
    assert (seen.rows, seen.older, seen.broken) == (4, 0, ())
    assert len(seen.head) == 64


@pytest.mark.parametrize(
    ("statement", "told"),
    [
        ("UPDATE audit SET actor = 'x' WHERE number = 2", "row 2 does not fit the one before it"),
        ("UPDATE audit SET chain = zeroblob(32) WHERE number = 4", "row 4 does not fit the one before it"),
        ("UPDATE audit SET chain = NULL WHERE number = 3", "row 3 does not fit the one before it"),
        ("DELETE FROM audit WHERE number = 2", "row 2 is missing"),
        ("DELETE FROM audit WHERE number IN (2, 3)", "rows 2 to 3 are missing"),
        ("DELETE FROM audit WHERE number > 2", "rows 3 to 4 are missing at the end"),
        ("DELETE FROM audit", "rows 1 to 4 are missing at the end"),
    ],
)
async def test_what_was_forged_is_seen(chained, statement, told):
    assert told in (await chained(statement)).broken


async def test_a_row_that_was_forged_with_its_digest_is_seen_by_the_next(database, chained):
    """Each digest holds the one before, so that who forges a row has to forge all that follow."""
    first, second = database.read(lambda tx: audit.since(tx, 0, 2))
    forged = {**second, "actor": "somebody else"}
    row = [forged[key] for key in audit._KEYS]
    chain = audit._link(bytes.fromhex(first["chain"]), row).hex()
    seen = await chained(f"UPDATE audit SET actor = 'somebody else', chain = X'{chain}' WHERE number = 2")
    assert seen.broken == ("row 3 does not fit the one before it",)


async def test_a_row_put_in_is_seen(chained):
    columns = "migration_id, at, verb"
    seen = await chained(f"INSERT INTO audit ({columns}) VALUES ('move', '1', 'innocent')")
    assert seen.broken == ("row 5 does not fit the one before it",)


async def test_rows_from_before_the_chain_are_counted_apart(chained):
    seen = await chained("UPDATE audit SET chain = NULL WHERE number <= 4")
    assert (seen.rows, seen.older, seen.head, seen.broken) == (0, 4, "", ())


async def test_a_number_is_never_given_twice(database, chained, tx):
    await chained("DELETE FROM audit WHERE number = 4")
    await tx(audit.record, "again", at="9")
    seen = database.read(audit.verify)
    assert seen.broken[0] == "row 4 is missing"
