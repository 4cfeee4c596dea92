"""Virtual environments with one framework each, made once under `build/` from packages, and the process that runs in one.

Their packages are pinned where a release changes what is stored; what these depend on is the resolver's business.
"""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
BUILD = HERE.parents[1] / "build" / "frameworks"
PACKAGES: Mapping[str, Sequence[str]] = {
    "langchain": (
        "langchain-milvus==0.4.0",
        "langchain-pinecone==0.2.13",
        "langchain-postgres==0.0.19",
        "langchain-qdrant==1.1.0",
        "langchain-weaviate==0.0.8",
        "langchain-community==0.4.2",
        "sqlite-vec==0.1.9",
        "pysqlite3-binary==0.5.4.post2",
    ),
    "llamaindex": (
        "llama-index-vector-stores-milvus==1.2.0",
        "llama-index-vector-stores-pinecone==0.9.0",
        "llama-index-vector-stores-postgres==0.9.0",
        "llama-index-vector-stores-qdrant==0.10.4",
        "llama-index-vector-stores-weaviate==1.7.1",
    ),
}


class Unavailable(Exception):
    """The packages could not be had; with what the installer said."""


def python_of(framework: str) -> Path:
    """The interpreter of a framework's environment, made when it is not there or has other packages."""
    folder = BUILD / framework
    python, made = folder / "bin" / "python", folder / "made"
    wanted = "\n".join(PACKAGES[framework])
    if not made.exists() or made.read_text() != wanted:
        uv = [sys.executable, "-m", "uv", "--quiet"]
        _run([*uv, "venv", "--clear", "--python", sys.executable, str(folder)])
        _run([*uv, "pip", "install", "--python", str(python), *PACKAGES[framework]])
        made.write_text(wanted)
    return python


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, timeout=1200, check=False)
    if done.returncode:
        raise Unavailable(done.stderr[-1000:])


class Application:
    """An application on a framework, in its own process."""

    def __init__(self, framework: str, process: subprocess.Popen[str]) -> None:
        self.framework = framework
        self._process = process

    def do(self, verb: str, at: Mapping[str, Any], **values: Any) -> Any:
        """One command. Raises AssertionError with the framework's own traceback."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(json.dumps({"do": verb, "at": at, **values}) + "\n")
        self._process.stdin.flush()
        answer = json.loads(self._process.stdout.readline() or '{"failed": "the application ended"}')
        assert "failed" not in answer, f"{self.framework} {verb} {at['kind']}: {answer['failed']}"
        return answer["answer"]


@contextmanager
def application(framework: str, log: Path) -> Iterator[Application]:
    """Run one until the block ends. Raises Unavailable."""
    command = [str(python_of(framework)), "-W", "ignore", str(HERE / f"with_{framework}.py")]
    with log.open("w") as told:
        process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=told, text=True, cwd=HERE
        )
    try:
        yield Application(framework, process)
    finally:
        process.kill()
        process.communicate()
