from importlib import resources

import apsw
import pytest

from vectormigrate.state import upgrade, views
from vectormigrate.state.database import Database, Reader

TABLES = (
    "SELECT type, name, tbl_name, sql FROM sqlite_schema WHERE name NOT LIKE 'sqlite_%' ORDER BY type, name"
)


def tables(connection):
    """What a schema says, apart from how it was typed."""
    return [
        (*row[:3], " ".join(line.partition("--")[0].strip() for line in row[3].splitlines()))
        for row in connection.execute(TABLES)
    ]


def test_the_schema_is_what_all_upgrades_make():
    stepwise, whole = apsw.Connection(":memory:"), apsw.Connection(":memory:")
    upgrade.upgrade(stepwise)
    whole.execute((resources.files("vectormigrate.state") / "schema.sql").read_text())
    assert tables(stepwise) == tables(whole)


def test_steps_are_numbered_without_a_gap_and_every_table_is_strict():
    assert [number for number, _ in upgrade.steps()] == list(range(1, upgrade.current_version() + 1))
    connection = apsw.Connection(":memory:")
    upgrade.upgrade(connection)
    strict = dict(connection.execute("SELECT name, strict FROM pragma_table_list WHERE type = 'table'"))
    assert {name for name, is_strict in strict.items() if not is_strict} <= {
        "sqlite_schema",
        "sqlite_temp_schema",
        "sqlite_sequence",
    }


def test_an_upgrade_is_whole_or_not_at_all(monkeypatch, tmp_path):
    path = tmp_path / "state.db"
    Database.open(path).close()
    version = upgrade.current_version()
    known = upgrade.steps()
    step = (version + 1, "CREATE TABLE added (a TEXT) STRICT; CREATE TABLE broken (")
    monkeypatch.setattr(upgrade, "steps", lambda: [*known, step])
    with pytest.raises(apsw.SQLError):
        Database.open(path)
    monkeypatch.setattr(
        upgrade, "steps", lambda: [*known, (version + 1, "CREATE TABLE added (a TEXT) STRICT")]
    )
    database = Database.open(path)
    assert database.read(lambda tx: tx.pragma("user_version")) == version + 1
    assert database.read(lambda tx: tx.execute("SELECT count(*) FROM added").get) == 0
    database.close()


def test_who_looks_while_a_file_is_made_or_brought_up_to_date_sees_nothing_between(tmp_path):
    for name, version in (("new.db", 0), ("old.db", 1)):
        older(tmp_path / name, version)
        connection, commits = apsw.Connection(str(tmp_path / name)), []
        connection.set_commit_hook(lambda commits=commits: bool(commits.append(1)))
        upgrade.upgrade(connection)
        upgrade.upgrade(connection)
        assert len(commits) == 1
        connection.close()


def older(path, version):
    """A state file as a program of that version leaves it."""
    connection = apsw.Connection(str(path))
    for number, text in upgrade.steps()[:version]:
        connection.execute(text)
        connection.pragma("user_version", number)
    connection.pragma("application_id", upgrade._APPLICATION)
    connection.close()


def test_a_file_of_an_earlier_version_can_be_looked_at_and_stays_as_it_is(tmp_path):
    older(tmp_path / "state.db", 3)
    reader = Reader(tmp_path / "state.db")
    assert reader.read(lambda tx: views.all_statuses(tx, None, 10, 0)) == []
    assert reader.read(lambda tx: tx.execute("SELECT count(*) FROM lever").get) == 0
    assert reader.read(lambda tx: tx.pragma("user_version")) == 3
    reader.close()


def test_what_a_full_disk_left_half_made_can_be_looked_at(tmp_path):
    older(tmp_path / "state.db", 1)
    reader = Reader(tmp_path / "state.db")
    assert reader.read(lambda tx: tx.execute("SELECT count(*) FROM migration").get) == 0
    reader.close()
