"""migrate, resume and plan over real stores."""

import signal

import pytest

from tests.fakes.qdrant import QdrantServer
from tests.fakes.tables import fill, tables


def test_a_migration_from_nothing_to_verified(terminal):
    terminal.source(20)
    ran = terminal.run("migrate", "docs", *terminal.flags())
    assert ran.code == 0
    assert ran.out.startswith("docs: verified\n")
    assert "20 of 20 records" in ran.out
    assert "backfill: 20 of 20 (100%)" in ran.err
    assert terminal.sql("new.db", "SELECT count(*) FROM docs") == [(20,)]
    same = "SELECT id, title, embedding FROM docs ORDER BY id"
    assert terminal.sql("new.db", same) == terminal.sql("old.db", same)


def test_one_document_and_nothing_else(terminal):
    terminal.source()
    ran = terminal.run("migrate", "docs", *terminal.flags(), "--json", "--quiet")
    assert (ran.code, ran.err) == (0, "")
    assert ran.document["phase"] == "verified"
    assert ran.document["copied"] == 20


def test_all_of_it_in_the_file(terminal):
    terminal.source()
    (terminal.directory / "vectormigrate.toml").write_text(
        '[stores.old]\nkind = "sqlite"\nurl = "${HOME}/old.db"\n[stores.new]\nkind = "sqlite"\nurl = "new.db"\n'
        '[migrations.docs]\nsource = "old"\nsource_index = "docs"\ntarget = "new"\ntarget_index = "other"\n'
    )
    assert terminal.run("migrate", "docs").code == 0
    assert terminal.sql("new.db", "SELECT count(*) FROM other") == [(20,)]


def test_the_same_again_and_the_id_alone_are_no_other_migration(migrated):
    assert migrated.run("migrate", "docs").code == 0
    assert migrated.run("migrate", "docs", *migrated.flags()).code == 0
    assert migrated.run("resume", "docs").code == 0


def test_other_settings_are_refused_by_name(migrated):
    ran = migrated.run("migrate", "docs", *migrated.flags(), "--batch-size", "7")
    assert ran.code == 2
    assert "exists with other settings: batch-size is 100, not 7" in ran.err


def test_resume_needs_a_migration(terminal):
    assert terminal.run("resume", "docs").code == 2
    terminal.source()
    terminal.run("migrate", "else", *terminal.flags())
    ran = terminal.run("resume", "docs", "--json")
    assert ran.document["error"]["code"] == "unknown_migration"


@pytest.mark.parametrize(
    ("change", "code", "told"),
    [
        (["--source-index", "nope"], 2, "no table 'nope'"),
        (["--source-url", "none.db"], 2, "does not exist"),
        (["--target-url", "${HOME}/old.db"], 2, "the same collection"),
        (["--target-url", "old.db"], 2, "the same collection"),
        (["--batch-size", "0"], 2, "--batch-size must be a whole number from 1 to 10,000"),
        (["--rename", "nope=x"], 2, "no field or vector named 'nope'"),
        (["--target-type", "milvus", "--target-url", "http://127.0.0.1:1"], 5, "cannot be reached"),
        (["--source-api-key", "env:NOPE"], 2, "environment variable NOPE is not set"),
    ],
)
def test_what_cannot_start_takes_no_id_and_writes_nothing(terminal, change, code, told):
    terminal.source()
    ran = terminal.run("migrate", "docs", *terminal.flags(), *change)
    assert ran.code == code
    assert told in ran.err
    assert "  retry: " in ran.err
    assert "Traceback" not in ran.err
    assert terminal.run("status", "docs").code == 2
    assert terminal.run("migrate", "docs", *terminal.flags()).code == 0


def test_a_target_with_records_needs_a_word(terminal):
    terminal.source()
    terminal.source(3, "new.db")
    refused = terminal.run("migrate", "docs", *terminal.flags())
    assert refused.code == 4
    assert "already holds 3 records" in refused.err
    assert "--existing skip" in refused.err
    assert terminal.run("migrate", "docs", *terminal.flags(), "--existing", "overwrite").code == 0


