"""A Weaviate over the memory store, asked by REST."""

from __future__ import annotations

import json
from typing import Any
from uuid import UUID

from tests.fakes.clock import FakeClock
from vectormigrate.stores.base import Endpoint, Store
from vectormigrate.stores.front import Standing
from vectormigrate.stores.memory import Database, MemoryStore
from vectormigrate.stores.raw import HttpRequest, HttpResponse
from vectormigrate.stores.weaviate.facade.emulated import emulated
from vectormigrate.stores.weaviate.facade.port import WeaviateFacade

IDS = [str(UUID(int=number)) for number in range(10)]


class Served:
    """The facade over a store."""

    def __init__(self, store: Store | None = None) -> None:
        self.store = store or emulated(MemoryStore(Endpoint("memory"), Database()))
        self.facade = WeaviateFacade(Standing(self.store), FakeClock())

    async def send(self, method: str, path: str, body: Any = None) -> HttpResponse:
        """One request."""
        path, _, query = path.partition("?")
        text = b"" if body is None else json.dumps(body).encode()
        return await self.facade.http(HttpRequest(method, "/v1" + path, query.encode(), body=text))

    async def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Status, and the body or the text of the error."""
        response = await self.send(method, path, body)
        if not response.body:
            return response.status, None
        told = json.loads(response.body)
        return response.status, told["error"][0]["message"] if response.status >= 400 else told

    async def query(self, text: str) -> Any:
        """Data of a GraphQL query, or the text of its error."""
        _, told = await self.ask("POST", "/graphql", {"query": text})
        return told["data"] if "data" in told else told["errors"][0]["message"]
