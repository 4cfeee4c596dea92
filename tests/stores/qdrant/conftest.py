"""The server that the tests of this folder share, our store over it both ways, and the vendor's own client beside it."""

import warnings

import pytest
from qdrant_client import QdrantClient

from tests.conformance.subject import Subject
from tests.fakes.qdrant import judge_qdrant, qdrant_server
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.qdrant import open_store

__all__ = ["judge_qdrant", "qdrant_server"]


def endpoint_of(server, *, grpc: bool, **options: str) -> Endpoint:
    """Where the fake is: by gRPC or by REST alone."""
    if grpc:
        options["grpc_port"] = str(server.grpc_port)
    return Endpoint("qdrant", server.url, server.api_key, options=options)


@pytest.fixture(params=[False, True], ids=["rest", "grpc"])
async def subject(qdrant_server, request):
    endpoint = endpoint_of(qdrant_server, grpc=request.param)
    async with Subject(lambda: open_store(endpoint)).running() as running:
        yield running


@pytest.fixture
def vendor(qdrant_server):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = QdrantClient(qdrant_server.url, check_compatibility=False)
    yield client
    client.close()
