"""`export` and `import`: a collection out into files and back in, as the migrations that they are."""

from __future__ import annotations

import pandas as pd
import pytest

SOURCE = ("--source-type", "sqlite", "--source-url", "${HOME}/old.db", "--source-index", "docs")
TARGET = ("--target-type", "sqlite", "--target-url", "${HOME}/new.db")


@pytest.fixture
def exported(terminal):
    terminal.source()
    ran = terminal.run("export", "out", "snap", *SOURCE, "--json")
    assert ran.code == 0, ran.err
    assert (ran.document["phase"], ran.document["target"]) == ("verified", "parquet:docs")
    return terminal


def test_what_goes_out_comes_back_in(exported):
    assert len(pd.read_parquet(exported.directory / "snap" / "docs")) == 20
    ran = exported.run("import", "back", "snap", *TARGET)
    assert ran.code == 0, ran.err
    rows = "SELECT id, title, embedding FROM docs ORDER BY id"
    assert exported.sql("new.db", rows) == exported.sql("old.db", rows)
    assert exported.run("validate", "back", "--full").code == 0


def test_the_folder_of_the_snapshot_itself_will_do(exported):
    ran = exported.run(
        "import", "back", "snap/docs", *TARGET, "--target-index", "copy", "--dry-run", "--json"
    )
    assert ran.code == 0, ran.err
    assert (ran.document["source"], ran.document["target"]) == ("parquet:docs", "sqlite:copy")
    assert ran.document["source_count"] == 20


def test_an_export_is_taken_back_whole(exported):
    assert exported.run("rollback", "out", "--yes").code == 0
    assert list((exported.directory / "snap").iterdir()) == []


def test_several_snapshots_need_a_name(exported):
    assert exported.run("export", "more", "snap", *SOURCE, "--target-index", "other").code == 0
    ran = exported.run("import", "back", "snap", *TARGET)
    assert ran.code == 2
    assert "docs, other" in ran.err
    assert "--source-index" in ran.err
    assert exported.run("import", "back", "snap", *TARGET, "--source-index", "other").code == 0


def test_where_there_is_none_it_is_said(terminal):
    ran = terminal.run("import", "back", "nowhere", *TARGET)
    assert ran.code == 2
    assert "there is no snapshot in" in ran.err


def test_a_dry_run_writes_nothing(terminal):
    terminal.source()
    ran = terminal.run("export", "out", "snap", *SOURCE, "--dry-run", "--json")
    assert ran.code == 0, ran.err
    assert ran.document["batches"] == 1
    assert not (terminal.directory / "snap").exists()
