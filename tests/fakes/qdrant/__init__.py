"""A Qdrant for the tests: its REST and gRPC APIs over its own engine, in this process.

The engine (`qdrant-edge-py`) decides what is stored and found, normalises, and keeps ids and order; around it stands
only as much server as the tests need. With `VECTORMIGRATE_TEST_QDRANT_URL` set, the suite runs against a real server
too; without it those tests are skipped, and the skip says so.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest

from .refusal import Refused
from .server import QdrantServer

__all__ = ["QdrantServer", "Refused", "judge_qdrant", "qdrant_server"]


@pytest.fixture(scope="session")
def qdrant_server() -> Iterator[QdrantServer]:
    """The server shared by all tests of this process."""
    server = QdrantServer().start()
    try:
        yield server
    finally:
        server.stop()


@pytest.fixture(scope="session")
def judge_qdrant() -> str:
    """The address of a real Qdrant that somebody else started."""
    url = os.environ.get("VECTORMIGRATE_TEST_QDRANT_URL", "")
    if not url:
        pytest.skip("VECTORMIGRATE_TEST_QDRANT_URL: no real qdrant to judge by")
    return url
