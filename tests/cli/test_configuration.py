"""config show and config check."""

import re

import pytest

FILE = """
[stores.new]
kind = "pgvector"
url = "postgresql://app:hunter2@h/d"
api_key = "hunter3"
[stores.safe]
kind = "milvus"
url = "http://root:${HOME}@h"
api_key = "env:KEY"
[migrate]
batch_size = 7
source_api_key = "hunter4"
[migrations.docs]
target = "new"
target_url = "http://u:hunter5@h"
"""


@pytest.fixture
def configured(terminal):
    (terminal.directory / "vectormigrate.toml").write_text(FILE)
    return terminal


def test_every_value_has_its_origin(configured):
    configured.environ["VECTORMIGRATE_WORKERS"] = "3"
    settings = configured.run("config", "show", "--json").document["settings"]
    assert (settings["batch-size"]["value"], settings["batch-size"]["unit"]) == (7, "records")
    assert settings["batch-size"]["origin"].endswith("vectormigrate.toml [migrate]")
    assert (settings["workers"]["value"], settings["workers"]["origin"]) == (3, "VECTORMIGRATE_WORKERS")
    assert (settings["threshold"]["value"], settings["threshold"]["origin"]) == (0.999, "default")
    assert (settings["json"]["value"], settings["json"]["origin"]) == (True, "--json")
    assert settings["state"]["value"].endswith("state.db")


def test_words(configured):
    told = configured.run("config").out
    assert "batch-size " in told
    assert "7 records  (" in told
    assert re.search(r"^drop +none  \(default\)$", told, re.MULTILINE)
    assert "[stores.safe]\nkind = milvus\n" in told


@pytest.mark.parametrize("words", [["config"], ["config", "show", "--json"]])
def test_secrets_are_stars_and_references_are_not(configured, words):
    configured.environ["VECTORMIGRATE_TARGET_API_KEY"] = "hunter6"
    told = configured.run(*words)
    assert "hunter" not in told.out + told.err
    assert "***" in told.out
    assert "env:KEY" in told.out
    assert "http://root:${HOME}@h" in told.out


def test_check(configured):
    good = configured.run("config", "check", "--json")
    assert (good.code, good.document["ok"]) == (0, True)
    (configured.directory / "vectormigrate.toml").write_text("[migrate]\nbatch_size = \n")
    bad = configured.run("config", "check")
    assert bad.code == 2
    assert "line 2" in bad.err


def test_what_needs_no_variable_of_the_file_works_without_it(terminal):
    """From a new shell at night; the daemon, and whoever asks whether the file is good, want them all."""
    (terminal.directory / "vectormigrate.toml").write_text('[stores.new]\nkind = "qdrant"\nurl = "${NOPE}"\n')
    assert terminal.run("list").code == 0
    assert "no migration 'docs'" in terminal.run("status", "docs").err
    for words in (("config", "check"), ("serve", "--check")):
        ran = terminal.run(*words)
        assert (ran.code, "line 3: stores.new.url needs the environment variable NOPE" in ran.err) == (
            2,
            True,
        )


def test_no_file(terminal):
    assert terminal.run("config", "check").out == "there is no configuration file; defaults are used\n"
