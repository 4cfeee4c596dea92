"""Secrets by reference: what is stored, and what is dialled."""

import asyncio
import sys
from dataclasses import replace

import pytest

from vectormigrate.daemon import secrets
from vectormigrate.daemon.secrets import Literal, Secrets, is_reference, key, seal
from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.model.specification import StoreRef


def ref(url="", api_key="", **options):
    return StoreRef("pgvector", url, "docs", api_key, options)


@pytest.mark.parametrize(
    ("url", "stored"),
    [
        ("postgresql://u:hunter2@h:5432/d?sslmode=require", "postgresql://u@h:5432/d?sslmode=require"),
        ("postgresql://:hunter2@h/d", "postgresql://h/d"),
        ("postgresql://u@h/d", "postgresql://u@h/d"),
        ("postgresql://u:${PW}@h/d", "postgresql://u:${PW}@h/d"),
        ("postgresql://h/d?password=hunter2", "postgresql://h/d"),
        (
            "postgresql://h/d?user=u&password=hunter2&sslmode=require",
            "postgresql://h/d?user=u&sslmode=require",
        ),
        ("postgresql://h/d?password=${PW}", "postgresql://h/d?password=${PW}"),
        ("host=h password=hunter2 dbname=d", "host=h dbname=d"),
        ("host=h password='hun ter\\'2' dbname=d", "host=h dbname=d"),
        ("password = hunter2", ""),
        ("host=h password=${PW}", "host=h password=${PW}"),
        ("http://root:hunter2@h:19530", "http://root@h:19530"),
        ("${DATABASE_URL}", "${DATABASE_URL}"),
        ("/a/path:with@signs", "/a/path:with@signs"),
    ],
)
def test_a_password_in_an_address_is_not_stored(url, stored):
    sealed = seal(ref(url))
    assert sealed.ref.url == stored
    assert sealed.literal == (None if url == stored else Literal(url=url))


@pytest.mark.parametrize("reference", ["", "env:KEY", "file:/run/key", "command:pass show x", "${KEY}"])
def test_references_are_stored(reference):
    assert is_reference(reference)
    assert seal(ref(api_key=reference)).ref.api_key == reference
    assert seal(ref(api_key=reference)).literal is None


def test_a_key_by_value_is_not_stored():
    sealed = seal(ref(api_key="hunter2"))
    assert sealed.ref.api_key == ""
    assert sealed.literal == Literal(api_key="hunter2")
    assert "hunter2" not in repr(sealed)


def test_what_was_sealed_is_dialled():
    sealed = seal(ref("postgresql://u:hunter2@h/d", "topsecret", timeout="5"))
    known = Secrets({secrets.key(sealed.ref): sealed.literal}, {})
    endpoint = known.resolve(sealed.ref, "docs")
    assert (endpoint.url, endpoint.api_key) == ("postgresql://u:hunter2@h/d", "topsecret")
    assert (endpoint.owner, endpoint.options) == ("docs", {"timeout": "5"})
    assert "hunter2" not in repr(known)


def test_a_password_of_any_characters():
    endpoint = Secrets({}, {"PW": "p@ss/w:rd%"}).resolve(ref("postgresql://u:${PW}@h/d"), "docs")
    assert endpoint.url == "postgresql://u:p%40ss%2Fw%3Ard%25@h/d"


def test_a_whole_address_is_taken_as_it_is():
    url = "postgresql://u:p%40ss@h/d"
    assert Secrets({}, {"URL": url}).resolve(ref("${URL}"), "docs").url == url


def test_keys_are_looked_up(tmp_path):
    (tmp_path / "key").write_text("from file\n")
    environ = {"KEY": "from env", "DIR": str(tmp_path), "EMPTY": ""}
    known = Secrets({}, environ)

    def look_up(reference):
        return known.resolve(ref(api_key=reference), "docs").api_key

    assert look_up("env:KEY") == "from env"
    assert look_up("${KEY}") == "from env"
    assert look_up("file:${DIR}/key") == "from file"
    assert look_up(f"command:{sys.executable} -c 'print(\"from command\")'") == "from command"
    assert look_up("") == ""


@pytest.mark.parametrize(
    ("reference", "told"),
    [
        ("env:NOPE", "environment variable NOPE is not set"),
        ("env:EMPTY", "environment variable EMPTY is not set"),
        ("${NOPE}", "environment variable NOPE is not set"),
        ("file:/no/such/file", "file /no/such/file cannot be read: No such file"),
        ("command:/no/such/program", "did not run: No such file"),
        ("command:'", "did not run: No closing quotation"),
        (f"command:{sys.executable} -c 'raise SystemExit(3)'", "gave no secret .exit code 3."),
    ],
)
def test_a_secret_that_cannot_be_had_is_named_and_not_shown(reference, told):
    with pytest.raises(ConfigInvalid, match=told) as caught:
        Secrets({}, {"EMPTY": ""}).resolve(ref(api_key=reference), "docs")
    assert caught.value.store == "pgvector"
    assert caught.value.hint


def test_a_command_that_does_not_answer(monkeypatch):
    monkeypatch.setattr(secrets, "COMMAND_SECONDS", 0.05)
    with pytest.raises(ConfigInvalid, match=r"no answer after 0\.05 s"):
        Secrets({}, {}).resolve(ref(api_key="command:sleep 5"), "docs")


def test_another_reference_for_this_run_only():
    known = Secrets({secrets.key(ref("h")): Literal(api_key="env:NEW")}, {"NEW": "new"})
    assert known.resolve(ref("h", "env:OLD"), "docs").api_key == "new"


def test_the_key_of_redactions_is_looked_up():
    target = StoreRef("memory", "", "docs", redact_key="env:RK")
    assert Secrets(environ={"RK": "k"}).resolve(target, "m").redact_key == "k"
    assert Secrets(environ={}).resolve(StoreRef("memory", "", "docs"), "m").redact_key == ""
    with pytest.raises(ConfigInvalid, match="RK is not set"):
        Secrets(environ={}).resolve(target, "m")


def test_what_opens_a_migration_opens_its_parts():
    whole, part, own = ref("postgresql://h/d"), ref("postgresql://h/d"), ref("postgresql://h/d")
    part, own = replace(part, collection="a"), replace(own, collection="b")
    known = Secrets({key(whole): Literal("", "sesame"), key(own): Literal("", "other")}, {})
    lent = known.lent(whole, part).lent(whole, own)
    assert [lent.resolve(one, "docs").api_key for one in (whole, part, own)] == ["sesame", "sesame", "other"]
    assert known.lent(part, own) is known


async def test_a_command_that_takes_its_time_holds_nobody_up(tmp_path):
    """The loop that waits for it is the one that applications are answered by."""
    said = tmp_path / "said"
    line = f"{sys.executable} -c \"import pathlib, time\nwhile not pathlib.Path('{said}').exists(): time.sleep(.01)\nprint('x')\""
    asked = asyncio.create_task(Secrets({}, {}).reach(ref("h", api_key=f"command:{line}"), "move"))
    async with asyncio.timeout(20):
        await asyncio.sleep(0.05)  # it runs by now, and waits for what only this loop will do
        assert not asked.done()
        said.touch()
        assert (await asked).api_key == "x"


async def test_what_is_at_hand_is_taken_as_it_is(monkeypatch):
    monkeypatch.setattr(asyncio, "to_thread", None)
    found = await Secrets({}, {"KEY": "x"}).reach(ref("h", api_key="env:KEY"), "move")
    assert (found.api_key, found.url) == ("x", "h")
