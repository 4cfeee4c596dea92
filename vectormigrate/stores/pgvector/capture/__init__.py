"""The changes of one table, told by PostgreSQL: from a logical slot, or from an outbox that triggers fill.

`port` is the capture; `names` says what everything is called and `state` what was installed and whether it still
stands; `outbox` and `slot` are the two ways, in plain blocking code; `stream` is the connection that carries a slot, and
`pgoutput` takes its messages apart, pure.

All that is ours lies in one schema of our own, beside triggers or a publication and a slot of the same name.
"""

from __future__ import annotations

from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.capture import Capture

from .port import PgvectorCapture


def open_capture(endpoint: Endpoint, collection: str) -> Capture:
    """Open the capture of a table. Nothing is dialled yet."""
    return PgvectorCapture(endpoint, collection)
