"""Settings to a specification."""

from dataclasses import replace

import pytest

from vectormigrate.daemon.config import Given
from vectormigrate.daemon.levers import LEVERS
from vectormigrate.daemon.placing import as_settled
from vectormigrate.daemon.secrets import Literal, key
from vectormigrate.daemon.settings import MIGRATE, SIDES
from vectormigrate.daemon.specify import check_id, overlay, specify
from vectormigrate.model.collection import Metric
from vectormigrate.model.division import Division
from vectormigrate.model.errors import MigrationExists, UsageError
from vectormigrate.model.placement import Placement
from vectormigrate.model.specification import Existing

PAIR = {
    "source-type": "sqlite",
    "source-url": "/a/old.db",
    "source-index": "docs",
    "target-type": "pgvector",
    "target-url": "postgresql://u@h/d",
    "target-index": "public.docs",
}


def given(layer="flag", /, **values):
    merged = {setting.name: Given(setting.default, "default", "default") for setting in (*SIDES, *MIGRATE)}
    for key_, value in values.items():
        name = key_.replace("_", "-")
        origin = f"VECTORMIGRATE_{key_.upper()}" if layer == "environment" else f"--{name}"
        merged[name] = Given(value, layer, origin)
    return merged


def pair(**values):
    return given(**{**PAIR, **values})


def test_a_whole_one():
    request = specify(
        "docs",
        pair(
            existing="skip",
            batch_size=7,
            rename={"a": "b"},
            drop=("c",),
            spread=("d",),
            metric="dot",
            max_rate=5.0,
        ),
    )
    made = request.specification
    assert (made.source.kind, made.source.url, made.source.collection) == ("sqlite", "/a/old.db", "docs")
    assert (made.existing, made.batch_size, made.max_rate, made.max_retries) == (Existing.SKIP, 7, 5.0, 3)
    assert (made.mapping.rename, made.mapping.drop, made.mapping.spread) == ({"a": "b"}, ("c",), ("d",))
    assert made.mapping.metric is Metric.DOT
    assert (request.literals, request.warnings) == ({}, ())


@pytest.mark.parametrize("setting", LEVERS.values(), ids=lambda one: one.name)
def test_whatever_can_be_set_while_it_runs_can_be_asked_for_before(setting):
    value = "somewhere" if isinstance(setting.default, str | None) else type(setting.default)(2)
    assert getattr(specify("docs", pair(**{setting.key: value})).specification, setting.key) == value


def test_every_missing_flag_is_named_at_once():
    with pytest.raises(UsageError) as caught:
        specify("docs", given(source_type="memory"))
    assert str(caught.value) == (
        "there is no migration 'docs' to go on with, and to make one there are missing:"
        " --source-index, --target-type, --target-url, --target-index"
    )


def test_pinecone_has_an_address_of_its_own():
    made = specify("docs", pair(target_type="pinecone", target_url=None)).specification
    assert (made.target.kind, made.target.url) == ("pinecone", "")


@pytest.mark.parametrize("wrong", ["", "a/b", "-a", ".a", "a b", "a" * 129, "ä", "a\n"])
def test_ids_that_cannot_be(wrong):
    with pytest.raises(UsageError, match="cannot be the id"):
        check_id(wrong)


@pytest.mark.parametrize("good", ["a", "docs-2026.v1_x", "7", "a" * 128])
def test_ids_that_can_be(good):
    assert check_id(good) == good


