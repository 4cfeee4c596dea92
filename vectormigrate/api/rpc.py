"""JSON-RPC 2.0 on POST /, as an earlier system promised it: its methods, its codes, and always a JSON body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vectormigrate.model.access import Principal
from vectormigrate.model.errors import (
    Forbidden,
    MigrationExists,
    RateLimited,
    RequestRefused,
    Unauthorized,
    UnknownMigration,
    UsageError,
    VectormigrateError,
    WrongKey,
)

from . import bodies, problem
from .guard import REFUSED, allowance_of, principal_of
from .inherited import Inherited

PATH = "/"
_PARSE, _INVALID, _UNKNOWN, _PARAMS, _FAILED = -32700, -32600, -32601, -32602, -32603
_NO_KEY, _NOT_ALLOWED, _TOO_MANY = -32000, -32001, -32002
_MOST = 50
"""Calls of one batch: each is a request of its own to the audit and the state file."""
_MISSING = object()


class _Refused(Exception):
    """A call that does not come to a tool."""

    def __init__(self, code: int, message: str) -> None:
        super().__init__(message)
        self.code = code
        self.message = message


@dataclass(frozen=True, slots=True)
class Rpc:
    """The route over the inherited tools."""

    inherited: Inherited

    def route(self) -> Route:
        """POST /."""
        return Route(PATH, self._serve, methods=["POST"])

    async def _serve(self, request: Request) -> Response:
        try:
            asked = bodies.load(await request.body())
        except RequestRefused as error:
            if error.status == 400:
                _write_down(request, _PARSE, "parse error")
                return _answer(400, failure(None, _PARSE, "parse error"))
            raise
        if not isinstance(asked, list):
            told = await self._call(request, asked)
            if told is None:
                return Response(status_code=204)
            return _answer(_status(told), told)
        if refused := _batch_refused(request, len(asked)):
            return refused
        answers = [told for one in asked if (told := await self._call(request, one)) is not None]
        return _answer(200, answers) if answers else Response(status_code=204)

    async def _call(self, request: Request, asked: Any) -> dict[str, Any] | None:
        """The answer to one call; None for a notification, which gets none, whatever becomes of it.

        What is done is written down by who does it; a call that comes to no tool, with the request it came by.
        """
        number = asked.get("id", _MISSING) if isinstance(asked, dict) else None
        named = number if _is_id(number) else None
        try:
            result = await self._result(principal_of(request.state), asked, number)
            told = {"jsonrpc": "2.0", "id": named, "result": result}
            request.state.audited = not getattr(request.state, REFUSED, "")
        except _Refused as refused:
            told = failure(named, refused.code, refused.message)
            _write_down(request, refused.code, refused.message)
            if refused.code == _INVALID:
                return told
        except VectormigrateError as error:
            told = failure(named, _code_of(error), error.message, error)
            _write_down(request, _code_of(error), error.message)
        return None if number is _MISSING else told

    async def _result(self, who: Principal, asked: Any, number: Any) -> Any:
        if (
            not isinstance(asked, dict)
            or asked.get("jsonrpc") != "2.0"
            or not isinstance(asked.get("method"), str)
        ):
            raise _Refused(_INVALID, "not a JSON-RPC 2.0 request")
        if number is not _MISSING and not _is_id(number):
            raise _Refused(_INVALID, "an id is a text, a number or null")
        method, params = asked["method"], asked.get("params", {})
        if method not in self.inherited.tools:
            raise _Refused(_UNKNOWN, f"there is no method {method[:80]!r}")
        if not isinstance(params, dict):
            raise _Refused(_PARAMS, "params must be an object")
        return await self.inherited.call(who, method, params)


def _batch_refused(request: Request, calls: int) -> Response | None:
    """Each call of a batch is a request of its key: it is done whole or not at all. None for one that may be done."""
    allowance = allowance_of(request.state)
    most = min(_MOST, allowance.at_once)
    if not 1 <= calls <= most:
        why = f"a batch has 1 to {most} calls: each counts as a request, and so many may be asked at once"
        _write_down(request, _INVALID, f"{calls} calls: {why}")
        return _answer(400, failure(None, _INVALID, why))
    try:
        allowance.spend(calls - 1)
    except RateLimited as error:
        _write_down(request, _TOO_MANY, f"{calls} calls: {error.message}")
        return refusal(error)
    return None


def _write_down(request: Request, code: int, message: str) -> None:
    setattr(request.state, REFUSED, f"{code}: {message}")
    request.state.audited = False


def _is_id(number: Any) -> bool:
    return number is None or (isinstance(number, str | int | float) and not isinstance(number, bool))


def _code_of(error: VectormigrateError) -> int:
    if isinstance(error, UnknownMigration | MigrationExists):
        return _FAILED  # it was a fitting name, of nothing that is there
    if isinstance(error, UsageError):
        return _PARAMS
    return refusal_code(error)


def refusal_code(error: VectormigrateError) -> int:
    """The code of a request that was not let in, or of a tool that failed."""
    match error:
        case WrongKey() | Forbidden():
            return _NOT_ALLOWED
        case Unauthorized():
            return _NO_KEY
        case RateLimited():
            return _TOO_MANY
        case _:
            return _FAILED


def failure(number: Any, code: int, message: str, error: VectormigrateError | None = None) -> dict[str, Any]:
    """An answer that tells of an error."""
    told: dict[str, Any] = {"code": code, "message": message}
    if error is not None:
        told["data"] = error.as_dict()
    return {"jsonrpc": "2.0", "id": number, "error": told}


_HTTP = {_NO_KEY: 401, _NOT_ALLOWED: 403, _TOO_MANY: 429}


def _status(told: dict[str, Any]) -> int:
    return _HTTP.get(told["error"]["code"], 400) if "error" in told else 200


def refusal(error: VectormigrateError) -> Response:
    """How a request that is not let in is told so here."""
    code = refusal_code(error)
    status = _HTTP.get(code) or problem.status(error)
    answer = _answer(status, failure(None, code, error.message, error))
    if error.retry_after is not None:
        answer.headers["retry-after"] = str(max(1, round(error.retry_after)))
    if status == 401:
        answer.headers["www-authenticate"] = 'Bearer realm="vectormigrate"'
    return answer


def _answer(status: int, told: Any) -> Response:
    return Response(bodies.dump(told), status, media_type=bodies.MEDIA)
