from vectormigrate.state import api_keys
from vectormigrate.state.api_keys import StoredKey

EARLY, NOW, LATE = "2026-01-01T00:00:00+00:00", "2026-06-01T00:00:00+00:00", "2027-01-01T00:00:00+00:00"


def key(name, **words):
    return StoredKey(
        **{
            "id": name,
            "digest": b"d",
            "scope": "read",
            "label": "",
            "created_at": EARLY,
            "expires_at": None,
            "revoked_at": None,
            **words,
        }
    )


async def test_keys_are_kept_and_found(database):
    await database.write(lambda tx: api_keys.add(tx, key("a", expires_at=LATE)))
    await database.write(lambda tx: api_keys.add(tx, key("b", scope="admin", label="ci")))
    assert database.read(lambda tx: api_keys.get(tx, "b")) == key("b", scope="admin", label="ci")
    assert database.read(lambda tx: api_keys.get(tx, "c")) is None
    assert [one.id for one in database.read(api_keys.every)] == ["a", "b"]


async def test_a_key_is_good_until_it_expires_or_is_revoked(database):
    await database.write(lambda tx: api_keys.add(tx, key("a")))
    found = database.read(lambda tx: api_keys.get(tx, "a"))
    assert found.good(NOW)
    await database.write(lambda tx: api_keys.expire(tx, "a", at=NOW))
    await database.write(lambda tx: api_keys.expire(tx, "a", at=LATE))
    found = database.read(lambda tx: api_keys.get(tx, "a"))
    assert found.expires_at == NOW
    assert found.good(EARLY)
    assert not found.good(NOW)
    await database.write(lambda tx: api_keys.revoke(tx, "a", at=EARLY))
    await database.write(lambda tx: api_keys.revoke(tx, "a", at=LATE))
    found = database.read(lambda tx: api_keys.get(tx, "a"))
    assert found.revoked_at == EARLY
    assert not found.good(EARLY)
