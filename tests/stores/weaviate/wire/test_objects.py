"""Objects as JSON, and which of two words about a property is believed."""

from dataclasses import replace
from uuid import UUID

import numpy as np
import orjson
import pytest

from tests.stores.weaviate.classes import FOREIGN, MADE, floats
from vectormigrate.model.record import Record
from vectormigrate.stores.weaviate.wire.layout import META
from vectormigrate.stores.weaviate.wire.objects import (
    read_object,
    read_payload,
    write_object,
    write_properties,
)
from vectormigrate.stores.weaviate.wire.shape import layout_of, read_layout

ID = UUID(int=5)
OURS, THEIRS = layout_of(MADE), read_layout(FOREIGN)


def sent(record, layout):
    """The JSON of an object as it arrives."""
    return orjson.loads(orjson.dumps(write_object(record, layout), option=orjson.OPT_SERIALIZE_NUMPY))


def test_an_object_of_ours_comes_back():
    payload = {"label": "a", "n": 2**60 + 1, "any": [1], "else": None}
    record = Record(ID, {"vec": floats(0.1, 2, 3)}, {}, {"tokens": np.ones((2, 2), np.float32)}, payload)
    told = sent(record, OURS)
    assert (told["class"], told["id"]) == ("Docs", str(ID))
    back = read_object(told, OURS)
    assert (back.id, back.payload) == (ID, payload)
    assert back.dense["vec"].tobytes() == record.dense["vec"].tobytes()
    assert back.multi["tokens"].shape == (2, 2)


def test_the_unnamed_vector_and_the_tenant_have_places_of_their_own():
    layout = replace(THEIRS, multi_tenant=True, vectors=(replace(THEIRS.vectors[0], name=""),))
    told = sent(Record(("red", ID), {"": floats(1, 2)}, payload={"text": "a"}), layout)
    assert told == {
        "class": "Article",
        "id": str(ID),
        "tenant": "red",
        "vector": [1.0, 2.0],
        "properties": {"text": "a"},
    }
    assert read_object(told, layout).id == ("red", ID)


def test_a_property_that_was_set_since_is_believed():
    plain = write_properties({"n": 2**60 + 1, "raw": b"", "label": None}, OURS)
    assert read_payload(plain, OURS) == {"n": 2**60 + 1, "raw": b"", "label": None}
    assert read_payload(plain | {"n": 7, "raw": "AA==", "label": "b"}, OURS) == {
        "n": 7,
        "raw": b"\0",
        "label": "b",
    }
    plain.pop("n")
    assert "n" not in read_payload(plain, OURS)


def test_nulls_of_others_are_missing_and_their_new_properties_unknown():
    assert read_payload({"text": None, "int": 5, "new": "x"}, THEIRS) == {"int": 5}
    assert write_properties({"text": None}, THEIRS) == {}
    assert META not in write_properties({"label": "a"}, OURS)


@pytest.mark.parametrize(
    "change",
    [
        {"id": "not an id"},
        {"id": None},
        {"vectors": {"stranger": [1.0]}},
        {"vectors": {"title": [[1.0]]}},
        {"vectors": {"title": [1e300]}},
        {"vectors": {"title": ["a"]}},
        {"properties": {"int": "five"}},
    ],
)
def test_what_is_no_object_of_the_class_is_not_read(change):
    with pytest.raises(ValueError):  # noqa: PT011 what they say differs
        read_object({"id": str(ID), "properties": {}} | change, THEIRS)
