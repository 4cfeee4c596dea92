"""What a write puts there, as its request says, is what Milvus Lite gives back."""

from __future__ import annotations

import numpy as np
import pytest
from pymilvus import DataType

from tests.conformance.compare import assert_same
from tests.stores.milvus.facade.answering import put
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.milvus import open_store
from vectormigrate.stores.milvus.facade.capture import hinted
from vectormigrate.stores.milvus.pb import schema_pb2
from vectormigrate.stores.milvus.wire.native import schema_of

NAME = "hinted"


@pytest.fixture
async def fixed(milvus_url, vendor):
    """A collection without undeclared keys, and our store over it."""
    made = vendor.create_schema(enable_dynamic_field=False)
    made.add_field("id", DataType.INT64, is_primary=True)
    made.add_field("v", DataType.FLOAT_VECTOR, dim=3)
    made.add_field("s", DataType.SPARSE_FLOAT_VECTOR)
    made.add_field("n", DataType.INT32, nullable=True)
    made.add_field("f", DataType.FLOAT, nullable=True)
    made.add_field("d", DataType.DOUBLE)
    made.add_field("t", DataType.VARCHAR, max_length=20, nullable=True)
    made.add_field("b", DataType.BOOL)
    indexes = vendor.prepare_index_params()
    indexes.add_index("v", index_type="FLAT", metric_type="COSINE")
    indexes.add_index("s", index_type="SPARSE_INVERTED_INDEX", metric_type="IP")
    vendor.create_collection(NAME, schema=made, index_params=indexes)
    async with open_store(Endpoint("milvus", milvus_url)) as store:
        yield store
    vendor.drop_collection(NAME)


async def test_what_is_offered_is_what_is_read_back(fixed, vendor):
    shape = await fixed.describe(NAME)
    rng = np.random.default_rng(3)
    rows = [
        {
            "id": row,
            "v": rng.standard_normal(3).astype(np.float32).tolist(),
            "s": {row: 0.1, 99: 2.0},
            "n": None if row % 3 == 0 else -row,
            "f": None if row % 4 == 0 else float(np.float32(0.1 * row)),
            "d": 0.1 * row,
            "t": None if row % 5 == 0 else f"é{row}",
            "b": row % 2 == 0,
        }
        for row in range(12)
    ]
    vendor.upsert(NAME, rows)
    sparse = [{**row, "s": {str(index): weight for index, weight in row["s"].items()}} for row in rows]
    records = hinted("Upsert", put(sparse, schema_of(shape), "Upsert"), shape)
    assert records is not None
    held = await fixed.fetch(NAME, list(range(12)))
    assert_same(list(records().records()), list(held.records()), shape)


async def test_columns_that_are_cut_off_offer_nothing(fixed):
    shape = await fixed.describe(NAME)
    row = {"id": 1, "v": [1, 2, 3], "s": {"1": 1}, "n": 1, "f": 1, "d": 1, "t": "a", "b": True}
    message = put([row], schema_of(shape), "Upsert")
    fields = {one.field_name: one for one in message.fields_data}
    fields["d"].CopyFrom(schema_pb2.FieldData(field_name="d", type=DataType.DOUBLE))
    assert len(hinted("Upsert", message, shape)()) == 0
    fields["v"].vectors.dim = 4
    assert len(hinted("Upsert", message, shape)()) == 0
