"""The stores that the integration tests share: real ones, on loopback, stopped by process id."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from integration.harness.sides import MilvusSide, ParquetSide, PostgresSide, Side, SqliteSide
from tests.fakes.milvus import LiteServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres


@pytest.fixture(scope="module")
def sides() -> Iterator[dict[str, tuple[Side, Side]]]:
    """By kind, a side to be the source and one to be the target."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="vectormigrate-kill-")))
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        postgres.start()
        stack.callback(postgres.stop)
        servers = [LiteServer(folder / f"milvus-{side}").start() for side in ("source", "target")]
        for server in servers:
            stack.callback(server.stop)
        made: dict[str, tuple[Side, Side]] = {
            "sqlite": (SqliteSide(folder / "source.db"), SqliteSide(folder / "target.db")),
            "pgvector": (PostgresSide(postgres.dsn), PostgresSide(postgres.dsn)),
            "milvus": (MilvusSide(servers[0].url), MilvusSide(servers[1].url)),
            "parquet": (ParquetSide(folder / "source"), ParquetSide(folder / "snapshots")),
        }
        for pair in made.values():
            for side in pair:
                stack.callback(side.close)
        yield made
