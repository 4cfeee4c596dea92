"""The collection that the stub of Qdrant holds and that the load writes again and again: nothing ever changes in it.

Point `n` has the content of point `n % 100`, so a few texts are enough for any number of points, and what a write puts
there is what was there: a stub that keeps nothing still answers every read as a Qdrant that applied every write would.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache

import numpy as np

COLLECTION = "docs"
DIM = 768
POINTS = 4000
_CONTENTS = 100


@cache
def contents() -> list[bytes]:
    """What stands behind the id of a point, as JSON text."""
    rng = np.random.default_rng(2)
    return [
        b',"vector":%b,"payload":{"title":"title %d","n":%d}}'
        % (json.dumps(rng.standard_normal(DIM).round(8).tolist()).encode(), one, one)
        for one in range(_CONTENTS)
    ]


def points(ids: Iterable[int]) -> bytes:
    """A JSON list of points, vectors and payload with them."""
    texts = contents()
    return b"[%b]" % b",".join(b'{"id":%d%b' % (one, texts[one % _CONTENTS]) for one in ids)


def bare_points(ids: Iterable[int]) -> bytes:
    """The same with nothing but ids."""
    return b"[%b]" % b",".join(b'{"id":%d}' % one for one in ids)


def described(distance: str) -> bytes:
    """What `GET /collections/docs` answers, as JSON text."""
    config = {
        "params": {
            "shard_number": 1,
            "replication_factor": 1,
            "write_consistency_factor": 1,
            "on_disk_payload": True,
            "vectors": {"size": DIM, "distance": distance},
        },
        "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000},
        "optimizer_config": {"deleted_threshold": 0.2, "vacuum_min_vector_number": 1000},
        "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
        "quantization_config": None,
    }
    info = {
        "status": "green",
        "optimizer_status": "ok",
        "points_count": POINTS,
        "indexed_vectors_count": POINTS,
        "segments_count": 1,
        "config": config,
        "payload_schema": {},
    }
    return json.dumps(info).encode()
