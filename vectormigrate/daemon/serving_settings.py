"""The part of the catalogue of settings that is about serving: listeners, upstreams, limits. Light, as `settings.py`."""

from __future__ import annotations

from dataclasses import replace

from .notice_settings import HOOKS
from .setting import Kind, Setting

DIALECTS = ("milvus", "neutral", "pinecone", "qdrant", "weaviate")
LOG_FORMATS = ("text", "json")
LOG_LEVELS = ("debug", "info", "warning", "error")


def _listener(name: str, **words: object) -> Setting:
    return Setting(name=name, section="serve", **words)  # type: ignore[arg-type] # forwarded


LISTEN = _listener(
    "listen",
    metavar="ADDRESS",
    help="Where clients connect, by HTTP and by gRPC: HOST:PORT, unix:/PATH, or systemd:NAME for an inherited socket.",
    unset="required",
)
GRPC_LISTEN = _listener(
    "grpc-listen",
    metavar="ADDRESS",
    help="An address for gRPC alone, which spares it a hop inside the process; Weaviate's client insists on one.",
    unset="only the shared one",
)
INDEX = _listener(
    "index",
    metavar="NAME",
    help="Pinecone: the index whose data is served at the address itself; every other one is below /i/NAME.",
    unset="none",
)
ADVERTISE = _listener(
    "advertise",
    metavar="URL",
    help="How clients reach the address, where they are told: Pinecone's are sent from the index to its data.",
    unset="http:// and the address",
)

LISTENER = (
    _listener("dialect", choices=DIALECTS, help="Whose API is spoken.", unset="required"),
    LISTEN,
    GRPC_LISTEN,
    _listener(
        "upstream",
        metavar="URL",
        help="The vendor's own server: http(s)://HOST[:PORT][/PREFIX].",
        unset="required, but for our own API, which nobody else speaks",
    ),
    _listener(
        "grpc-upstream",
        metavar="URL",
        help="Where that server speaks gRPC: http:// without TLS, https:// with. For Qdrant usually port 6334.",
        unset="where it speaks HTTP",
    ),
    _listener(
        "control-upstream",
        metavar="URL",
        help="Pinecone: where its control plane answers, which is another host than an index: https://api.pinecone.io.",
        unset="where the index is",
    ),
    _listener(
        "source-ca",
        metavar="FILE",
        help="Certificates of the authorities that may vouch for the server, as PEM; nobody else's are trusted.",
        unset="the system's",
    ),
    _listener(
        "tls-cert",
        metavar="FILE",
        help="Certificate to show to clients, with its chain, as PEM; read again at SIGHUP.",
        unset="no TLS",
    ),
    _listener("tls-key", metavar="FILE", help="Its key, as PEM.", unset="in the file of the certificate"),
    _listener(
        "client-ca",
        metavar="FILE",
        help="Authorities, as PEM, one of which must vouch for every client.",
        unset="no client has to show a certificate",
    ),
    ADVERTISE,
    INDEX,
)
"""One listener: flags describe the one called `main`, tables `[listeners.NAME]` any number."""

LIMITS = (
    _listener(
        "max-body",
        kind=Kind.INT,
        default=64,
        least=1,
        most=2048,
        unit="MiB",
        help="Largest request that is taken; a larger one is answered 413.",
    ),
    _listener(
        "max-connections",
        kind=Kind.INT,
        default=4096,
        least=1,
        most=1_000_000,
        unit="connections",
        help="Most connections of a listener, and most gRPC calls at a time.",
    ),
    _listener(
        "upstream-timeout",
        kind=Kind.FLOAT,
        default=120.0,
        least=0.1,
        most=3600,
        unit="seconds",
        help="Longest wait for an answer of the vendor's server.",
    ),
    _listener(
        "grace",
        kind=Kind.FLOAT,
        default=30.0,
        least=0,
        most=3600,
        unit="seconds",
        help="How long requests under way may take to end after the first signal.",
    ),
)
LOG_LEVEL = _listener(
    "log-level",
    choices=LOG_LEVELS,
    default="info",
    help="What is logged to standard error; can be changed by SIGHUP.",
)
LOG_FORMAT = _listener(
    "log-format",
    choices=LOG_FORMATS,
    default="text",
    help="How: lines for people, or a JSON document a line.",
)
CHECK = _listener(
    "check",
    kind=Kind.FLAG,
    default=False,
    help="Only say whether the configuration can be used; bind and open nothing.",
)
STORE = Setting(
    name="store",
    section="emulate",
    metavar="KIND[:URL]",
    reference=True,
    default="memory",
    help="What holds the records: memory, sqlite:FILE, pgvector:DSN, milvus:URL, or a store of the configuration file.",
)

SERVE = (*LISTENER, *LIMITS, *HOOKS, LOG_LEVEL, LOG_FORMAT, CHECK)
EMULATE = (STORE,)
EMULATED_AT = (
    replace(
        LISTEN,
        section="emulate",
        unset="127.0.0.1:6333 for Qdrant, :19530 for Milvus, :5080 for Pinecone, :8080 for Weaviate, :8900 for our own",
    ),
    replace(
        GRPC_LISTEN,
        section="emulate",
        unset="127.0.0.1:50051 for Weaviate, for the others only the shared one",
    ),
    replace(ADVERTISE, section="emulate"),
    replace(INDEX, section="emulate"),
)
"""Those of a listener that `emulate` takes; from flags and variables alone, so that it never takes a daemon's address."""
