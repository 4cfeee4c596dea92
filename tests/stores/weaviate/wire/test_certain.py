"""Which objects of a batch are held as they were sent."""

from uuid import UUID

import numpy as np
import pytest

from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.wire.certain import certain
from vectormigrate.stores.weaviate.wire.shape import read_layout
from vectormigrate.stores.weaviate.wire.vectors import write_dense

TYPES = {"n": "int", "s": "text", "p": "phoneNumber", "ns": "int[]"}
CLASS = {
    "class": "C",
    "properties": [{"name": name, "dataType": [kind]} for name, kind in TYPES.items()],
}
UNNAMED = read_layout({**CLASS, "vectorIndexType": "hnsw"})
CONFIG = {"vectorIndexType": "hnsw"}
VECTOR = write_dense(np.array([1, 2], np.float32))


def sent(number=1, properties=None, **fields):
    message = pb.BatchObject(
        uuid=str(UUID(int=number)), collection="C", **({"vector_bytes": VECTOR} | fields)
    )
    message.properties.non_ref_properties.update({"n": 5} if properties is None else properties)
    return message


def test_a_whole_object_is_certain():
    message = sent(properties={"n": 5, "s": "a", "unset": None} | {})
    del message.properties.non_ref_properties.fields["unset"]
    message.properties.int_array_properties.add(prop_name="ns", values=[1, 2])
    [record] = certain([message], UNNAMED).records()
    assert record.id == UUID(int=1)
    assert record.payload == {"n": 5, "s": "a", "ns": [1, 2]}
    assert record.dense[""].tolist() == [1, 2]


def test_a_vector_without_a_name_is_the_only_one():
    one = read_layout({**CLASS, "vectorConfig": {"default": CONFIG}})
    [record] = certain([sent()], one).records()
    assert list(record.dense) == ["default"]
    two = read_layout({**CLASS, "vectorConfig": {"default": CONFIG, "other": CONFIG}})
    assert len(certain([sent()], two)) == 0


@pytest.mark.parametrize(
    "message",
    [
        sent(vector_bytes=b""),
        sent(properties={"new": 1}),
        sent(properties={"p": {"input": "1"}}),
        sent(properties={"n": 2**60}),
        sent(properties={"n": 1.5}),
        sent(properties={"s": 1}),
    ],
)
def test_what_weaviate_might_change_is_not(message):
    assert len(certain([message], UNNAMED)) == 0


def test_what_is_given_twice_is_not():
    batch = certain([sent(), sent(2), sent(properties={"n": 6})], UNNAMED)
    assert batch.ids == [UUID(int=2)]
