"""Whose layout the records of a collection have, as far as its shape and a sample of them show it.

What a layout is stands in `profiles`; what is done about it is `engine.layouts`'.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .collection import CollectionShape
from .layout import NODE
from .profiles import RAW


@dataclass(frozen=True, slots=True)
class Detected:
    """What a collection looks like."""

    framework: str
    certain: bool
    """Nothing else looks so; a guess is only told."""


@dataclass(frozen=True, slots=True)
class _Look:
    """What there is to go by."""

    kind: str
    key: str
    """Name of the key."""
    declared: frozenset[str]
    """Fields."""
    every: frozenset[str]
    """Fields, and keys that every sampled payload has."""
    some: frozenset[str]
    """Keys that some sampled payload has."""
    vectors: frozenset[str]


_MEM0_TABLE = ("pgvector", "payload", "vector")


def _is_mem0s_in_milvus(it: _Look) -> bool:
    """With a text to look for words in it is as good as certain; older collections have none."""
    known = it.declared <= {"metadata", "text"} and "metadata" in it.declared
    return it.kind == "milvus" and it.key == "id" and known and "vectors" in it.vectors


_SIGNS: tuple[tuple[Detected, Callable[[_Look], bool]], ...] = (
    (
        Detected("llamaindex", certain=True),
        lambda it: NODE in it.every or {"metadata_", "node_id", "text"} <= it.declared | {it.key},
    ),
    (
        Detected("mem0", certain=True),
        lambda it: (
            ({"data", "hash"} <= it.every and bool(it.every & {"user_id", "agent_id", "run_id"}))
            or (_is_mem0s_in_milvus(it) and "text" in it.declared)
        ),
    ),
    (
        Detected("haystack", certain=True),
        lambda it: (
            {"content", "meta"} <= it.every and (it.kind != "qdrant" or "id" in it.every)
            if it.kind != "weaviate"
            else {"_original_id", "content"} <= it.every
        ),
    ),
    (
        Detected("langchain", certain=True),
        lambda it: (
            {"document", "cmetadata"} <= it.declared
            or {"content", "langchain_metadata"} <= it.declared
            or (
                it.kind == "qdrant" and "page_content" in it.every and it.some <= {"page_content", "metadata"}
            )
            or (it.kind == "milvus" and it.key == "pk" and "text" in it.every)
            or (it.kind == "sqlite" and {"text", "metadata", "text_embedding"} <= it.declared | it.vectors)
        ),
    ),
    (
        Detected("langchain", certain=False),
        lambda it: it.kind in ("pinecone", "weaviate") and "text" in it.every,
    ),
    (
        Detected("haystack", certain=False),
        lambda it: (
            (it.kind == "pinecone" and "content" in it.every)
            or (it.kind == "milvus" and it.key == "id" and "text" in it.every and "vector" in it.vectors)
        ),
    ),
    (
        Detected("mem0", certain=False),
        lambda it: (it.kind, *sorted(it.declared | it.vectors)) == _MEM0_TABLE or _is_mem0s_in_milvus(it),
    ),
)


def detect(kind: str, shape: CollectionShape, keys: Mapping[str, int], sampled: int) -> Detected:
    """Whose layout it is, by the declared fields and how many of the sampled payloads have a key."""
    declared = frozenset(one.name for one in shape.fields)
    every = declared | {key for key, count in keys.items() if count == sampled > 0}
    vectors = frozenset(one.name for one in shape.vectors)
    look = _Look(kind, shape.id.name, declared, every, frozenset(keys), vectors)
    return next((found for found, shows in _SIGNS if shows(look)), Detected(RAW, certain=True))
