"""The whole HTTP application of our own API: guard, REST, and whatever else a daemon mounts on it.

It is an `Application` of `daemon.listeners`. More is mounted by handing in routes: they stand behind the same door.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route
from starlette.types import Receive, Scope, Send

from vectormigrate.model.errors import RequestRefused, Unauthorized, VectormigrateError

from . import bodies, migrate_vec, problem, rpc
from .guard import OPEN, UNFORESEEN, Guard, Limits
from .migrate_vec import MigrateVec
from .parts import Parts
from .rest import Rest
from .rpc import Rpc

logger = logging.getLogger(__name__)

_BEARER = 'Bearer realm="vectormigrate"'
_BASIC = 'Basic realm="vectormigrate", charset="UTF-8"'


class Api:
    """The application. `draining` ends its streams."""

    def __init__(self, parts: Parts, limits: Limits, mounted: Sequence[BaseRoute] = ()) -> None:
        """`mounted` are routes of other rooms; they come first."""
        self._chronicle = parts.chronicle
        self._draining = False
        rest = Rest(parts.dispatcher, parts.answers, parts.chronicle)
        given = {route.path.encode() for route in mounted if isinstance(route, Route)}
        health: list[BaseRoute] = [
            Route(path.decode(), _alive, methods=["GET"]) for path in sorted(OPEN - given)
        ]
        migrating = MigrateVec(parts.inherited, parts.dispatcher)
        inner = Starlette(
            routes=[*mounted, *health, *rest.routes(), Rpc(parts.inherited).route(), migrating.route()],
            exception_handlers={
                HTTPException: _no_such_route,
                VectormigrateError: _told,
                ClientDisconnect: _cut_off,
                Exception: _unforeseen,
            },
        )
        self._guard = Guard(inner, parts.keyring, parts.trail, limits, refusal, parts.monotonic)

    @property
    def draining(self) -> bool:
        """Whether the listener is to end."""
        return self._draining

    @draining.setter
    def draining(self, value: bool) -> None:
        self._draining = value
        if value:
            self._chronicle.release()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        await self._guard(scope, receive, send)


def refusal(scope: Scope, error: VectormigrateError) -> Response:
    """How a request that is not let in, or went wrong, is told so."""
    if scope["path"] == migrate_vec.PATH:
        return Response(
            bodies.dump({"error": migrate_vec.refusal(error)}), problem.status(error), media_type=bodies.MEDIA
        )
    if scope["path"] == rpc.PATH and scope["method"] == "POST":
        return rpc.refusal(error)
    if not isinstance(error, Unauthorized):
        return problem.response(error)
    answer = problem.response(error, www_authenticate=_BEARER)
    accept = next((value for name, value in scope["headers"] if name == b"accept"), b"")
    if b"text/html" in accept:  # a browser asks its user then
        answer.headers.append("www-authenticate", _BASIC)
    return answer


async def _alive(request: Request) -> Response:
    return PlainTextResponse("ok\n")


async def _told(request: Request, error: Exception) -> Response:
    assert isinstance(error, VectormigrateError)
    return problem.response(error)


async def _cut_off(request: Request, error: Exception) -> Response:
    """Nobody hears it; the audit tells of it."""
    return problem.response(RequestRefused("the end of the request never came", status=408))


async def _unforeseen(request: Request, error: Exception) -> Response:
    """The guard hears of it as well, and logs it."""
    return problem.response(UNFORESEEN)


async def _no_such_route(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)
    what = f"{request.method} {request.url.path[:200]}"
    refused = RequestRefused(f"{what}: {error.detail.lower()}", status=error.status_code)
    answer = problem.response(refused)
    answer.headers.update(error.headers or {})
    return answer
