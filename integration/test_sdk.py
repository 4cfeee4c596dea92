"""The official clients, unchanged, through `vectormigrate serve`: their ordinary life before a cutover, after it and after
the revert, from every vendor to PostgreSQL, Milvus and SQLite, under every metric, and from Qdrant to Weaviate.

Every answer is compared with what the source says of the same life with nobody in between. What was compared, and what is
refused after a cutover, is written to `integration/sdk/out/`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import psycopg
import pytest

from integration.harness.serving import in_a_process
from integration.harness.sides import Side
from tests.fakes.milvus import LiteServer, judge_url
from tests.fakes.qdrant import QdrantServer
from tests.fakes.weaviate import serving as weaviate_serving
from tests.life import milvus, pinecone, qdrant, weaviate
from tests.life.stage import milvus_story, pinecone_story, qdrant_story, weaviate_story
from tests.life.story import Tally
from vectormigrate.model.specification import StoreRef

__all__ = ["judge_url"]

OUT = Path(__file__).parent / "sdk" / "out"
TARGETS = ("pgvector", "milvus", "sqlite")
WAYS = ("scroll", "count", "search")
ONLY_QDRANT = {f"{way} where match text" for way in WAYS}
"""How Qdrant takes a text apart, nobody else knows."""


@pytest.fixture(scope="module")
def figures() -> dict[str, dict[str, Any]]:
    """What was compared, by story."""
    return {}


def _write(figures: dict[str, dict[str, Any]]) -> None:
    OUT.mkdir(parents=True, exist_ok=True)
    (OUT / "figures.json").write_text(json.dumps(figures, indent=1, ensure_ascii=False) + "\n")
    rows = [
        f"| {name} | {one['calls']:,} | {one['equal']:,} | {one['refused']} |"
        for name, one in figures.items()
    ]
    head = ["| story | calls compared | equal | refused after the cutover |", "|---|---|---|---|"]
    reasons = {name: why for one in figures.values() for name, why in one["reasons"].items()}
    refused = [f"- {name}: {why}" for name, why in sorted(reasons.items())]
    (OUT / "figures.md").write_text("\n".join([*head, *rows, "", *refused, ""]))


@pytest.fixture
def source() -> Iterator[QdrantServer]:
    """A Qdrant."""
    server = QdrantServer().start()
    yield server
    server.stop()


@pytest.fixture
def target(request: pytest.FixtureRequest, sides: dict[str, tuple[Side, Side]], tmp_path: Path) -> StoreRef:
    """A place where the collection is not yet."""
    kind = request.param
    url = str(tmp_path / "target.db") if kind == "sqlite" else sides[kind][1].url
    if kind == "pgvector":
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("CREATE EXTENSION IF NOT EXISTS vector")
    name = re.sub(r"\W", "_", tmp_path.name)[-40:].lower()
    return StoreRef(kind, url, f"t_{name}")


def _judged(figures: dict[str, dict[str, Any]], name: str, tally: Tally, refused: set[str]) -> None:
    figures[name] = {
        "calls": tally.calls,
        "equal": tally.equal,
        "refused": len(tally.refused),
        "wrong": tally.wrong,
        "reasons": tally.refused,
    }
    _write(figures)
    assert tally.wrong == []
    assert tally.refused.keys() == refused


SHAPES = {
    **{name: shape for name, shape in qdrant.UNNAMED.items() if name != "manhattan"},
    "named": qdrant.NAMED,
}


@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("target", TARGETS, indirect=True)
async def test_with_qdrant(
    tmp_path: Path,
    source: QdrantServer,
    target: StoreRef,
    figures: dict[str, dict[str, Any]],
    shape: str,
    grpc: bool,
) -> None:
    life = qdrant.Life(SHAPES[shape], complete=target.kind == "milvus")
    tally = await qdrant_story(
        tmp_path, source, life, target, grpc=grpc, serve=in_a_process, may_refuse=ONLY_QDRANT
    )
    name = f"qdrant {shape} by {'gRPC' if grpc else 'REST'} to {target.kind}"
    _judged(figures, name, tally, ONLY_QDRANT | {call.name for call in life.beyond()})


ONLY_SPARSE = {"search sparse", "search sparse, some"}
"""Weaviate has the sparse vectors as JSON, and searches none."""


@pytest.mark.parametrize("grpc", [False, True], ids=["rest", "grpc"])
async def test_with_qdrant_into_weaviate(
    tmp_path: Path, source: QdrantServer, figures: dict[str, dict[str, Any]], grpc: bool
) -> None:
    """Integers become UUIDs there, and sparse vectors JSON: the application sees neither."""
    life = qdrant.Life(qdrant.NAMED)
    refused = ONLY_QDRANT | ONLY_SPARSE
    async with weaviate_serving() as endpoint:
        target = StoreRef("weaviate", endpoint.url, "Moved", options=dict(endpoint.options))
        tally = await qdrant_story(
            tmp_path, source, life, target, grpc=grpc, serve=in_a_process, may_refuse=refused
        )
    name = f"qdrant named by {'gRPC' if grpc else 'REST'} to weaviate"
    _judged(figures, name, tally, refused | {call.name for call in life.beyond()})


LIVES: dict[str, dict[str, Any]] = {
    "cosine": {"metric": "cosine"},
    "euclidean": {"metric": "euclidean"},
    "hybrid": {"metric": "dotproduct", "sparse": True},
    "namespaces": {"metric": "cosine", "namespaces": True},
}


@pytest.mark.parametrize("way", pinecone.CLIENTS)
@pytest.mark.parametrize("life", LIVES)
@pytest.mark.parametrize("target", TARGETS, indirect=True)
async def test_with_pinecone(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    target: StoreRef,
    figures: dict[str, dict[str, Any]],
    life: str,
    way: str,
) -> None:
    monkeypatch.setenv("PINECONE_GRPC_SCHEME", "http")
    lived = pinecone.Life(**LIVES[life], complete=target.kind == "milvus")
    tally = await pinecone_story(tmp_path, way, lived, target, serve=in_a_process)
    name = f"pinecone {life} by {way} to {target.kind}"
    _judged(figures, name, tally, {call.name for call in lived.beyond()})


MILVUS = {
    "l2": milvus.Life("L2"),
    "ip": milvus.Life("IP"),
    "sparse": milvus.Life("COSINE", text_keys=True, sparse=True),
}


@pytest.fixture(scope="module")
def milvus_lite(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LiteServer]:
    """A Milvus Lite of its own: the one that is a target holds a collection of the same name."""
    server = LiteServer(tmp_path_factory.mktemp("milvus") / "data").start()
    yield server
    server.stop()


@pytest.mark.parametrize("life", MILVUS)
@pytest.mark.parametrize("target", TARGETS, indirect=True)
async def test_with_milvus(
    tmp_path: Path,
    milvus_lite: LiteServer,
    target: StoreRef,
    figures: dict[str, dict[str, Any]],
    life: str,
) -> None:
    lived = replace(MILVUS[life], at_home=target.kind == "milvus")
    tally = await milvus_story(tmp_path, milvus_lite.url, lived, target, serve=in_a_process)
    _judged(figures, f"milvus {life} to {target.kind}", tally, {call.name for call in lived.beyond()})


WEAVIATE = {
    **weaviate.UNNAMED,
    "named": weaviate.NAMED,
    "tenant": weaviate.TENANT,
}


WEAVIATE_MOVES = [
    (target, shape)
    for target in TARGETS
    for shape in WEAVIATE
    if (target, shape) != ("milvus", "manhattan")  # by which Milvus does not compare: the plan refuses it
]


@pytest.mark.parametrize(("target", "shape"), WEAVIATE_MOVES, indirect=["target"])
async def test_with_weaviate(
    tmp_path: Path, target: StoreRef, figures: dict[str, dict[str, Any]], shape: str
) -> None:
    life = weaviate.Life(WEAVIATE[shape], complete=target.kind == "milvus")
    tally = await weaviate_story(tmp_path, life, target, serve=in_a_process)
    _judged(figures, f"weaviate {shape} to {target.kind}", tally, {call.name for call in life.beyond()})


@pytest.mark.timeout(900)  # every read of it waits until all writes are seen, a fifth of a second
async def test_with_a_milvus_server(
    tmp_path: Path, judge_url: str, figures: dict[str, dict[str, Any]]
) -> None:
    """A real one, of 2.3 or later, where somebody has started it."""
    life = milvus.Life("L2", plain=True, brief=True)
    target = StoreRef("sqlite", str(tmp_path / "target.db"), milvus.COLLECTION)
    tally = await milvus_story(tmp_path, judge_url, life, target, serve=in_a_process)
    _judged(figures, "a milvus server to sqlite", tally, {call.name for call in life.beyond()})
