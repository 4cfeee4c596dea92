"""The official client and the store see the same records, and the fake is one that the official client can use."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import numpy as np
import pytest
from pinecone import Pinecone, ServerlessSpec, SparseValues, Vector
from pinecone.errors import ApiError, NotFoundError

from tests.conformance.compare import assert_same, ids_of
from tests.conformance.subject import make_records, read_all, to_batch
from vectormigrate.model.batch import Batch
from vectormigrate.model.collection import IdKind, KeyOrder, Metric, VectorKind
from vectormigrate.model.errors import Unsupported
from vectormigrate.model.record import Record
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pinecone import open_store
from vectormigrate.stores.pinecone.store.port import CAPABILITIES, read_position


class Official:
    """The official client, synchronous as most applications use it; its calls go through threads."""

    def __init__(self, served) -> None:
        self.client = Pinecone(api_key=served.service.api_key, host=served.url)
        self.indexes: list = []

    async def made(self, **how):
        """An index that an application has made, and its data plane."""
        how = {
            "dimension": 3,
            "metric": "cosine",
            "spec": ServerlessSpec(cloud="aws", region="us-east-1"),
            **how,
        }
        await asyncio.to_thread(self.client.create_index, name="docs", **how)
        return await self.index("docs")

    async def index(self, name):
        self.indexes.append(await asyncio.to_thread(self.client.Index, name))
        return self.indexes[-1]

    def close(self) -> None:
        for one in (*self.indexes, self.client):
            one.close()


@pytest.fixture
async def official(served):
    client = Official(served)
    yield client
    await asyncio.to_thread(client.close)


async def test_what_the_official_client_wrote_is_read(official, subject):
    index = await official.made()
    vectors = [
        Vector(id="a", values=[1, 2, 3], metadata={"year": 2020, "tags": ["x", "y"], "yes": True, "t": "ü"}),
        Vector(id="b", values=[0.1, 0.2, 0.3]),
    ]
    await asyncio.to_thread(index.upsert, vectors=vectors)
    await asyncio.to_thread(index.upsert, vectors=[("c", [3, 2, 1])], namespace="prod")
    shape = await subject.store.describe("docs/")
    assert (shape.id.kind, shape.id.order) == (IdKind.TEXT, KeyOrder.BYTES)
    assert [(one.name, one.dim, one.metric) for one in shape.vectors] == [("values", 3, Metric.COSINE)]
    wanted = [
        Record("a", {"values": np.array([1, 2, 3], np.float32)}, payload={"year": 2020.0, "tags": ["x", "y"], "yes": True, "t": "ü"}),
        Record("b", {"values": np.array([0.1, 0.2, 0.3], np.float32)}),
    ]  # fmt: skip
    assert_same(await read_all(subject.store, "docs/"), wanted, shape)
    assert ids_of(await read_all(subject.store, "docs/*")) == [
        ("__default__", "a"),
        ("__default__", "b"),
        ("prod", "c"),
    ]


async def test_what_the_store_wrote_the_official_client_reads(official, subject):
    shape = await subject.create(
        vectors=[subject.vector(metric=Metric.DOT), subject.vector("words", VectorKind.SPARSE)]
    )
    records = await subject.fill(shape, 120)
    index = await official.index(shape.name)
    stats = await asyncio.to_thread(index.describe_index_stats)
    assert stats.total_vector_count == 120
    listed = await asyncio.to_thread(lambda: [one for page in index.list() for one in page])
    assert [getattr(one, "id", one) for one in listed] == [record.id for record in records]
    got = (await asyncio.to_thread(index.fetch, ids=[records[7].id])).vectors[records[7].id]
    assert np.array_equal(np.array(got.values, np.float32), records[7].dense["vec"])
    assert got.sparse_values.indices == records[7].sparse["words"].indices.tolist()
    assert got.metadata["n"] == 7
    near = await asyncio.to_thread(
        lambda: index.query(vector=[0.1, 0.2, 0.3, 0.4], top_k=3, filter={"n": {"$gte": 100}})
    )
    assert all(int(match.id[3:]) >= 100 for match in near.matches)


async def test_hybrid_records_of_the_official_client_are_read(official, subject):
    index = await official.made(metric="dotproduct")
    sparse = SparseValues(indices=[7, 2], values=[0.5, 0.25])
    await asyncio.to_thread(index.upsert, vectors=[Vector(id="a", values=[1, 2, 3], sparse_values=sparse)])
    [record] = await read_all(subject.store, "docs")
    assert record.sparse["sparse_values"].indices.tolist() == [2, 7]
    assert record.sparse["sparse_values"].values.tolist() == [0.25, 0.5]


async def test_an_update_of_the_official_client_is_believed(official, subject):
    shape = await subject.create()
    [record] = await subject.fill(shape, 1)
    index = await official.index(shape.name)
    await asyncio.to_thread(lambda: index.update(id=record.id, set_metadata={"n": 5.5, "label": "new"}))
    [got] = await read_all(subject.store, shape.name)
    assert got.payload == {"n": 5.5, "label": "new"}


async def test_the_fake_is_as_strict_as_the_service(official, served):
    """What the official client lets through and the service refuses, as its documentation says."""
    index = await official.made()
    for bad in (
        {"id": "zero", "values": [0, 0, 0]},
        {"id": "dim", "values": [1, 2]},
        {"id": "nan", "values": [1, 2, float("nan")]},
        {"id": "large", "values": [1, 2, 3], "metadata": {"a": "x" * 50_000}},
    ):
        with pytest.raises(ApiError) as caught:
            await asyncio.to_thread(index.upsert, vectors=[bad])
        assert caught.value.status_code == 400
    assert served.service.index("docs").namespaces == {}
    with pytest.raises(NotFoundError):
        await asyncio.to_thread(official.client.describe_index, name="other")


async def test_positions_of_the_fake_are_the_official_clients(official):
    index = await official.made()
    first = await asyncio.to_thread(index.upsert, vectors=[("a", [1, 2, 3])])
    second = await asyncio.to_thread(index.upsert, vectors=[("b", [1, 2, 3])])
    found = await asyncio.to_thread(lambda: index.query(vector=[1, 2, 3], top_k=1))
    assert (first.response_info.lsn_committed, second.response_info.lsn_committed) == (1, 2)
    assert found.response_info.lsn_reconciled == 2


async def test_a_fresh_opening_goes_on_where_another_stopped(subject, opens):
    shape = await subject.create()
    records = make_records(shape, [f"{number:03d}" for number in range(250)])
    await subject.store.upsert(shape.name, to_batch(shape, records))
    await subject.store.barrier(shape.name)
    pages = subject.store.scan(shape.name, (await subject.store.split(shape.name, 1))[0], limit=70)
    first = await anext(pages)
    await pages.aclose()
    other = opens()
    ranges = await other.split(shape.name, 1)
    rest = await read_all(other, shape.name, replace(ranges[0], lower=first.cursor))
    assert ids_of(rest) == [record.id for record in records[70:]]
    await other.close()


def test_limits_are_those_that_pinecone_publishes():
    assert (CAPABILITIES.write_batch, CAPABILITIES.max_id_bytes, CAPABILITIES.max_dim) == (1000, 512, 20_000)
    assert CAPABILITIES.max_payload_bytes == 40 * 1024


async def test_two_projects_at_one_address_are_apart(opens, served):
    one, other = opens(), open_store(Endpoint("pinecone", served.url, "another"))
    assert one.identity() != other.identity()
    assert "another" not in other.identity()
    await one.close()
    await other.close()


def test_positions_are_numbers_with_or_without_their_namespace():
    assert read_position("prod=12") == ("prod", 12)
    assert read_position("=12") == ("__default__", 12)
    assert read_position("a=b=12") == ("a=b", 12)
    assert read_position("12") == (None, 12)
    for bad in ("", "prod=", "x", "prod=-1"):
        with pytest.raises(Unsupported):
            read_position(bad)


async def test_metadata_that_is_too_large_is_known_before_there_is_an_index(subject):
    batch = Batch(["a", "b"], payload=[{"text": "x" * 40_000}, {"text": "x" * 40_960}])
    assert subject.store.misfits(batch) == {1: "its metadata takes 40971 bytes, and pinecone holds 40960"}
