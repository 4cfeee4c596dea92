"""Any payload there and back, as JSON and as messages; and what the vendor's own converters make of ours."""

from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

import orjson
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from qdrant_client.conversions.conversion import GrpcToRest, RestToGrpc

from tests.conformance.traps import EXTENDED, PAYLOADS
from vectormigrate.stores.qdrant.pb import points_pb2
from vectormigrate.stores.qdrant.wire import payloads

MODEL = settings(max_examples=100, derandomize=True, database=None, deadline=None)
text = st.text(st.characters(exclude_categories=["Cs"]), max_size=10)
plain = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**63 - 1) | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=15,
)  # fmt: skip
tagged = st.sampled_from(["$date", "$uuid", "$numberDecimal", "$literal", "$x"])
lookalikes = st.dictionaries(tagged, text | plain, min_size=1, max_size=1)
extended = (
    st.datetimes() | st.dates() | st.binary(max_size=5) | st.uuids() | st.floats() | st.decimals(allow_nan=False, allow_infinity=False)
)  # fmt: skip
dicts = st.dictionaries(text, plain | lookalikes | extended, max_size=5)


def same(one, other) -> bool:
    if type(one) is not type(other):
        return False
    if isinstance(one, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list):
        return len(one) == len(other) and all(map(same, one, other))
    return one == other or one != one


@pytest.mark.parametrize("number", [2.0**63, 1e19, 2.0**64])
def test_a_double_that_an_integer_may_have_become_is_doubtful(number):
    message = payloads.write_message({"a": [{"b": number}]})
    with pytest.raises(payloads.Doubtful):
        payloads.read_message(message, answer=True)
    assert payloads.read_message(message) == {"a": [{"b": number}]}
    for other in (-number, number / 4, number * 4):
        assert payloads.read_message(payloads.write_message({"a": other}), answer=True) == {"a": other}


@MODEL
@given(dicts)
def test_payloads_come_back(payload):
    try:
        written = payloads.dumps(payload)
    except ValueError:  # an object that a long number's tag could be taken for
        assume(False)
    assert same(payloads.loads(written), payload)
    assert same(payloads.read_message(payloads.write_message(payload)), payload)


@pytest.mark.parametrize("payload", [*PAYLOADS, *EXTENDED], ids=range(len(PAYLOADS) + len(EXTENDED)))
def test_traps_come_back(payload):
    assert same(payloads.loads(payloads.dumps(payload)), payload)
    assert same(payloads.read_message(payloads.write_message(payload)), payload)


@MODEL
@given(st.dictionaries(text, plain, max_size=5))
def test_plain_payloads_are_what_the_vendor_makes_of_them(payload):
    theirs = points_pb2.PointStruct(payload=RestToGrpc.convert_payload(payload))
    assert same(payloads.read_message(theirs.payload), payload)
    ours = points_pb2.PointStruct(payload=payloads.write_message(payload))
    assert same(GrpcToRest.convert_payload(ours.payload), payload)
    assert same(orjson.loads(payloads.dumps(payload)), payload)


def test_somebody_elses_tags_are_written_back_as_they_were():
    foreign = {"when": {"$date": "2024-02-29T12:30:15+00:00"}, "id": {"$oid": "5f"}}
    read = payloads.loads(orjson.dumps(foreign))
    assert read["when"] == datetime(2024, 2, 29, 12, 30, 15, tzinfo=UTC)
    assert orjson.loads(payloads.dumps(read)) == foreign


def test_what_json_has_no_word_for_is_tagged():
    value = {"d": date(2024, 1, 2), "n": Decimal("1.10"), "u": UUID(int=1)}
    assert payloads.to_plain(value) == {
        "d": {"$day": "2024-01-02"},
        "n": {"$numberDecimal": "1.10"},
        "u": {"$uuid": str(UUID(int=1))},
    }


@pytest.mark.parametrize("number", [2**63, -(2**63) - 1, 2**64])
@pytest.mark.parametrize("wrap", [lambda x: x, lambda x: [x], lambda x: {"a": {"b": [x]}}])
def test_an_integer_beyond_64_bits_is_refused(number, wrap):
    with pytest.raises(ValueError, match="64 bits"):
        payloads.dumps({"value": wrap(number)})
    with pytest.raises(ValueError, match="64 bits"):
        payloads.write_message({"value": wrap(number)})


@pytest.mark.parametrize("raw", [b"{", b'{"a": NaN}', b"{'a': 1}", b'{"a": 1} x'])
def test_what_is_no_json_is_refused(raw):
    with pytest.raises(ValueError, match=r".+"):
        payloads.loads(raw)


def test_numbers_are_read_as_the_server_reads_them():
    assert payloads.loads(b'{"a": 0.1000000000000000055511151231257827, "$b": 1}') == {"a": 0.1, "$b": 1}
    assert type(payloads.loads(b'{"a": 1.0}')["a"]) is float
