"""validate, rollback, abort and pause over real stores."""

import asyncio

import pytest

from tests.fakes.world import World
from vectormigrate.model.specification import Mode


def test_a_clean_sample_and_a_clean_scan(migrated):
    sample = migrated.run("validate", "docs", "--sample-size", "5", "--seed", "3", "--json")
    assert sample.code == 0
    assert (sample.document["method"], sample.document["compared"], sample.document["seed"]) == (
        "sample",
        5,
        3,
    )
    assert sample.document["mismatch_rate_upper95"] > 0
    full = migrated.run("validate", "docs", "--full", "--json")
    assert full.code == 0
    assert (full.document["method"], full.document["compared"], full.document["ok"]) == ("full", 20, True)


def test_records_by_their_ids_and_searches(migrated):
    migrated.sql("new.db", "DELETE FROM docs WHERE id = 3")
    two = migrated.run("validate", "docs", "--ids", "3", "--ids", "i:4", "--json")
    assert (two.code, two.document["missing"], two.document["compared"]) == (3, 1, 1)
    assert migrated.run("validate", "docs", "--ids", "4").code == 0
    assert migrated.run("validate", "docs", "--ids", "four").code == 2
    searched = migrated.run("validate", "docs", "--ids", "4", "--recall", "5")
    assert (searched.code, "in 5 searches the target finds" in searched.out) == (0, True)
    assert "p50/p95/p99" in searched.out
    assert migrated.run("validate", "docs", "--ids", "4", "--recall", "5", "--least-recall", "1").code == 3


def test_what_differs_is_counted_and_kept(migrated):
    migrated.sql("new.db", "DELETE FROM docs WHERE id = 3")
    migrated.sql("new.db", "UPDATE docs SET title = 'wrong' WHERE id = 4")
    ran = migrated.run("validate", "docs", "--full")
    assert ran.code == 3
    assert "missing    1" in ran.out
    assert "differing  1" in ran.out
    assert "i:3" in ran.out
    kept = migrated.run("findings", "docs", "--json").document
    assert {item["id"] for item in kept["findings"]} == {"i:3", "i:4"}


@pytest.mark.parametrize(
    ("threshold", "told"),
    [("0.9", "below 0.98 nothing passes"), ("1.1", "from 0.98 to 1"), ("x", "a number")],
)
def test_thresholds(migrated, threshold, told):
    ran = migrated.run("validate", "docs", "--threshold", threshold)
    assert ran.code == 2
    assert told in ran.err


def test_a_target_that_was_changed_is_repaired(migrated):
    migrated.sql("new.db", "DELETE FROM docs WHERE id = 3")
    migrated.sql("new.db", "UPDATE docs SET title = 'wrong' WHERE id = 4")
    migrated.sql("new.db", "UPDATE docs SET id = 99 WHERE id = 5")
    looked = migrated.run("repair", "docs", "--dry-run")
    assert (looked.code, "missing    2" in looked.out, "differing  1" in looked.out) == (3, True, True)
    assert "vectormigrate repair docs" in migrated.run("status", "docs").out
    refused = migrated.run("repair", "docs", says="no\n")
    assert (refused.code, migrated.sql("new.db", "SELECT title FROM docs WHERE id = 4")) == (4, [("wrong",)])
    assert "written over" in refused.err
    ran = migrated.run("repair", "docs", says="docs\n")
    assert ran.code == 0, ran.err
    assert migrated.run("validate", "docs", "--full").code == 0
    assert migrated.sql("new.db", "SELECT count(*), max(id) FROM docs") == [(20, 19)]


@pytest.mark.parametrize("words", [["--force"], ["--yes"], []])
def test_rollback_takes_everything_out(migrated, words):
    ran = (
        migrated.run("rollback", "docs", *words, "--json", says=None)
        if words
        else migrated.run("rollback", "docs", says="docs\n")
    )
    assert ran.code == 0, ran.err
    assert migrated.run("status", "docs", "--json").document["phase"] == "rolled_back"
    tables = migrated.sql("new.db", "SELECT count(*) FROM sqlite_schema WHERE name = 'docs'")
    assert tables == [(0,)]


@pytest.mark.parametrize("says", ["no\n", "\n", "", "y\n", None])
def test_without_a_real_yes_nothing_changes(migrated, says):
    ran = migrated.run("rollback", "docs", says=says)
    assert ran.code == 4
    assert "nothing was changed" in ran.err
    assert migrated.sql("new.db", "SELECT count(*) FROM docs") == [(20,)]
    assert migrated.run("status", "docs", "--json").document["phase"] == "verified"


def test_the_question_names_what_will_happen(migrated):
    ran = migrated.run("rollback", "docs", says="no\n")
    assert "takes 20 copied records of 'docs' out of sqlite:docs" in ran.err


