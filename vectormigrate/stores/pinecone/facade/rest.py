"""A REST request of the data plane, read as far as it is asked to be."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

import orjson

from vectormigrate.model.touch import Touch
from vectormigrate.stores.front import Outcome
from vectormigrate.stores.pinecone.wire import heads, requests
from vectormigrate.stores.pinecone.wire.records import canonical_namespace
from vectormigrate.stores.pinecone.wire.shape import Layout
from vectormigrate.stores.raw import HttpRequest, HttpResponse, Upstream

from . import answers
from .dataplane import Asked
from .endpoints import Route, Values
from .querystring import namespace_in, read_query

Json = dict[str, Any]

_POSITIONS = (b"x-pinecone-request-lsn", b"x-pinecone-lsn-committed")
_RECORDS = {"upsert", "update", "delete"}
_IN_BODY = {"query", "fetch_by_metadata"}
_IN_QUERY = {"fetch", "list"}


class Rest(Asked[HttpResponse]):
    """One HTTP request. `values` are those of its path."""

    def __init__(self, index: str, route: Route, values: Values, request: HttpRequest) -> None:
        self.index = index
        self.route = route
        self.size = len(request.body)
        self._values = values
        self._request = request

    def namespace(self) -> str:
        action = self.route.action
        if action in _RECORDS:
            return canonical_namespace(self._head.namespace)
        if action in _IN_BODY:
            return heads.read_namespace(self._request.body)
        if action in _IN_QUERY:
            return namespace_in(self._request.query)
        if action == "create_namespace":
            return canonical_namespace(requests.text(requests.read_object(self._request.body), "name"))
        return canonical_namespace(self._values.get("namespace"))

    @cached_property
    def _head(self) -> heads.Head:
        if self._in_query:
            given = self.body()
            return heads.Head(given.get("namespace"), ids=given.get("ids"), delete_all=given.get("deleteAll"))
        return heads.read_head(self._request.body)

    def touches(self, layout: Layout) -> list[Touch]:
        match self.route.action:
            case "records":
                return heads.record_touches(self._request.body, layout)
            case "documents":
                verb = self.route.endpoint.path.rpartition("/")[2]
                return heads.document_touches(verb, self._request.body, layout)
            case action:
                return heads.touches(action, self._head, layout)

    def only_asks(self) -> bool:
        return self._head.only_asks

    def body(self) -> Json:
        if self._in_query:
            return read_query(self._request.query)
        return requests.read_body(self._request.body)

    @property
    def _in_query(self) -> bool:
        return self._request.method in ("GET", "DELETE")

    async def forward(self, upstream: Upstream) -> HttpResponse:
        return await upstream.send(self._request)

    def outcome(self, reply: HttpResponse) -> tuple[Outcome, str]:
        position = next((value for key, value in reply.headers if key in _POSITIONS), b"")
        return answers.outcome_of(reply.status), position.decode("latin-1")

    def succeeded(self, reply: HttpResponse) -> bool:
        return reply.status == 200

    def answered(self, reply: HttpResponse) -> Mapping[str, Any] | None:
        if any(key == b"content-encoding" for key, _ in reply.headers):
            return None
        answer: Json = orjson.loads(reply.body)
        return answer

    def reply(self, answer: Json, position: tuple[str, int]) -> HttpResponse:
        return answers.success(answer, position)
