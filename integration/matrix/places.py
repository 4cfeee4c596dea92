"""The stores of one run, started: real ones where packages bring them, else engines and strict doubles of the tests.

With `VECTORMIGRATE_TEST_<KIND>_URL` set, that server is used instead, as everywhere in the tests.
"""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

from tests.fakes.milvus import LiteServer
from tests.fakes.pinecone import serving as serving_pinecone
from tests.fakes.qdrant import QdrantServer
from tests.fakes.weaviate import serving as serving_weaviate
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.daemon.secrets import Secrets

from .memory import MemorySide
from .milvus import MilvusSide
from .pinecone import PineconeSide
from .postgres import PostgresSide
from .qdrant import QdrantSide
from .side import Side
from .sqlite import SqliteSide
from .weaviate import WeaviateSide

KINDS = ("pinecone", "qdrant", "weaviate", "milvus", "pgvector", "sqlite", "memory")
SECRETS = Secrets({}, {"PINECONE_KEY": os.environ.get("VECTORMIGRATE_TEST_PINECONE_KEY", "key")})


def _elsewhere(kind: str) -> str:
    """The address of a server that somebody else has started; empty when there is none."""
    return os.environ.get(f"VECTORMIGRATE_TEST_{kind.upper()}_URL", "")


def borrowed() -> set[str]:
    """The stores of a run that somebody else has started."""
    return set(filter(_elsewhere, KINDS))


@asynccontextmanager
async def sides() -> AsyncIterator[dict[str, Side]]:
    """A side of every kind, by kind."""
    async with AsyncExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-matrix-")))
        folder.chmod(0o755)
        found: dict[str, Side] = {
            "memory": MemorySide(f"matrix-{folder.name}"),
            "sqlite": SqliteSide(folder / "matrix.db"),
            "pgvector": PostgresSide(_elsewhere("pgvector") or _postgres(stack, folder)),
            "milvus": MilvusSide(_elsewhere("milvus") or _milvus(stack, folder)),
            "qdrant": _qdrant(stack),
            "weaviate": await _weaviate(stack),
            "pinecone": await _pinecone(stack),
        }
        for side in found.values():
            stack.callback(side.close)
        yield {kind: found[kind] for kind in KINDS}


def _postgres(stack: AsyncExitStack, folder: Path) -> str:
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    stack.callback(server.stop)
    return server.dsn


def _milvus(stack: AsyncExitStack, folder: Path) -> str:
    server = LiteServer(folder / "milvus").start()
    stack.callback(server.stop)
    return server.url


def _qdrant(stack: AsyncExitStack) -> Side:
    url = _elsewhere("qdrant")
    if url:
        return QdrantSide(url, int(os.environ.get("VECTORMIGRATE_TEST_QDRANT_GRPC_PORT", "6334")))
    server = QdrantServer().start()
    stack.callback(server.stop)
    return QdrantSide(server.url, server.grpc_port)


async def _weaviate(stack: AsyncExitStack) -> Side:
    url = _elsewhere("weaviate")
    port = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_GRPC_PORT", "50051")
    if not url:
        endpoint = await stack.enter_async_context(serving_weaviate())
        url, port = endpoint.url, endpoint.options["grpc_port"]
    return await asyncio.to_thread(WeaviateSide, url, int(port))


async def _pinecone(stack: AsyncExitStack) -> Side:
    url = _elsewhere("pinecone")
    if not url:
        url = (await stack.enter_async_context(serving_pinecone())).url
    key = os.environ.get("VECTORMIGRATE_TEST_PINECONE_KEY", "key")
    return await asyncio.to_thread(PineconeSide, url, key, "env:PINECONE_KEY")
