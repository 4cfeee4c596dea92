"""A batch as the vendor's client writes it: read as it was meant, and written as it would have been."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from weaviate.collections.classes.internal import ReferenceToMulti
from weaviate.collections.classes.types import GeoCoordinate, PhoneNumber

from tests.stores.weaviate.classes import FOREIGN, MADE, floats, vendors_object
from vectormigrate.model import jsonvalue
from vectormigrate.model.batch import Batch, batch_of_records, sparse_column
from vectormigrate.model.record import Record
from vectormigrate.stores.weaviate.wire.layout import META
from vectormigrate.stores.weaviate.wire.messages import (
    plain_properties,
    read_batch_object,
    write_batch_object,
)
from vectormigrate.stores.weaviate.wire.shape import layout_of, read_layout

ID = UUID(int=5)
THERE, ELSEWHERE = UUID(int=6), UUID(int=7)
MOMENT = datetime(2024, 2, 29, 1, 2, 3, 456789, tzinfo=UTC)
LAYOUT = read_layout(FOREIGN)
GIVEN = {
    "text": "ü",
    "number": 0.1,
    "int": 5,
    "boolean": False,
    "date": MOMENT,
    "uuid": THERE,
    "blob": "AP8=",
    "geo": GeoCoordinate(latitude=1.5, longitude=-2.5),
    "phone": PhoneNumber(number="030 1", default_country="DE"),
    "object": {"n": 3, "texts": ["a"], "deeper": {"x": 0.5}},
    "objects": [{"n": 1}, {"n": 2}],
    "texts": ["a", "b"],
    "numbers": [0.1, -0.0],
    "ints": [2**53, -1],
    "booleans": [True],
    "dates": [MOMENT],
    "uuids": [THERE],
}
"""Every type as an application gives it to the vendor's client."""
REFERENCES = {"author": THERE, "about": ReferenceToMulti(uuids=[ELSEWHERE], target_collection="Place")}
PAYLOAD = {
    **GIVEN,
    "blob": b"\0\xff",
    "geo": {"latitude": 1.5, "longitude": -2.5},
    "phone": {"input": "030 1", "defaultCountry": "DE"},
    "author": [f"weaviate://localhost/Person/{THERE}"],
    "about": [f"weaviate://localhost/Place/{ELSEWHERE}"],
}
"""The same as a payload."""
VECTORS = {"title": [0.1, 0.2], "tokens": [[1.0, 2.0], [3.0, 4.0]]}


def one(record: Record, layout, shape=None) -> Batch:
    return batch_of_records([record], (shape or layout).vectors)


def test_what_the_vendors_client_writes_is_read_as_it_was_meant():
    record = read_batch_object(vendors_object("Article", ID, GIVEN, VECTORS, REFERENCES), LAYOUT)
    assert record.id == ID
    assert record.payload == PAYLOAD
    assert {name: type(value) for name, value in record.payload.items()} == {
        name: type(value) for name, value in PAYLOAD.items()
    }
    assert record.dense["title"].tolist() == floats(0.1, 0.2).tolist()
    assert record.multi["tokens"].tolist() == VECTORS["tokens"]


def test_what_is_written_is_what_the_vendors_client_would_have_written():
    layout = replace(
        LAYOUT,
        vectors=tuple(replace(vector, dim=2) for vector in LAYOUT.vectors if vector.name in VECTORS),
        meta=True,
    )
    dense, multi = {"title": floats(0.1, 0.2)}, {"tokens": np.array(VECTORS["tokens"], np.float32)}
    ours = write_batch_object(one(Record(ID, dense, {}, multi, PAYLOAD), layout), 0, layout)
    # A phone number that somebody worked out cannot be told from one that is to be: it is kept beside.
    assert ours.properties.non_ref_properties.fields.pop(META).string_value
    theirs = vendors_object("Article", ID, GIVEN, VECTORS, REFERENCES)
    assert ours == theirs


def test_empty_lists_have_no_type_and_an_unnamed_vector_no_name():
    theirs = vendors_object("Plain", ID, {"texts": [], "objects": []}, [0.5, 1.0])
    record = read_batch_object(theirs, replace(LAYOUT, name="Plain"))
    assert record.payload == {"texts": [], "objects": []}
    assert record.dense[""].tolist() == [0.5, 1.0]


def test_what_no_property_can_say_travels_along():
    layout = layout_of(MADE)
    payload = {"n": 2**63 - 1, "raw": b"", "any": {"a": None}, "else": [1, "1"], "label": None, "x": 1.5}
    written = write_batch_object(one(Record(ID, payload={**payload, "_vm_id": "i:5"}), layout), 0, layout)
    plain = plain_properties(written.properties, layout.properties)
    assert plain["n"] == 2**63 - 1024
    assert plain["x"] == 1.5
    assert plain["_vm_id"] == "i:5"
    assert set(jsonvalue.loads(plain[META])) == {"n", "raw", "else", "label"}
    back = read_batch_object(written, layout)
    assert back.payload == {**payload, "_vm_id": "i:5"}
    assert (back.id, type(back.payload["n"])) == (ID, int)


def test_a_class_of_others_refuses_what_it_cannot_give_back():
    with pytest.raises(ValueError, match="'int'"):
        write_batch_object(one(Record(ID, payload={"int": 2**60 + 1}), LAYOUT), 0, LAYOUT)
    with pytest.raises(ValueError, match="'stranger'"):
        write_batch_object(one(Record(ID, payload={"stranger": 1}), LAYOUT), 0, LAYOUT)


def test_the_tenant_is_of_the_key():
    layout = replace(LAYOUT, multi_tenant=True)
    written = write_batch_object(one(Record(("red", ID)), layout), 0, layout)
    assert (written.tenant, written.uuid) == ("red", str(ID))
    assert read_batch_object(written, layout).id == ("red", ID)
    assert read_batch_object(vendors_object("Article", ID, {}, tenant="red"), layout).id == ("red", ID)
    with pytest.raises(ValueError, match="tenant"):
        write_batch_object(one(Record(ID), layout), 0, layout)


def test_sparse_vectors_have_no_place():
    batch = Batch([ID], {"title": sparse_column([None])}, [{}])
    assert not write_batch_object(batch, 0, LAYOUT).vectors
    batch = Batch([ID], {"title": replace(sparse_column([None]), present=None)}, [{}])
    with pytest.raises(ValueError, match="sparse"):
        write_batch_object(batch, 0, LAYOUT)


@pytest.mark.parametrize("stranger", ["doc-1", 5, ("red", "doc")])
def test_what_is_no_key_is_not_written(stranger):
    layout = layout_of(MADE)
    with pytest.raises(ValueError, match="no UUID"):
        write_batch_object(one(Record(stranger), layout), 0, layout)
