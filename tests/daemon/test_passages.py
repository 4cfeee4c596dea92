import random

import pytest

from tests.fakes.world import World
from vectormigrate.daemon.passages import Passage, fronting
from vectormigrate.engine.dualwrite.router import Router
from vectormigrate.model.errors import UsageError
from vectormigrate.model.specification import Mode


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
