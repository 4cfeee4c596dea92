"""POST /v1/admin/migrate-vec, as users of qortex know it: its words, its answer, and errors as `{"error": text}`."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from vectormigrate.model.errors import UsageError, VectormigrateError

from . import bodies, problem
from .dispatch import Dispatcher
from .guard import REFUSED, principal_of
from .inherited import Inherited
from .rest import accepted

PATH = "/v1/admin/migrate-vec"
_TOOL = "qortex_vec_migrate"
_THE_CALLERS = (404, 415, 422)
"""What elsewhere says how a request is wrong: here it is wrong, and that is all."""


@dataclass(frozen=True, slots=True)
class MigrateVec:
    """The route."""

    inherited: Inherited
    dispatcher: Dispatcher

    def route(self) -> Route:
        """POST alone."""
        return Route(PATH, self._serve, methods=["POST"])

    async def _serve(self, request: Request) -> Response:
        who = principal_of(request.state)
        try:
            given = _renamed(bodies.arguments(await request.body(), request.headers.get("content-type")))
            if request.query_params.get("async", "").lower() in ("1", "true", "yes"):
                words = {"from" if name == "source" else name: value for name, value in given.items()}
                words["to"] = words.pop("dest_type", None)
                begun = await self.dispatcher.begin(who, "vec", {"batch_size": 500, **words})
                request.state.audited = True  # by whoever does it
                return accepted(begun)
            done = await self.inherited.call(who, _TOOL, given)
        except VectormigrateError as error:
            setattr(request.state, REFUSED, error.message)
            return _failed(error)
        request.state.audited = True
        return Response(bodies.dump(done), media_type=bodies.MEDIA)


def _renamed(given: dict[str, Any]) -> dict[str, Any]:
    """`source_type` is the other name of `source`."""
    kind = given.pop("source_type", None)
    if kind is not None and given.setdefault("source", kind) != kind:
        raise UsageError("source and source_type say different things")
    return given


def _failed(error: VectormigrateError) -> Response:
    """What a store does not give is no fault of ours to be told as one: never a bare 500."""
    return Response(bodies.dump({"error": refusal(error)}), _status(error), media_type=bodies.MEDIA)


def refusal(error: VectormigrateError) -> str:
    """In one text."""
    return f"{error.message}; {error.hint}" if error.hint else error.message


def _status(error: VectormigrateError) -> int:
    found = problem.status(error)
    return 400 if found in _THE_CALLERS or found == 500 else found
