"""The vendor's own client, unchanged, with the emulation over a file: the ordinary things that an application does."""

from __future__ import annotations

import asyncio
import json
import logging
from urllib.request import Request, urlopen

import numpy as np
import pytest
from pymilvus import DataType, MilvusException

from tests.fakes.clock import FakeClock
from tests.fakes.facades import listening
from tests.fakes.milvus import vendor_client
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.milvus.facade.port import MilvusFacade
from vectormigrate.stores.registry import disguised, open_store


@pytest.fixture(autouse=True)
def _quiet():
    logging.disable(logging.ERROR)  # pymilvus logs every refusal
    yield
    logging.disable(logging.NOTSET)


def _drained(iterator):
    found = []
    while page := list(iterator.next()):
        found += page
    iterator.close()
    return found


def _live(client):
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field("key", DataType.VARCHAR, is_primary=True, max_length=20)
    schema.add_field("dense", DataType.FLOAT_VECTOR, dim=2)
    schema.add_field("half", DataType.FLOAT16_VECTOR, dim=2)
    schema.add_field("sparse", DataType.SPARSE_FLOAT_VECTOR)
    schema.add_field("year", DataType.INT16, nullable=True)
    schema.add_field("tags", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=4, max_length=9)
    indexes = client.prepare_index_params()
    indexes.add_index("dense", metric_type="L2", index_type="HNSW", params={"M": 8, "efConstruction": 64})
    indexes.add_index("half", metric_type="COSINE")
    indexes.add_index("sparse", metric_type="IP", index_type="SPARSE_INVERTED_INDEX")
    client.create_collection("books", schema=schema, index_params=indexes)

    rows = [
        {
            "key": f"b{row:02}",
            "dense": [row, 0],
            "half": np.array([1, row], np.float16),
            "sparse": {row: 1.0, 99: 0.5},
            "year": 1990 + row if row % 2 else None,
            "tags": ["even" if row % 2 == 0 else "odd", f"t{row % 3}"],
            "extra": {"row": row},
        }
        for row in range(12)
    ]
    assert client.insert("books", rows)["insert_count"] == 12
    assert client.describe_collection("books")["fields"][4]["type"] == DataType.INT16

    def keys(found):
        return [row["key"] for row in found]

    assert keys(client.query("books", 'extra["row"] > 9')) == ["b10", "b11"]
    assert keys(client.query("books", "key in {some}", filter_params={"some": ["b03", "b01"]})) == [
        "b01",
        "b03",
    ]
    assert keys(client.query("books", "1992 < year <= 1996")) == ["b03", "b05"]
    assert keys(client.query("books", 'array_contains(tags, "odd") and tags[1] == "t1"')) == ["b01", "b07"]
    assert client.query("books", "year is null", output_fields=["count(*)"])[0]["count(*)"] == 6
    assert len(_drained(client.query_iterator("books", batch_size=5, output_fields=["year"]))) == 12
    [hits] = client.search("books", [[3, 0]], anns_field="dense", limit=2, output_fields=["year"])
    assert [(hit["key"], hit["distance"], hit["entity"]["year"]) for hit in hits] == [
        ("b03", 0, 1993),
        ("b02", 1, None),
    ]
    [hits] = client.search("books", [{4: 2.0}], anns_field="sparse", limit=5)
    assert [hit["key"] for hit in hits] == ["b04"]
    [hits] = client.search("books", [np.array([1, 0], np.float16)], anns_field="half", limit=1)
    assert hits[0]["key"] == "b00"
    found = _drained(
        client.search_iterator(
            "books", [[0, 0]], anns_field="dense", batch_size=5, limit=11, search_params={"metric_type": "L2"}
        )
    )
    assert [hit["key"] for hit in found] == [f"b{row:02}" for row in range(11)]
    client.upsert("books", [{"key": "b01", "year": 7}], partial_update=True)
    assert client.get("books", "b01")[0]["year"] == 7
    assert client.delete("books", filter="year == 7")["delete_count"] == 1
    assert client.get_collection_stats("books")["row_count"] == 11
    with pytest.raises(MilvusException) as caught:
        client.query("books", "year * 2 + 1 == 3")
    assert caught.value.code == 10
    with pytest.raises(MilvusException) as caught:
        client.insert("books", [{**rows[0], "tags": ["x"] * 5}])
    assert caught.value.code == 1100


async def test_the_vendors_client_over_a_file(tmp_path):
    async with open_store(Endpoint("sqlite", str(tmp_path / "local.db"))) as store:
        facade = MilvusFacade(Standing(disguised("milvus", store)), FakeClock())
        async with listening(facade) as (_, address):

            def live():
                client = vendor_client(f"http://{address}")
                try:
                    _live(client)
                finally:
                    client.close()
                asked = Request(
                    f"http://{address}/v2/vectordb/entities/query",
                    json.dumps(
                        {"collectionName": "books", "filter": "year > 1998", "outputFields": ["year"]}
                    ).encode(),
                    {"content-type": "application/json"},
                )
                with urlopen(asked, timeout=30) as answer:
                    told = json.load(answer)
                assert told == {
                    "code": 0,
                    "data": [{"key": "b09", "year": 1999}, {"key": "b11", "year": 2001}],
                }

            await asyncio.to_thread(live)
