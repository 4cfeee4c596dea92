"""Why work waits, as the file has it."""

import pytest

from vectormigrate.model.specification import Specification, StoreRef
from vectormigrate.state import migrations, sessions, throttles, views


@pytest.fixture
async def move(database):
    spec = Specification("move", StoreRef("memory", "", "a"), StoreRef("memory", "", "b"))
    await database.write(lambda tx: migrations.create(tx, spec, at="2026-01-01T00:00:00+00:00"))
    return spec.id


async def put(database, reasons, at="now"):
    return await database.write(lambda tx: throttles.put(tx, "move", reasons, at=at))


async def test_those_stand_that_were_put_last(database, move):
    assert await put(database, {"cpu": "much", "file": "there"}) == {}
    assert await put(database, {"file": "there still", "url": "no"}, at="later") == {
        "cpu": "much",
        "file": "there",
    }
    assert database.read(lambda tx: throttles.get(tx, move)) == {"file": "there still", "url": "no"}
    since = database.read(
        lambda tx: tx.execute("SELECT reason, since FROM throttle ORDER BY reason").fetchall()
    )
    assert since == [("file", "now"), ("url", "later")]


async def test_a_status_tells_them_while_somebody_owns_the_file(database, move):
    await put(database, {"file": "there"})
    assert database.read(lambda tx: views.status(tx, move, owned=True)).throttled == {"file": "there"}
    assert database.read(lambda tx: views.status(tx, move)).throttled == {}


async def test_a_process_that_begins_finds_none(database, move):
    await put(database, {"file": "there"})
    await database.write(lambda tx: sessions.begin(tx, at="later"))
    assert database.read(lambda tx: throttles.get(tx, move)) == {}
