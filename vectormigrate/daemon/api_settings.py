"""The part of the catalogue of settings that is about our own API: where it listens, who may ask, and how a command line
comes to it. Light, as `settings.py`.
"""

from __future__ import annotations

from .setting import Kind, Setting

SCOPES = ("read", "operate", "admin")
"""Those of `model.access`, as texts."""


def _api(name: str, **words: object) -> Setting:
    return Setting(name=name, section="api", **words)  # type: ignore[arg-type] # forwarded


URL = _api(
    "url",
    metavar="URL",
    help="Have the daemon at this address do it, over its API, instead of this machine.",
    unset="this machine, with its state file",
)
API_KEY = _api(
    "api-key",
    metavar="KEY",
    secret=True,
    reference=True,
    default="",
    help="Key of the API: with serve one that is let in with every right, otherwise the one to show: env:NAME, file:PATH or"
    " command:LINE, or the key itself.",
)
API_KEY_FILE = _api(
    "api-key-file", metavar="FILE", help="A file with that key in it, as --api-key file:FILE.", unset="none"
)
CLIENT_CERT = _api(
    "client-cert",
    metavar="FILE",
    local=True,
    help="Certificate to show to the daemon at --url, with its chain, as PEM. SSL_CERT_FILE names authorities of your own.",
    unset="none is shown",
)
CLIENT_KEY = _api(
    "client-key",
    metavar="FILE",
    local=True,
    help="Its key, as PEM, without a passphrase.",
    unset="in the file of the certificate",
)
REMOTE = (URL, API_KEY, API_KEY_FILE, CLIENT_CERT, CLIENT_KEY)
"""How a command comes to a daemon elsewhere."""

ADDR = _api(
    "addr",
    metavar="ADDRESS",
    default="127.0.0.1:8080",
    help="Where our own API is served: HOST:PORT, :PORT for every address of this machine, unix:/PATH, systemd:NAME, or off."
    " Without any key only this machine can connect.",
)
API = (
    ADDR,
    API_KEY,
    API_KEY_FILE,
    _api(
        "api-tls-cert",
        metavar="FILE",
        help="Certificate of the API with its chain, as PEM; read again at SIGHUP.",
        unset="no TLS",
    ),
    _api("api-tls-key", metavar="FILE", help="Its key, as PEM.", unset="in the file of the certificate"),
    _api(
        "api-client-ca",
        metavar="FILE",
        help="Authorities, as PEM, one of which must vouch for who connects.",
        unset="nobody has to show a certificate",
    ),
    _api(
        "api-host",
        kind=Kind.NAMES,
        default=(),
        metavar="NAME",
        help="A host name by which the API is reached, beside the address itself and localhost; repeatable.",
    ),
    _api(
        "api-rate",
        kind=Kind.FLOAT,
        default=100.0,
        least=1,
        most=1e6,
        unit="requests a minute",
        help="Requests of one key that are answered, in a browser six times as many; also requests without a good key from one"
        " address.",
    ),
    _api(
        "api-burst",
        kind=Kind.INT,
        default=20,
        least=1,
        most=1_000_000,
        unit="requests",
        help="Requests that may come at once, from a browser six times as many.",
    ),
    _api(
        "audit-log",
        metavar="FILE",
        help="Copy the audit to this file, a JSON document a line.",
        unset="only in the state file",
    ),
)

SCOPE = Setting(name="scope", section="keys", choices=SCOPES, default="read", help="What the new key may do.")
KEYS = (
    SCOPE,
    Setting(name="label", section="keys", metavar="TEXT", default="", help="What it is for, for people."),
    Setting(
        name="days",
        section="keys",
        kind=Kind.FLOAT,
        least=0,
        most=36_500,
        unit="days",
        help="How long it is good.",
        unset="until it is revoked",
    ),
    Setting(
        name="overlap",
        section="keys",
        kind=Kind.FLOAT,
        default=0.0,
        least=0,
        most=2_592_000,
        unit="seconds",
        help="How long the old one stays good beside the new one.",
    ),
)
AUDIT = (
    Setting(
        name="migration", section="audit", metavar="ID", help="Only rows of this migration.", unset="all"
    ),
    Setting(
        name="against",
        section="audit",
        metavar="FILE",
        local=True,
        help="Compare the chain with this copy of it as well.",
        unset="the chain alone",
    ),
)
VEC_KINDS = ("sqlite", "pgvector", "memory", "numpy")
"""Those of `daemon.vec`, and the other name of the last."""
VEC = (
    Setting(name="from", section="vec", choices=VEC_KINDS, help="What holds the vectors.", unset="required"),
    Setting(
        name="to",
        section="vec",
        choices=VEC_KINDS,
        help="Where they go: pgvector is found by PGVECTOR_DSN or PGVECTOR_HOST, PORT, USER, PASSWORD and DB.",
        unset="what QORTEX_VEC says",
    ),
)
AFTER = Setting(
    name="after",
    section="events",
    kind=Kind.INT,
    default=0,
    least=0,
    most=2**53,
    metavar="N",
    help="Only those behind this number.",
    unset="from the oldest",
)
