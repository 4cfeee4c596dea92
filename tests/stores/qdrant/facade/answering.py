"""The same requests to Qdrant's own engine and to the facade over a store: what both answer, ready to be compared."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import pytest

from tests.fakes.clock import FakeClock
from tests.fakes.qdrant.refusal import Refused
from tests.fakes.qdrant.server import Database, respond
from vectormigrate.stores.base import Endpoint, Store
from vectormigrate.stores.front import Front, Standing
from vectormigrate.stores.memory import Database as Memory
from vectormigrate.stores.memory import MemoryStore
from vectormigrate.stores.qdrant.facade.emulated import emulated
from vectormigrate.stores.qdrant.facade.port import QdrantFacade
from vectormigrate.stores.raw import HttpRequest

IGNORED = ("operation_id", "version")
A, B, C = (f"0b0e0000-0000-0000-0000-00000000000{digit}" for digit in "abc")


def request(
    method: str, path: str, body: Any = None, query: bytes = b"wait=true", **more: Any
) -> HttpRequest:
    """A request with a JSON body."""
    text = b"" if body is None else body if isinstance(body, bytes) else json.dumps(body).encode()
    return HttpRequest(method, path, query, body=text, **more)


@dataclass
class Served:
    """The facade over one store, or over any front."""

    store: Store | None = None
    front: Front | None = None
    clock: FakeClock = field(default_factory=FakeClock)

    def __post_init__(self) -> None:
        if self.front is None:
            assert self.store is not None
            self.front = Standing(emulated(self.store))
        self.facade = QdrantFacade(self.front, self.clock)

    async def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status, and the result or what is said of the error."""
        response = await self.facade.http(request(method, path, body))
        answer = json.loads(response.body)
        return response.status, answer["result"] if response.status == 200 else answer["status"]["error"]

    async def result(self, method: str, path: str, body: Any = None) -> Any:
        """The result of a request that must succeed."""
        status, result = await self.ask(method, path, body)
        assert status == 200, result
        return result


@dataclass
class Engine:
    """Qdrant's own engine behind as much of a server as there is."""

    database: Database = field(default_factory=Database)

    def ask(self, method: str, path: str, body: Any = None) -> tuple[int, Any]:
        """Status, and the result or what is said of the error."""
        try:
            answer = respond(self.database, method, path, b"" if body is None else json.dumps(body).encode())
        except Refused as refused:
            return refused.status, refused.message
        return 200, answer


@dataclass
class Both:
    """One of each."""

    served: Served
    engine: Engine

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """The answer of both, which must be one: numbers to four digits, texts of errors aside."""
        expected_status, expected = self.engine.ask(method, path, body)
        status, result = await self.served.ask(method, path, body)
        assert status == expected_status, (result, expected)
        if status == 200:
            assert plain(result) == settled(expected)
        return result


@contextmanager
def comparing() -> Iterator[Both]:
    """The facade over an empty memory store, beside an empty engine."""
    engine = Engine()
    try:
        yield Both(Served(MemoryStore(Endpoint("memory"), Memory())), engine)
    finally:
        engine.database.close()


def settled(value: Any) -> Any:
    """An answer without what may differ: numbers of operations and versions, the last digits, an absent null."""
    if isinstance(value, dict):
        return {key: settled(item) for key, item in value.items() if item is not None and key not in IGNORED}
    if isinstance(value, list):
        return [settled(item) for item in value]
    if hasattr(value, "tolist"):
        return settled(value.tolist())
    return pytest.approx(value, abs=1e-4) if isinstance(value, float) else value


def plain(value: Any) -> Any:
    """The same of an answer that is compared with a settled one."""
    if isinstance(value, dict):
        return {key: plain(item) for key, item in value.items() if item is not None and key not in IGNORED}
    return [plain(item) for item in value] if isinstance(value, list) else value
