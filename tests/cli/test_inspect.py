"""Looking."""

import json

import pytest


def test_status_in_words_and_as_a_document(migrated):
    assert migrated.run("status", "docs").out.startswith("docs: verified\n  source ")
    document = migrated.run("status", "docs", "--json").document
    assert (document["migration_id"], document["phase"], document["total"]) == ("docs", "verified", 20)
    assert document["created_at"].endswith("Z")


def test_list_is_newest_first_and_paged(migrated):
    migrated.run("migrate", "later", *migrated.flags(target="later.db"))
    page = migrated.run("list", "--json").document
    assert [item["migration_id"] for item in page["migrations"]] == ["later", "docs"]
    assert (page["limit"], page["offset"]) == (50, 0)
    assert [
        item["migration_id"]
        for item in migrated.run("list", "--json", "--limit", "1", "--offset", "1").document["migrations"]
    ] == ["docs"]
    assert migrated.run("list", "--status", "failed").out == "no migrations\n"
    assert migrated.run("list", "--status", "verifed").code == 2


def test_nothing_yet(terminal):
    assert terminal.run("list").out == "no migrations\n"
    assert not (terminal.directory / "state.db").exists()


@pytest.mark.parametrize("verb", ["status", "findings", "dead-letters", "report"])
def test_an_unknown_id(migrated, verb):
    ran = migrated.run(verb, "nope")
    assert ran.code == 2
    assert "no migration 'nope'" in ran.err


@pytest.mark.parametrize("verb", ["status", "findings", "dead-letters", "report"])
def test_no_state_file(terminal, verb):
    ran = terminal.run(verb, "docs")
    assert ran.code == 2
    assert "does not exist" in ran.err
    assert not (terminal.directory / "state.db").exists()


def test_empty_pages(migrated):
    assert migrated.run("findings", "docs").out == "docs: no findings\n"
    assert migrated.run("dead-letters", "docs").out == "docs: no dead letters\n"
    assert migrated.run("dead-letters", "docs", "--json").document == {
        "format_version": 1, "migration_id": "docs", "dead_letters": [], "limit": 50, "offset": 0, "next_steps": [], "next_cursor": "",
        "would": "",
    }  # fmt: skip


def test_a_report_that_proves_and_one_that_does_not(migrated):
    migrated.run("validate", "docs", "--full")
    good = migrated.run("report", "docs")
    assert good.code == 0
    assert good.document["ok"] is True
    assert good.document["validation"]["method"] == "full"
    assert good.document["versions"]["source"].startswith("sqlite 3.")
    migrated.sql("new.db", "DELETE FROM docs WHERE id = 3")
    migrated.run("validate", "docs", "--full")
    assert migrated.run("report", "docs").code == 3


def test_files_of_a_report(migrated):
    migrated.run("validate", "docs", "--full")
    ran = migrated.run("report", "docs", "--html", "r.html", "--output", "r.json", "--json")
    assert ran.document["ok"] is True
    assert (ran.document["html"], ran.document["output"]) == ("r.html", "r.json")
    assert "<html" in (migrated.directory / "r.html").read_text()
    assert json.loads((migrated.directory / "r.json").read_text())["validation"]["compared"] == 20


def test_a_written_report_can_be_verified_by_anybody(migrated, tmp_path):
    path = tmp_path / "r.json"
    written = migrated.run("report", "docs", "--output", str(path), "--json").document
    told = json.loads(path.read_text())
    assert (told["history"][0]["verb"], told["history"][0]["actor"]) == ("create", "")
    assert "status" not in {row["verb"] for row in told["history"]}
    assert told["specification"]["id"] == "docs"
    ran = migrated.run("report", "verify", str(path), "--signed-by", written["signed_by"])
    assert ran.code == 0
    assert written["signed_by"] in ran.out
    assert told["verdict"] in ran.out
    path.write_text(json.dumps({**told, "ok": not told["ok"]}))
    ran = migrated.run("report", "verify", str(path))
    assert ran.code == 1
    assert "changed after it was signed" in ran.err
    assert migrated.run("report", "verify", str(tmp_path / "none.json")).code == 2


def test_a_report_that_cannot_be_written(migrated):
    ran = migrated.run("report", "docs", "--html", "no/such/r.html")
    assert ran.code == 2
    assert "cannot be written: No such file" in ran.err


def test_doctor_of_this_machine_and_of_a_migration(migrated):
    alone = migrated.run("doctor", "--json")
    assert alone.code == 0
    assert alone.document["ok"] is True
    stores = migrated.run("doctor", "docs")
    assert "ok   source collection: docs: 20 records" in stores.out


def test_doctor_of_stores_that_are_no_migration_yet(terminal):
    terminal.source()
    assert terminal.run("doctor", *terminal.flags()).code == 0
    ran = terminal.run("doctor", *terminal.flags(), "--source-index", "nope")
    assert ran.code == 1
    assert "BAD  source collection" in ran.out
    assert not (terminal.directory / "state.db").exists()
