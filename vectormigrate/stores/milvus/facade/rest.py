"""The REST way: every request is a POST of a JSON object, every answer a 200 with `code` and `data` or `message`."""

from __future__ import annotations

from dataclasses import replace
from functools import cached_property
from typing import Any

import msgspec

from vectormigrate.model.collection import CollectionShape
from vectormigrate.model.errors import VectormigrateError
from vectormigrate.model.record import RecordId
from vectormigrate.stores.facade import Decision
from vectormigrate.stores.front import Front, Outcome
from vectormigrate.stores.milvus.pb import milvus_pb2
from vectormigrate.stores.raw import HttpRequest, HttpResponse, Upstream

from . import listing
from .calling import Way
from .endpoints import find
from .problems import Problem, problem_of, refused
from .telling import to_data
from .transcoding import OF_FIELDS, following, to_message

_JSON = (b"content-type", b"application/json")
_DATABASE = b"db-name"
"""The header that says which database is meant where the body does not."""
_WRONG_BODY, _UNKNOWN_PATH = 1801, 404
_OF_SHAPES = OF_FIELDS | {"DescribeCollection"}
"""Requests that cannot be read, or answered, without knowing what the collection is like."""
_READ_HERE = (Decision.CAPTURE, Decision.REFUSE)
_REFUSED = frozenset({400, 401, 403, 404, 405, 411, 413, 415, 422, 429})


class RestWay(Way[HttpResponse]):
    """One request."""

    def __init__(self, request: HttpRequest) -> None:
        self._request = request
        self.route = find(request.method, request.path)
        self.size = len(request.body)
        self.needs_shape = self.route.rpc in _OF_SHAPES

    @cached_property
    def _body(self) -> dict[str, Any]:
        if not self._request.body.strip():
            return {}
        try:
            body: dict[str, Any] = msgspec.json.decode(self._request.body, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError) as error:
            raise Problem(_WRONG_BODY, f"can only accept json format request, error: {error}") from None
        return body

    def _text(self, name: str) -> str:
        value = self._body.get(name)
        return value if isinstance(value, str) else ""

    @property
    def database(self) -> str:  # type: ignore[override]  # read out of the request when it is wanted
        if not self.route.rpc:
            return ""
        return self._text("dbName") or (self._request.header(_DATABASE) or b"").decode("latin-1")

    def collection(self) -> str | None:
        if not self.route.rpc:
            return None
        return self._text("collectionName") or (self._text("aliasName") or None)

    def message(self, shape: CollectionShape | None, *, marking: bool = False) -> Any:
        if not self.route.rpc:
            return None
        return to_message(self.route.rpc, self._body, shape, marking=marking)

    def following(self) -> list[tuple[str, Any]]:
        return following(self.route.rpc, self._body)

    async def send(self, upstream: Upstream) -> HttpResponse:
        request = self._request
        if self.route.decision in _READ_HERE or self.route.rpc == listing.RPC:  # the answer is read here
            headers = [pair for pair in request.headers if pair[0] != b"accept-encoding"]
            request = replace(request, headers=headers)
        return await upstream.send(request)

    def said(self, answer: HttpResponse) -> tuple[Outcome, Any]:
        if answer.status != 200:
            return (Outcome.ANSWERED if answer.status in _REFUSED else Outcome.UNRESOLVED), None
        try:
            told = msgspec.json.decode(answer.body, type=dict[str, Any])
        except (msgspec.DecodeError, RecursionError):
            return Outcome.UNRESOLVED, None
        code = told.get("code")
        if code in (0, 200):
            return Outcome.ANSWERED, _mutation(told.get("data"))
        applied = isinstance(code, int) and refused(code, 0)
        return (Outcome.ANSWERED if applied else Outcome.UNRESOLVED), None

    def answered(self, message: Any, shape: CollectionShape | None) -> HttpResponse:
        data = to_data(self.route.rpc, self._request.path, message, shape)
        numbers = self._request.header(b"accept-type-allow-int64") != b"false"
        told = {"code": 0, "data": data if numbers else _as_texts(data)}
        return HttpResponse(200, (_JSON,), msgspec.json.encode(told))

    async def listed(self, answer: HttpResponse, front: Front) -> HttpResponse:
        return listing.listed(answer, front)

    def failed(self, problem: Problem) -> HttpResponse:
        status = 200 if self.route.rpc else _UNKNOWN_PATH
        told = {"code": problem.code, "message": problem.text}
        return HttpResponse(status, (_JSON,), msgspec.json.encode(told))

    def broken(self, error: VectormigrateError) -> HttpResponse:
        return self.failed(problem_of(error))


def _mutation(data: Any) -> Any:
    """What a write answered with, as far as it names keys."""
    reply = milvus_pb2.MutationResult()
    ids: list[RecordId] = []
    if isinstance(data, dict):
        ids = data.get("insertIds") or data.get("upsertIds") or []
    if ids and all(isinstance(one, int) for one in ids):
        reply.IDs.int_id.data.extend(ids)
    else:
        reply.IDs.str_id.data.extend(map(str, ids))
    return reply


def _as_texts(data: Any) -> Any:
    """Whole numbers as texts, for clients that lose the long ones."""
    if isinstance(data, list):
        return [_as_texts(item) for item in data]
    if isinstance(data, dict):
        return {key: _as_texts(item) for key, item in data.items()}
    return str(data) if type(data) is int else data
