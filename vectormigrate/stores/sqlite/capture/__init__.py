"""The changes of one table, told by triggers that write each changed key into a table of ours in the same file.

`port` is the capture; `triggers` writes the statements; `digests` finds what no trigger sees: vec0 changes a vector
in place, past SQL.
"""

from __future__ import annotations

from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import Capture

from .port import SqliteCapture


def open_capture(endpoint: Endpoint, collection: str) -> Capture:
    """Open the capture of a table. Nothing is touched yet."""
    return SqliteCapture(endpoint, collection)
