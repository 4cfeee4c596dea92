"""The mapping file: read, refused with what was meant, and written so that reading gives the same."""

from __future__ import annotations

from dataclasses import replace

import pytest

from vectormigrate.daemon import mapping_file
from vectormigrate.model.collection import FieldType, Metric
from vectormigrate.model.division import Division
from vectormigrate.model.edits import Edit, Redaction
from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.model.plan import Loss, MappingOptions
from vectormigrate.model.selection import Selection
from vectormigrate.model.status import PlanDocument

WHOLE = """
accept = ["field:old"]
metric = "dot"
surrogates = true
lengths = true
[layout]
source = "langchain"
target = "raw"
[records]
where = { and = [{ field = ["a.b", "c"], gte = 1 }, { not = { field = "x", null = true } }] }
partitions = ["a"]
[fields.title]
rename = "headline"
default = "none"
[fields."price in euro"]
cast = "decimal"
[fields.email]
redact = "hash"
[fields.name]
redact = "constant"
constant = "***"
[fields.meta]
spread = true
[fields.junk]
drop = true
[vectors.""]
rename = "dense"
[vectors.small]
narrow = true
"""
OPTIONS = MappingOptions(
    rename={"title": "headline", "": "dense"},
    drop=("junk",),
    spread=("meta",),
    narrow=("small",),
    metric=Metric.DOT,
    edits=(
        Edit("title", default="none"),
        Edit("price in euro", FieldType.DECIMAL),
        Edit("email", redact=Redaction.HASH),
        Edit("name", redact=Redaction.CONSTANT, constant="***"),
    ),
    selection=Selection(
        {"and": [{"field": ["a.b", "c"], "gte": 1}, {"not": {"field": "x", "null": True}}]}, ("a",)
    ),
    accept=("field:old",),
    surrogates=True,
    lengths=True,
    source_layout="langchain",
    target_layout="raw",
)


def load(tmp_path, text):
    path = tmp_path / "m.toml"
    path.write_text(text)
    return mapping_file.load(str(path))


def test_everything_that_can_be_said(tmp_path):
    assert load(tmp_path, WHOLE) == OPTIONS
    assert load(tmp_path, "") == MappingOptions()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("feilds = {}", "feilds is not known"),
        ("fields = 1", "fields must hold a table for each name"),
        ("[fields.a]\nrenam = 'b'", "fields.a.renam is not known"),
        ("[fields.a]\nrename = 1", "a.rename must be a name"),
        ("[fields.a]\ndrop = 'yes'", "a.drop must be true or false"),
        ("[fields.a]\ncast = 'number'", "fields.a.cast must be one of"),
        ("[fields.a]\nredact = 'blur'", "fields.a.redact must be constant or hash"),
        ("[fields.a]\nredact = 'constant'", "fields.a.constant goes with"),
        ("[fields.a]\nconstant = 1", "fields.a.constant goes with"),
        ("records = 1", "records must be a table"),
        ("[records]\nwhere = { field = 'a' }", "records.where is not understood"),
        ("[records]\npartitions = 'a'", "records.partitions must be a list of names"),
        ("accept = 'a'", "accept must be a list of names"),
        ("layout = 1", "layout must be a table"),
        ("[layout]\nsource = 'langchan'", "layout.source must be one of langchain"),
        ("[layout]\nsorce = 'raw'", "layout.sorce is not known"),
        ("surrogates = 1", "surrogates must be true or false"),
        ("metric = 'close'", "metric must be one of cosine"),
        ("a = [", "is not valid TOML"),
    ],
)
def test_what_is_not_understood_is_refused(tmp_path, text, said):
    with pytest.raises(ConfigInvalid) as caught:
        load(tmp_path, text)
    assert said in caught.value.message


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("split = 'lang'", "split must be a table"),
        ("[split]\nfield = 'lang'", "split.field is not known"),
        ("[split]\ninto = { en = 'x' }", "split.by must be the name of a field"),
        ("[split]\nby = 7", "split.by must be the name of a field"),
        ("[split]\nby = 'lang'\ninto = ['x']", "split.into must give a collection for each value"),
        ("[split]\nby = 'lang'\nrest = true", "split.rest must be a collection"),
    ],
)
def test_a_split_that_is_not_understood_is_refused(tmp_path, text, said):
    (tmp_path / "m.toml").write_text(text)
    with pytest.raises(ConfigInvalid) as caught:
        mapping_file.division(str(tmp_path / "m.toml"))
    assert said in caught.value.message


