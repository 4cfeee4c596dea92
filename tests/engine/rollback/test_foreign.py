from vectormigrate.engine.rollback import foreign as noting
from vectormigrate.engine.rollback.foreign import note_foreign
from vectormigrate.model.record import id_text
from vectormigrate.model.snapshot import record_digest
from vectormigrate.state import ownership


async def test_every_record_is_listed_and_some_by_content(world, database, bench, monkeypatch):
    monkeypatch.setattr(noting, "_PAGE", 7)
    monkeypatch.setattr(noting, "_DIGESTS", 10)
    await world.fill([])
    await world.fill(range(50), side="target")
    await bench.prepare()
    seen = []
    for _ in range(2):  # an interrupted attempt is done anew
        seen.clear()
        await note_foreign(database, world.spec.id, world.store("target"), "copy", 50, seen.append)
    assert seen[-1] == 50
    ids = [id_text(one) for one in range(50)]
    assert database.read(lambda tx: ownership.foreign_count(tx, world.spec.id)) == 50
    assert database.read(lambda tx: ownership.foreign_among(tx, world.spec.id, [*ids, "i:99"])) == set(ids)
    digests = dict(database.read(lambda tx: ownership.digests(tx, world.spec.id)))
    assert list(digests) == [
        f"i:{number}" for number in sorted(range(0, 50, 5), key=lambda n: ownership.id_hash(f"i:{n}"))
    ]
    held = {id_text(one.id): record_digest(one) for one in world.target.tables["copy"].after(None, None, 0)}
    assert all(held[text] == digest for text, digest in digests.items())


async def test_nothing_there_is_nothing_noted(world, database, bench):
    await world.fill([])
    await bench.prepare()
    await database.write(lambda tx: ownership.add_foreign(tx, world.spec.id, ["i:1"]))
    await note_foreign(database, world.spec.id, world.store("target"), "copy", 0, lambda _: None)
    assert database.read(lambda tx: ownership.foreign_count(tx, world.spec.id)) == 0
