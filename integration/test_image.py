"""The image of `deploy/Dockerfile`, built and run: as nobody, with nothing that can be written but its volume, through a whole
live migration with a kill in the middle of it.

It needs docker or podman and the base image that the recipe names; without either it skips, and says so. The containers
are on the host's network, for the source and the target are servers of this test on loopback.
"""

from __future__ import annotations

import json
import shutil
import subprocess
import time
import uuid
from collections.abc import Callable, Iterator
from functools import cache
from pathlib import Path
from typing import Any

import psycopg
import pytest
from qdrant_client import QdrantClient
from qdrant_client.models import Distance, PointStruct, VectorParams

from tests.fakes.milvus import free_port
from tests.fakes.qdrant.server import QdrantServer
from vectormigrate.cli.demo.postgres import EmbeddedPostgres

pytestmark = pytest.mark.timeout(1800)

CHECKOUT = Path(__file__).parents[1]
ENGINES = ("docker", "podman")
RECORDS = 500
TERMINATED = 143
"""Whoever was asked to end and drained."""
CONFIGURATION = """
[listeners.main]
dialect = "qdrant"
listen = "127.0.0.1:{front}"
upstream = "{source}"
[api]
addr = "127.0.0.1:8080"
[stores.old]
kind = "qdrant"
url = "{source}"
[stores.new]
kind = "pgvector"
url = "{target}"
[migrations.docs]
source = "old"
source_index = "docs"
target = "new"
target_index = "docs"
"""


@cache
def engine_here() -> str:
    """The first that answers; empty when none does."""
    for name in ENGINES:
        if (
            shutil.which(name)
            and subprocess.run([name, "info"], capture_output=True, check=False).returncode == 0
        ):
            return name
    return ""


def engine(*arguments: str, check: bool = True) -> str:
    """What it prints."""
    done = subprocess.run([engine_here(), *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == 0 or not check, done.stdout + done.stderr
    return done.stdout.strip()


@pytest.fixture(scope="module")
def image() -> Iterator[str]:
    """Built from the checkout, in the format that knows a health check."""
    if not engine_here():
        pytest.skip("neither docker nor podman runs on this machine")
    name = f"vectormigrate-test:{uuid.uuid4().hex[:8]}"
    form = ("--format", "docker") if engine_here() == "podman" else ()
    built = subprocess.run(
        [engine_here(), "build", *form, "--network", "host", "-f", "deploy/Dockerfile", "-t", name, "."],
        cwd=CHECKOUT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert built.returncode == 0, built.stdout[-3000:] + built.stderr[-3000:]
    yield name
    engine("rmi", "-f", name)


class Container:
    """The daemon with a volume of its own."""

    def __init__(self, image: str, configuration: Path) -> None:
        self.name = f"vectormigrate-{uuid.uuid4().hex[:8]}"
        engine("volume", "create", self.name)
        engine(
            *("run", "-d", "--name", self.name, "--network", "host", "--read-only", "--tmpfs", "/tmp"),
            *("--cap-drop", "all", "--security-opt", "no-new-privileges"),
            *("-v", f"{self.name}:/var/lib/vectormigrate"),
            *("-v", f"{configuration}:/etc/vectormigrate/vectormigrate.toml:ro", image),
        )

    def shell(self, line: str) -> str:
        return engine("exec", self.name, "sh", "-c", line, check=False)

    def run(self, *arguments: str) -> dict[str, Any]:
        """The document of a command, which is to succeed."""
        return dict(json.loads(engine("exec", self.name, "vectormigrate", *arguments, "--json")))

    def exit_code(self) -> int:
        return int(engine("inspect", self.name, "--format", "{{.State.ExitCode}}"))

    def health(self) -> str:
        if engine_here() == "podman":  # whose timer is systemd, where there is one
            engine("healthcheck", "run", self.name, check=False)
        return engine("inspect", self.name, "--format", "{{.State.Health.Status}}")

    def remove(self) -> None:
        engine("rm", "-f", self.name)
        engine("volume", "rm", "-f", self.name)


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    """Wait for it."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.2)


def point(number: int, version: int) -> PointStruct:
    return PointStruct(id=number, vector=[float(number), 1.0, 0.5, 0.25], payload={"version": version})


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[EmbeddedPostgres]:
    server = EmbeddedPostgres(tmp_path / "postgres", durable=False).start()
    yield server
    server.remove()


@pytest.fixture
def source() -> Iterator[QdrantServer]:
    server = QdrantServer().start()
    client = QdrantClient(url=server.url, check_compatibility=False)
    client.create_collection("docs", vectors_config=VectorParams(size=4, distance=Distance.DOT))
    client.upsert("docs", [point(number, 0) for number in range(RECORDS)])
    yield server
    server.stop()


def test_a_live_migration_in_a_container(
    image: str, source: QdrantServer, postgres: EmbeddedPostgres, tmp_path: Path
) -> None:
    front = free_port()
    configuration = tmp_path / "vectormigrate.toml"
    configuration.write_text(CONFIGURATION.format(front=front, source=source.url, target=postgres.dsn))
    configuration.chmod(0o644)
    tmp_path.chmod(0o755)
    container = Container(image, configuration)
    try:
        app = QdrantClient(url=f"http://127.0.0.1:{front}", check_compatibility=False)
        until(lambda: container.health() == "healthy")
        assert container.shell("id -u") == "10001"
        assert container.shell("touch /x && echo written") == ""
        container.run("migrate", "docs", "--mode", "proxied")
        container.run("attest", "docs", "--by", "test")
        app.upsert("docs", [point(number, 1) for number in range(0, RECORDS, 2)])
        engine("kill", container.name)
        assert container.exit_code() == 137
        engine("start", container.name)
        until(lambda: container.health() == "healthy")
        app.upsert("docs", [point(RECORDS, 1)])
        until(lambda: container.run("status", "docs")["phase"] == "verified", 120.0)
        container.run("cutover", "docs", "--yes")
        app.upsert("docs", [point(RECORDS + 1, 1)])
        app.delete("docs", [1])
        engine("stop", "-t", "60", container.name)
        assert container.exit_code() == TERMINATED
        engine("start", container.name)
        until(lambda: container.health() == "healthy")
        assert container.run("status", "docs")["phase"] == "reversed"
        expected = {number: 1 - number % 2 for number in range(RECORDS) if number != 1} | {
            RECORDS: 1,
            RECORDS + 1: 1,
        }
        found = {
            one.id: one.payload["version"] for one in app.scroll("docs", limit=2 * RECORDS)[0] if one.payload
        }
        assert found == expected
        with psycopg.connect(postgres.dsn) as connection:
            assert connection.execute("SELECT count(*) FROM docs").fetchone() == (len(expected),)
        container.run("revert", "docs", "--yes")
        assert app.count("docs").count == len(expected)
    finally:
        print(engine("logs", container.name, check=False))
        container.remove()
