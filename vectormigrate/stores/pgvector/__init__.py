"""PostgreSQL with pgvector: any table with a key, read and written in binary, as a `Store`.

`store` is the port; `connections` owns threads and sockets; `shape` reads the catalog and `tables` makes tables;
`reading` and `writing` are the work of one page, in plain blocking code; `filters` speaks SQL; `values`, `vectors`
and `copycodec` are the bytes of the wire, pure; `errors` is the border. `capture` tells who wrote to a table.
"""

from __future__ import annotations

from vectormigrate.stores.base import Endpoint, Store

from .capture import open_capture
from .store import PgvectorStore

__all__ = ["OPTIONS", "open_capture", "open_store"]

OPTIONS = ("timeout", "maintenance_work_mem", "capture")


def open_store(endpoint: Endpoint) -> Store:
    """Open the adapter. Nothing is dialled yet."""
    return PgvectorStore(endpoint)
