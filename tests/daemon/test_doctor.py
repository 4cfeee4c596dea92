"""Checks before anything starts."""

from dataclasses import replace

import apsw
import pytest

from tests.fakes.tables import asked, fill
from vectormigrate.daemon.doctor import doctor
from vectormigrate.daemon.placing import settled
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.specification import Mode, Specification, StoreRef
from vectormigrate.stores.base import StoreInfo
from vectormigrate.stores.sqlite.store import SqliteStore


@pytest.fixture
def source(tmp_path):
    connection = apsw.Connection(str(tmp_path / "old.db"))
    connection.execute("CREATE TABLE docs (id INTEGER PRIMARY KEY, embedding F32_BLOB(8))")
    connection.execute("INSERT INTO docs VALUES (1, zeroblob(32))")
    connection.close()
    return StoreRef("sqlite", str(tmp_path / "old.db"), "docs")


def by_name(checks):
    assert len({check.name for check in checks}) == len(checks)
    return {check.name: check for check in checks}


async def test_this_machine(tmp_path):
    checks = by_name(await doctor(None, tmp_path / "state.db", Secrets({}, {})))
    assert set(checks) == {"state library", "state disk", "state fsync"}
    assert all(check.ok for check in checks.values())
    assert list(tmp_path.iterdir()) == []


async def test_a_folder_that_is_not_there_yet_is_not_made(tmp_path):
    checks = by_name(await doctor(None, tmp_path / "new" / "state.db", Secrets({}, {})))
    assert "state fsync" not in checks
    assert not (tmp_path / "new").exists()


async def test_both_sides(tmp_path, source):
    target = StoreRef("sqlite", str(tmp_path / "new.db"), "docs")
    checks = by_name(
        await doctor(Specification("docs", source, target), tmp_path / "state.db", Secrets({}, {}))
    )
    assert all(check.ok for check in checks.values())
    assert "1 records, int ids, embedding float32[8]" in checks["source collection"].detail
    assert "it will be made" in checks["target collection"].detail
    assert not (tmp_path / "new.db").exists()


async def test_what_is_wrong_is_said_for_each_side(tmp_path, source):
    gone = StoreRef("sqlite", str(tmp_path / "none.db"), "docs")
    locked = StoreRef("sqlite", source.url, "else", "env:NOPE")
    checks = by_name(
        await doctor(Specification("docs", gone, locked), tmp_path / "state.db", Secrets({}, {}))
    )
    assert not checks["source collection"].ok
    assert checks["source collection"].hint
    assert not checks["target connects"].ok
    assert "NOPE" in checks["target connects"].detail


async def test_what_a_source_in_use_does_is_said(tmp_path, source, monkeypatch):
    async def info(store):
        return StoreInfo("sqlite", "3", {}, ("reads wait 60 s",))

    monkeypatch.setattr(SqliteStore, "info", info)
    checks = by_name(
        await doctor(Specification("docs", source, source), tmp_path / "state.db", Secrets({}, {}))
    )
    assert (checks["source in use"].ok, checks["source in use"].detail) == (True, "reads wait 60 s")
    assert "target in use" not in checks


async def test_parts(tmp_path):
    fill(tmp_path / "old.db", **{"docs-a": 1, "docs-b": 1})
    for pattern, ok, told in (
        ("docs-*", True, "2: docs-a to docs-a, docs-b to docs-b"),
        ("none", False, "the source has no collections called 'none'"),
    ):
        checks = by_name(await doctor(asked(tmp_path, pattern), tmp_path / "state.db", Secrets({}, {})))
        assert (checks["parts"].ok, checks["parts"].detail) == (ok, told)
        assert "source collection" not in checks


async def test_a_split_in_use(tmp_path):
    fill(tmp_path / "old.db", docs=3)
    spec = replace(asked(tmp_path, "docs", "docs_{name}", value_of="lang"), mode=Mode.PROXIED)
    state = tmp_path / "state.db"
    checks = by_name(await doctor(spec, state, Secrets({}, {})))
    told = "3: de to docs_de, en to docs_en, fr to docs_fr"
    assert (checks["parts"].ok, checks["parts"].detail) == (True, told)
    checks = by_name(await doctor(await settled(spec, Secrets({}, {})), state, Secrets({}, {})))
    assert "docs_{name} does not exist: it will be made" in checks["target collection"].detail
    bad = replace(spec, division=replace(spec.division, value_of="embedding"))
    assert "no value of 'embedding'" in by_name(await doctor(bad, state, Secrets({}, {})))["parts"].detail
