"""Milvus: a real server (2.3 and later), `milvus-lite server`, or a Milvus Lite file held open by this process.

The one surprise: Milvus Lite speaks the same protocol and differs where it hurts (an upsert merges instead of
replacing, plain paging loses rows). `wire/server.py` says which of the two answers, and what each can do.
"""

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.stores.base import Endpoint, Store

from .store import MilvusStore
from .wire.server import parse_version

OPTIONS = ("timeout", "slow_timeout", "quarantine", "database")
"""`slow_timeout` is for what builds and loads; `quarantine` the seconds after which no unanswered request can land."""


def open_store(endpoint: Endpoint) -> Store:
    """A store over `http(s)://host:port`, or over the path of a Milvus Lite database. Dials nothing yet."""
    return MilvusStore(endpoint)


def newest() -> Capabilities:
    """What the newest server can do."""
    return parse_version("").capabilities()
