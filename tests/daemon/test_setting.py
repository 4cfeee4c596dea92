"""One value under four names."""

import pytest

from vectormigrate.daemon.setting import Kind, Setting
from vectormigrate.model.errors import UsageError

BATCH = Setting(name="batch-size", kind=Kind.INT, least=1, most=10_000, help="x")
RATE = Setting(name="rate", kind=Kind.FLOAT, least=0.5, most=2.0, because="it is so", help="x")
FLAG = Setting(name="flag", kind=Kind.FLAG, default=False, help="x")
NAMES = Setting(name="drop", kind=Kind.NAMES, help="x")
PAIRS = Setting(name="rename", kind=Kind.PAIRS, metavar="A=B", help="x")
CHOICE = Setting(name="metric", choices=("cosine", "dot"), help="x")
SECRET = Setting(name="key", secret=True, choices=("a",), help="x")


def test_the_names():
    assert (BATCH.key, BATCH.variable) == ("batch_size", "VECTORMIGRATE_BATCH_SIZE")


@pytest.mark.parametrize(
    ("setting", "given", "value"),
    [
        (BATCH, "1", 1),
        (BATCH, 10_000, 10_000),
        (BATCH, " 7 ", 7),
        (RATE, "0.5", 0.5),
        (RATE, 2, 2.0),
        (FLAG, "yes", True),
        (FLAG, "OFF", False),
        (FLAG, "", False),
        (FLAG, True, True),
        (NAMES, "a, b,,c", ("a", "b", "c")),
        (NAMES, ["a", "b,c"], ("a", "b,c")),
        (PAIRS, ["a=b", "c=d=e", "f="], {"a": "b", "c": "d=e", "f": ""}),
        (PAIRS, "a=b,c=d", {"a": "b", "c": "d"}),
        (PAIRS, {"timeout": 30, "tls": True}, {"timeout": "30", "tls": "true"}),
        (CHOICE, "dot", "dot"),
    ],
)
def test_takes(setting, given, value):
    assert setting.parse(given, "--x") == value


@pytest.mark.parametrize(
    ("setting", "given", "told"),
    [
        (BATCH, "0", "--x must be a whole number from 1 to 10,000, not '0'"),
        (BATCH, "-1", "from 1 to 10,000, not '-1'"),
        (BATCH, "10001", "from 1 to 10,000, not '10001'"),
        (BATCH, "abc", "from 1 to 10,000, not 'abc'"),
        (BATCH, 1.5, "not 1.5"),
        (BATCH, True, "not True"),
        (BATCH, None, "not None"),
        (BATCH, [1], r"not \[1\]"),
        (RATE, "nan", "a number from 0.5 to 2, not 'nan'"),
        (RATE, "inf", "not 'inf'"),
        (FLAG, "maybe", "true or false, not 'maybe'"),
        (FLAG, 1, "true or false"),
        (NAMES, 3, "a list of names"),
        (PAIRS, ["ab"], "--x must be A=B, not 'ab'"),
        (PAIRS, ["=b"], "A=B"),
        (PAIRS, ["a=b", "a=c"], "gives 'a' twice"),
        (PAIRS, 3, "KEY=VALUE"),
        (CHOICE, "cosin", "one of cosine, dot, not 'cosin'"),
        (CHOICE, "do\0t", "a text"),
        (CHOICE, 3, "a text, not 3"),
    ],
)
def test_refuses(setting, given, told):
    with pytest.raises(UsageError, match=told):
        setting.parse(given, "--x")


SECONDS = Setting(name="hold", kind=Kind.FLOAT, least=0, unit="seconds", help="x")
BYTES = Setting(name="hint-bytes", kind=Kind.INT, least=0, unit="bytes", help="x")


@pytest.mark.parametrize(
    ("setting", "given", "value"),
    [
        (SECONDS, "90", 90.0),
        (SECONDS, "1500ms", 1.5),
        (SECONDS, "5 m", 300.0),
        (SECONDS, "1.5h", 5400.0),
        (SECONDS, "1d", 86_400.0),
        (BYTES, "64MiB", 67_108_864),
        (BYTES, "1.5KiB", 1536),
        (BYTES, "20MB/s", 20_000_000),
        (BATCH, "5k", 5000),
        (BATCH, "1.5k/s", 1500),
    ],
)
def test_a_number_may_be_given_in_words_of_its_unit(setting, given, value):
    assert setting.parse(given, "--x") == value


@pytest.mark.parametrize(
    ("setting", "given"),
    [
        (SECONDS, "5k"),
        (BYTES, "9" * 21 + "MiB"),
        (SECONDS, "5 minutes"),
        (BYTES, "5m"),
        (BYTES, "0.5"),
        (BATCH, "11k"),
        (BATCH, "k"),
        (BATCH, "5K"),
    ],
)
def test_a_word_that_is_no_unit_is_refused(setting, given):
    with pytest.raises(UsageError, match="--x must be"):
        setting.parse(given, "--x")


def test_a_near_miss_is_guessed():
    with pytest.raises(UsageError) as caught:
        CHOICE.parse("cosin", "--x")
    assert caught.value.hint == "did you mean cosine?"


def test_why_a_limit_is_there():
    with pytest.raises(UsageError) as caught:
        RATE.parse("3", "--x")
    assert caught.value.hint == "it is so"


def test_a_secret_is_not_shown():
    with pytest.raises(UsageError) as caught:
        SECRET.parse("hunter2", "--x")
    assert "hunter2" not in str(caught.value)
