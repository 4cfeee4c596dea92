"""JSON paths, as Qdrant reads and applies them; whole requests are compared with the engine elsewhere."""

from __future__ import annotations

import pytest

from vectormigrate.stores.qdrant.wire.paths import choose, merge, read_path, remove

HELD = {"a": {"b": [1, {"c": 2, "d": 3}], "e": None}, "f": "x", "with.dot": [[1], [2]]}


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("a.b[].c", ("a", "b", None, "c")),
        ("a-b_1[12][3]", ("a-b_1", 12, 3)),
        ('"with.dot"[]."x y"', ("with.dot", None, "x y")),
        ('""', ("",)),
        ("ä.ö", ("ä", "ö")),
    ],
)
def test_a_path_is_read(text, steps):
    assert read_path(text) == steps


@pytest.mark.parametrize("text", ["", ".", "a.", "a b", "[0]", "a[", "a[-1]", 'a"b"', "a..b", '"a'])
def test_what_is_no_path(text):
    with pytest.raises(ValueError, match="Invalid json path"):
        read_path(text)


@pytest.mark.parametrize(
    ("include", "chosen"),
    [
        (["f"], {"f": "x"}),
        (["a.b"], {"a": {"b": HELD["a"]["b"]}}),
        (["a.b[]"], {"a": {"b": HELD["a"]["b"]}}),
        (["a.b[].c"], {"a": {"b": [1, {"c": 2}]}}),
        (["a.none"], {"a": {}}),
        (["none"], {}),
        (['"with.dot"[][]'], {"with.dot": [[1], [2]]}),
    ],
)
def test_what_is_included(include, chosen):
    assert choose(HELD, map(read_path, include), ()) == chosen


@pytest.mark.parametrize(
    ("exclude", "chosen"),
    [
        (["a"], {"f": "x", "with.dot": [[1], [2]]}),
        (["a.b[].d", "f"], {"a": {"b": [1, {"c": 2}], "e": None}, "with.dot": [[1], [2]]}),
        (["a.b[]", "a.e"], {"a": {"b": []}, "f": "x", "with.dot": [[1], [2]]}),
    ],
)
def test_what_is_excluded(exclude, chosen):
    assert choose(HELD, None, map(read_path, exclude)) == chosen


@pytest.mark.parametrize(
    ("changes", "path", "merged"),
    [
        ({"x": 1, "f": None}, "", {"a": HELD["a"], "with.dot": [[1], [2]], "x": 1}),
        ({"x": 1, "e": None}, "a", {**HELD, "a": {"b": HELD["a"]["b"], "x": 1}}),
        ({"x": 1}, "f.deep", {**HELD, "f": {"deep": {"x": 1}}}),
        ({"x": 1}, "a.b[1]", {**HELD, "a": {"b": [1, {"c": 2, "d": 3, "x": 1}], "e": None}}),
        ({"x": 1}, "a.b[9]", HELD),
        ({"x": 1}, "a.b[]", {**HELD, "a": {"b": [{"x": 1}, {"c": 2, "d": 3, "x": 1}], "e": None}}),
        ({"x": 1}, "new[]", {**HELD, "new": []}),
        ({"x": None}, "new", {**HELD, "new": {}}),
    ],
)
def test_what_is_merged(changes, path, merged):
    before = repr(HELD)
    assert merge(HELD, changes, read_path(path) if path else ()) == merged
    assert repr(HELD) == before


@pytest.mark.parametrize(
    ("path", "left"),
    [
        ("f", {"a": HELD["a"], "with.dot": [[1], [2]]}),
        ("a.b[].c", {**HELD, "a": {"b": [1, {"d": 3}], "e": None}}),
        ("a.b[1].c", {**HELD, "a": {"b": [1, {"d": 3}], "e": None}}),
        ("a.b[]", {**HELD, "a": {"b": [], "e": None}}),
        ("a.b[0]", HELD),
        ("none.deep", HELD),
        ("f.deep", HELD),
        ("f[]", HELD),
    ],
)
def test_what_is_removed(path, left):
    before = repr(HELD)
    assert remove(HELD, read_path(path)) == left
    assert repr(HELD) == before
