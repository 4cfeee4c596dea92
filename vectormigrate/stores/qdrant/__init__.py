"""Qdrant, 1.13 and later: a server, a cluster, or the vendor's cloud, by REST and, given a port, by gRPC.

The one surprise: under cosine Qdrant stores vectors at length one, so what is read back is not what was written, and
what is read from it has lost its length for good; the capabilities say so, and validation expects it.
"""

from vectormigrate.stores.base import Endpoint, Store

from .store import QdrantStore

OPTIONS = ("timeout", "slow_timeout", "quarantine", "grpc_port", "consistency")
"""`slow_timeout` is for what waits until an index is built; `quarantine` the seconds after which no unanswered request
can land; `consistency` how many replicas a read asks: majority, quorum, all, or a number."""


def open_store(endpoint: Endpoint) -> Store:
    """A store over `http(s)://host:port`. Dials nothing yet."""
    return QdrantStore(endpoint)
