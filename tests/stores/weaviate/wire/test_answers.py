"""What a search answers: read from a server's messages, and given so that the vendor's client reads what was meant."""

from dataclasses import replace
from datetime import UTC, datetime
from uuid import UUID

import numpy as np
import pytest
from weaviate.collections.classes.types import GeoCoordinate

from tests.stores.weaviate.classes import FOREIGN, MADE, as_the_vendor_reads, floats
from tests.stores.weaviate.wire.test_messages import GIVEN, ID, PAYLOAD, THERE
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.answers import (
    read_results,
    wanted_metadata,
    wanted_properties,
    write_properties_result,
)
from vectormigrate.stores.weaviate.wire.layout import META
from vectormigrate.stores.weaviate.wire.objects import write_properties
from vectormigrate.stores.weaviate.wire.shape import layout_of, read_layout
from vectormigrate.stores.weaviate.wire.vectors import write_dense, write_multi

LAYOUT = read_layout(FOREIGN)
NO_VECTORS = replace(LAYOUT, vectors=())


def result(uuid=ID, plain=None, layout=LAYOUT, **vectors):
    """A `SearchResult` as a server makes it."""
    made = pb.SearchResult()
    made.metadata.id_as_bytes = uuid.bytes
    made.properties.non_ref_props.CopyFrom(write_properties_result(plain or {}, layout.properties))
    for name, vector in vectors.items():
        write = write_multi if vector.ndim == 2 else write_dense
        made.metadata.vectors.add(name=name, vector_bytes=write(vector))
    return made


def plain_of(payload, layout=LAYOUT):
    return write_properties(payload, replace(layout, meta=True))


def test_what_a_facade_answers_is_what_the_vendors_client_reads():
    told = as_the_vendor_reads(write_properties_result(plain_of(PAYLOAD), LAYOUT.properties))
    phone, geo = told.pop("phone"), told.pop("geo")
    assert (phone.number, phone.default_country) == ("030 1", "DE")
    assert geo == GeoCoordinate(latitude=1.5, longitude=-2.5)
    wanted = {name: value for name, value in GIVEN.items() if name not in ("phone", "geo")}
    assert {name: told[name] for name in wanted} == wanted


def test_empty_lists_keep_their_type_and_nulls_their_name():
    names = ("texts", "numbers", "ints", "booleans", "dates", "uuids", "objects")
    message = write_properties_result({name: [] for name in names} | {"text": None}, LAYOUT.properties)
    assert as_the_vendor_reads(message) == {name: [] for name in names} | {"text": None}
    kinds = {name: message.fields[name].list_value.WhichOneof("kind") for name in names}
    assert None not in kinds.values()


def test_a_property_that_nobody_declared_is_typed_by_its_value():
    plain = {"a": 1.5, "b": "2024-01-01T00:00:00Z", "c": ["x"], "d": True}
    told = as_the_vendor_reads(write_properties_result(plain, {}))
    assert told == plain | {"b": datetime(2024, 1, 1, tzinfo=UTC)}


def test_records_are_read_as_they_were():
    plain = plain_of({key: value for key, value in PAYLOAD.items() if key not in ("author", "about")})
    made = result(plain=plain)
    for name, target, to in (("author", "Person", THERE), ("about", "Place", ID)):
        reference = made.properties.ref_props.add(prop_name=name)
        reference.properties.add(target_collection=target).metadata.id = str(to)
    batch = read_results([made], NO_VECTORS)
    assert batch.ids == [ID]
    assert batch.payload[0] == {
        **PAYLOAD,
        "about": [f"weaviate://localhost/Place/{ID}"],
        "phone": batch.payload[0]["phone"],
    }


def test_vectors_are_columns_and_one_that_is_missing_is_absent():
    layout = replace(LAYOUT, vectors=LAYOUT.vectors[:2])
    rows = [
        result(title=floats(1, 2), tokens=np.ones((2, 3), np.float32)),
        result(UUID(int=9), title=floats(3, 4)),
    ]
    batch = read_results(rows, layout)
    assert batch.vectors["title"].values.tolist() == [[1, 2], [3, 4]]
    assert batch.vectors["title"].present is None
    assert batch.vectors["tokens"].row(0).shape == (2, 3)
    assert not batch.vectors["tokens"].has(1)
    assert not read_results([*rows[1:], result()], layout).vectors["title"].has(1)


def test_the_unnamed_vector_stands_apart():
    layout = layout_of(replace(MADE, vectors=(replace(MADE.vectors[0], name=""),)))
    made = pb.SearchResult()
    made.metadata.id_as_bytes = ID.bytes
    made.metadata.vector_bytes = write_dense(floats(1, 2, 3))
    batch = read_results([made], layout)
    assert batch.ids == [ID]
    assert batch.vectors[""].values.tolist() == [[1, 2, 3]]


def test_vectors_of_several_widths_are_no_column():
    layout = replace(LAYOUT, vectors=LAYOUT.vectors[:1])
    with pytest.raises(ValueError, match="title"):
        read_results([result(title=floats(1, 2)), result(UUID(int=9), title=floats(1, 2, 3))], layout)


def test_a_moment_finer_than_ours_is_a_fault_of_its_row():
    rows = [
        result(plain={"date": "2024-01-01T00:00:00.123456789Z"}),
        result(UUID(int=9), plain={"text": "good"}),
    ]
    batch = read_results(rows, NO_VECTORS)
    assert list(batch.faults) == [0]
    assert "finer" in batch.faults[0]
    assert batch.payload[1] == {"text": "good"}
    assert not read_results(rows, NO_VECTORS, bare=True).faults


def test_ids_alone_have_nothing_beside():
    batch = read_results(
        [result(title=floats(1, 2))], replace(LAYOUT, multi_tenant=True), tenant="red", bare=True
    )
    assert (batch.ids, dict(batch.vectors), batch.payload) == ([("red", ID)], {}, [{}])


def test_everything_is_asked_for_and_by_name_where_there_are_blobs():
    wanted = wanted_properties(replace(layout_of(MADE), properties={}))
    assert (wanted.return_all_nonref_properties, list(wanted.non_ref_properties)) == (True, [])
    wanted = wanted_properties(layout_of(MADE))
    assert not wanted.return_all_nonref_properties
    assert {META, "_vm_id", "raw", "label"} <= set(wanted.non_ref_properties)
    wanted = wanted_properties(LAYOUT)
    assert META not in wanted.non_ref_properties
    assert {"blob", "geo", "dates"} <= set(wanted.non_ref_properties)
    assert [one.prop_name for one in wanted.object_properties] == ["object", "objects"]
    nested = wanted.object_properties[0]
    assert [*nested.primitive_properties, nested.object_properties[0].prop_name] == ["n", "texts", "deeper"]
    asked = [(one.reference_property, one.target_collection) for one in wanted.ref_properties]
    assert asked == [("author", "Person"), ("about", "Person"), ("about", "Place")]


def test_vectors_are_asked_for_by_name_and_the_unnamed_one_by_itself():
    assert list(wanted_metadata(LAYOUT).vectors) == ["title", "tokens", "flat", "grown"]
    assert not wanted_metadata(LAYOUT).vector
    assert not wanted_metadata(LAYOUT, vectors=False).vectors
    unnamed = replace(LAYOUT, vectors=(replace(LAYOUT.vectors[0], name=""),))
    assert wanted_metadata(unnamed, distance=True).vector
    assert wanted_metadata(unnamed, distance=True).distance