def test_a_rehearsal_changes_nothing(migrated):
    ran = migrated.run("rollback", "docs", "--dry-run", "--json")
    assert ran.code == 0
    assert (ran.document["dry_run"], ran.document["deleted"]) == (True, 20)
    assert migrated.sql("new.db", "SELECT count(*) FROM docs") == [(20,)]


def test_records_of_others_stay(terminal):
    terminal.source(20)
    terminal.source(1, "new.db")
    terminal.sql("new.db", "UPDATE docs SET id = 1000, title = 'theirs'")
    terminal.run("migrate", "docs", *terminal.flags(), "--existing", "skip")
    ran = terminal.run("rollback", "docs", "--force", "--json")
    assert (ran.code, ran.document["left"], ran.document["foreign_changed"]) == (0, 0, 0)
    assert terminal.sql("new.db", "SELECT id, title FROM docs") == [(1000, "theirs")]


def test_abort_ends_what_has_put_nothing_anywhere_without_its_stores(terminal):
    terminal.source(5)
    assert terminal.run("migrate", "docs", *terminal.flags(), "--approval", "migrate").code == 4
    for name in ("old.db", "new.db"):
        (terminal.directory / name).unlink(missing_ok=True)
    rehearsed = terminal.run("abort", "docs", "--dry-run")
    assert (rehearsed.code, "docs (created) can be aborted" in rehearsed.out) == (0, True), rehearsed.err
    for says in (None, "no\n"):
        refused = terminal.run("abort", "docs", says=says)
        assert (refused.code, "nothing was changed" in refused.err) == (4, True)
    assert terminal.run("status", "docs", "--json").document["phase"] == "created"
    ran = terminal.run("abort", "docs", says="docs\n")
    assert (ran.code, "docs: aborted" in ran.out) == (0, True)
    assert "ends 'docs' for good" in ran.err
    assert terminal.run("abort", "docs", "--yes", "--json").document["phase"] == "aborted"
    assert terminal.run("resume", "docs").code == 4
    assert not (terminal.directory / "new.db").exists()
    audit = terminal.run("audit", "list", "--migration", "docs").out
    assert "abort" in audit


def test_a_live_one_is_aborted_without_its_daemon_and_says_what_is_left_to_do(terminal):
    world = World(terminal.directory / "state.db", mode=Mode.CAPTURED)

    async def make():
        async with world.control() as control:
            await control.add([world.spec])

    asyncio.run(make())
    ran = terminal.run("abort", "move", "--yes", "--json")
    assert (ran.code, ran.document["phase"]) == (0, "aborted"), ran.err
    assert ran.document["next_steps"] == ["vectormigrate capture remove move"]
    assert "can be aborted" not in terminal.run("abort", "move", "--dry-run").out


def test_abort_leaves_what_was_copied_to_a_rollback(migrated):
    for flag in ("--dry-run", "--yes"):
        ran = migrated.run("abort", "docs", flag)
        assert (ran.code, "rollback docs" in ran.err) == (4, True)
    assert migrated.run("status", "docs", "--json").document["phase"] == "verified"


def test_status_names_abort_where_nothing_was_put_anywhere(terminal):
    terminal.source(5)
    assert terminal.run("migrate", "docs", *terminal.flags(), "--approval", "migrate").code == 4
    assert terminal.run("pause", "docs").code == 4  # nothing was begun that could rest
    terminal.source(1, "new.db")
    assert terminal.run("approve", "docs", "migrate").code == 0
    assert terminal.run("resume", "docs").code != 0
    status = terminal.run("status", "docs", "--json").document
    assert (status["phase"], "vectormigrate abort docs" in status["next_steps"]) == ("failed", True)
    assert terminal.run("abort", "docs", "--yes").code == 0


@pytest.mark.parametrize("words", [["validate"], ["rollback", "--force"], ["abort", "--yes"], ["pause"]])
def test_an_unknown_id(migrated, words):
    verb, *flags = words
    ran = migrated.run(verb, "nope", *flags)
    assert ran.code == 2
    assert "no migration 'nope'" in ran.err


def test_pause_asks_the_process_that_runs_it(terminal):
    terminal.source(300)
    with terminal.copying("docs", *terminal.flags(), "--batch-size", "5", "--max-rate", "100") as process:
        second = terminal.run("resume", "docs")
        paused = terminal.run("pause", "docs", "--json")
        told = process.communicate(timeout=30)[1]
    assert second.code == 7
    assert "in use by process" in second.err
    assert (paused.code, paused.document["phase"]) == (0, "paused")
    assert process.returncode == 0
    assert "paused; go on with: vectormigrate resume docs" in told
    assert terminal.run("status", "docs", "--json").document["phase"] == "paused"
