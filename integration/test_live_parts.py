"""Live migrations of several parts by the real program: an application that writes to all of them with the vendor's own client,
a daemon that is killed while it copies and while some parts are cut over, and one name for all of it.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any, Protocol
from uuid import UUID

import pytest
from pinecone import Pinecone, ServerlessSpec
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, PointStruct, VectorParams
from weaviate.classes.config import Configure, DataType, Property
from weaviate.classes.data import DataObject
from weaviate.classes.tenants import Tenant

from integration.harness.runs import command, run
from integration.harness.writers import Threads
from tests.fakes.milvus import free_port
from tests.fakes.pinecone import serving as serving_pinecone
from tests.fakes.qdrant import QdrantServer
from tests.fakes.weaviate import serving as serving_weaviate
from tests.life.weaviate_client import weaviate_client
from vectormigrate.cli.demo.postgres import EmbeddedPostgres
from vectormigrate.stores.base import Endpoint

HELD = 60
"""Records of each part before anything begins."""
RATE = "40"
"""Records a second, so that there is a copy to be killed in."""
LONGEST = 120.0


class Parts(Protocol):
    """What an application sees of its database, whoever answers."""

    def put(self, part: str, number: int, version: int) -> None: ...

    def remove(self, part: str, number: int) -> None: ...

    def held(self, part: str) -> dict[int, int]:
        """Version by number."""

    def close(self) -> None: ...


class Namespaces:
    """Those of a Pinecone index."""

    def __init__(self, host: str) -> None:
        self._client = Pinecone(api_key="key", host=host)
        self._index = self._client.index(host=host)

    def put(self, part: str, number: int, version: int) -> None:
        record = {
            "id": str(number),
            "values": [number + 1.0, version, 1, 2],
            "metadata": {"version": version},
        }
        self._index.upsert(vectors=[record], namespace=part)

    def remove(self, part: str, number: int) -> None:
        self._index.delete(ids=[str(number)], namespace=part)

    def held(self, part: str) -> dict[int, int]:
        found = self._index.fetch(ids=[str(one) for one in range(2 * HELD)], namespace=part).vectors
        return {int(name): int(one.metadata["version"]) for name, one in found.items()}

    def close(self) -> None:
        self._index.close()
        self._client.close()


class Collections:
    """Those of a Qdrant."""

    def __init__(self, url: str) -> None:
        self._client = QdrantClient(url=url, check_compatibility=False, timeout=30)

    def make(self, part: str) -> None:
        self._client.create_collection(part, VectorParams(size=4, distance=Distance.EUCLID))

    def put(self, part: str, number: int, version: int) -> None:
        point = PointStruct(id=number, vector=[number + 1.0, version, 1, 2], payload={"version": version})
        self._client.upsert(part, [point], wait=True)

    def remove(self, part: str, number: int) -> None:
        self._client.delete(part, [number], wait=True)

    def held(self, part: str) -> dict[int, int]:
        found = self._client.retrieve(part, list(range(2 * HELD)), with_payload=True)
        return {int(one.id): int(one.payload["version"]) for one in found}

    def close(self) -> None:
        self._client.close()


class Tenants:
    """Those of a class of a Weaviate."""

    def __init__(self, port: int, grpc_port: int) -> None:
        self._stack = ExitStack()
        self._client = self._stack.enter_context(weaviate_client(port, grpc_port))
        self._docs = self._client.collections.get("Docs")

    def make(self, parts: tuple[str, ...]) -> None:
        made = self._client.collections.create(
            "Docs",
            vector_config=Configure.Vectors.self_provided(),
            multi_tenancy_config=Configure.multi_tenancy(enabled=True),
            properties=[Property(name="version", data_type=DataType.INT)],
        )
        made.tenants.create([Tenant(name=part) for part in parts])

    def put(self, part: str, number: int, version: int) -> None:
        vector = [number + 1.0, version, 1, 2]
        one = DataObject(properties={"version": version}, uuid=UUID(int=number + 1), vector=vector)
        told = self._docs.with_tenant(part).data.insert_many([one])
        if told.has_errors:
            raise RuntimeError(told.errors)

    def remove(self, part: str, number: int) -> None:
        self._docs.with_tenant(part).data.delete_by_id(UUID(int=number + 1))

    def held(self, part: str) -> dict[int, int]:
        found = self._docs.with_tenant(part).query.fetch_objects(limit=4 * HELD).objects
        return {one.uuid.int - 1: int(one.properties["version"]) for one in found}

    def close(self) -> None:
        self._stack.close()


class Writers(Threads[str]):
    """One thread a part, each with ids and versions of its own; what was acknowledged is what must be there."""

    pause = 0.02

    def __init__(self, open_app: Callable[[], Parts], parts: tuple[str, ...]) -> None:
        super().__init__(parts)
        self._open = open_app
        self.acknowledged: dict[str, dict[int, int]] = {part: dict.fromkeys(range(HELD), 0) for part in parts}
        self.unsure: dict[str, set[int]] = {part: set() for part in parts}
        """Numbers whose last write was not answered: either of two states is right."""
        self.writes = 0

    def _write(self, part: str) -> None:
        with closing(self._open()) as app:
            self._write_by(app, part)

    def _write_by(self, app: Parts, part: str) -> None:
        chance, version = random.Random(part), 0
        while self._again():
            version += 1
            number = chance.randrange(2 * HELD)
            removes = chance.random() < 0.2
            try:
                app.remove(part, number) if removes else app.put(part, number, version)
            except Exception:  # noqa: BLE001 the daemon is away, in whatever words of a client
                self.unsure[part].add(number)
                continue
            self.unsure[part].discard(number)
            self.writes += 1
            if removes:
                self.acknowledged[part].pop(number, None)
            else:
                self.acknowledged[part][number] = version

    def check(self, app: Parts) -> None:
        """What is answered is what was acknowledged."""
        for part, wanted in self.acknowledged.items():
            sure = {number: one for number, one in wanted.items() if number not in self.unsure[part]}
            found = {number: one for number, one in app.held(part).items() if number not in self.unsure[part]}
            assert found == sure, part


class Daemon:
    """`vectormigrate serve` at one port, killed and started again."""

    def __init__(self, folder: Path, *words: str) -> None:
        self.state, self._log = folder / "state.db", folder / "serve.log"
        self.port = free_port()
        listen = ("--listen", f"127.0.0.1:{self.port}")
        quick = ("--coalesce", "0.01", "--provisional-after", "0.02", "--delete-confirmation", "0.1")
        self._words = ("serve", "--addr", "off", "--state", str(self.state), *listen, *quick, *words)
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        with self._log.open("ab") as log:
            before = log.tell()
            words = [sys.executable, "-m", "vectormigrate", *self._words]
            self._process = subprocess.Popen(words, stdout=log, stderr=log, env=dict(os.environ))
        wait(lambda: re.search(r" at \S+:\d+", self._log.read_text()[before:]) is not None)

    def kill(self) -> None:
        assert self._process is not None
        self._process.kill()
        self._process.wait(30)

    def stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            self._process.terminate()
            self._process.wait(60)
        assert "Traceback" not in self._log.read_text(), self._log.read_text()

    def ask(self, *words: str, exit_code: int = 0) -> dict[str, Any]:
        """A command beside it; its document."""
        return run(*words, state=self.state, exit_code=exit_code)


def wait(ready: Callable[[], bool]) -> None:
    deadline = time.monotonic() + LONGEST
    while not ready():
        assert time.monotonic() < deadline
        time.sleep(0.1)


def story(daemon: Daemon, open_app: Callable[[], Parts], parts: tuple[str, ...], *words: str) -> None:
    """From the first write to a rollback, with three kills on the way."""
    made = daemon.ask("migrate", "all", "--mode", "proxied", "--quarantine", "1", "--max-rate", RATE, *words)
    ids = [part["migration_id"] for part in made["parts"]]
    assert len(ids) == len(parts)
    writers = Writers(open_app, parts)
    writers.start()

    def phases() -> set[str]:
        return {part["phase"] for part in daemon.ask("status", "all")["parts"]}

    daemon.ask("attest", "all")
    wait(lambda: daemon.ask("status", "all")["copied"] > HELD // 3)
    daemon.kill()
    daemon.start()
    wait(lambda: phases() == {"verified"})

    deadline = time.monotonic() + LONGEST
    while (
        daemon.ask("status", ids[0])["primary"] == "source"
    ):  # one part alone, as soon as its gates are open
        assert time.monotonic() < deadline
        attempt(daemon, "cutover", ids[0])
    daemon.kill()
    daemon.start()
    assert [part["primary"] for part in daemon.ask("status", "all")["parts"]] == ["target"] + ["source"] * (
        len(parts) - 1
    )
    until_all(daemon, "cutover", "target")
    daemon.kill()
    daemon.start()
    assert daemon.ask("status", "all")["primary"] == "target"
    time.sleep(1)
    until_all(daemon, "revert", "source")
    writers.stop()
    with closing(open_app()) as app:
        writers.check(app)
    assert writers.writes > 100
    wait(lambda: daemon.ask("status", "all")["live"]["debt"] == 0)
    wait(lambda: phases() == {"verified"})
    assert daemon.ask("validate", "all", "--full")["ok"]
    undone = daemon.ask("rollback", "all", "--force")
    assert (undone["left"], len(undone["parts"])) == (0, len(parts))
    with closing(open_app()) as app:
        writers.check(app)


def attempt(daemon: Daemon, verb: str, name: str) -> None:
    """A swap that may be refused for now."""
    words = command(verb, name, "--yes", state=daemon.state)
    done = subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode in (0, 4), done.stderr
    if done.returncode:
        time.sleep(0.2)


def until_all(daemon: Daemon, verb: str, side: str) -> None:
    deadline = time.monotonic() + LONGEST
    while daemon.ask("status", "all")["primary"] != side:
        assert time.monotonic() < deadline
        attempt(daemon, verb, "all")


@contextmanager
def started(daemon: Daemon) -> Iterator[Daemon]:
    daemon.start()
    try:
        yield daemon
    finally:
        daemon.stop()


@pytest.mark.timeout(600)
async def test_namespaces_of_pinecone_to_collections(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PINECONE_KEY", "key")
    parts = ("", "eu", "EU")
    async with serving_pinecone() as endpoint:
        await asyncio.to_thread(namespaces, tmp_path, endpoint.url, parts)


def namespaces(folder: Path, url: str, parts: tuple[str, ...]) -> None:
    with Pinecone(api_key="key", host=url) as client:
        where = ServerlessSpec(cloud="aws", region="us-east-1")
        client.create_index("docs", dimension=4, metric="euclidean", spec=where)
        behind = str(client.indexes.describe("docs").host)
    fill(Namespaces(behind), parts)
    target = QdrantServer().start()
    words = ("--dialect", "pinecone", "--upstream", behind, "--control-upstream", url, "--index", "docs")
    with ExitStack() as stack:
        stack.callback(target.stop)
        daemon = stack.enter_context(started(Daemon(folder, *words)))
        source = ("--source-type", "pinecone", "--source-url", url, "--source-api-key", "env:PINECONE_KEY")
        source += ("--source-index", "docs", "--source-option", "visible_after=0", "--each-partition", "*")
        story(
            daemon, lambda: Namespaces(daemon.url), parts, *source,
            "--target-type", "qdrant", "--target-url", target.url, "--target-index", "docs_{name}",
        )  # fmt: skip
        with closing(QdrantClient(url=target.url, check_compatibility=False)) as judge:
            assert judge.get_collections().collections == []


@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")  # its client's own
async def test_tenants_of_weaviate_to_collections(tmp_path: Path) -> None:
    async with serving_weaviate() as endpoint:
        await asyncio.to_thread(tenants, tmp_path, endpoint, ("red", "Blue-1", "green"))


def tenants(folder: Path, endpoint: Endpoint, parts: tuple[str, ...]) -> None:
    port, grpc_port = int(endpoint.url.rpartition(":")[2]), int(endpoint.options["grpc_port"])
    with closing(Tenants(port, grpc_port)) as behind:
        behind.make(parts)
    fill(Tenants(port, grpc_port), parts)
    grpc_listen = free_port()
    words = ("--dialect", "weaviate", "--upstream", endpoint.url, "--grpc-upstream")
    words += (f"http://127.0.0.1:{grpc_port}", "--grpc-listen", f"127.0.0.1:{grpc_listen}")
    with ExitStack() as stack:
        target = QdrantServer().start()
        stack.callback(target.stop)
        daemon = stack.enter_context(started(Daemon(folder, *words)))
        story(
            daemon, lambda: Tenants(daemon.port, grpc_listen), parts, "--source-type", "weaviate",
            "--source-url", endpoint.url, "--source-option", f"grpc_port={grpc_port}",
            "--source-index", "Docs", "--each-partition", "*",
            "--target-type", "qdrant", "--target-url", target.url, "--target-index", "docs_{name}",
        )  # fmt: skip


@pytest.mark.timeout(600)
def test_collections_of_qdrant_to_tables(tmp_path: Path) -> None:
    parts = ("docs-a", "docs-b", "docs.c", "docs-d")
    tmp_path.chmod(0o755)
    with ExitStack() as stack:
        postgres = EmbeddedPostgres(tmp_path / "postgres", durable=False)
        postgres.start()
        stack.callback(postgres.stop)
        source = QdrantServer().start()
        stack.callback(source.stop)
        with closing(Collections(source.url)) as behind:
            for part in parts:
                behind.make(part)
        fill(Collections(source.url), parts)
        daemon = stack.enter_context(
            started(Daemon(tmp_path, "--dialect", "qdrant", "--upstream", source.url))
        )
        story(
            daemon, lambda: Collections(daemon.url), parts,
            "--source-type", "qdrant", "--source-url", source.url, "--each-collection", "docs*",
            "--target-type", "pgvector", "--target-url", postgres.dsn,
        )  # fmt: skip


def fill(app: Parts, parts: tuple[str, ...]) -> None:
    with closing(app):
        for part in parts:
            for number in range(HELD):
                app.put(part, number, 0)
