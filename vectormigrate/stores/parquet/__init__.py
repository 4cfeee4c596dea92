"""Parquet files as a store: a snapshot of a collection in a folder, lossless, and readable by whoever reads Parquet.

A folder holds one folder a collection; what is in it, `folder.py` says, and `docs/snapshots.md` for people. pyarrow is the
extra `parquet`. Endpoint options: `timeout`, which nothing here needs.
"""

from __future__ import annotations

from vectormigrate.model.capabilities import Capabilities
from vectormigrate.model.collection import Element, FieldType, IdKind, KeyOrder, Metric
from vectormigrate.stores.base import Endpoint

from .store import ParquetStore

__all__ = ["CAPABILITIES", "OPTIONS", "ParquetStore", "open_store"]

OPTIONS = ("timeout",)

CAPABILITIES = Capabilities(
    kind="parquet",
    id_kinds=frozenset(IdKind),
    key_order=frozenset(KeyOrder),
    elements=frozenset(Element),
    metrics=frozenset(Metric),
    field_types=frozenset(FieldType),
    dynamic=True,
    sparse=True,
    multi=True,
    nullable_vectors=True,
    partitions=True,
    insert_only=True,
    transactional=True,
    non_finite=True,
    scan_page=4096,
    write_batch=10_000,
    write_bytes=2**26,
    max_payload_bytes=1_000_000_000,
    name_pattern=r"(?s:.*)",
    collection_pattern=r"(?!\.)[^/\0]{1,60}",
    queries=False,
    filters=False,
)
"""Sixty characters of a name are at most 240 bytes, and a file system takes 255."""


def open_store(endpoint: Endpoint) -> ParquetStore:
    """Open a folder. Nothing is touched yet, and one that is not there is made only by `create`."""
    return ParquetStore(endpoint, CAPABILITIES)
