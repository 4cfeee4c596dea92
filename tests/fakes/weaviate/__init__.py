"""A Weaviate to test against: a real one that somebody else started, where there is one."""

from __future__ import annotations

import os

import pytest

from vectormigrate.stores.base import Endpoint

__all__ = ["judge_weaviate"]


@pytest.fixture(scope="session")
def judge_weaviate() -> Endpoint:
    """A real Weaviate that somebody else started; VECTORMIGRATE_TEST_WEAVIATE_GRPC_PORT says where its gRPC is."""
    url = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_URL", "")
    if not url:
        pytest.skip("VECTORMIGRATE_TEST_WEAVIATE_URL: no real weaviate to judge by")
    port = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_GRPC_PORT", "50051")
    return Endpoint("weaviate", url, options={"grpc_port": port, "wake_tenants": "yes"})
