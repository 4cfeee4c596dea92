"""The table of commands as REST: a route for each way to ask, below /v1.

What lasts is answered 202 with an operation; what is looked at has an ETag; a POST with an Idempotency-Key is done once,
whatever becomes of its answer; If-Match keeps a verb from a migration that has moved since it was looked at.
"""

from __future__ import annotations

import hashlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute
from starlette.routing import Route as Path

from vectormigrate.daemon import report
from vectormigrate.daemon.answers import Answered, Answers
from vectormigrate.daemon.chronicle import Chronicle
from vectormigrate.model.documents import Keys, Operation
from vectormigrate.model.errors import RequestRefused
from vectormigrate.model.status import MigrationStatus

from . import bodies, manual, openapi, problem, stream
from .command import ID, ROOT, Command, Route
from .commands import BY_NAME, COMMANDS
from .dispatch import Dispatcher
from .guard import principal_of

_KEPT = ("etag", "location", "content-type")
_LONGEST_KEY = 255
_STREAM = "text/event-stream"


@dataclass(frozen=True, slots=True)
class _Done:
    """What became of a request that changes something."""

    answer: Response
    again: Response | None = None
    """What the same request is answered when it comes again; None for the same."""


@dataclass(frozen=True, slots=True)
class Rest:
    """The routes over one daemon."""

    dispatcher: Dispatcher
    answers: Answers
    chronicle: Chronicle

    def routes(self) -> list[BaseRoute]:
        """All of them."""
        described = Path(f"{ROOT}/openapi.json", self._describe, methods=["GET"])
        asked = [
            Path(route.url, self._endpoint(command, route), methods=[route.method])
            for command in COMMANDS
            for route in command.routes
        ]
        pages = [
            Path(f"{ROOT}/docs", self._explain, methods=["GET"]),
            Path(f"{ROOT}/migrations/{{{ID}}}/report.html", self._report, methods=["GET"]),
        ]
        return [described, *pages, *asked]

    async def _describe(self, request: Request) -> Response:
        return Response(openapi.encoded(), media_type=bodies.MEDIA)

    async def _explain(self, request: Request) -> Response:
        headers = {"content-security-policy": manual.POLICY}
        return Response(manual.page(), media_type="text/html; charset=utf-8", headers=headers)

    async def _report(self, request: Request) -> Response:
        """What `report` answers, for people."""
        told = await self._ask(request, BY_NAME["report"], {ID: request.path_params[ID]})
        page = report.render(report.from_json(told))
        return Response(
            page, media_type="text/html; charset=utf-8", headers={"content-security-policy": report.POLICY}
        )

    def _endpoint(self, command: Command, route: Route) -> Callable[[Request], Awaitable[Response]]:
        async def look(request: Request) -> Response:
            given = {**_query(request), **request.path_params, **route.given}
            if command.name == "events" and _STREAM in request.headers.get("accept", ""):
                return await self._follow(request, given)
            result = await self._ask(request, command, given)
            answer = _cached(request, bodies.dump(result), fixed=_is_fixed(result))
            if cursor := getattr(result, "next_cursor", ""):
                answer.headers["link"] = _onward(request, cursor)
            return answer

        async def change(request: Request) -> Response:
            body = await request.body()
            return await self._once(request, body, lambda: self._change(request, command, route, body))

        return look if route.method == "GET" else change

    async def _change(self, request: Request, command: Command, route: Route, body: bytes) -> _Done:
        given = bodies.arguments(body, request.headers.get("content-type"))
        for name, value in {**request.path_params, **route.given}.items():
            if given.setdefault(name, value) != value:
                raise RequestRefused(f"{name} is {value!r} in the path and something else in the body")
        await self._check_match(request)
        if not command.lasting:
            result = await self._ask(request, command, given)
            return _Done(Response(bodies.dump(result), media_type=bodies.MEDIA), _again(result))
        request.state.audited = True
        begun = await self.dispatcher.begin(principal_of(request.state), command.name, given)
        return _Done(accepted(begun))

    async def _ask(self, request: Request, command: Command, given: dict[str, Any]) -> Any:
        request.state.audited = True  # by whoever does it
        return await self.dispatcher.ask(principal_of(request.state), command.name, given)

    async def _follow(self, request: Request, given: dict[str, Any]) -> Response:
        seen = stream.last_seen(request.headers.get("last-event-id") or given.get("after"))
        wanted = given.get(ID)
        if wanted is not None:
            await self._ask(request, BY_NAME["status"], {ID: wanted})  # raises for an unknown one
        # Who listens is known from the beginning, and what it asks for can be meant.
        await self._ask(request, BY_NAME["events"], {**given, "limit": 1})
        return stream.response(self.chronicle, seen, wanted, request.state.still)

    async def _check_match(self, request: Request) -> None:
        wanted = request.headers.get("if-match")
        if wanted is None or ID not in request.path_params:
            return
        found = await self.dispatcher.ask(
            principal_of(request.state), "status", {ID: request.path_params[ID]}
        )
        if wanted.strip() not in ("*", etag(bodies.dump(found))):
            raise RequestRefused("the migration is not as it was when you looked", status=412)

    async def _once(self, request: Request, body: bytes, do: Callable[[], Awaitable[_Done]]) -> Response:
        """Do it, or give the answer that was given to the same request before."""
        key = request.headers.get("idempotency-key")
        if key is None:
            return (await do()).answer
        if not 0 < len(key) <= _LONGEST_KEY:
            raise RequestRefused(f"Idempotency-Key must have 1 to {_LONGEST_KEY} characters")
        who = principal_of(request.state)
        path = request.scope["raw_path"] + b"?" + request.scope["query_string"]
        fingerprint = hashlib.sha256(path + b"\0" + body).digest()
        before = await self.answers.claim(who.name, key, fingerprint)
        if before is not None:
            return Response(before.body, before.status, {**before.headers, "idempotency-replayed": "true"})
        try:
            done = await do()
        except BaseException:
            # What was refused was not done: asked again, when a gate has opened perhaps, it is looked at again.
            await self.answers.release(who.name, key)
            raise
        again = done.again or done.answer
        headers = {name: again.headers[name] for name in _KEPT if name in again.headers}
        await self.answers.settle(who.name, key, Answered(again.status_code, headers, bytes(again.body)))
        return done.answer


