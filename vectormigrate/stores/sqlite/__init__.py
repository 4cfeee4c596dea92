"""SQLite as a store: plain tables with vectors in BLOBs, sqlite-vec's `vec0` tables, and what qortex and LangChain make of both.

Always through apsw and the SQLite in its wheel, never the interpreter's own. Endpoint options: `timeout` (seconds to
wait for a lock, default 30) and `vectors` (names of BLOB columns that hold vectors, `embedding,title:384`).
"""

from __future__ import annotations

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import Element, FieldType, IdKind, KeyOrder, Metric
from vectormigrate.stores.base import Endpoint

from .capture import open_capture
from .store import SqliteStore

__all__ = ["CAPABILITIES", "OPTIONS", "SqliteStore", "open_capture", "open_store"]

OPTIONS = ("timeout", "vectors")

CAPABILITIES = Capabilities(
    kind="sqlite",
    id_kinds=frozenset(IdKind) - {IdKind.MIXED},
    key_order=frozenset(KeyOrder),
    elements=frozenset(Element),
    metrics=frozenset(Metric),
    field_types=frozenset(FieldType),
    dynamic=True,
    sparse=True,
    multi=True,
    nullable_vectors=True,
    insert_only=True,
    transactional=True,
    non_finite=True,
    max_writers=2,
    scan_page=1000,
    write_batch=10_000,
    max_id_bytes=1_000_000,
    max_payload_bytes=1_000_000_000,
    name_pattern=r"[^\0]+",
    collection_pattern=r"(?!(?i:sqlite_))[^\0]+",
)
"""One writer at a time is all that SQLite allows, and two are at work best: one reads and encodes, or reports what it has
written, while the other has the file.
"""


def open_store(endpoint: Endpoint) -> SqliteStore:
    """Open a file. Nothing is touched yet, and a file that is not there is made only by `create`."""
    return SqliteStore(endpoint, CAPABILITIES)
