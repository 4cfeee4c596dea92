import hmac
from datetime import datetime
from hmac import compare_digest

import pytest

from tests.fakes.clock import FakeClock
from vectormigrate.daemon.keyring import Keyring
from vectormigrate.model.access import Scope
from vectormigrate.model.errors import UsageError
from vectormigrate.state import numbers
from vectormigrate.state.database import Database


@pytest.fixture
def clock():
    return FakeClock()


@pytest.fixture
def database(tmp_path):
    owned = Database.open(tmp_path / "state.db")
    yield owned
    owned.close()


@pytest.fixture
def keyring(database, clock):
    return Keyring(database, clock)


async def test_a_key_is_told_once_and_kept_as_a_digest(keyring, tmp_path, database):
    text, made = await keyring.create(Scope.OPERATE, "ci", None)
    prefix, key_id, secret = text.split("_", 2)
    assert (prefix, key_id, made.id) == ("vmk", made.id, key_id)
    assert len(secret) == 43
    who = keyring.open(text, "rest")
    assert (who.name, who.scope, who.way) == (f"key {key_id}", Scope.OPERATE, "rest")
    database.close()
    kept = b"".join(path.read_bytes() for path in tmp_path.iterdir())
    assert secret.encode() not in kept


async def test_no_two_keys_are_alike_and_none_is_near_another(keyring):
    text, _ = await keyring.create(Scope.READ, "", None)
    other, _ = await keyring.create(Scope.READ, "", None)
    key_id, secret = text.split("_", 2)[1:]
    for wrong in (
        "",
        text[:-1],
        text + "x",
        text.upper(),
        secret,
        key_id,
        f"vmk_{key_id}_",
        f"vmk_{key_id}_{other.split('_', 2)[2]}",
        f"vmk__{secret}",
        f"xxx_{key_id}_{secret}",
        "\ud800",
        "x" * 100_000,
    ):
        assert keyring.open(wrong, "rest") is None, wrong[:60]


async def test_every_wrong_key_is_compared_in_constant_time(keyring, clock, monkeypatch):
    """How long it takes tells neither how much of a key is right nor whether there is one of that id."""
    keyring.configure("the configured one")
    revoked, made = await keyring.create(Scope.READ, "", None)
    await keyring.revoke(made.id)
    good, _ = await keyring.create(Scope.READ, "", None)
    compared = []

    def compare(one, other):
        compared.append((len(one), len(other)))
        return compare_digest(one, other)

    monkeypatch.setattr(hmac, "compare_digest", compare)
    for wrong in ("the configured", "vmk_none_x", f"{good[:-1]}!", revoked, "vmk_" + "x" * 10_000):
        compared.clear()
        assert keyring.open(wrong, "rest") is None
        assert compared == [(32, 32), (32, 32)]


async def test_keys_end_and_are_revoked_at_once(keyring, clock):
    text, made = await keyring.create(Scope.READ, "", 60.0)
    clock.advance(59)
    assert keyring.open(text, "rest")
    clock.advance(1)
    assert keyring.open(text, "rest") is None
    assert [key.good for key in keyring.every()] == [False]
    other, made = await keyring.create(Scope.READ, "", None)
    assert (await keyring.revoke(made.id)).good is False
    assert keyring.open(other, "rest") is None
    with pytest.raises(UsageError, match="there is no key"):
        await keyring.revoke("none")


async def test_a_rotated_key_has_the_same_rights_and_the_same_end(keyring, clock):
    old, made = await keyring.create(Scope.OPERATE, "ci", 1000.0)
    new, next_one = await keyring.rotate(made.id, 100.0)
    assert (next_one.scope, next_one.label, next_one.expires_at) == ("operate", "ci", made.expires_at)
    assert keyring.open(old, "rest")
    assert keyring.open(new, "rest")
    clock.advance(100)
    assert keyring.open(old, "rest") is None
    assert keyring.open(new, "rest")
    with pytest.raises(UsageError, match="revoked or has expired"):
        await keyring.rotate(made.id, 0.0)


async def test_the_end_of_a_key_that_was_rotated_is_no_news_and_that_of_the_one_in_its_place_is(
    keyring, clock, database
):
    def ends():
        return database.read(lambda tx: numbers.first_ends(tx, clock.now().isoformat()))

    _, made = await keyring.create(Scope.READ, "prometheus", 30 * 86400.0)
    end = {"read": datetime.fromisoformat(made.expires_at)}
    assert ends() == end
    clock.advance(20 * 86400)
    _, second = await keyring.rotate(made.id, 600.0)
    assert ends() == end
    await keyring.revoke(second.id)
    assert ends() == {}


async def test_the_key_of_the_configuration(database, clock, keyring):
    assert keyring.empty
    configured = Keyring(database, clock, "open sesame")
    assert not configured.empty
    assert configured.open("open sesame", "rpc").scope is Scope.ADMIN
    assert configured.open("open sesam", "rpc") is None
    configured.configure("other")
    assert configured.open("open sesame", "rpc") is None
    configured.configure("")
    assert configured.open("", "rpc") is None
    assert configured.empty
    await keyring.create(Scope.READ, "", 10.0)
    assert not configured.empty
    clock.advance(11)
    assert configured.empty