def test_paths_do_not_depend_on_the_directory(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    request = specify("docs", pair(source_url="old.db", target_type="milvus", target_url="./lite.db"))
    assert request.specification.source.url == str(tmp_path / "old.db")
    assert request.specification.target.url == str(tmp_path / "lite.db")
    assert specify("docs", pair(source_url="${HOME}/x")).specification.source.url == "${HOME}/x"


@pytest.mark.parametrize(
    ("kind", "one", "other", "collection"),
    [
        ("sqlite", "/a/./x.db", "/a/x.db", "docs"),
        ("pgvector", "postgresql://u:p@h/d", "postgres://v@H/d?sslmode=require", "docs"),
        ("milvus", "http://h:1/", "http://h:1", "docs"),
        ("memory", "", "", "docs"),
    ],
)
def test_source_and_target_are_the_same(kind, one, other, collection):
    same = {"source_type": kind, "target_type": kind, "source_url": one, "target_url": other}
    with pytest.raises(UsageError, match="the same collection"):
        specify("docs", given(**same, source_index=collection, target_index=collection))
    specify("docs", given(**same, source_index=collection, target_index="else"))


def test_a_link_does_not_hide_that_they_are_the_same(tmp_path):
    (tmp_path / "a.db").touch()
    (tmp_path / "b.db").symlink_to(tmp_path / "a.db")
    both = {"source_type": "sqlite", "target_type": "sqlite", "source_index": "t", "target_index": "t"}
    with pytest.raises(UsageError, match="the same collection"):
        specify("docs", given(**both, source_url=str(tmp_path / "a.db"), target_url=str(tmp_path / "b.db")))


def test_secrets_by_value_are_for_this_run_and_warned_of():
    request = specify("docs", pair(target_url="postgresql://u:hunter2@h/d", source_api_key="topsecret"))
    stored = request.specification
    assert "hunter2" not in repr(request)
    assert "topsecret" not in repr(request)
    assert request.literals[key(stored.target)] == Literal(url="postgresql://u:hunter2@h/d")
    assert request.literals[key(stored.source)] == Literal(api_key="topsecret")
    assert len(request.warnings) == 2
    assert all("process list" in line and "later commands" in line for line in request.warnings)


def test_a_key_of_the_environment_is_stored_as_a_reference_to_it():
    merged = pair() | {"target-api-key": given("environment", target_api_key="hunter2")["target-api-key"]}
    request = specify("docs", merged)
    assert request.specification.target.api_key == "env:VECTORMIGRATE_TARGET_API_KEY"
    assert request.warnings == ()


@pytest.fixture
def stored():
    return specify("docs", pair(batch_size=7, target_api_key="env:KEY")).specification


def test_the_id_alone_is_the_same_migration(stored):
    assert overlay(stored, given()).specification == stored


def test_the_same_flags_are_the_same_migration(stored):
    assert overlay(stored, pair(batch_size=7)).specification == stored


def test_other_settings_are_named(stored):
    with pytest.raises(MigrationExists) as caught:
        overlay(stored, pair(batch_size=8, source_url="/b.db", drop=("a",)))
    told = str(caught.value)
    assert "source-url is /a/old.db, not /b.db" in told
    assert "batch-size is 7, not 8" in told
    assert "drop is nothing, not a" in told
    assert "target" not in told
    assert "resume docs" in caught.value.hint


def test_a_secret_given_again_is_no_other_setting(stored):
    request = overlay(stored, given(target_url="postgresql://u:hunter2@h/d", target_api_key="hunter3"))
    assert request.specification == stored
    assert request.literals[key(stored.target)] == Literal("postgresql://u:hunter2@h/d", "hunter3")


def test_another_reference_is_for_this_run(stored):
    request = overlay(stored, given(target_api_key="env:ROTATED"))
    assert request.specification.target.api_key == "env:KEY"
    assert request.literals[key(stored.target)].api_key == "env:ROTATED"


def test_a_mapping_file_and_flags_over_it(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text(
        'accept = ["field:a"]\n[layout]\nsource = "langchain"\n[fields.x]\nrename = "y"\ncast = "int"\n[fields.z]\nrename = "zz"'
    )
    made = specify(
        "docs",
        pair(
            mapping=str(path),
            accept=("partition", "field:a"),
            rename={"z": "flag"},
            target_layout="raw",
            redact_key="env:RK",
        ),
    ).specification
    assert made.mapping.accept == ("field:a", "partition")
    assert made.mapping.rename == {"x": "y", "z": "flag"}
    assert (made.mapping.source_layout, made.mapping.target_layout) == ("langchain", "raw")
    assert [edit.cast for edit in made.mapping.edits] == ["int"]
    assert (made.source.redact_key, made.target.redact_key) == ("", "env:RK")
    again = {"accept": ("partition",), "rename": {"z": "flag"}, "target_layout": "raw"}
    assert overlay(made, given(mapping=str(path), **again)).specification == made
    path.write_text("")
    with pytest.raises(MigrationExists, match="edits is"):
        overlay(made, given(mapping=str(path)))
    with pytest.raises(MigrationExists, match="redact-key is env:RK, not env:OTHER"):
        overlay(made, given(redact_key="env:OTHER"))


@pytest.mark.parametrize(
    ("before", "line", "fits"),
    [(False, "", True), (True, "", True), (False, "lengths = true", False), (None, "lengths = false", False)],
)
def test_what_was_settled_about_lengths_before_they_were_kept_by_default_stays(tmp_path, before, line, fits):
    path = tmp_path / "m.toml"
    path.write_text(line)
    made = specify("docs", pair()).specification
    assert made.mapping.lengths is None
    stored = replace(made, mapping=replace(made.mapping, lengths=before))
    assert overlay(stored, given()).specification == stored
    if fits:
        assert overlay(stored, given(mapping=str(path))).specification == stored
        return
    with pytest.raises(MigrationExists, match="lengths is"):
        overlay(stored, given(mapping=str(path)))


def test_the_key_of_redactions_is_given_by_reference():
    with pytest.raises(UsageError, match="cannot be given by value"):
        specify("docs", pair(redact_key="hunter2"))


def divided(**values):
    pair = {name.replace("-", "_"): value for name, value in PAIR.items() if name != "target-index"}
    return {**pair, **values}


def test_parts_need_no_names_of_collections():
    pair = {key_: value for key_, value in PAIR.items() if not key_.endswith("-index")}
    made = specify(
        "docs", given(**pair, each_collection=("docs-*", "other"), into={"other": "x"})
    ).specification
    assert made.division == Division(("docs-*", "other"), into={"other": "x"})
    assert (made.source.collection, made.target.collection) == ("docs-*, other", "{name}")
    again = given(**pair, each_collection=("docs-*", "other"), into={"other": "x"})
    assert overlay(made, again).specification == made
    assert overlay(made, given()).specification == made


def test_parts_of_a_collection_and_where_they_go():
    asked = divided(each_partition=("*",), target_index="{name}_v2")
    made = specify("docs", given(**asked)).specification
    assert (made.source.collection, made.target.collection) == ("docs", "{name}_v2")
    assert made.division == Division(partitions=("*",))
    by_value = specify("docs", given(**divided(each_value="lang", rest="others"))).specification
    assert by_value.division == Division(value_of="lang", rest="others")


def test_a_split_in_use_is_asked_for_again_as_it_was():
    wished = divided(each_value="lang", into={"en": "isle"}, rest="others", mode="proxied")
    asked = specify("docs", given(**wished)).specification
    assert asked.splits
    made = as_settled(asked, Placement(asked.division, "lang", {"en": "isle"}))
    assert (made.splits, bool(made.division)) == (False, False)
    assert overlay(made, given(**wished)).specification == made
    assert overlay(made, given()).specification == made
    with pytest.raises(MigrationExists, match="rest is others, not else"):
        overlay(made, given(rest="else"))


def test_some_partitions_of_a_milvus_in_use_are_asked_for_again_as_they_were():
    wished = divided(source_type="milvus", each_partition=("red",), mode="proxied")
    asked = specify("docs", given(**wished)).specification
    assert asked.splits
    assert not specify("docs", given(**{**wished, "mode": "offline"})).specification.splits
    assert not specify("docs", given(**{**wished, "source_type": "pinecone"})).specification.splits
    made = as_settled(asked, Placement(asked.division, "_vm_partition", {"red": "red"}, "_default"))
    assert made.mapping.selection.partitions == ("red",)
    assert overlay(made, given(**wished)).specification == made
    everything = as_settled(asked, Placement(Division(partitions=("*",)), "_vm_partition", {"red": "red"}))
    assert everything.mapping.selection.partitions == ()


def test_a_mapping_file_makes_parts_and_flags_beat_it(tmp_path):
    path = tmp_path / "m.toml"
    path.write_text('[split]\nby = "lang"\ninto = { en = "isle" }\nrest = "others"\n')
    made = specify("docs", given(**divided(mapping=str(path)))).specification
    assert made.division == Division(value_of="lang", into={"en": "isle"}, rest="others")
    assert made.target.collection == "{name}"
    assert overlay(made, given()).specification == made
    other = specify(
        "docs", given(**divided(mapping=str(path), rest="else", into={"de": "mid"}))
    ).specification
    assert other.division == Division(value_of="lang", into={"de": "mid"}, rest="else")


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"each_partition": ("*",), "each_value": "lang"}, "by --each-partition or by --each-value"),
        ({"each_collection": ("*",)}, "in place of --source-index"),
        ({"each_partition": ("*",), "target_index": "docs"}, "cannot all go to 'docs'"),
        ({"each_partition": ("*",), "mapping": "chosen"}, "moves partitions one by one"),
        ({"each_partition": ("*",), "rest": "x"}, "--rest goes with --each-value"),
        ({"into": {"a": "b"}, "target_index": "docs"}, "for a migration of several parts"),
        ({"rest": "b", "target_index": "docs"}, "for a migration of several parts"),
        (
            {"each_value": "lang", "mode": "proxied", "existing": "overwrite"},
            "what a collection in use is split into is new or empty",
        ),
        (
            {"source_type": "milvus", "each_partition": ("*",), "mode": "proxied", "existing": "skip"},
            "what a collection in use is split into is new or empty",
        ),
        (
            {"source_type": "milvus", "source_index": "docs/red", "target_index": "docs", "mode": "proxied"},
            "a partition of a Milvus collection is no collection to whoever writes to it",
        ),
    ],
)
def test_parts_that_cannot_be_meant_are_refused(tmp_path, settings, told):
    (tmp_path / "chosen").write_text('[records]\npartitions = ["a"]\n')
    if "mapping" in settings:
        settings = {**settings, "mapping": str(tmp_path / "chosen")}
    with pytest.raises(UsageError, match=told):
        specify("docs", given(**divided(**settings)))


def test_other_parts_are_another_migration():
    made = specify("docs", given(**divided(each_partition=("*",)))).specification
    with pytest.raises(MigrationExists, match="each-partition is \\*, not a"):
        overlay(made, given(each_partition=("a",)))


def test_a_part_is_not_made_by_itself():
    assert check_id("docs:a~2Fb") == "docs:a~2Fb"
    with pytest.raises(UsageError, match="a part is not made by itself"):
        specify("docs:a", pair())


@pytest.mark.parametrize("side", ["source", "target"])
def test_files_are_no_side_of_a_live_migration(side):
    words = {f"{side}_type": "parquet", f"{side}_url": "/a/snapshots"}
    assert getattr(specify("docs", pair(**words)).specification, side).kind == "parquet"
    with pytest.raises(UsageError, match="type parquet answers no application"):
        specify("docs", pair(**words, mode="proxied"))
