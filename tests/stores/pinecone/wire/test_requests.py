"""Fields of requests, read with their limits; pagination tokens."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from vectormigrate.stores.pinecone.wire import requests
from vectormigrate.stores.pinecone.wire.records import Malformed


def test_both_spellings_of_a_field_are_read():
    body = b'{"top_k":3,"includeValues":true,"vectors":[{"id":"a","sparse_values":{}}],"namespace":null}'
    assert requests.read_body(body) == {
        "topK": 3,
        "includeValues": True,
        "vectors": [{"id": "a", "sparseValues": {}}],
    }
    assert requests.read_body(b"") == {}


@pytest.mark.parametrize("body", [b"[]", b"1", b"{", b"\xff", b'{"a":NaN}'])
def test_a_body_that_is_no_object_is_refused(body):
    with pytest.raises(Malformed):
        requests.read_body(body)


@pytest.mark.parametrize("value", [5, 5.0, "5"])
def test_a_whole_number(value):
    assert requests.whole_number({"n": value}, "n", 1, 10) == 5


@pytest.mark.parametrize("value", [0, 11, 5.5, "x", "-1", "٣", True, [5], None])
def test_a_number_out_of_bounds_is_refused(value):
    with pytest.raises(Malformed, match="from 1 to 10"):
        requests.whole_number({"n": value}, "n", 1, 10)


def test_a_number_that_is_not_there_has_its_default():
    assert requests.whole_number({}, "n", 7, 10) == 7


@pytest.mark.parametrize(
    ("read", "value"),
    [(requests.text, 5), (requests.flag, "true"), (requests.flag, 1), (requests.text, ["a"])],
)
def test_a_field_of_another_kind_is_refused(read, value):
    with pytest.raises(Malformed, match="key"):
        read({"key": value}, "key")


def test_lists_of_texts():
    assert requests.texts({"ids": ["b", "a", "b"]}, "ids", 3) == ["b", "a"]
    assert requests.texts({}, "ids", 3) == []
    for bad in ("a", [1], ["a"] * 4):
        with pytest.raises(Malformed):
            requests.texts({"ids": bad}, "ids", 3)


def test_a_field_that_is_none_is_refused():
    requests.only({"a": 1}, ("a", "b"))
    with pytest.raises(Malformed, match="Cannot find field: z"):
        requests.only({"a": 1, "z": 2}, ("a", "b"))


@given(st.text())
def test_a_token_is_the_place_it_stands_for(place):
    assert requests.place_of(requests.token_of(place)) == place


@pytest.mark.parametrize("token", ["x", "dm0yOmE=", "vm1:a", "dm0x", "é"])
def test_another_token_is_refused(token):
    with pytest.raises(Malformed, match="token"):
        requests.place_of(token)


@pytest.mark.parametrize("items", [[{}], [{"id": 1}], ["a"], [None]])
def test_vectors_without_ids_are_refused(items):
    with pytest.raises(Malformed):
        requests.ids_of(items)


@given(st.text(min_size=1), st.text())
def test_a_list_goes_on_behind_the_id_of_its_token(skip_past, prefix):
    token = requests.list_token(skip_past, prefix)
    assert requests.listed_after({"paginationToken": token}) == skip_past
    assert requests.listed_after({"paginationToken": token.rstrip("=")}) == skip_past


def test_a_token_of_pinecones_own_is_understood():
    token = "eyJza2lwX3Bhc3QiOiI5OTMiLCJwcmVmaXgiOiI5OSJ9"  # {"skip_past":"993","prefix":"99"}
    assert requests.listed_after({"paginationToken": token}) == "993"
    assert requests.list_token("993", "99") == token
    assert requests.listed_after({}) is None


@pytest.mark.parametrize("token", ["zzz", "e30=", "W10=", "eyJza2lwX3Bhc3QiOjV9", "é"])
def test_a_token_of_no_list_is_refused(token):
    with pytest.raises(Malformed, match="token"):
        requests.listed_after({"paginationToken": token})
