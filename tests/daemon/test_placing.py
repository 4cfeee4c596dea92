"""What a collection in use is split into."""

from dataclasses import replace

import pytest

from tests.fakes.tables import asked, fill
from vectormigrate.daemon.placing import as_settled, settled, settled_for_good
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.model.errors import UsageError
from vectormigrate.model.mapping import MappingOptions
from vectormigrate.model.placement import MOST
from vectormigrate.model.selection import Selection
from vectormigrate.model.specification import Mode, Specification
from vectormigrate.state import migrations
from vectormigrate.state.database import Database
from vectormigrate.stores.sqlite.store import SqliteStore

KNOWN = Secrets({}, {})


@pytest.fixture
def source(tmp_path):
    fill(tmp_path / "old.db", docs=7)
    return tmp_path


def wished(directory, place="docs_{name}", **division):
    return replace(asked(directory, "docs", place, **{"value_of": "lang", **division}), mode=Mode.PROXIED)


async def places(spec):
    placement = (await settled(spec, KNOWN)).target.placement
    return placement.field, placement.places


async def test_every_value_has_a_place_those_that_are_named_too(source):
    spec = wished(source, into={"de": "west", "fr": "west", "nl": "west"}, rest="others")
    made = await settled(spec, KNOWN)
    assert made.target.placement.places == {"de": "west", "en": "docs_en", "fr": "west", "nl": "west"}
    assert made.target.collections == ("docs_en", "others", "west")
    assert (bool(made.division), made.divided, made.splits) == (False, spec.division, False)
    assert await settled(made, KNOWN) is made


async def test_offline_and_other_divisions_are_parts_of_their_own(source):
    for spec in (
        replace(wished(source), mode=Mode.OFFLINE),
        asked(source),
        replace(asked(source), mode=Mode.PROXIED),
    ):
        assert await settled(spec, KNOWN) is spec


async def test_the_field_is_called_as_it_will_be(source):
    spec = replace(wished(source), mapping=MappingOptions(rename={"lang": "tongue"}))
    assert (await places(spec))[0] == "tongue"
    spec = replace(spec, mapping=MappingOptions(rename={"meta": "about"}))
    nested = replace(spec, division=replace(spec.division, value_of="meta.lang", into={"en": "a"}, rest="b"))
    assert await places(nested) == ("about.lang", {"en": "a"})


async def test_only_what_is_moved_makes_parts(source):
    chosen = MappingOptions(selection=Selection({"field": "lang", "eq": "en"}))
    assert (await places(replace(wished(source), mapping=chosen)))[1] == {"en": "docs_en"}


async def test_a_record_without_a_value_needs_a_rest(source):
    with pytest.raises(UsageError, match="7 records have no value of 'embedding'"):
        await settled(wished(source, value_of="embedding"), KNOWN)
    with pytest.raises(UsageError, match="nothing to split by"):
        await settled(wished(source, value_of="embedding", rest="others"), KNOWN)


async def test_a_value_without_a_place_is_told(source):
    with pytest.raises(UsageError, match="cannot have a collection of their own"):
        await settled(wished(source, "sqlite_{name}"), KNOWN)


@pytest.fixture
def partitioned(source, monkeypatch):
    """The source says that it has partitions, and is of the kind whose requests name a collection all the same."""

    async def partitions(self, collection):
        return {"_default": "docs/_default", "red": "docs/red", "blue": "docs/blue"}

    monkeypatch.setattr(SqliteStore, "partitions", partitions)
    monkeypatch.setattr(Specification, "splits", property(lambda self: bool(self.division.partitions)))
    return source


async def test_partitions_are_told_by_what_stands_beside_each_record(partitioned):
    spec = wished(partitioned, value_of="", partitions=("*",), into={"red": "crimson"})
    made = await settled(spec, KNOWN)
    placement = made.target.placement
    assert (placement.field, placement.absent) == ("_vm_partition", "_default")
    assert placement.places == {"_default": "docs__default", "blue": "docs_blue", "red": "crimson"}
    assert made.mapping == spec.mapping
    spec = replace(spec, mapping=MappingOptions(rename={"(partition)": "of"}))
    assert (await settled(spec, KNOWN)).target.placement.field == "of"


async def test_those_that_are_not_asked_for_are_left_out(partitioned):
    made = await settled(wished(partitioned, value_of="", partitions=("re*", "_default")), KNOWN)
    assert made.mapping.selection.partitions == ("_default", "red")
    assert sorted(made.target.placement.places) == ["_default", "red"]
    for division, told in (
        ({"partitions": ("green",)}, "no partitions in 'docs' called 'green'"),
        ({"partitions": ("red",), "into": {"blue": "x"}}, "no part is called so"),
    ):
        with pytest.raises(UsageError, match=told):
            await settled(wished(partitioned, value_of="", **division), KNOWN)


async def test_there_are_not_too_many(source):
    many = {f"v{number}": f"t{number}" for number in range(MOST)}
    with pytest.raises(UsageError, match=f"split into {MOST} at most"):
        await settled(wished(source, into=many), KNOWN)


async def test_one_that_is_known_keeps_what_it_has(source):
    database = Database.open(source / "state.db")
    try:
        spec = wished(source)
        made = await settled_for_good(spec, KNOWN, database)
        await database.write(lambda tx: migrations.create(tx, made, at=""))
        fill(source / "old.db", docs=1)
        few = replace(made.target.placement, places={"en": "docs_en"})
        assert as_settled(spec, few).target.placement == few
        assert await settled_for_good(spec, KNOWN, database) == made
        assert await settled_for_good(made, KNOWN, database) is made
        other = wished(source, into={"en": "isle"})
        assert (await settled_for_good(other, KNOWN, database)).target.placement.places["en"] == "isle"
    finally:
        database.close()
