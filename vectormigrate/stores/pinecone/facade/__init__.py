"""Pinecone's API over any front.

`port` routes, `dataplane` and `controlplane` decide, `rest` and `rpc` are the two transports; `serving` and what it
names answer from a store. `endpoints` is the table of it all.
"""

from .port import PineconeFacade

__all__ = ["PineconeFacade"]
