import random
from dataclasses import replace

import pytest

from tests.fakes.lanes import make_bench
from tests.fakes.world import World
from vectormigrate.daemon.passages import Passage, check_apart, fronting
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.division import Division
from vectormigrate.model.errors import GateRefused, UsageError
from vectormigrate.model.placement import Placement
from vectormigrate.model.specification import Mode, Specification, StoreRef


@pytest.fixture
def asked(tmp_path):
    """Which listener fronts a source of kind `memory`."""
    world = World(tmp_path / "x.db")

    def asking(*listeners, mode=Mode.PROXIED, **options):
        world.set(mode=mode)
        world.spec.source.options.update(options)
        passages = {
            name: Passage(name, dialect, None, Router(None, random.Random(1))) for name, dialect in listeners
        }
        found = fronting(passages, world.spec)
        return None if found is None else found.name

    return asking


def test_the_only_one_that_speaks_its_api_before_our_own(asked):
    assert asked(("a", "memory"), ("b", "neutral"), ("c", "qdrant")) == "a"
    assert asked(("b", "neutral"), ("c", "qdrant")) == "b"


def test_a_source_that_notes_its_changes_needs_none(asked):
    assert asked(mode=Mode.CAPTURED) is None


def test_the_one_that_is_named(asked):
    assert asked(("a", "memory"), ("b", "neutral"), listener="b") == "b"


def test_a_database_that_is_named_all_the_same(asked):
    assert asked(("a", "memory"), database="default") == "a"
    assert asked(("b", "neutral"), database="other") == "b"


@pytest.mark.parametrize(
    ("listeners", "options", "words"),
    [
        ((("c", "qdrant"),), {}, "no listener of this daemon speaks memory"),
        ((("a", "memory"), ("b", "memory")), {}, "2 listeners speak memory"),
        ((("a", "memory"),), {"listener": "b"}, "there is no listener 'b'"),
        ((("a", "memory"),), {"database": "other"}, "in front of the database 'default' only"),
        (
            (("a", "memory"),),
            {"database": "other", "listener": "a"},
            "in front of the database 'default' only",
        ),
    ],
)
def test_none_too_many_or_a_wrong_name_is_refused_with_the_migration(asked, listeners, options, words):
    with pytest.raises(UsageError, match=words) as caught:
        asked(*listeners, **options)
    assert "for migration" in caught.value.message
    assert caught.value.hint


# Two migrations of one daemon.


def wish(id, source, target, *, url="old", mode=Mode.PROXIED, **options):
    return Specification(
        id, StoreRef("memory", url, source, options=options), StoreRef("memory", "new", target), mode=mode
    )


@pytest.fixture
def listeners():
    return {name: Passage(name, "memory", None, Router(None, random.Random(1))) for name in ("a", "b")}


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (wish("m", "docs", "else", listener="a"), "the source of 'n' is that of migration 'm'"),
        (wish("m", "docs", "else", url="OLD", listener="a"), "the source of 'n' is that of migration 'm'"),
        (wish("m", "docs", "else", listener="b"), "the source of 'n' is that of migration 'm'"),
        (wish("m", "docs", "else", mode=Mode.CAPTURED), None),
        (wish("m", "else", "docs", listener="a"), "the target of 'n' is that of migration 'm'"),
        (wish("m", "docs", "else", url="far", listener="b"), None),
        (wish("m", "else", "else", listener="a"), None),
    ],
)
def test_two_that_are_under_way_share_no_side(listeners, other, words):
    spec = wish("n", "docs", "docs", listener="a")
    if words is None:
        check_apart(listeners, spec, [other])
        return
    with pytest.raises(GateRefused, match=words) as caught:
        check_apart(listeners, spec, [other])
    assert (caught.value.collection, caught.value.store) == ("docs", "memory")


async def test_nor_a_source_by_another_of_its_names(listeners):
    bench = await make_bench()
    router = listeners["a"].router
    router.learn("docs", {"alias": "docs"})
    router.add("docs", bench.lane)
    bench.state.close()
    other = wish("m", "docs", "else", listener="a")
    with pytest.raises(GateRefused, match="the source of 'n'"):
        check_apart(listeners, wish("n", "alias", "docs", listener="a"), [other])
    check_apart(listeners, wish("n", "third", "docs", listener="a"), [other])


def test_what_is_captured_is_told_to_each(listeners):
    captured = wish("n", "docs", "docs", mode=Mode.CAPTURED)
    check_apart(listeners, captured, [wish("m", "docs", "else", mode=Mode.CAPTURED)])
    with pytest.raises(GateRefused, match="the target of 'n'"):
        check_apart(listeners, captured, [wish("m", "other", "docs", mode=Mode.CAPTURED)])


def test_nor_a_target_of_which_another_is_a_part(listeners):
    split = wish("n", "other", "docs_{name}", mode=Mode.CAPTURED)
    placement = Placement(Division(value_of="lang"), "lang", {"en": "docs_en", "de": "docs_de"})
    split = replace(split, target=replace(split.target, placement=placement))
    check_apart(listeners, split, [wish("m", "docs", "docs_{name}", mode=Mode.CAPTURED)])
    for here, there in ((split, "docs_de"), (wish("m", "docs", "docs_en", mode=Mode.CAPTURED), None)):
        other = split if there is None else wish("m", "docs", there, mode=Mode.CAPTURED)
        with pytest.raises(GateRefused, match="the target of"):
            check_apart(listeners, here, [other])
