import json
import zipfile

import pytest

from tests.fakes.tables import fill


@pytest.fixture
def bundle(migrated, tmp_path):
    def make(**environ):
        path = tmp_path / "help.zip"
        ran = migrated.run("support-bundle", "--output", str(path), "--json")
        assert ran.code == 0, ran.err
        with zipfile.ZipFile(path) as file:
            parts = {name: file.read(name).decode() for name in file.namelist()}
        assert sorted(parts) == ran.document["parts"]
        return parts

    return make


def test_it_holds_what_helps(bundle):
    parts = bundle()
    assert json.loads(parts["versions.json"])["packages"]["numpy"]
    assert json.loads(parts["configuration.json"])["settings"]["batch-size"]["value"] == 100
    assert json.loads(parts["migrations/docs/status.json"])["phase"] == "verified"
    assert json.loads(parts["migrations/docs/history.json"])[0]["verb"] == "create"
    assert json.loads(parts["migrations/docs/report.json"])["compared"] == 20


def test_no_record_is_in_it(bundle):
    report = json.loads(bundle()["migrations/docs/report.json"])
    assert not {"worst", "findings", "ranges"} & report.keys()


def test_each_part_has_its_documents_and_no_record_is_in_the_whole(terminal, tmp_path):
    fill(terminal.directory / "old.db", **{"docs-a": 3, "docs-b": 3})
    flags = ("--source-type", "sqlite", "--source-url", "old.db", "--each-collection", "docs-*")
    terminal.run("migrate", "many", *flags, "--target-type", "sqlite", "--target-url", "new.db")
    terminal.sql("new.db", 'DELETE FROM "docs-b"')
    terminal.run("validate", "many", "--full")
    ran = terminal.run("support-bundle", "--output", str(tmp_path / "help.zip"))
    assert ran.code == 0, ran.err
    with zipfile.ZipFile(tmp_path / "help.zip") as file:
        assert json.loads(file.read("migrations/many:docs-b/report.json"))["missing"] == 3
        whole = json.loads(file.read("migrations/many/report.json"))
    assert (whole["missing"], "parts" in whole, "findings" in whole) == (3, False, False)


def test_no_secret_is_in_it(bundle, migrated, tmp_path):
    (tmp_path / "vectormigrate.toml").write_text(
        """
[stores.new]
kind = "pgvector"
url = "postgresql://app:hidden-one@localhost/search"
api_key = "hidden-two"
[webhooks.ops]
url = "https://ops.example/in"
secret = "hidden-three"
"""
    )
    said = "no way to postgresql://app:hidden-four@host/db"  # by a driver, whose errors are kept as they are
    migrated.sql("state.db", f"UPDATE migration SET error = '{said}'")
    text = "".join(bundle().values())
    assert "no way to postgresql://app:***@host/db" in text
    assert "hidden" not in text
    assert "***" in text


def test_without_a_state_file_the_rest_is_still_there(terminal, tmp_path):
    ran = terminal.run(
        "support-bundle", "--output", str(tmp_path / "help.zip"), "--state", "none.db", "--json"
    )
    assert "state.json" in ran.document["parts"]


def test_a_place_that_cannot_be_written_is_told(migrated):
    ran = migrated.run("support-bundle", "--output", "no/such/help.zip")
    assert ran.code == 2
    assert "cannot be written" in ran.err
