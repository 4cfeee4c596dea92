"""A Weaviate to test against: our facade over the memory store, and a real one that somebody else started."""

from __future__ import annotations

import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.facades import LOOPBACK, listening
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.weaviate.facade.emulated import emulated
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade

__all__ = ["judge_weaviate", "weaviate_server"]


@asynccontextmanager
async def serving() -> AsyncIterator[Endpoint]:
    """An empty Weaviate, and where it is."""
    front = Standing(emulated(MemoryStore(Endpoint("memory"), Database())))
    async with listening(WeaviateFacade(front, FakeClock()), grpc_listen=LOOPBACK) as (_, address, grpc):
        options = {"grpc_port": str(grpc.port), "timeout": "60", "wake_tenants": "yes"}
        yield Endpoint("weaviate", f"http://127.0.0.1:{address.port}", options=options)


@pytest.fixture
async def weaviate_server() -> AsyncIterator[Endpoint]:
    """One for each test."""
    async with serving() as endpoint:
        yield endpoint


@pytest.fixture(scope="session")
def judge_weaviate() -> Endpoint:
    """A real Weaviate that somebody else started; VECTORMIGRATE_TEST_WEAVIATE_GRPC_PORT says where its gRPC is."""
    url = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_URL", "")
    if not url:
        pytest.skip("VECTORMIGRATE_TEST_WEAVIATE_URL: no real weaviate to judge by")
    port = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_GRPC_PORT", "50051")
    return Endpoint("weaviate", url, options={"grpc_port": port, "wake_tenants": "yes"})
