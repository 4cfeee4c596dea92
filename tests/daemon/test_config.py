"""Where values come from, and what is wrong with a file."""

from pathlib import Path

import pytest

from vectormigrate.daemon.config import Config, find, load, merge
from vectormigrate.daemon.settings import GLOBAL, MIGRATE, SIDES
from vectormigrate.model.errors import ConfigInvalid, UsageError

ALL = (*SIDES, *MIGRATE, *GLOBAL)


@pytest.fixture
def written(tmp_path):
    def write(text, **environ):
        path = tmp_path / "vectormigrate.toml"
        path.write_text(text)
        return load(path, environ)

    return write


def value(merged, name):
    return merged[name].value, merged[name].layer


def test_flags_over_environment_over_file_over_defaults(written):
    config = written("[migrate]\nbatch_size = 1\nmax_retries = 1\nworkers = 1\n")
    environ = {"VECTORMIGRATE_BATCH_SIZE": "2", "VECTORMIGRATE_MAX_RETRIES": "2"}
    merged = merge(ALL, {"batch-size": "3"}, environ, config)
    assert value(merged, "batch-size") == (3, "flag")
    assert value(merged, "max-retries") == (2, "environment")
    assert value(merged, "workers") == (1, "file")
    assert value(merged, "validate-every") == (10, "default")
    assert merged["max-retries"].origin == "VECTORMIGRATE_MAX_RETRIES"
    assert merged["workers"].origin == f"{config.path} [migrate]"


def test_a_migration_of_the_file_beats_what_all_have_in_common(written):
    config = written("[migrate]\nbatch_size = 1\nworkers = 2\n[migrations.docs]\nbatch_size = 9\n")
    assert value(merge(ALL, {}, {}, config, "docs"), "batch-size") == (9, "file")
    assert value(merge(ALL, {}, {}, config, "docs"), "workers") == (2, "file")
    assert value(merge(ALL, {}, {}, config, "else"), "batch-size") == (1, "file")


STORES = """
[stores.old]
kind = "sqlite"
url = "old.db"
[stores.new]
kind = "milvus"
url = "http://new"
api_key = "env:KEY"
options = { timeout = 5 }
[migrations.docs]
source = "old"
target = "new"
"""


def test_a_store_by_name(written):
    merged = merge(ALL, {}, {}, written(STORES), "docs")
    assert merged["source-type"].value == "sqlite"
    assert merged["source-url"].value == "old.db"
    assert merged["target-api-key"].value == "env:KEY"
    assert merged["target-option"].value == {"timeout": "5"}
    assert merged["target-url"].origin.endswith("[stores.new]")


def test_a_store_by_name_on_the_command_line(written):
    merged = merge(ALL, {"source": "new"}, {}, written(STORES), "docs")
    assert merged["source-url"].value == "http://new"


def test_the_key_of_a_named_store_does_not_go_to_another_address(written):
    merged = merge(
        ALL, {"target-url": "http://elsewhere", "target-type": "milvus"}, {}, written(STORES), "docs"
    )
    assert merged["target-url"].value == "http://elsewhere"
    assert value(merged, "target-api-key") == ("", "default")


def test_a_flag_beats_a_part_of_the_named_store(written):
    merged = merge(ALL, {"target-api-key": "env:OTHER"}, {}, written(STORES), "docs")
    assert merged["target-api-key"].value == "env:OTHER"
    assert merged["target-url"].value == "http://new"


def test_a_store_that_is_not_there(written):
    with pytest.raises(ConfigInvalid, match="no store 'nwe'") as caught:
        merge(ALL, {"source": "nwe"}, {}, written(STORES))
    assert "new, old" in caught.value.hint
    with pytest.raises(ConfigInvalid, match=r"migrations\.docs\.source names the store 'x'"):
        written('[migrations.docs]\nsource = "x"\n')


def test_variables_are_filled_in_before_checking(written):
    config = written(
        '[migrate]\nbatch_size = "${SIZE}"\ndrop = ["${NAME:-a}"]\nrename = { a = "${SIZE}" }\n', SIZE="7"
    )
    assert config.sections["migrate"] == {"batch_size": 7, "drop": ("a",), "rename": {"a": "7"}}


def test_addresses_and_keys_stay_references(written):
    config = written(
        '[stores.a]\nkind = "pgvector"\nurl = "postgresql://u:${PW}@h/d"\napi_key = "${KEY}"\n',
        PW="hidden",
        KEY="k",
    )
    assert config.stores["a"]["url"] == "postgresql://u:${PW}@h/d"
    assert config.stores["a"]["api_key"] == "${KEY}"


UNSET = """
[migrate]
drop = ["${NOPE}"]
[stores.new]
kind = "pgvector"
url = "postgresql://app:${NOPE}@localhost/search"
[stores.odd]
kind = "milvus"
options = { database = "${NOPE}" }
[migrations.docs]
batch_size = "${NOPE}"
"""


