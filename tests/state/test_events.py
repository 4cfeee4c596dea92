from vectormigrate.state import events


async def test_events_are_numbered_and_found_behind_a_number(database):
    first = await database.write(
        lambda tx: events.append(tx, [("1", "a", "warned", "{}"), ("2", "b", "warned", "{}")])
    )
    second = await database.write(lambda tx: events.append(tx, [("3", "a", "phase_changed", '{"x":1}')]))
    assert [one.number for one in first + second] == [1, 2, 3]
    assert database.read(lambda tx: events.since(tx, 1, None, 10)) == [*first[1:], *second]
    assert database.read(lambda tx: events.since(tx, 0, "a", 10)) == [first[0], *second]
    assert database.read(lambda tx: events.since(tx, 0, None, 1)) == first[:1]
    assert database.read(events.last_number) == 3


async def test_events_of_parts_are_those_of_their_whole(database):
    names = ("many", "many:a", "manyother", "many:b")
    made = await database.write(lambda tx: events.append(tx, [("1", name, "warned", "{}") for name in names]))
    assert database.read(lambda tx: events.since(tx, 0, "many", 10)) == [made[0], made[1], made[3]]
    assert database.read(lambda tx: events.since(tx, 0, "many:a", 10)) == [made[1]]


async def test_the_oldest_are_dropped(database, monkeypatch):
    monkeypatch.setattr(events, "KEPT", 3)
    for at in range(5):
        await database.write(lambda tx, at=at: events.append(tx, [(str(at), "a", "warned", "{}")]))
    assert [one.number for one in database.read(lambda tx: events.since(tx, 0, None, 10))] == [3, 4, 5]


async def test_nothing_happened_yet(database):
    assert database.read(events.last_number) == 0
    assert await database.write(lambda tx: events.append(tx, [])) == []
