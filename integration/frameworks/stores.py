"""The servers, and the file of SQLite, between which the applications' collections move, and how each side is named to an application and to us."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.fakes.milvus import LiteServer
from tests.fakes.served import ServedProcess
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

KEYS = {"PINECONE_KEY": "key"}
"""Environment of the product's commands."""


@dataclass(frozen=True)
class Server:
    """One that runs."""

    kind: str
    url: str
    grpc_port: int = 0

    def at(self, collection: str, **more: Any) -> dict[str, Any]:
        """As an application is told."""
        return {
            "kind": self.kind,
            "url": self.url,
            "grpc_port": self.grpc_port,
            "collection": collection,
            **more,
        }

    def flags(self, side: str, collection: str) -> list[str]:
        """As `vectormigrate` is told."""
        flags = [f"--{side}-type", self.kind, f"--{side}-url", self.url, f"--{side}-index", collection]
        if self.kind == "pinecone":
            flags += [f"--{side}-api-key", "env:PINECONE_KEY", f"--{side}-option", "visible_after=0"]
        if self.kind == "weaviate":
            flags += [f"--{side}-option", f"grpc_port={self.grpc_port}"]
        return flags


@contextmanager
def _printing(module: str) -> Iterator[str]:
    """A server of ours in a process of its own; the line that it prints."""
    process = subprocess.Popen([sys.executable, "-m", module], stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process.stdout.readline().strip()
    finally:
        process.terminate()
        process.communicate(timeout=30)


@contextmanager
def servers(folder: Path) -> Iterator[dict[str, Server]]:
    """One of each kind, all empty."""
    with ExitStack() as stack:
        folder.chmod(0o755)
        postgres = EmbeddedPostgres(folder / "postgres", durable=False)
        postgres.start()
        stack.callback(postgres.remove)
        milvus = LiteServer(folder / "milvus").start()
        stack.callback(milvus.stop)
        qdrant = stack.enter_context(_printing("tests.fakes.qdrant")).split()
        pinecone = stack.enter_context(_printing("tests.fakes.pinecone"))
        words = (
            "emulate",
            "weaviate",
            "--store",
            "memory",
            "--listen",
            "127.0.0.1:0",
            "--grpc-listen",
            "127.0.0.1:0",
        )
        weaviate = stack.enter_context(ServedProcess(folder, *words))
        said = weaviate.line()
        yield {
            one.kind: one
            for one in (
                Server("pgvector", postgres.dsn),
                Server("milvus", milvus.url),
                Server("qdrant", f"http://127.0.0.1:{qdrant[0]}"),
                Server("pinecone", pinecone),
                Server("sqlite", str(folder / "documents.db")),
                Server(
                    "weaviate",
                    f"http://127.0.0.1:{weaviate.port}",
                    int(said.rpartition("grpc_port=")[2].rstrip(")\n")),
                ),
            )
        }