def _again(result: object) -> Response | None:
    """A key is told once and kept nowhere, so neither is the answer that told it: who lost it has to make another."""
    if not isinstance(result, Keys) or not result.secret:
        return None
    (made,) = result.keys
    told = RequestRefused(
        f"this request was done before: it made the key {made.id}, which is told once and kept nowhere",
        status=409,
        hint=f"if nobody heard it, take it back (vectormigrate keys revoke {made.id}) and make another",
    )
    return problem.response(told)


def accepted(begun: Operation) -> Response:
    """202, and where to look."""
    headers = {"location": f"{ROOT}/operations/{begun.id}", "retry-after": "1"}
    return Response(bodies.dump(begun), 202, headers, bodies.MEDIA)


def etag(body: bytes) -> str:
    """Of a document."""
    return f'"{hashlib.sha256(body).hexdigest()[:32]}"'


def _cached(request: Request, body: bytes, *, fixed: bool) -> Response:
    tag = etag(body)
    known = [one.strip() for one in request.headers.get("if-none-match", "").split(",")]
    if fixed and not {tag, f"W/{tag}", "*"}.isdisjoint(known):
        return Response(status_code=304, headers={"etag": tag})
    return Response(body, headers={"etag": tag}, media_type=bodies.MEDIA)


def _onward(request: Request, cursor: str) -> str:
    """Where the next page is (RFC 8288)."""
    url = request.url.remove_query_params("offset").include_query_params(cursor=cursor)
    return f'<{url.path}?{url.query}>; rel="next"'


def _is_fixed(result: object) -> bool:
    """Whether the same document twice means that nothing has changed; always, but for what is measured anew."""
    return not (isinstance(result, MigrationStatus) and result.live is not None)


def _query(request: Request) -> dict[str, Any]:
    """Arguments of a GET; one that is given several times is a list."""
    found: dict[str, Any] = {}
    for name in request.query_params:
        values = request.query_params.getlist(name)
        found[name] = values if len(values) > 1 else values[0]
    return found
