"""Spans of OpenTelemetry around the three seams of `traffic` and `sides`: one a request, one a question to a database.

Off, and not even imported, unless one of OpenTelemetry's own variables names a collector; the extra `otel` brings the packages. A
request's own `traceparent` is the parent of its span, and what is sent on to the source says the span instead. Spans hold the
method and the outcome, never a path, an id or a payload.
"""

from __future__ import annotations

import importlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from vectormigrate.model.errors import UsageError
from vectormigrate.stores.base import Store
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.raw import Conversation, HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream
from vectormigrate.stores.wrapper import Wrapper

T = TypeVar("T")

_COLLECTOR = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")
_PARENT = b"traceparent"


class Traces:
    """Starts spans. `trace` and `propagator` are of OpenTelemetry's API."""

    def __init__(self, tracer: Any, trace: Any, propagator: Any, close: Callable[[], None]) -> None:
        self._tracer = tracer
        self._trace = trace
        self._propagator = propagator
        self.close = close
        """Send what is still to be sent. Blocks for some seconds at most."""

    def serving(self, name: str, parent: str) -> Any:
        """The span of a request that came with this `traceparent`, as a context manager."""
        context = self._propagator.extract({"traceparent": parent}) if parent else None
        return self._tracer.start_as_current_span(name, context=context, kind=self._trace.SpanKind.SERVER)

    def asking(self, name: str) -> Any:
        """The span of a question to a database."""
        return self._tracer.start_as_current_span(name, kind=self._trace.SpanKind.CLIENT)

    def doing(self, name: str) -> Any:
        """The span of something that this process does by itself."""
        return self._tracer.start_as_current_span(name)

    def current(self) -> str:
        """The id of the trace of the span that is open; empty when it is not sampled, or there is none."""
        context = self._trace.get_current_span().get_span_context()
        return f"{context.trace_id:032x}" if context.trace_flags.sampled else ""

    def outgoing(self) -> str:
        """The `traceparent` of the span that is open."""
        carrier: dict[str, str] = {}
        self._propagator.inject(carrier)
        return carrier.get("traceparent", "")


def traces_of(environ: Mapping[str, str]) -> Traces | None:
    """None unless a collector is named. Raises UsageError when the packages are missing."""
    if not any(environ.get(name) for name in _COLLECTOR) or environ.get("OTEL_SDK_DISABLED") == "true":
        return None
    try:
        trace = importlib.import_module("opentelemetry.trace")
        sdk = importlib.import_module("opentelemetry.sdk.trace")
        export = importlib.import_module("opentelemetry.sdk.trace.export")
        otlp = importlib.import_module("opentelemetry.exporter.otlp.proto.http.trace_exporter")
    except ImportError:
        raise UsageError(
            f"{' or '.join(_COLLECTOR)} is set, and OpenTelemetry is not installed",
            hint="pip install 'vectormigrate-daemon[otel]', or unset it",
        ) from None
    provider = sdk.TracerProvider()
    provider.add_span_processor(export.BatchSpanProcessor(otlp.OTLPSpanExporter()))
    return made_of(provider, trace)


def made_of(provider: Any, trace: Any) -> Traces:
    """Spans of this provider."""
    context = importlib.import_module("opentelemetry.trace.propagation.tracecontext")
    tracer = provider.get_tracer("vectormigrate")
    return Traces(tracer, trace, context.TraceContextTextMapPropagator(), provider.shutdown)


class TracedFacade(Facade):
    """A facade with a span around each request."""

    def __init__(self, inner: Facade, traces: Traces) -> None:
        self.dialect = inner.dialect
        self.endpoints = inner.endpoints
        self.streams = inner.streams
        self._inner = inner
        self._traces = traces

    async def http(self, request: HttpRequest) -> HttpResponse:
        parent = (request.header(_PARENT) or b"").decode("latin-1")
        with self._traces.serving(f"{self.dialect} {request.method}", parent) as span:
            response = await self._inner.http(request)
            span.set_attribute("http.response.status_code", response.status)
            return response

    async def rpc(self, call: RpcCall) -> RpcReply:
        parent = next((value for name, value in call.metadata if name == "traceparent"), "")
        with self._traces.serving(f"{self.dialect} {call.method}", str(parent)) as span:
            reply = await self._inner.rpc(call)
            span.set_attribute("rpc.grpc.status_code", reply.code)
            return reply

    def conversation(self, call: RpcCall) -> Conversation:
        return self._inner.conversation(call)


class TracedUpstream(Upstream):
    """The vendor's own server, which is told the span that asks it."""

    def __init__(self, inner: Upstream, traces: Traces) -> None:
        self._inner = inner
        self._traces = traces

    async def send(self, request: HttpRequest, *, stream: bool = False) -> HttpResponse:
        with self._traces.asking("source"):
            headers: Sequence[tuple[bytes, bytes]] = [pair for pair in request.headers if pair[0] != _PARENT]
            told = replace(request, headers=[*headers, (_PARENT, self._traces.outgoing().encode())])
            return await self._inner.send(told, stream=stream)

    async def call(self, call: RpcCall) -> RpcReply:
        with self._traces.asking("source"):
            metadata = [pair for pair in call.metadata if pair[0] != "traceparent"]
            told = replace(call, metadata=[*metadata, ("traceparent", self._traces.outgoing())])
            return await self._inner.call(told)


class TracedStore(Wrapper):
    """One side of a migration."""

    def __init__(self, inner: Store, traces: Traces, side: str) -> None:
        super().__init__(inner)
        self._traces = traces
        self._side = side

    async def _through(
        self, request: Callable[[], Awaitable[T]], *, records: int = 0, repeatable: bool = True
    ) -> T:
        with self._traces.asking(self._side) as span:
            span.set_attribute("vectormigrate.records", records)
            return await request()
