"""What programs that watch a daemon ask for: its numbers, and whether it is alive and ready. Mounted on the application.

Health is answered without a key (see `guard.OPEN`), and so says names and yes or no, nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

from prometheus_client.openmetrics import exposition as openmetrics
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from vectormigrate.daemon.hosting import Host
from vectormigrate.daemon.telemetry.exposition import CONTENT_TYPE, OPEN_METRICS
from vectormigrate.daemon.telemetry.health import Finding, Health

from .opening import Mount
from .parts import Parts

_NO_STORE = {"cache-control": "no-store"}


def observing(health: Health) -> Mount:
    """/metrics, /livez, /readyz and /healthz."""

    async def alive(request: Request) -> Response:
        return _told(request, health.live())

    async def ready(request: Request) -> Response:
        return _told(request, await health.ready())

    def mount(host: Host, _: Parts) -> Sequence[BaseRoute]:
        async def metrics(request: Request) -> Response:
            # Only traces are a reason for the other format: a scraper that asks for either reads this one.
            wanted = host.telemetry.traced and OPEN_METRICS in request.headers.get("accept", "")
            media = openmetrics.CONTENT_TYPE_LATEST if wanted else CONTENT_TYPE
            return Response(await host.numbers(open_metrics=wanted), media_type=media, headers=_NO_STORE)

        return [
            Route("/metrics", metrics, methods=["GET"]),
            Route("/livez", alive, methods=["GET"]),
            Route("/readyz", ready, methods=["GET"]),
            Route("/healthz", ready, methods=["GET"]),
        ]

    return mount


def _told(request: Request, found: Sequence[Finding]) -> Response:
    ok = all(one.ok or not one.needed for one in found)
    lines = [
        f"[{'+' if one.ok else '-'}] {one.name}"
        for one in found
        if "verbose" in request.query_params or not one.ok
    ]
    text = "\n".join([*lines, "ok" if ok else "not ok"]) + "\n"
    return PlainTextResponse(text, 200 if ok else 503, _NO_STORE)
