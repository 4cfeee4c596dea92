"""Whether what tells a record's part arrives as it is."""

from dataclasses import replace

import pytest

from tests.fakes.world import World, records, shape
from vectormigrate.engine import placing
from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import Field, FieldType
from vectormigrate.model.division import Division
from vectormigrate.model.edits import Edit
from vectormigrate.model.errors import MappingRefused
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.placement import Placement
from vectormigrate.model.planning import make_plan
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore

LANGS = Placement(Division(value_of="lang", rest="others"), "lang", {"en": "a", "de": "b"})
TARGET = MemoryStore(Endpoint("memory"), Database())


def check(placement=LANGS, *, fields=(), payload=({"lang": "en"}, {"lang": "de"}, {}), **options):
    source = replace(shape(), fields=tuple(fields))
    plan = make_plan(source, CAPABILITIES, "copy", None, MappingOptions(**options))
    sample = replace(records(range(len(payload))), payload=list(payload))
    placing.check(placement, plan, sample, TARGET)


def test_a_field_that_arrives_as_it_is_tells():
    check()
    check(fields=[Field("lang", FieldType.TEXT)])
    check(fields=[Field("lang", FieldType.UUID)])
    check(replace(LANGS, field="tongue"), rename={"lang": "tongue"})
    plan = make_plan(shape(), CAPABILITIES, "copy")
    placing.check(LANGS, plan, None, TARGET)


def test_a_path_does_too():
    nested = Placement(Division(value_of="meta.lang", rest="others"), "meta.lang", {"en": "a", "de": "b"})
    payload = [{"meta": {"lang": "en"}}, {"meta": 1}]
    check(nested, payload=payload)
    check(replace(nested, field="about.lang"), payload=payload, rename={"meta": "about"})
    with pytest.raises(MappingRefused, match="'meta' is called 'about' there"):
        check(nested, payload=payload, rename={"meta": "about"}, fields=[Field("meta", FieldType.JSON)])


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"drop": ("lang",)}, "'lang' does not arrive"),
        ({"drop": ("lang",), "fields": [Field("lang", FieldType.TEXT)]}, "'lang' does not arrive"),
        ({"edits": (Edit("lang", default="en"),)}, "cast, redacted or given a default"),
        ({"edits": (Edit("lang", cast=FieldType.TEXT),)}, "cast, redacted or given a default"),
        (
            {"rename": {"lang": "tongue"}, "fields": [Field("lang", FieldType.TEXT)]},
            "called 'tongue' there, unless it is renamed to that: --rename lang=tongue",
        ),
        ({"rename": {"lang": "tongue"}}, "called 'tongue' there|belongs to 'a', and to 'others'"),
    ],
)
def test_one_that_does_not_is_refused(options, told):
    with pytest.raises(MappingRefused, match=told):
        check(**options)


def test_a_partition_tells_where_its_name_arrives():
    parts = Placement(Division(partitions=("*",)), "_vm_partition", {"red": "a", "_default": "b"}, "_default")
    source = replace(shape(), partitions=("red",))
    without = replace(CAPABILITIES, partitions=False)
    plan = make_plan(source, without, "copy")
    placing.check(parts, plan, Batch([1], payload=[{}], partition=["red"]), TARGET)
    placing.check(parts, make_plan(source, replace(CAPABILITIES, partitions=True), "copy"), None, TARGET)
    with pytest.raises(MappingRefused, match="'_vm_partition' there, unless it is renamed"):
        placing.check(replace(parts, field="of"), plan, None, TARGET)
    dropped = make_plan(source, without, "copy", None, MappingOptions(drop=("(partition)",)))
    with pytest.raises(MappingRefused, match="does not arrive"):
        placing.check(parts, dropped, None, TARGET)
    assert placing.notes(parts) == [
        "records of partition '_default' go to 'b'",
        "records of partition 'red' go to 'a'",
        "a partition that is made later has no part: its records would be refused",
    ]


def test_what_is_taken_apart_is_refused():
    nested = Placement(Division(value_of="meta.lang", rest="others"), "meta.lang", {"en": "a"})
    with pytest.raises(MappingRefused, match="taken apart"):
        check(
            nested,
            payload=[{"meta": {"lang": "en"}}],
            spread=("meta",),
            fields=[Field("meta", FieldType.JSON)],
        )


def test_records_say_what_the_plan_does_not():
    elsewhere = replace(LANGS, field="tongue")
    plan = make_plan(shape(), CAPABILITIES, "copy")
    sample = Batch([7], payload=[{"lang": "en"}])
    with pytest.raises(MappingRefused) as caught:
        placing.check(elsewhere, plan, sample, TARGET)
    assert "'a', and to 'others' by what arrives of its 'lang'" in caught.value.message
    assert caught.value.ids == ("i:7",)


def test_the_plan_says_what_goes_where():
    told = placing.notes(replace(LANGS, places={"en": "a", "de": "b", "fr": "b"}))
    assert told == [
        "records with 'lang' as 'de', 'fr' go to 'b'",
        "records with 'lang' as 'en' go to 'a'",
        "all others go to 'others'",
    ]
    strict = replace(LANGS, division=Division(value_of="lang"))
    assert "another 'lang', or none, has no part and is refused" in placing.notes(strict)[-1]


async def test_a_migration_is_looked_at_so(tmp_path):
    from tests.engine.test_preflight import document, examine

    world = World(tmp_path / "state.db")
    try:
        await world.fill(range(3))
        by_version = Placement(Division(value_of="version", rest="others"), "version", {"0": "zero"})
        world.set(target=replace(world.spec.target, placement=by_version))
        told = await document(world, await examine(world))
        assert "records with 'version' as '0' go to 'zero'" in told.notes
        world.set(mapping=MappingOptions(drop=("version",)))
        with pytest.raises(MappingRefused, match="'version' does not arrive") as caught:
            await examine(world)
        assert caught.value.store == "memory"
    finally:
        world.close()
