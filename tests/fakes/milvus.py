"""A Milvus for the tests: `milvus-lite server` in a process of its own, one a test process.

`milvus_url` is its address. With `VECTORMIGRATE_TEST_MILVUS_URL` set, `judge_url` is that of a real server, which
the suite then runs against too; without it those tests are skipped, and the skip says so.
"""

from __future__ import annotations

import os
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from pymilvus import MilvusClient


def free_port() -> int:
    """A loopback port that nothing listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class LiteServer:
    """A running `milvus-lite server` over a folder; can be killed and started again over the same."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.port = free_port()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> LiteServer:
        command = [sys.executable, "-m", "milvus_lite", "server", "--host", "127.0.0.1"]
        command += ["--port", str(self.port), "--data-dir", str(self.folder)]
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log)
        deadline = time.monotonic() + 60
        while not self._listens():
            if self.process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"milvus-lite server did not start: see {log.name}")
            time.sleep(0.05)
        return self

    def _listens(self) -> bool:
        with socket.socket() as probe:
            return probe.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        self.process.kill()
        self.process.wait(30)

    def stop(self) -> None:
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.kill()


def vendor_client(url: str) -> MilvusClient:
    """The vendor's own client, without its ping of an idle connection every ten seconds.

    milvus-lite's server allows one in five minutes (gRPC's default) and hangs up on the third ("Too many pings"); a
    client that outlives its test, or that waits, would then fail with the server alive.
    """
    return MilvusClient(url, grpc_options={"grpc.keepalive_permit_without_calls": 0})


@pytest.fixture(scope="session")
def milvus_server() -> Iterator[LiteServer]:
    """The server shared by all tests of this process."""
    with tempfile.TemporaryDirectory(prefix="vectormigrate-milvus-") as folder:
        server = LiteServer(Path(folder) / "data").start()
        try:
            yield server
        finally:
            server.stop()


@pytest.fixture(scope="session")
def milvus_url(milvus_server: LiteServer) -> str:
    """The address of the shared server."""
    return milvus_server.url


@pytest.fixture(scope="session")
def judge_url() -> str:
    """The address of a real Milvus that somebody else started."""
    url = os.environ.get("VECTORMIGRATE_TEST_MILVUS_URL", "")
    if not url:
        pytest.skip("VECTORMIGRATE_TEST_MILVUS_URL: no real milvus to judge by")
    return url
