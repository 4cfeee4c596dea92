"""Settings of `validate`, and what they come to."""

from vectormigrate.daemon.validate_settings import FLOOR, VALIDATE, comparing
from vectormigrate.engine.validate import compare, run
from vectormigrate.model.comparing import Comparing

DEFAULTS = {setting.name: setting.default for setting in VALIDATE}


def test_what_nobody_said_is_a_sample():
    asked = comparing(DEFAULTS.__getitem__)
    assert set(asked) == set(Comparing.__annotations__)
    assert (asked["full"], asked["ids"], asked["sample_size"], asked["searches"]) == (False, [], 100, 0)


def test_defaults_are_those_of_the_engine():
    assert FLOOR == compare.FLOOR
    assert (DEFAULTS["threshold"], DEFAULTS["least-recall"]) == (compare.DEFAULT_THRESHOLD, run.LEAST_RECALL)
    assert DEFAULTS["sample-size"] == run.SAMPLED


def test_every_word_passes():
    words = {"full": True, "ids": ("a",), "sample-size": 3, "seed": 4, "threshold": 0.99}
    asked = comparing({**words, "recall": 5, "least-recall": 0.5}.__getitem__)
    assert asked == Comparing(
        full=True, ids=["a"], sample_size=3, seed=4, threshold=0.99, searches=5, least_recall=0.5
    )