def test_secrets_are_neither_stored_nor_shown(terminal):
    terminal.source()
    ran = terminal.run("migrate", "docs", *terminal.flags(), "--source-api-key", "hunter2", "--json")
    assert ran.code == 0
    assert "warning: the key of the source is not stored" in ran.err
    assert "process list" in ran.err
    assert "hunter2" not in ran.out + ran.err
    assert all(b"hunter2" not in path.read_bytes() for path in terminal.directory.iterdir() if path.is_file())


def test_plan_and_dry_run_say_the_same_and_write_nothing(terminal):
    terminal.source()
    plan = terminal.run("plan", "docs", *terminal.flags(), "--json")
    dry = terminal.run("migrate", "docs", *terminal.flags(), "--dry-run", "--json")
    assert plan.code == dry.code == 0
    same = ("source_count", "vectors", "fields", "id_rule", "ranges", "batches")
    assert [plan.document[name] for name in same] == [dry.document[name] for name in same]
    assert plan.document["source_count"] == 20
    assert sorted(path.name for path in terminal.directory.iterdir()) == ["old.db"]


def test_a_plan_is_written_as_a_file_that_it_can_be_made_of_again(terminal):
    terminal.source()
    path = str(terminal.directory / "m.toml")
    first = terminal.run("plan", "docs", *terminal.flags(), "--write-mapping", path, "--json")
    assert "give it back with --mapping" in first.err
    again = terminal.run("plan", "docs", *terminal.flags(), "--mapping", path, "--json")
    assert (again.code, again.document["fields"]) == (0, first.document["fields"])


def test_a_schema_is_shown_and_written_where_there_is_no_target_yet(terminal):
    terminal.source()
    side, path = terminal.flags()[:6], str(terminal.directory / "m.toml")
    shown = terminal.run("schema", *side, "--target-type", "pgvector", "--write-mapping", path)
    assert shown.code == 0, shown.err
    assert "8 dimensions" in shown.out
    assert terminal.run("plan", "docs", *terminal.flags(), "--mapping", path).code == 0
    assert terminal.run("schema", *side, "--target-type", "sqlite", "--json").document["target"] == "sqlite"
    terminal.run("migrate", "docs", *terminal.flags())
    assert "sqlite:docs -> sqlite:docs" in terminal.run("schema", "docs").out


def test_a_schema_of_what_is_not_said(terminal):
    for words, told in (
        ([], "there are missing: --source-type, --target-type"),
        (
            ["--source-type", "sqlite", "--source-index", "a", "--target-type", "qdrant"],
            "missing: --source-url",
        ),
        (
            ["--source-type", "sqlite", "--target-type", "qdrant", "--field", "a=frob"],
            "the type 'frob' of 'a'",
        ),
    ):
        ran = terminal.run("schema", *words)
        assert (ran.code, told in ran.err) == (2, True), ran.err


def test_plan_says_with_which_code_it_would_not_start(terminal):
    terminal.source()
    terminal.source(3, "new.db")
    ran = terminal.run("plan", "docs", *terminal.flags())
    assert ran.code == 4
    assert "would not start" in ran.err
    assert "holds 3 records" in ran.out


def test_ctrl_c_writes_a_checkpoint_and_says_how_to_go_on(terminal):
    terminal.source(300)
    with terminal.copying("docs", *terminal.flags(), "--batch-size", "5", "--max-rate", "100") as process:
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=30)
    assert process.returncode == 130, err
    assert "checkpoint written; go on with: vectormigrate resume docs" in err
    assert out.startswith("docs: backfill")
    held = terminal.sql("new.db", "SELECT count(*) FROM docs")[0][0]
    assert 0 < held < 300
    before = terminal.run("status", "docs", "--json").document["copied"]
    assert before == held
    terminal.sql(
        "state.db",
        "UPDATE migration SET specification = replace(specification, '\"max_rate\":100.0', '\"max_rate\":0.0')",
    )
    resumed = terminal.run("resume", "docs", "--json")
    assert resumed.code == 0
    assert resumed.document["copied"] == 300
    assert f"going on: {before} records were copied before" in resumed.err


def several(terminal):
    """The flags of a migration of three tables, which are filled."""
    fill(terminal.directory / "old.db", **{"docs-a": 20, "docs-b": 30, "docs-c": 10})
    words = ["--source-type", "sqlite", "--source-url", "${HOME}/old.db", "--each-collection", "docs-*"]
    return [*words, "--target-type", "sqlite", "--target-url", "${HOME}/new.db", "--quarantine", "0"]


