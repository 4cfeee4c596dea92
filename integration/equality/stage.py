"""The databases between which a collection moves: a source of each vendor, filled, and a target of every kind, empty."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractContextManager, AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from pinecone import Pinecone

from tests.fakes.milvus import LiteServer
from tests.fakes.pinecone import serving as serving_pinecone
from tests.fakes.qdrant import QdrantServer
from tests.fakes.weaviate import serving as serving_weaviate
from tests.life.answers import Call
from tests.life.daemon import Behind, Daemon
from tests.life.pinecone import INDEX, KEY, Hosts
from tests.life.pinecone import rest as pinecone_client
from tests.life.stage import asking, milvus_client, qdrant_client
from tests.life.weaviate_client import weaviate_client
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.model.specification import StoreRef
from vectormigrate.stores.base import Endpoint

from . import milvus, pinecone, qdrant, weaviate
from .asked import Operators, Question

TARGETS = ("memory", "milvus", "pgvector", "pinecone", "qdrant", "sqlite", "weaviate")


@dataclass(frozen=True)
class Source:
    """A vendor's server with the collection in it."""

    dialect: str
    ref: StoreRef
    behind: Behind
    judge: str
    """What the answers are, and whose."""
    operators: Operators
    ask: Callable[[Question], Call]
    reads: Callable[[], Iterable[Call]]
    beyond: Callable[[], Iterable[Call]]
    page: Callable[[Any, Any, int], tuple[list[str], Any]]
    client: Callable[[Daemon | None], AbstractContextManager[Any]]
    """The vendor's own client, of the server itself or of the daemon in front of it."""
    needs: Callable[[Question], str] = lambda question: ""
    """What plan would say of a search that the target cannot answer; a search without such words it can."""


async def _filled(source: Source, fill: Callable[[Any], None]) -> None:
    async with asking(source.client(None)) as direct:
        assert (await direct([Call("fill", fill)]))["fill"] is None


@asynccontextmanager
async def qdrant_source(folder: Path) -> AsyncIterator[Source]:
    """Qdrant's own engine behind a server of the tests, or a real one."""
    url = os.environ.get("VECTORMIGRATE_TEST_QDRANT_URL", "")
    server = None if url else QdrantServer().start()
    where = url if server is None else server.url
    grpc_port = 6334 if server is None else server.grpc_port

    def client(daemon: Daemon | None) -> AbstractContextManager[Any]:
        if daemon is None:
            return qdrant_client(where, grpc_port, grpc=False)
        return qdrant_client(daemon.url, daemon.port, grpc=False)

    source = Source(
        "qdrant",
        StoreRef("qdrant", where, qdrant.COLLECTION),
        Behind("qdrant", where, f"http://127.0.0.1:{grpc_port}"),
        "a real server" if server is None else "Qdrant's engine as a library",
        qdrant.OPERATORS,
        qdrant.ask,
        qdrant.reads,
        qdrant.beyond,
        qdrant.page,
        client,
    )
    try:
        await _filled(source, qdrant.create)
        yield source
    finally:
        if server is not None:
            server.stop()


@asynccontextmanager
async def pinecone_source(folder: Path, *, hybrid: bool) -> AsyncIterator[Source]:
    """A strict Pinecone of the tests."""
    async with serving_pinecone() as fake:
        with Pinecone(api_key=KEY, host=fake.url) as control:
            await asyncio.to_thread(pinecone.create, control, "dotproduct" if hybrid else "euclidean")
        url = f"http://127.0.0.1:{fake.service.indexes[INDEX].port}"

        def client(daemon: Daemon | None) -> AbstractContextManager[Any]:
            hosts = Hosts(fake.url, url, url) if daemon is None else Hosts(*[daemon.url] * 3)
            return pinecone_client(hosts)

        source = Source(
            "pinecone",
            StoreRef("pinecone", fake.url, INDEX, "env:PINECONE_KEY"),
            Behind("pinecone", url, "", fake.url, INDEX),
            "a strict Pinecone of the tests",
            pinecone.OPERATORS,
            lambda question: pinecone.ask(question, hybrid=hybrid),
            pinecone.reads,
            lambda: pinecone.beyond(hybrid=hybrid),
            pinecone.page,
            client,
            pinecone.needs if hybrid else Source.needs,
        )
        await _filled(source, lambda c: pinecone.fill(c, sparse=hybrid))
        yield source


