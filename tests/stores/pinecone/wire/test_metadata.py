"""Payloads survive metadata, whatever they hold; what a client sends is judged as Pinecone judges it."""

from __future__ import annotations

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conformance.compare import same_value
from tests.conformance.traps import EXTENDED, PAYLOADS
from tests.conformance.values import JSON_VALUES
from vectormigrate.stores.pinecone.wire import metadata


def through(payload):
    """A payload, written, sent as Pinecone sends it (every number a double) and read."""

    def sent(value):
        return float(value) if type(value) is int else value

    written = metadata.to_metadata(payload)
    assert metadata.fault(written) == ""
    return metadata.from_metadata(
        {key: sent(value) for key, value in orjson.loads(orjson.dumps(written)).items()}
    )


@pytest.mark.parametrize("payload", PAYLOADS + EXTENDED, ids=lambda payload: next(iter(payload), "empty"))
def test_a_payload_comes_back_as_it_was(payload):
    assert same_value(through(payload), payload)


@given(
    st.dictionaries(st.text(st.characters(exclude_categories=["Cs"]), max_size=8), JSON_VALUES, max_size=5)
)
def test_any_payload_comes_back_as_it_was(payload):
    assert same_value(through(payload), payload)


def test_what_metadata_can_say_is_native():
    held = {"text": "a", "number": 1.5, "yes": True, "tags": ["a", "b"], "none": []}
    assert metadata.to_metadata(held) == held


def test_an_integer_is_a_number_to_filters():
    assert metadata.to_metadata({"n": 5}) == {"n": 5, "_vm_ints": ["n"]}


def test_numbers_of_an_application_are_doubles():
    assert same_value(metadata.from_metadata({"year": 2020, "x": 0.5}), {"year": 2020.0, "x": 0.5})


def test_no_metadata_is_an_empty_payload():
    assert metadata.from_metadata(None) == metadata.from_metadata({}) == {}


def test_a_key_that_an_application_has_overwritten_is_believed():
    written = metadata.to_metadata({"n": 5, "deep": {"a": 1}, "other": None})
    assert metadata.from_metadata({**written, "n": 5.5, "deep": "flat"}) == {
        "n": 5.5,
        "deep": "flat",
        "other": None,
    }


@pytest.mark.parametrize("broken", [{"_vm_meta": "not json"}, {"_vm_meta": "[1]"}, {"_vm_ints": "n"}])
def test_reserved_keys_of_somebody_else_are_left_alone(broken):
    assert metadata.from_metadata(broken) == broken


@pytest.mark.parametrize(
    "bad",
    [
        {"a": None},
        {"a": {"b": 1}},
        {"a": [1, 2]},
        {"a": ["x", None]},
        {"$a": 1},
        {"a": float("nan")},
        {"a": "x" * 41_000},
    ],
)
def test_what_pinecone_refuses_is_refused(bad):
    assert metadata.fault(bad)


def test_what_pinecone_takes_is_taken():
    assert metadata.fault({"a": "x" * 40_000, "": 1, "ü": True, "list": ["x"]}) == ""
