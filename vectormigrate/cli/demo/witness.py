"""A second opinion: what a collection holds as its vendor's own client sees it, none of our adapters in between.

Here is what a witness is asked and what it answers. Each runs as a process of its own (`witness_pgvector`,
`witness_milvus`), one JSON request in and one answer out: Milvus Lite keeps its file locked for the whole life of a
process that has opened it, and the commands of the demonstration need the file in between.
"""

from __future__ import annotations

import hashlib
import json
import sys
from collections.abc import Callable, Iterator
from typing import Any, Literal

import msgspec
import numpy as np

from vectormigrate.model.record import Array

KEY = "synset"


class Seen(msgspec.Struct, array_like=True):
    """Digests of one row: of its vector as float32, and of everything else."""

    vector: str
    rest: str


class Request(msgspec.Struct, kw_only=True):
    """What the witness is asked: to look, or first to put somebody else's records there."""

    kind: Literal["pgvector", "milvus"]
    url: str
    collection: str
    add: list[dict[str, Any]] = []


Rows = dict[str, Seen]
"""By id."""


def seen(vector: Array, rest: dict[str, Any]) -> Seen:
    """One row, digested."""
    text = json.dumps(rest, sort_keys=True, default=repr)
    return Seen(vector_digest(vector), hashlib.blake2b(text.encode(), digest_size=16).hexdigest())


def vector_digest(vector: Array) -> str:
    """The digest of a vector's float32 bytes."""
    return hashlib.blake2b(np.ascontiguousarray(vector, "<f4").tobytes(), digest_size=16).hexdigest()


def serve(look: Callable[[Request], Iterator[tuple[str, Seen]]]) -> None:
    """One request on standard input, one answer on standard output."""
    request = msgspec.json.decode(sys.stdin.buffer.read(), type=Request)
    sys.stdout.buffer.write(msgspec.json.encode(dict(look(request))) + b"\n")
