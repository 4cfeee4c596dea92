"""Weaviate, 1.27 and later: a server, a cluster, or the vendor's cloud, by REST and gRPC, both of which it needs.

The one surprise: every number of a property is a double, so integers beyond 2**53 are kept beside it as text, as is
whatever else a property cannot give back exactly.
"""

from vectormigrate.stores.base import Endpoint, Store

from .store import WeaviateStore

OPTIONS = (
    "timeout",
    "slow_timeout",
    "quarantine",
    "grpc_host",
    "grpc_port",
    "consistency",
    "wake_tenants",
    "keys",
)
"""`slow_timeout` is for what waits until vectors are indexed; `quarantine` the seconds after which no unanswered request
can land; `consistency` how many replicas reads and writes ask: one, quorum, all; `wake_tenants` whether inactive tenants
are activated, and put back to sleep in the end: yes, no; `keys`, tenants, lets new classes keep compound keys of text and
UUID as tenant and id."""


def open_store(endpoint: Endpoint) -> Store:
    """A store over `http(s)://host:port`. Dials nothing yet."""
    return WeaviateStore(endpoint)
