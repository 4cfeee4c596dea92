"""The server that the tests of this folder share, our store over it, and the vendor's own client beside it."""

import pytest

from tests.conformance.subject import Subject
from tests.fakes.milvus import judge_url, milvus_server, milvus_url, vendor_client
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.milvus import open_store

__all__ = ["judge_url", "milvus_server", "milvus_url"]


@pytest.fixture
async def subject(milvus_url):
    async with Subject(lambda: open_store(Endpoint("milvus", milvus_url))).running() as running:
        yield running


@pytest.fixture
def vendor(milvus_url):
    client = vendor_client(milvus_url)
    yield client
    client.close()
