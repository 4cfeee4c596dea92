"""Which other names of a collection a target gets, and when."""

from dataclasses import replace

import pytest

from vectormigrate.engine.aliases import find, make
from vectormigrate.model.collection import CollectionShape, IdField, IdKind
from vectormigrate.model.errors import PermissionDenied, Unsupported
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import CAPABILITIES, Database, MemoryStore


class Named(MemoryStore):
    """A database with aliases, which takes short names only."""

    def __init__(self, name, aliases=(), *, able=True):
        super().__init__(Endpoint("memory", name), Database())
        self.held = dict(aliases)
        self.able = able

    @property
    def capabilities(self):
        return replace(CAPABILITIES, aliases=self.able, collection_pattern=r"\w{1,8}")

    async def aliases(self, collection=""):
        return self.held

    async def add_alias(self, alias, collection):
        if alias == "closed":
            raise PermissionDenied("you may not")
        self.held[alias] = collection


@pytest.fixture
def sides():
    """A source whose collection `docs` goes by two other names, and an empty target."""
    return Named("source", {"live": "docs", "now": "docs", "other": "else"}), Named("target")


async def test_names_that_are_free_are_carried(sides):
    source, target = sides
    found = await find(source, "docs", target, "copy", made=True)
    assert (found.carried, found.notes) == (("live", "now"), ())
    assert (await find(source, "live", target, "live", made=True)).carried == ("now",)
    assert await find(source, "else2", target, "copy", made=True) == await find(
        target, "x", source, "y", made=True
    )


@pytest.mark.parametrize(
    ("wanted", "made", "able", "why"),
    [
        ("copy", True, False, "only the collection's own name"),
        ("copy/part", True, True, "only the collection's own name"),
        ("copy", False, True, "somebody's own"),
    ],
)
async def test_a_target_that_gets_none_says_why(sides, wanted, made, able, why):
    source, target = sides
    target.able = able
    found = await find(source, "docs", target, wanted, made=made)
    assert found.carried == ()
    assert [note.partition(" is not carried: ")[0] for note in found.notes] == ["alias 'live'", "alias 'now'"]
    assert all(why in note for note in found.notes)


async def test_a_name_that_is_taken_or_not_allowed_stays_behind(sides):
    source, target = sides
    source.held["much_too_long"] = "docs"
    target.held["live"] = "somebody"
    await target.create(CollectionShape("now", IdField("id", IdKind.INT)))
    found = await find(source, "docs", target, "copy", made=True)
    assert found.carried == ()
    assert ["has that name" in note for note in found.notes] == [True, False, True]
    assert "does not take the name" in found.notes[1]
    itself = await find(source, "docs", source, "copy", made=True)  # both are one server
    assert itself.carried == ()


async def test_they_are_made_once_and_nobody_loses_one(sides):
    _, target = sides
    told = []
    target.held["hers"] = "somebody"
    for _ in range(2):
        await make(target, "copy", ["live", "hers", "closed"], "m", told.append)
    assert target.held == {"hers": "somebody", "live": "copy"}
    assert [event.message.partition(": ")[2] for event in told[:2]] == [
        "somebody has taken the name at the target",
        "you may not",
    ]


async def test_a_store_without_aliases_says_so():
    plain = MemoryStore(Endpoint("memory"), Database())
    assert not plain.capabilities.aliases
    with pytest.raises(Unsupported, match="has no aliases"):
        await plain.add_alias("a", "b")
