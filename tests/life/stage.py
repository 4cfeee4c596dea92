"""A vendor's server, its clients and a daemon between them, put together for one telling of the story."""

from __future__ import annotations

import asyncio
import warnings
from collections.abc import AsyncIterator, Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import (
    AbstractAsyncContextManager,
    AbstractContextManager,
    asynccontextmanager,
    closing,
    contextmanager,
)
from pathlib import Path
from typing import Any

from pinecone import Pinecone
from pymilvus import MilvusClient
from qdrant_client import QdrantClient

from tests.fakes.milvus import vendor_client
from tests.fakes.pinecone import serving
from tests.fakes.qdrant import QdrantServer
from tests.fakes.weaviate import serving as serving_weaviate
from vectormigrate.model.specification import Mode, Specification, StoreRef

from . import milvus, pinecone, qdrant, weaviate
from .answers import Answers, Call, ask_all
from .daemon import Behind, Daemon, in_process
from .story import Ask, Life, Tally, Telling, lived, told
from .weaviate_client import weaviate_client

Serving = Callable[[Path, Behind], AbstractAsyncContextManager[Daemon]]
MIGRATION = "moving"


@asynccontextmanager
async def asking(client: AbstractContextManager[Any], threads: int = 1) -> AsyncIterator[Ask]:
    """Ask a client that blocks, always in the same thread; in several of them where calls may be under way at once."""
    loop = asyncio.get_running_loop()
    with ThreadPoolExecutor(threads) as pool:
        entered = await loop.run_in_executor(pool, client.__enter__)

        async def ask_some(calls: list[Call]) -> Answers:
            return await loop.run_in_executor(pool, ask_all, entered, calls)

        async def ask(calls: list[Call]) -> Answers:
            async with asyncio.TaskGroup() as group:
                shares = [group.create_task(ask_some(calls[first::threads])) for first in range(threads)]
            found = {name: answer for share in shares for name, answer in share.result().items()}
            return {call.name: found[call.name] for call in calls}

        try:
            yield ask
        finally:
            await loop.run_in_executor(pool, client.__exit__, None, None, None)


def _specification(source: StoreRef, target: StoreRef) -> Specification:
    return Specification(
        MIGRATION, source, target, mode=Mode.PROXIED, quarantine=0.2, workers=1, validate_every=1
    )


# Qdrant.


