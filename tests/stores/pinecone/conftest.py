"""A Pinecone for the tests: the strict fake, and a real project where one is named."""

from __future__ import annotations

import os

import pytest

from tests.fakes.pinecone import FakePinecone, serving
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.pinecone import open_store


@pytest.fixture
async def served():
    """The fake, listening."""
    async with serving(FakePinecone()) as running:
        yield running


@pytest.fixture
def opens(served):
    """Opens stores over the fake, with options."""

    def open_(**options: str):
        settings = {"visible_after": "0", "timeout": "20", **options}
        return open_store(Endpoint("pinecone", served.url, served.service.api_key, options=settings))

    return open_


@pytest.fixture
def real_url():
    """VECTORMIGRATE_TEST_PINECONE_URL: a control plane, with VECTORMIGRATE_TEST_PINECONE_API_KEY beside it."""
    url = os.environ.get("VECTORMIGRATE_TEST_PINECONE_URL", "")
    if not url:
        pytest.skip("VECTORMIGRATE_TEST_PINECONE_URL names no Pinecone")
    return url
