"""Which parts a source makes, and where they go."""

from dataclasses import replace

import pytest

from tests.fakes.tables import asked, fill
from vectormigrate.daemon.parting import come, outside, parts_of
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.errors import UsageError
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.selection import Selection, Share

KNOWN = Secrets({}, {})


@pytest.fixture
def source(tmp_path):
    fill(tmp_path / "old.db", **{"docs-a": 3, "docs-b": 6, "other": 4})
    return tmp_path


async def places(spec):
    return {part.id: (part.source.collection, part.target.collection) for part in await parts_of(spec, KNOWN)}


async def test_each_collection_that_is_called_so_is_a_part(source):
    spec = asked(source, place="{name}_v2", collections=("docs-*", "other"), into={"other": "else"})
    assert await places(spec) == {
        "many:docs-a": ("docs-a", "docs-a_v2"),
        "many:docs-b": ("docs-b", "docs-b_v2"),
        "many:other": ("other", "else"),
    }
    made = await parts_of(spec, KNOWN)
    assert not any(part.division for part in made)
    assert {part.batch_size for part in made} == {7}


async def test_each_value_is_a_part_and_values_that_go_together_are_one(source):
    spec = asked(source, "docs-b", value_of="lang", into={"de": "west", "fr": "west", "en": "isle"})
    parts = {part.id: part for part in await parts_of(spec, KNOWN)}
    assert await places(spec) == {"many:en": ("docs-b", "isle"), "many:west": ("docs-b", "west")}
    assert parts["many:west"].mapping.selection == Selection(share=Share("lang", ("de", "fr")))


async def test_records_without_a_value_go_where_is_said_or_nothing_goes_at_all(source):
    spec = asked(source, "docs-b", value_of="embedding")
    with pytest.raises(UsageError, match="6 records have no value of 'embedding'"):
        await parts_of(spec, KNOWN)
    spec = asked(source, "docs-b", value_of="embedding", rest="others")
    (part,) = await parts_of(spec, KNOWN)
    assert (part.id, part.target.collection) == ("many:~rest", "others")
    assert part.mapping.selection.share == Share("embedding", (), others=True)


async def test_only_the_records_that_are_moved_make_values(source):
    spec = asked(source, "docs-b", value_of="lang")
    chosen = Selection({"field": "lang", "eq": "en"})
    spec = replace(spec, mapping=MappingOptions(selection=chosen))
    (part,) = await parts_of(spec, KNOWN)
    assert (part.id, part.mapping.selection.where) == ("many:en", chosen.where)


@pytest.mark.parametrize(
    ("division", "told"),
    [
        ({"collections": ("none",)}, "no collections called 'none'"),
        ({"collections": ("no*",)}, "no collections like no\\*"),
        ({"partitions": ("*",)}, "no partitions in 'docs-a' like \\*"),
        ({"collections": ("docs-*",), "into": {"docs-c": "x"}}, "no part is called so"),
        ({"collections": ("docs-*",), "into": {"docs-a": "x", "docs-b": "x"}}, "would both go to 'x'"),
        ({"collections": ("docs-*",), "into": {"docs-a": "docs-b"}}, "would both go to 'docs-b'"),
    ],
)
async def test_parts_that_cannot_be_had_are_told(source, division, told):
    with pytest.raises(UsageError, match=told):
        await parts_of(asked(source, "docs-a", **division), KNOWN)


async def test_a_part_without_a_place_is_told(source):
    with pytest.raises(UsageError, match="cannot have a name of its own") as caught:
        await parts_of(asked(source, place="sqlite_{name}"), KNOWN)
    assert caught.value.hint == "say where it goes: --into 'docs-a=NAME'"


async def test_names_that_fit_come_before_names_that_are_changed(source):
    fill(source / "old.db", **{"a.b": 1, "a_b": 1})
    spec = asked(source, collections=("a?b",))
    spec = replace(spec, target=replace(spec.target, kind="memory", url="places"))
    found = await places(spec)
    assert found["many:a_b"] == ("a_b", "a_b")
    assert found["many:a.b"][1].startswith("a_b_")


async def test_what_has_come_is_found_and_the_others_stay_what_they_are(source):
    spec = asked(source, place="{name}_v2")
    known = [
        replace(part, target=replace(part.target, collection="kept")) if part.id == "many:docs-a" else part
        for part in await parts_of(spec, KNOWN)
    ]
    assert await come(spec, KNOWN, known) == []
    fill(source / "old.db", **{"docs-c": 1})
    (new,) = await come(spec, KNOWN, known)
    assert (new.id, new.target.collection) == ("many:docs-c", "docs-c_v2")
    assert [part.target.collection for part in await parts_of(spec, KNOWN, known)][:1] == ["kept"]


async def test_records_outside_of_all_values_are_counted(source):
    spec = asked(source, "docs-b", value_of="lang")
    known = await parts_of(spec, KNOWN)
    fill(source / "old.db", **{"docs-b": 2})
    assert await come(spec, KNOWN, known) == []
    assert await outside(spec, KNOWN, held=6) == 2
    assert await outside(asked(source), KNOWN, held=0) == 0
