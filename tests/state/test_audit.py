from vectormigrate.state import audit


async def test_rows_are_told_oldest_first_and_of_one_migration(database, tx):
    await tx(audit.record, "pause", at="2", before="backfill", after="paused", detail="asked")
    await database.write(lambda tx: audit.record(tx, "other", "create", at="3"))
    created, paused = await tx(audit.of_migration)
    assert created["verb"] == "create"
    assert paused == {"at": "2", "verb": "pause", "before": "backfill", "after": "paused", "detail": "asked"}
