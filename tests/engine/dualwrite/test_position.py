import pytest

from vectormigrate.engine.dualwrite.position import furthest


@pytest.mark.parametrize(
    ("held", "said", "kept"),
    [
        ("", "7", "7"),
        ("9", "10", "10"),
        ("10", "9", "10"),
        ("10", "", "10"),
        ("a=9", "a=10", "a=10"),
        ("a=9", "b=2", "a=9\nb=2"),
        ("a=9\nb=2", "a=3", "a=9\nb=2"),
        ("x=y=9", "x=y=10", "x=y=10"),
        ("a=9", "0", "0\na=9"),
    ],
)
def test_the_further_of_two_positions_goes_by_log(held, said, kept):
    assert furthest(held, said) == kept
