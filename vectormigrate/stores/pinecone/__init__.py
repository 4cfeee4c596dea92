"""Pinecone: serverless and pod indexes over REST, as a store and as a facade.

The one surprise: nothing that is written can be read at once. Writes and queries carry log sequence numbers, and
`barrier` waits until the second has reached the first.
"""

from vectormigrate.stores.base import Endpoint, Store

from .store import PineconeStore

OPTIONS = (
    *("timeout", "slow_timeout", "quarantine", "visible_after", "fetch_lag", "api_version"),
    *("cloud", "region", "host", "keys", "sparse", "inventory"),
)
"""What they mean stands at `PineconeStore`."""


def open_store(endpoint: Endpoint) -> Store:
    """A store over the control plane at the URL (default: Pinecone's own), or over one host. Dials nothing yet."""
    return PineconeStore(endpoint)
