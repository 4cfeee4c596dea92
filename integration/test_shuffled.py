"""The vendors' clients write what they like, several at once, while the roles of a migration are swapped: real facades, stores and
timing, where `test_simulation.py` has its own. Behind each swap both sides hold the same.

VECTORMIGRATE_LIVES tells how many of each kind, VECTORMIGRATE_SEED from which on. What was told is written to `integration/sdk/out/`.
"""

from __future__ import annotations

import json
import logging
import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.fakes.milvus import LiteServer
from tests.fakes.qdrant import QdrantServer
from tests.life import milvus, pinecone, qdrant, weaviate
from tests.life.shuffled import CLIENTS, shuffled
from tests.life.stage import milvus_story, pinecone_story, qdrant_story, weaviate_story
from tests.life.story import Tally
from vectormigrate.model.specification import StoreRef

OUT = Path(__file__).parent / "sdk" / "out" / "shuffled.json"
FIRST = int(os.environ.get("VECTORMIGRATE_SEED", "0"))
SEEDS = range(FIRST, FIRST + int(os.environ.get("VECTORMIGRATE_LIVES", "20")))


@pytest.fixture(scope="module")
def figures() -> Iterator[dict[str, dict[str, int]]]:
    """By kind: the lives that were told, and the answers behind a swap that were as before it."""
    found: dict[str, dict[str, int]] = {}
    logging.disable(logging.ERROR)  # pymilvus logs every refusal
    yield found
    logging.disable(logging.NOTSET)
    OUT.parent.mkdir(parents=True, exist_ok=True)
    OUT.write_text(json.dumps(found, indent=1) + "\n")


@pytest.fixture
def target(tmp_path: Path) -> StoreRef:
    """Where everything goes: what is quick has the narrowest races."""
    return StoreRef("sqlite", str(tmp_path / "target.db"), "shelf")


def _judged(figures: dict[str, dict[str, int]], kind: str, tally: Tally) -> None:
    assert tally.wrong == []
    assert tally.equal == tally.calls > 0
    told = figures.setdefault(kind, {"lives": 0, "swaps": 0})
    told["lives"] += 1
    told["swaps"] += tally.calls


@pytest.fixture(scope="module")
def qdrant_server() -> Iterator[QdrantServer]:
    """A Qdrant."""
    server = QdrantServer().start()
    yield server
    server.stop()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
@pytest.mark.parametrize("shape", [*qdrant.UNNAMED, "named"])
async def test_qdrant(
    tmp_path: Path,
    target: StoreRef,
    qdrant_server: QdrantServer,
    figures: dict[str, dict[str, int]],
    shape: str,
    grpc: bool,
    seed: int,
) -> None:
    life = qdrant.Life(qdrant.NAMED if shape == "named" else qdrant.UNNAMED[shape], brief=True)
    tally = await qdrant_story(
        tmp_path, qdrant_server, life, target, grpc=grpc, telling=shuffled(seed), threads=CLIENTS
    )
    _judged(figures, f"qdrant {shape} by {'gRPC' if grpc else 'REST'}", tally)


@pytest.fixture(scope="module")
def milvus_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A Milvus Lite."""
    server = LiteServer(tmp_path_factory.mktemp("milvus") / "data").start()
    yield server.url
    server.stop()


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("text", [False, True], ids=["numbers", "texts"])
async def test_milvus(
    tmp_path: Path,
    target: StoreRef,
    milvus_url: str,
    figures: dict[str, dict[str, int]],
    text: bool,
    seed: int,
) -> None:
    life = milvus.Life("L2", text_keys=text, sparse=text, brief=True)
    tally = await milvus_story(tmp_path, milvus_url, life, target, telling=shuffled(seed), threads=CLIENTS)
    _judged(figures, f"milvus, keys are {'texts' if text else 'numbers'}", tally)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("way", ["rest", "grpc"])  # one of asyncio belongs to one thread
@pytest.mark.parametrize("namespaces", [False, True], ids=["one", "namespaces"])
async def test_pinecone(
    tmp_path: Path,
    target: StoreRef,
    monkeypatch: pytest.MonkeyPatch,
    figures: dict[str, dict[str, int]],
    way: str,
    namespaces: bool,
    seed: int,
) -> None:
    monkeypatch.setenv("PINECONE_GRPC_SCHEME", "http")
    life = pinecone.Life("cosine", namespaces=namespaces, brief=True)
    tally = await pinecone_story(tmp_path, way, life, target, telling=shuffled(seed), threads=CLIENTS)
    _judged(figures, f"pinecone{', namespaces' * namespaces} by {way}", tally)


@pytest.mark.parametrize("seed", SEEDS)
@pytest.mark.parametrize("shape", ["named", "tenant"])
async def test_weaviate(
    tmp_path: Path, target: StoreRef, figures: dict[str, dict[str, int]], shape: str, seed: int
) -> None:
    life = weaviate.Life(weaviate.TENANT if shape == "tenant" else weaviate.NAMED, brief=True)
    tally = await weaviate_story(tmp_path, life, target, telling=shuffled(seed), threads=CLIENTS)
    _judged(figures, f"weaviate {shape}", tally)
