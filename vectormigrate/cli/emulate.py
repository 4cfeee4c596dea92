"""`emulate`: a vendor's API over one store, for the vendor's own client on this machine."""

from __future__ import annotations

from vectormigrate.daemon import logs, serving
from vectormigrate.daemon.announced import Listening
from vectormigrate.daemon.listeners import Address, Limits
from vectormigrate.daemon.secrets import Secrets
from vectormigrate.daemon.served import check_advertised
from vectormigrate.daemon.serving import Service
from vectormigrate.daemon.settings import STORE_KINDS
from vectormigrate.daemon.tasks import SystemClock
from vectormigrate.daemon.telemetry.telemetry import Telemetry
from vectormigrate.model.errors import UsageError
from vectormigrate.model.specification import StoreRef
from vectormigrate.stores.base import Endpoint

from .call import Answer, Call
from .serve import on_uvloop, until_stopped

_USUAL = {
    "milvus": "127.0.0.1:19530",
    "neutral": "127.0.0.1:8900",
    "pinecone": "127.0.0.1:5080",
    "qdrant": "127.0.0.1:6333",
    "weaviate": "127.0.0.1:8080",
}
_USUAL_GRPC = {"weaviate": "127.0.0.1:50051"}
"""Of those whose client wants a port for it."""
_GRACE = 5.0
"""Seconds: whoever stops a server on his own machine does not wait for half a minute."""
_POINTING = {
    "milvus": 'MilvusClient("{url}")',
    "neutral": 'vectormigrate.api.client.Client("{url}")',
    "pinecone": 'Pinecone(api_key="any", host="{url}")',
    "qdrant": 'QdrantClient(url="{url}")',
    "weaviate": 'weaviate.connect_to_local("{host}", port={port}, grpc_port={grpc_port})',
}


def emulate(call: Call) -> Answer:
    """Serve until Ctrl-C."""
    vendor = call.words["vendor"] or ""
    endpoint = _endpoint(call)
    listen = Address.parse(call.value("listen") or _USUAL[vendor], "--listen")
    grpc = call.value("grpc-listen") or _USUAL_GRPC.get(vendor)
    grpc_listen = Address.parse(grpc, "--grpc-listen") if grpc else None
    advertise = check_advertised(call.value("advertise") or "", "--advertise")
    for address in filter(None, (listen, grpc_listen)):
        if not address.loopback:
            call.warn(f"{address} can be reached from other machines, and nobody is asked for a key")
    clock = SystemClock()
    service = Service(Limits(), clock, Telemetry(clock), _GRACE)

    def say(one: Listening) -> str:
        lines = [f"{one.dialect} at {one.address}, over {one.behind}; Ctrl-C ends it"]
        if not one.address.startswith("unix:"):
            lines.append(f"  {_pointing(one)}")
        return "\n".join(lines)

    with logs.logging_to(call.err, "warning"):
        return on_uvloop(
            until_stopped(
                call,
                service,
                lambda ready: serving.emulate(
                    vendor,
                    endpoint,
                    listen,
                    service,
                    ready,
                    grpc_listen=grpc_listen,
                    index=call.value("index") or "",
                    advertise=advertise,
                ),
                say=say,
            )
        )


def _pointing(one: Listening) -> str:
    """How the vendor's client is told where to go."""
    host, _, port = one.address.rpartition(":")
    return _POINTING[one.dialect].format(
        url=one.url, host=host, port=port, grpc_port=one.grpc_address.rpartition(":")[2]
    )


def _endpoint(call: Call) -> Endpoint:
    """The store that was asked for: `KIND`, `KIND:URL` or the name of one of the file."""
    given: str = call.value("store")
    profile = call.config.stores.get(given)
    if profile is not None:
        options = profile.get("options")
        ref = StoreRef(
            str(profile.get("kind") or ""),
            str(profile.get("url") or ""),
            "",
            str(profile.get("api_key") or ""),
            dict(options) if isinstance(options, dict) else {},
        )
    else:
        kind, _, url = given.partition(":")
        if kind not in STORE_KINDS or (kind != "memory" and not url):
            raise UsageError(
                f"--store must be KIND:URL or a store of the configuration file, not {kind!r}",
                hint=f"for example memory or sqlite:local.db; kinds: {', '.join(STORE_KINDS)}",
            )
        ref = StoreRef(kind, url, "")
    return Secrets(environ=call.environ).resolve(ref, "emulate")