def test_a_file_that_cannot_be_read(tmp_path):
    with pytest.raises(ConfigInvalid, match="cannot be read"):
        mapping_file.load(str(tmp_path / "none.toml"))
    (tmp_path / "x.toml").write_bytes(b"\xff")
    with pytest.raises(ConfigInvalid, match="not UTF-8"):
        mapping_file.load(str(tmp_path / "x.toml"))


def item(source, target, fate="converted", reason="a\nreason"):
    return {"source": source, "target": target, "fate": fate, "reason": reason}


def test_a_plan_is_written_so_that_it_can_be_read(tmp_path):
    plan = PlanDocument(
        "docs",
        "sqlite:docs",
        "milvus:docs",
        1,
        False,
        0,
        0,
        "same",
        (item("", "dense"), item("small", "small")),
        (
            item("title", "headline"),
            item("junk", "", "dropped"),
            item("*", "", "refused"),
            item("a.b", "a_b"),
            item("plain", "plain", "exact", ""),
        ),
        (),
        (),
        1,
        1,
        1,
        1,
        None,
        layout={"source": "langchain", "target": "raw"},
        inferred=(
            {"name": "loose", "type": "int", "present": 7},
            {"name": "title", "type": "text", "present": 9},
        ),
        named_losses=(Loss("field:old", "no type", False),),
    )
    path = tmp_path / "out.toml"
    mapping_file.write(str(path), plan, OPTIONS)
    text = path.read_text()
    assert "#   field:old: no type" in text
    assert '# converted: a reason\n[fields."a.b"]\nrename = "a_b"' in text
    assert '# seen in 7 sampled records as int\n# [fields."loose"]' in text
    assert "sampled records as text" not in text
    again = mapping_file.load(str(path))
    assert again.rename == {**OPTIONS.rename, "a.b": "a_b"}
    assert sorted(again.edits, key=str) == sorted(OPTIONS.edits, key=str)
    kept = (
        "drop",
        "spread",
        "narrow",
        "metric",
        "selection",
        "accept",
        "surrogates",
        "lengths",
        "source_layout",
        "target_layout",
    )
    assert [getattr(again, name) for name in kept] == [getattr(OPTIONS, name) for name in kept]
    for lengths in (None, False):
        mapping_file.write(str(path), plan, replace(OPTIONS, lengths=lengths))
        assert mapping_file.load(str(path)).lengths is lengths
    mapping_file.write(str(path), plan, OPTIONS)
    assert mapping_file.division(str(path)) == Division()
    split = Division(value_of="lang", into={"en": "isle"}, rest="others")
    mapping_file.write(str(path), plan, OPTIONS, split)
    assert mapping_file.division(str(path)) == split
    assert mapping_file.load(str(path)) == again
    with pytest.raises(ConfigInvalid, match="cannot be written"):
        mapping_file.write(str(tmp_path / "no" / "x"), plan, OPTIONS)


def test_a_mapping_may_be_given_as_its_text():
    text = '[fields.a]\nrename = "b"\n'
    assert mapping_file.load(text).rename == {"a": "b"}
    assert mapping_file.text_of(text) == text
    for wrong, told in (
        ("a = [\n", "the mapping is not valid TOML"),
        ("a = " + "[" * 9_000 + "\n", "nested too deeply"),
    ):
        with pytest.raises(ConfigInvalid, match=told):
            mapping_file.load(wrong)
