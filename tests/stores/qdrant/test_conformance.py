"""Qdrant against the suite: its engine behind a server of ours, by REST and by gRPC, and a real server where there is one."""

from __future__ import annotations

import os

import pytest

from tests.conformance.suite import ConformanceSuite, Subject
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.qdrant import open_store

from .conftest import endpoint_of


class TestRest(ConformanceSuite):
    @pytest.fixture
    def target(self, qdrant_server, vendor):
        async def raw_count(collection: str) -> int:
            return vendor.count(collection).count

        return Subject(lambda: open_store(endpoint_of(qdrant_server, grpc=False)), raw_count)


class TestGrpc(ConformanceSuite):
    @pytest.fixture
    def target(self, qdrant_server):
        return Subject(lambda: open_store(endpoint_of(qdrant_server, grpc=True)))


class TestReal(ConformanceSuite):
    """Skipped without VECTORMIGRATE_TEST_QDRANT_URL; VECTORMIGRATE_TEST_QDRANT_GRPC_PORT makes it gRPC."""

    @pytest.fixture
    def target(self, judge_qdrant):
        port = os.environ.get("VECTORMIGRATE_TEST_QDRANT_GRPC_PORT", "")
        options = {"timeout": "60", **({"grpc_port": port} if port else {})}
        return Subject(lambda: open_store(Endpoint("qdrant", judge_qdrant, options=options)))