@asynccontextmanager
async def _weaviate() -> AsyncIterator[tuple[Endpoint, str]]:
    url = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_URL", "")
    if url:
        port = os.environ.get("VECTORMIGRATE_TEST_WEAVIATE_GRPC_PORT", "50051")
        yield Endpoint("weaviate", url, options={"grpc_port": port}), "a real server"
        return
    async with serving_weaviate() as endpoint:
        yield endpoint, "our emulation"


@asynccontextmanager
async def weaviate_source(folder: Path) -> AsyncIterator[Source]:
    """A real Weaviate, or our emulation of one."""
    async with _weaviate() as (endpoint, judge):
        ports = int(endpoint.url.rpartition(":")[2]), int(endpoint.options["grpc_port"])

        def client(daemon: Daemon | None) -> AbstractContextManager[Any]:
            return weaviate_client(*(ports if daemon is None else (daemon.port, daemon.grpc_port)))

        source = Source(
            "weaviate",
            StoreRef("weaviate", endpoint.url, weaviate.COLLECTION, "", dict(endpoint.options)),
            Behind("weaviate", endpoint.url, f"http://127.0.0.1:{ports[1]}", two_ports=True),
            judge,
            weaviate.OPERATORS,
            weaviate.ask,
            weaviate.reads,
            weaviate.beyond,
            weaviate.page,
            client,
        )
        await _filled(source, weaviate.create)
        yield source


@asynccontextmanager
async def milvus_source(folder: Path) -> AsyncIterator[Source]:
    """Milvus Lite."""
    server = LiteServer(folder / "milvus").start()

    def client(daemon: Daemon | None) -> AbstractContextManager[Any]:
        return milvus_client(server.url if daemon is None else daemon.url)

    source = Source(
        "milvus",
        StoreRef("milvus", server.url, milvus.COLLECTION),
        Behind("milvus", server.url),
        "Milvus Lite",
        milvus.OPERATORS,
        milvus.ask,
        milvus.reads,
        milvus.beyond,
        milvus.page,
        client,
    )
    try:
        await _filled(source, milvus.create)
        yield source
    finally:
        server.stop()


SOURCES: dict[str, Callable[[Path], Any]] = {
    "qdrant": qdrant_source,
    "pinecone": lambda folder: pinecone_source(folder, hybrid=False),
    "pinecone-hybrid": lambda folder: pinecone_source(folder, hybrid=True),
    "weaviate": weaviate_source,
    "milvus": milvus_source,
}


@contextmanager
def _postgres(folder: Path) -> Iterator[str]:
    server = EmbeddedPostgres(folder / "postgres", durable=False)
    server.start()
    try:
        with psycopg.connect(server.dsn, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
        yield server.dsn
    finally:
        server.stop()


@asynccontextmanager
async def target(kind: str, folder: Path) -> AsyncIterator[StoreRef]:
    """A place where the collection is not yet."""
    async with AsyncExitStack() as stack:
        match kind:
            case "memory":
                yield StoreRef(kind, f"memory://{uuid4()}", "synsets")
            case "sqlite":
                yield StoreRef(kind, str(folder / "target.db"), "synsets")
            case "pgvector":
                yield StoreRef(kind, stack.enter_context(_postgres(folder)), "synsets")
            case "milvus":
                lite = LiteServer(folder / "target").start()
                stack.callback(lite.stop)
                yield StoreRef(kind, lite.url, "synsets")
            case "qdrant":
                server = QdrantServer().start()
                stack.callback(server.stop)
                yield StoreRef(kind, server.url, "synsets")
            case "pinecone":
                fake = await stack.enter_async_context(serving_pinecone())
                yield StoreRef(kind, fake.url, "synsets", "env:PINECONE_KEY")
            case _:
                endpoint, _ = await stack.enter_async_context(_weaviate())
                yield StoreRef(kind, endpoint.url, "Moved", "", dict(endpoint.options))