@contextmanager
def qdrant_client(url: str, grpc_port: int, *, grpc: bool) -> Iterator[QdrantClient]:
    """The official client."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        client = QdrantClient(
            url, grpc_port=grpc_port, prefer_grpc=grpc, check_compatibility=False, timeout=120
        )
    with closing(client):
        yield client


async def qdrant_story(
    folder: Path,
    server: QdrantServer,
    life: qdrant.Life,
    target: StoreRef,
    *,
    grpc: bool,
    serve: Serving = in_process,
    may_refuse: Collection[str] = (),
    telling: Telling = lived,
    threads: int = 1,
) -> Tally:
    """The life with Qdrant, moved to this target."""
    parts = Life(life.seed(), life.reads(), life.writes(), [Call("everything", life.look)], life.beyond())
    with qdrant_client(server.url, server.grpc_port, grpc=grpc) as client:
        await asyncio.to_thread(client.delete_collection, qdrant.COLLECTION)  # of an earlier story
        await asyncio.to_thread(life.create, client)
    grpc_url = f"http://127.0.0.1:{server.grpc_port}"
    behind = Behind("qdrant", server.url, grpc_url)
    source = StoreRef("qdrant", server.url, qdrant.COLLECTION)
    async with asking(qdrant_client(server.url, server.grpc_port, grpc=grpc)) as direct:
        theirs = await told(parts, direct)
        async with serve(folder, behind) as daemon:
            await daemon.migrate(_specification(source, target))
            async with asking(qdrant_client(daemon.url, daemon.port, grpc=grpc), threads) as through:
                return await telling(parts, theirs, daemon, MIGRATION, through, direct, may_refuse)


# Milvus.


@contextmanager
def milvus_client(url: str) -> Iterator[MilvusClient]:
    """The official client; it asks the server while it is made."""
    with closing(vendor_client(url)) as client:
        yield client


async def milvus_story(
    folder: Path,
    url: str,
    life: milvus.Life,
    target: StoreRef,
    *,
    serve: Serving = in_process,
    may_refuse: Collection[str] = (),
    telling: Telling = lived,
    threads: int = 1,
) -> Tally:
    """The life with Milvus, moved to this target."""
    parts = Life(life.seed(), life.reads(), life.writes(), [Call("everything", life.look)], life.beyond())
    with milvus_client(url) as client:
        await asyncio.to_thread(client.drop_collection, milvus.COLLECTION)  # of an earlier story
        await asyncio.to_thread(life.create, client)
    source = StoreRef("milvus", url, milvus.COLLECTION)
    async with asking(milvus_client(url)) as direct:
        theirs = await told(parts, direct)
        async with serve(folder, Behind("milvus", url)) as daemon:
            await daemon.migrate(_specification(source, target))
            async with asking(milvus_client(daemon.url), threads) as through:
                return await telling(parts, theirs, daemon, MIGRATION, through, direct, may_refuse)


# Pinecone.


async def pinecone_story(
    folder: Path,
    way: str,
    life: pinecone.Life,
    target: StoreRef,
    *,
    serve: Serving = in_process,
    may_refuse: Collection[str] = (),
    telling: Telling = lived,
    threads: int = 1,
) -> Tally:
    """The life with Pinecone by this client, moved to this target. Wants PINECONE_KEY and PINECONE_GRPC_SCHEME set."""
    parts = Life(life.seed(), life.reads(), life.writes(), [Call("everything", life.look)], life.beyond())
    async with serving(grpc=True) as fake:
        with Pinecone(api_key=pinecone.KEY, host=fake.url) as control:
            await asyncio.to_thread(life.create, control)
        index = fake.service.indexes[pinecone.INDEX]
        urls = [f"http://127.0.0.1:{port}" for port in (index.port, index.grpc_port)]
        behind = Behind("pinecone", *urls, fake.url, pinecone.INDEX)
        source = StoreRef("pinecone", fake.url, life.source, "env:PINECONE_KEY")
        async with asking(pinecone.CLIENTS[way](pinecone.Hosts(fake.url, *urls))) as direct:
            theirs = await told(parts, direct)
            async with serve(folder, behind) as daemon:
                await daemon.migrate(_specification(source, target))
                hosts = pinecone.Hosts(daemon.url, daemon.url, daemon.url)
                async with asking(pinecone.CLIENTS[way](hosts), threads) as through:
                    return await telling(parts, theirs, daemon, MIGRATION, through, direct, may_refuse)


# Weaviate.


async def weaviate_story(
    folder: Path,
    life: weaviate.Life,
    target: StoreRef,
    *,
    serve: Serving = in_process,
    may_refuse: Collection[str] = (),
    telling: Telling = lived,
    threads: int = 1,
) -> Tally:
    """The life with Weaviate, one tenant of it if the life has one, moved to this target."""
    parts = Life(life.seed(), life.reads(), life.writes(), [Call("everything", life.look)], life.beyond())
    async with serving_weaviate() as endpoint:
        ports = int(endpoint.url.rpartition(":")[2]), int(endpoint.options["grpc_port"])
        behind = Behind("weaviate", endpoint.url, f"http://127.0.0.1:{ports[1]}", two_ports=True)
        source = StoreRef("weaviate", endpoint.url, life.source, "", dict(endpoint.options))
        async with asking(weaviate_client(*ports)) as direct:
            await direct([Call("create", life.create)])
            theirs = await told(parts, direct)
            async with serve(folder, behind) as daemon:
                await daemon.migrate(_specification(source, target))
                async with asking(weaviate_client(daemon.port, daemon.grpc_port), threads) as through:
                    return await telling(parts, theirs, daemon, MIGRATION, through, direct, may_refuse)
