"""Pinecone's API over any store. `port` routes, `relay` passes through, `serving` answers; `endpoints` is the table."""

from .port import PineconeFacade

__all__ = ["PineconeFacade"]
