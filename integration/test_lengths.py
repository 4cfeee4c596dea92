"""Lengths of vectors outlive a move into a store that forgets them: Pinecone's client, before, after a cutover into Qdrant and
after the way back.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from pinecone import Pinecone, ServerlessSpec
from qdrant_client import QdrantClient

from tests.fakes.pinecone import serving
from tests.fakes.qdrant import QdrantServer
from tests.life.answers import Call
from tests.life.daemon import Behind, in_process
from tests.life.pinecone import INDEX, KEY, Client, Hosts
from tests.life.pinecone import rest as pinecone_client
from tests.life.stage import asking
from tests.life.story import Ask
from vectormigrate.daemon.viewing import Viewer
from vectormigrate.model.specification import Mode, Specification, StoreRef

DIM, ROWS = 48, 120
MIGRATION, THERE = "moving", "there"


def vectors(seed: int, count: int) -> np.ndarray[Any, Any]:
    """A third of them of length one."""
    values = np.random.default_rng(seed).standard_normal((count, DIM))
    values[::3] /= np.linalg.norm(values[::3], axis=1, keepdims=True)
    return values.astype(np.float32)


def upsert(names: list[str], values: np.ndarray[Any, Any]) -> Call:
    given = [
        {"id": name, "values": row, "metadata": {"n": name}}
        for name, row in zip(names, values.tolist(), strict=True)
    ]
    return Call("upsert", lambda client: client.index.upsert(vectors=given) and None)


def reading(names: list[str]) -> Call:
    def read(client: Client) -> list[tuple[list[float], Any]]:
        found = client.index.fetch(ids=names).vectors
        return [(list(found[name].values), found[name].metadata) for name in names]

    return Call("all", read)


async def held(ask: Ask, names: list[str]) -> np.ndarray[Any, Any]:
    """The vectors of these records as a client reads them; their metadata is what was written."""
    told = (await ask([reading(names)]))["all"]
    assert [metadata for _, metadata in told] == [{"n": name} for name in names]
    return np.array([values for values, _ in told], np.float32)


@pytest.mark.timeout(120)
async def test_what_an_application_reads_has_the_lengths_that_it_wrote(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PINECONE_KEY", KEY)
    first, later = vectors(1, ROWS), vectors(2, ROWS)
    names, news = [f"a{n}" for n in range(ROWS)], [f"b{n}" for n in range(ROWS)]
    everything = np.vstack([first, later])
    server = QdrantServer().start()
    try:
        async with serving() as fake:
            with Pinecone(api_key=KEY, host=fake.url) as control:
                spec = ServerlessSpec(cloud="aws", region="us-east-1")
                make = lambda: control.create_index(INDEX, dimension=DIM, metric="cosine", spec=spec)  # noqa: E731
                await asyncio.to_thread(make)
            url = f"http://127.0.0.1:{fake.service.indexes[INDEX].port}"
            moved = Specification(
                MIGRATION,
                StoreRef("pinecone", fake.url, INDEX, "env:PINECONE_KEY"),
                StoreRef("qdrant", server.url, THERE),
                mode=Mode.PROXIED,
                quarantine=0.2,
                workers=1,
                validate_every=1,
            )
            async with (
                asking(pinecone_client(Hosts(fake.url, url, url))) as direct,
                in_process(tmp_path, Behind("pinecone", url, "", fake.url, INDEX)) as daemon,
            ):
                await direct([upsert(names, first)])
                await daemon.migrate(moved)
                await daemon.swap("cutover", MIGRATION)
                async with asking(pinecone_client(Hosts(*[daemon.url] * 3))) as through:
                    found = await held(through, names)
                    np.testing.assert_array_max_ulp(found, first, 2)
                    assert found[::3].tobytes() == first[::3].tobytes()
                    await through([upsert(news, later)])
                    np.testing.assert_array_max_ulp(await held(through, names + news), everything, 2)
                await daemon.settled(MIGRATION)
                np.testing.assert_array_max_ulp(await held(direct, names + news), everything, 2)
                noted = [point.payload.get("_vm_norm") for point in await asyncio.to_thread(stored, server)]
                assert sum(one is not None for one in noted) == 2 * ROWS - 2 * len(first[::3])
                await daemon.ask("validate", MIGRATION, full=True, sample_size=None)
                await daemon.swap("revert", MIGRATION)
                with Viewer.open(daemon.state) as viewer:
                    report = viewer.report(MIGRATION)
                assert report is not None
                assert (report.compared, report.ok, report.findings) == (2 * ROWS, True, ())
    finally:
        server.stop()


def stored(server: QdrantServer) -> list[Any]:
    """Every point, as Qdrant's own client sees it."""
    client = QdrantClient(server.url, check_compatibility=False)
    try:
        return list(client.scroll(THERE, limit=10 * ROWS)[0])
    finally:
        client.close()