def test_a_migration_of_several_parts_from_its_plan_to_its_rollback(terminal):
    flags = several(terminal)
    plan = terminal.run("plan", "many", *flags)
    assert plan.code == 0, plan.err
    assert "many:docs-b  sqlite:docs-b  sqlite:docs-b  30" in plan.out
    ran = terminal.run("migrate", "many", *flags)
    assert (ran.code, tables(terminal.directory / "new.db")) == (
        0,
        {"docs-a": 20, "docs-b": 30, "docs-c": 10},
    )
    assert ran.out.startswith("many: verified\n")
    assert "backfill of many:docs-b: 30 of 30 (100%)" in ran.err
    assert "many:docs-b  verified  sqlite:docs-b  sqlite:docs-b  30/30" in terminal.run("status", "many").out
    assert [one["migration_id"] for one in terminal.run("list", "--json").document["migrations"]] == ["many"]
    assert terminal.run("validate", "many", "--full").code == 0
    assert terminal.run("report", "many").code == 0
    refused = terminal.run("migrate", "many:docs-z", *flags)
    assert (refused.code, "a part is not made by itself" in refused.err) == (2, True)
    terminal.sql("new.db", 'DELETE FROM "docs-b" WHERE id = 7')
    seen = terminal.run("validate", "many", "--full")
    assert (seen.code, "many:docs-b  missing" in seen.out) == (3, True)
    assert "many:docs-b  missing" in terminal.run("findings", "many").out
    assert terminal.run("rollback", "many", says="many\n").code == 0
    assert tables(terminal.directory / "new.db") == {}


def test_one_part_that_cannot_start_keeps_all_from_being_made(terminal):
    flags = several(terminal)
    fill(terminal.directory / "new.db", **{"docs-b": 1})
    ran = terminal.run("migrate", "many", *flags)
    assert (ran.code, "already holds 1 record\n" in ran.err) == (4, True)
    assert terminal.run("status", "many").code == 2
    assert tables(terminal.directory / "new.db") == {"docs-b": 1}


# Other names.


@pytest.fixture
def qdrants():
    """A Qdrant whose collection goes by two names, and one where one of them is taken."""
    source, target = QdrantServer().start(), QdrantServer().start()
    vectors = {"vectors": {"size": 2, "distance": "Dot"}}
    source.database.create("docs", vectors)
    target.database.create("else", vectors)
    _name(source, "docs", "live", "now")
    _name(target, "else", "now")
    yield source, target
    source.stop()
    target.stop()


def _name(server, collection, *aliases):
    actions = [{"create_alias": {"collection_name": collection, "alias_name": one}} for one in aliases]
    server.database.alias({"actions": actions})


def test_aliases_come_along_and_are_taken_back(terminal, qdrants):
    source, target = qdrants
    words = ["docs", "--source-type", "qdrant", "--source-url", source.url, "--source-index", "docs"]
    words += ["--target-type", "qdrant", "--target-url", target.url, "--target-index", "docs"]
    notes = terminal.run("plan", *words, "--json").document["notes"]
    assert "alias 'live' will stand for the target, too" in notes
    assert any(
        note.startswith("alias 'now' is not carried: the target has that name already") for note in notes
    )
    assert terminal.run("migrate", *words).code == 0
    assert target.database.aliases == {"live": "docs", "now": "else"}
    assert terminal.run("rollback", "docs", "--yes").code == 0
    assert target.database.aliases == {"now": "else"}


def test_the_way_back_of_another_brings_home_what_had_left(terminal):
    terminal.source(20)
    there = terminal.run("migrate", "there", *terminal.flags(), "--rename", "title=headline")
    assert there.code == 0, there.err
    home = terminal.run("migrate", "home", "--back-of", "there", "--target-index", "again")
    assert home.code == 0, home.err
    held = "SELECT id, title, embedding FROM {} ORDER BY id"
    assert terminal.sql("old.db", held.format("again")) == terminal.sql("old.db", held.format("docs"))
    assert terminal.run("resume", "home").code == 0
    assert "there is no migration 'nobody'" in terminal.run("migrate", "x", "--back-of", "nobody").err
