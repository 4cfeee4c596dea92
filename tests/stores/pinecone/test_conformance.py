"""Pinecone against the suite: the strict fake in several moods, and a real project where there is one."""

from __future__ import annotations

import asyncio
import os

import pytest
from pinecone import Pinecone

from tests.conformance.compare import assert_holds
from tests.conformance.lifecycle import Lifecycle
from tests.conformance.reading import Reading
from tests.conformance.suite import ConformanceSuite, Subject
from tests.conformance.values import Values
from tests.conformance.writing import Writing
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pinecone import open_store


def counted(url: str, key: str, name: str) -> int:
    """Records of an index as the official client counts them."""
    with Pinecone(api_key=key, host=url) as client, client.Index(name) as index:
        return index.describe_index_stats().total_vector_count


class TestFake(ConformanceSuite):
    @pytest.fixture
    def target(self, opens, served):
        key = served.service.api_key
        return Subject(open=opens, raw_count=lambda name: asyncio.to_thread(counted, served.url, key, name))


class TestNamespaced(Lifecycle, Reading, Values):
    """Compound keys, as namespace and id, in the newer generation of the API."""

    subject = ConformanceSuite.subject

    @pytest.fixture
    def target(self, opens):
        return Subject(open=lambda: opens(keys="namespaced", api_version="2026-07"))


class TestLagging(Lifecycle, Reading, Writing):
    """Each kind of read sees a write after a time of its own; one store still reads what it has written."""

    subject = ConformanceSuite.subject

    @pytest.fixture
    def target(self, served, opens):
        served.service.delays.update(fetch=0.05, list=0.08, query=0.03, stats=0.06)
        return Subject(open=lambda: opens(visible_after="0.2"))

    async def test_what_is_acknowledged_outlives_the_connection(self, subject: Subject):
        """To another opening it is visible behind a barrier."""
        shape = await subject.create()
        records = await subject.fill(shape, 5)
        await subject.store.close()
        subject.store = subject.open()
        await subject.store.barrier(shape.name)
        await assert_holds(subject.store, shape, records)


class TestReal(ConformanceSuite):
    """Skipped without VECTORMIGRATE_TEST_PINECONE_URL."""

    @pytest.fixture
    def target(self, real_url):
        key = os.environ.get("VECTORMIGRATE_TEST_PINECONE_API_KEY", "")
        return Subject(open=lambda: open_store(Endpoint("pinecone", real_url, key)))
