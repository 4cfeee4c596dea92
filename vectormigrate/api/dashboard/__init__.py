"""The dashboard: static files that ask our own REST API with the operator's key. No logic here, and nothing from elsewhere.

A browser is asked for the key by the door in front of it (user name: anything; password: the key), and shows it with every request.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from importlib.resources import files

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

from vectormigrate.api.parts import Parts
from vectormigrate.daemon.hosting import Host

ROOT = "/dashboard/"
_TYPES = {
    "html": "text/html; charset=utf-8",
    "css": "text/css; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}
_POLICY = (
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self';"
    " base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
)
_HEADERS = {"content-security-policy": _POLICY, "cache-control": "no-cache"}


def dashboard(_: Host, __: Parts) -> Sequence[BaseRoute]:
    """Routes of the page and its parts; `/` leads there. An `opening.Mount`."""
    return [
        Route("/", _home, methods=["GET"]),
        *(
            _file(one.name, one.read_bytes())
            for one in files(__name__).joinpath("static").iterdir()
            if _type(one.name)
        ),
    ]


async def _home(request: Request) -> Response:
    return Response(status_code=307, headers={"location": ROOT})


def _type(name: str) -> str | None:
    return _TYPES.get(name.rpartition(".")[2])


def _file(name: str, body: bytes) -> Route:
    tag = f'"{hashlib.sha256(body).hexdigest()[:32]}"'
    headers = {**_HEADERS, "etag": tag}

    async def answer(request: Request) -> Response:
        if request.headers.get("if-none-match") == tag:
            return Response(status_code=304, headers=headers)
        return Response(body, headers=headers, media_type=_type(name))

    return Route(ROOT + ("" if name == "index.html" else name), answer, methods=["GET"])
