"""What counts as the same answer."""

import pytest

from .answers import Refusal, differences

ONE, TWO = {"id": 1, "score": 0.5}, {"id": 2, "score": 0.5}


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        (1, 1.0),
        (1, True),
        ("a", "b"),
        ({"a": None}, {}),
        ([1], [1, 2]),
        ({"payload": {"vector": 0.1}}, {"payload": {"vector": 0.1 + 1e-9}}),
        ({"vector": [0.1]}, {"vector": [0.101]}),
        ({"id": 1, "score": 0.5}, {"id": 1, "score": 0.5002}),
        ([ONE, {"id": 3, "score": 0.4}], [{"id": 9, "score": 0.6}, ONE]),
        (Refusal("A", "400"), Refusal("A", "404")),
        (Refusal("A", "400"), []),
    ],
)
def test_what_is_not_the_same(mine, theirs):
    assert list(differences(mine, theirs))
    assert list(differences(theirs, mine))


@pytest.mark.parametrize(
    ("mine", "theirs"),
    [
        ({"vector": [0.1]}, {"vector": [0.1 + 1e-9]}),
        ([ONE, TWO], [TWO, ONE]),
        ([ONE, {"id": 3, "score": 0.4}], [ONE, {"id": 4, "score": 0.40001}]),
        (Refusal("A", "400", "one word"), Refusal("A", "400", "another")),
    ],
)
def test_what_is_the_same(mine, theirs):
    assert list(differences(mine, theirs)) == []