def test_a_variable_that_is_not_set_is_told_to_whoever_needs_it(tmp_path):
    (path := tmp_path / "vectormigrate.toml").write_text(UNSET)
    config = load(path, {}, whole=False)
    merged = merge(GLOBAL, {}, {}, config, "docs")  # as of `status` and `revert`
    assert merged["state"].layer == "default"
    sides = merge(SIDES, {"target": "new"}, {}, config)
    assert (
        sides["target-url"].value == "postgresql://app:${NOPE}@localhost/search"
    )  # looked up when it is dialled
    for settings, flags, line in [(MIGRATE, {}, 3), (SIDES, {"target": "odd"}, 9)]:
        with pytest.raises(ConfigInvalid, match=f"line {line}: .* needs the environment variable NOPE"):
            merge(settings, flags, {}, config)
    with pytest.raises(ConfigInvalid, match=r"line 11: migrations\.docs\.batch_size needs"):
        merge([one for one in MIGRATE if one.name == "batch-size"], {}, {}, config, "docs")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[migrate\n", "line 1"),
        ("a = 1\n[migrate]\nbatch_size = ", "not valid TOML"),
        ('state = "${NOPE}"\n', "line 1: state needs the environment variable NOPE"),
        (
            '[stores.a]\nkind="sqlite"\nurl = "${NOPE}"\n',
            "line 3: stores.a.url needs the environment variable NOPE",
        ),
        ("[migrate]\nbatch_sise = 1\n", "line 2: migrate.batch_sise is not known"),
        ("[migrat]\n", "line 1: migrat is not known"),
        ("config = 'x'\n", "config is not known"),
        (
            "[migrate]\n\nbatch_size = 0\n",
            "line 3: migrate.batch_size must be a whole number from 1 to 10,000, not 0",
        ),
        ("migrate = 3\n", "migrate must be a table"),
        ("[stores]\na = 3\n", "stores.a must be a table"),
        ('[migrations.docs]\nbatch_size = "many"\n', "line 2: migrations.docs.batch_size must be"),
    ],
)
def test_what_is_wrong_names_file_and_place(written, tmp_path, text, told):
    with pytest.raises(ConfigInvalid, match=told) as caught:
        written(text)
    assert str(tmp_path) in str(caught.value)
    assert caught.value.exit_code == 2


def test_an_unknown_key_is_guessed(written):
    with pytest.raises(ConfigInvalid) as caught:
        written("[migrate]\nbatch_sise = 1\n")
    assert caught.value.hint == "did you mean batch_size?"
    with pytest.raises(ConfigInvalid, match=r"line 2: serve.addr is not known") as caught:
        written("[serve]\naddr = 'x'\n")
    assert caught.value.hint == "addr belongs in [api]"
    with pytest.raises(ConfigInvalid) as caught:
        written("[migrate]\nstate = 'x'\n")
    assert caught.value.hint == "state belongs in no table, at the top of the file"


def test_files_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigInvalid, match="No such file"):
        load(tmp_path / "none.toml", {})
    (tmp_path / "latin.toml").write_bytes(b"# ok\nstate = '\xe9'\n")
    with pytest.raises(ConfigInvalid, match="line 2"):
        load(tmp_path / "latin.toml", {})


def test_which_file(tmp_path):
    assert find(None, tmp_path) is None
    (tmp_path / "vectormigrate.toml").touch()
    assert find(None, tmp_path) == tmp_path / "vectormigrate.toml"
    assert find("other.toml", tmp_path) == Path("other.toml")


def test_an_error_names_the_variable():
    with pytest.raises(UsageError, match="VECTORMIGRATE_BATCH_SIZE must be"):
        merge(ALL, {}, {"VECTORMIGRATE_BATCH_SIZE": "0"}, Config())


PROFILED = """
profile = "dev"
state = "here.db"
[stores.new]
kind = "qdrant"
url = "http://one:6333"
api_key = "env:KEY"
[migrate]
batch_size = 7
workers = 2
[profiles.dev]
[profiles.staging]
state = "there.db"
[profiles.staging.stores.new]
kind = "qdrant"
url = "http://two:6333"
[profiles.staging.migrate]
batch_size = 9
"""


def test_a_profile_lies_over_the_rest(tmp_path):
    path = tmp_path / "c.toml"
    path.write_text(PROFILED)
    plain, over = load(path, {}), load(path, {}, "staging")
    assert (plain.top["state"], plain.stores["new"]["api_key"]) == ("here.db", "env:KEY")
    assert over.top["state"] == "there.db"
    assert over.stores["new"] == {"kind": "qdrant", "url": "http://two:6333"}  # and no key goes there
    assert over.sections["migrate"] == {"batch_size": 9, "workers": 2}
    path.write_text(PROFILED.replace('"dev"', '"staging"'))
    assert load(path, {}).top["state"] == "there.db"


@pytest.mark.parametrize(
    ("text", "told", "hint"),
    [
        (PROFILED, "has no profile 'prod'", "profiles there: dev, staging"),
        ("profiles = 3", "profiles must hold a table for each name", ""),
        ("[profiles]\nprod = 3", "profiles must hold a table for each name", ""),
        (
            "[migrate]\n[profiles.prod.migrate]\nbatch_sise = 1",
            "line 3: migrate.batch_sise is not known",
            "batch_size?",
        ),
        ("[profiles.prod.stores]\nnew = 3", "stores.new must be a table", ""),
    ],
)
def test_what_is_wrong_with_a_profile(tmp_path, text, told, hint):
    path = tmp_path / "c.toml"
    path.write_text(text)
    with pytest.raises(ConfigInvalid, match=told) as caught:
        load(path, {}, "prod")
    assert hint in caught.value.hint
