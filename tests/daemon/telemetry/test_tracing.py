import pytest
from opentelemetry import trace
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import SimpleSpanProcessor
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from tests.fakes.clock import FakeClock
from tests.fakes.facades import Scripted, Talking
from vectormigrate.daemon.telemetry import tracing
from vectormigrate.daemon.telemetry.telemetry import Telemetry
from vectormigrate.daemon.telemetry.tracing import TracedFacade, TracedUpstream, made_of, traces_of
from vectormigrate.model.documents import MigrateResult
from vectormigrate.model.errors import UsageError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.memory import open_store
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream

TRACE = "0af7651916cd43dd8448eb211c80319c"
PARENT = f"00-{TRACE}-b7ad6b7169203331-01"


class Upstreams(Upstream):
    """Remembers what it is asked."""

    def __init__(self):
        self.asked = []

    async def send(self, request, *, stream=False):
        self.asked.append(dict(request.headers))
        return HttpResponse(200)

    async def call(self, call):
        self.asked.append(dict(call.metadata))
        return RpcReply()


@pytest.fixture
def spans():
    return InMemorySpanExporter()


@pytest.fixture
def traces(spans):
    provider = TracerProvider()
    provider.add_span_processor(SimpleSpanProcessor(spans))
    made = made_of(provider, trace)
    yield made
    made.close()


async def test_a_copy_of_vectors_has_the_span_that_qortex_gave_it(traces, spans):
    async def copy():
        return MigrateResult("sqlite", "memory", 1, 12, 12, 0.5, False)

    for one in (Telemetry(FakeClock(), traces), Telemetry(FakeClock())):
        assert (await one.moving(copy())).vectors_read == 12
        assert (one.vectors, one.moves.count, one.moves.sum) == (12, 1, 0.5)
    (span,) = spans.get_finished_spans()
    assert span.name == "vec.migrate"


async def test_a_request_goes_on_with_the_trace_it_came_with(traces, spans):
    source = Upstreams()
    upstream = TracedUpstream(source, traces)
    facade = TracedFacade(Scripted(upstream.send, upstream.call), traces)
    headers = ((b"traceparent", PARENT.encode()), (b"api-key", b"hidden"))
    await facade.http(HttpRequest("PUT", "/collections/docs/points/secret-id", headers=headers))
    asked, served = spans.get_finished_spans()
    assert [asked.name, served.name] == ["source", "scripted PUT"]
    assert format(served.context.trace_id, "032x") == TRACE
    assert asked.parent.span_id == served.context.span_id
    assert served.attributes == {"http.response.status_code": 200}
    sent = source.asked[0][b"traceparent"].decode()
    assert sent == f"00-{TRACE}-{asked.context.span_id:016x}-01"
    assert source.asked[0][b"api-key"] == b"hidden"
    assert "secret-id" not in served.to_json() + asked.to_json()


async def test_a_call_too(traces, spans):
    source = Upstreams()
    upstream = TracedUpstream(source, traces)
    facade = TracedFacade(Scripted(upstream.send, upstream.call), traces)
    await facade.rpc(RpcCall("/any.Service/Method", b"", (("traceparent", PARENT),)))
    asked, served = spans.get_finished_spans()
    assert served.name == "scripted /any.Service/Method"
    assert format(served.context.trace_id, "032x") == TRACE
    assert source.asked[0]["traceparent"].startswith(f"00-{TRACE}-{asked.context.span_id:016x}")


async def test_what_a_side_is_asked_is_a_span_and_an_error_is_seen(traces, spans):
    telemetry = Telemetry(FakeClock(), traces)
    store = telemetry.store("move", "target", open_store(Endpoint("memory", "tracing")))
    await store.info()

    async def fails():
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await store._through(fails, records=3)
    first, second = spans.get_finished_spans()
    assert (first.name, first.status.is_ok) == ("target", True)
    assert (second.attributes["vectormigrate.records"], second.status.is_ok) == (3, False)


async def test_every_seam_of_a_daemon_is_traced_when_there_is_a_collector(traces):
    telemetry = Telemetry(FakeClock(), traces)
    assert isinstance(telemetry.facade("main", Talking()), TracedFacade)
    assert telemetry.facade("main", Talking()).streams == Talking.streams
    assert isinstance(telemetry.upstream("main", Upstreams()), TracedUpstream)
    assert not isinstance(Telemetry(FakeClock()).upstream("main", Upstreams()), TracedUpstream)


def test_without_a_collector_there_is_nothing():
    assert traces_of({}) is None
    assert traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost", "OTEL_SDK_DISABLED": "true"}) is None


def test_a_collector_without_the_packages_is_told(monkeypatch):
    def missing(name):
        raise ImportError(name)

    monkeypatch.setattr(tracing.importlib, "import_module", missing)
    with pytest.raises(UsageError, match="OpenTelemetry is not installed"):
        traces_of({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://localhost"})


async def test_a_number_names_a_trace_that_it_is_of(traces):
    telemetry = Telemetry(FakeClock(), traces)
    assert (telemetry.traced, Telemetry(FakeClock()).traced) == (True, False)
    facade = telemetry.facade("main", Scripted())
    await facade.http(HttpRequest("GET", "/", headers=[(b"traceparent", PARENT.encode())]))
    (seen,) = telemetry.traffic["main"].requests.values()
    assert seen.exemplars == {0: (TRACE, 0.0)}
    unsampled = PARENT.removesuffix("01") + "00"
    seen.exemplars.clear()
    await facade.http(HttpRequest("GET", "/", headers=[(b"traceparent", unsampled.encode())]))
    assert (seen.count, seen.exemplars) == (2, {})
