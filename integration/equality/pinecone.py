"""Pinecone's side of it: the index, every operator of its metadata filters, and the ways to read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pinecone import Pinecone, ServerlessSpec

from tests.life.answers import Call
from tests.life.pinecone import INDEX, Client

from .asked import Operators, Question, questions
from .records import DIM, Draw, Row, rows

_NOBODY = 10**12


def create(control: Pinecone, metric: str) -> None:
    """Make the index."""
    control.create_index(
        INDEX, dimension=DIM, metric=metric, spec=ServerlessSpec(cloud="aws", region="us-east-1")
    )


def fill(client: Client, *, sparse: bool) -> None:
    """Put the records there."""
    made = [_vector(row, sparse=sparse) for row in rows()]
    for start in range(0, len(made), 100):
        client.index.upsert(vectors=made[start : start + 100])


def _vector(row: Row, *, sparse: bool) -> dict[str, Any]:
    held = row.values
    names = ("lemma", "part", "sense", "tagged", "length", "proper", "words", "owner", "relations")
    metadata: dict[str, Any] = {key: held[key] for key in names}
    metadata["sizes"] = [str(size) for size in held["counts"]]
    metadata["seen"] = held["seen"].timestamp()
    if held["example"]:
        metadata["example"] = held["example"]
    if held["german"]:
        metadata["german: ü.x"] = held["german"]
    if row.number % 10 == 0:
        metadata["words"] = []
    if row.number % 9 == 0:
        metadata["sense"] = str(held["sense"])
    made: dict[str, Any] = {"id": row.synset, "values": row.vector, "metadata": metadata}
    if sparse:
        made["sparse_values"] = _sparse(row)
    return made


def _sparse(row: Row) -> dict[str, Any]:
    return {"indices": list(row.weights), "values": list(row.weights.values())}


def _some(draw: Draw) -> list[dict[str, Any]]:
    return [
        {"part": {"$eq": draw.value("part", "none")}},
        {"tagged": {"$gte": _NOBODY if draw.nothing else 3}},
        {"owner": draw.value("owner", "none")},
    ]


OPERATORS: Operators = {
    "a text": lambda d: {"part": d.value("part", "none")},
    "$eq a text": lambda d: {"part": {"$eq": d.value("part", "none")}},
    "$eq unicode": lambda d: {"german: ü.x": {"$eq": d.held("german", "ßß")}},
    "$eq a number": lambda d: {"sense": {"$eq": d.value("sense", _NOBODY)}},
    "$eq a double": lambda d: {"length": {"$eq": d.value("length", 0.123)}},
    "$eq a truth": lambda d: {d.key("proper"): {"$eq": d.row.values["proper"]}},
    "$eq in a list": lambda d: {"words": {"$eq": d.held("words", ["none"])[0]}},
    "$ne a text": lambda d: {d.key("part"): {"$ne": d.row.values["part"]}},
    "$ne a number": lambda d: {d.key("sense"): {"$ne": d.row.values["sense"]}},
    "$ne where missing": lambda d: {d.key("example"): {"$ne": d.held("example", "none")}},
    "$ne in a list": lambda d: {d.key("words"): {"$ne": d.row.values["words"][0]}},
    "$ne a truth": lambda d: {d.key("proper"): {"$ne": d.row.values["proper"]}},
    "$gt": lambda d: {"tagged": {"$gt": d.value("tagged", _NOBODY)}},
    "$gte": lambda d: {"tagged": {"$gte": d.value("tagged", _NOBODY)}},
    "$lt": lambda d: {"length": {"$lt": d.value("length", -1)}},
    "$lte": lambda d: {"seen": {"$lte": -1 if d.nothing else d.row.values["seen"].timestamp()}},
    "between": lambda d: {"relations": {"$gte": d.value("relations", _NOBODY), "$lt": d.value("relations", _NOBODY) + 3}},
    "$in texts": lambda d: {"lemma": {"$in": [d.value("lemma", "-"), "none", d.value("lemma", "-")]}},
    "$in numbers": lambda d: {"sense": {"$in": [d.value("sense", _NOBODY), 0.5]}},
    "$in a list": lambda d: {"sizes": {"$in": [str(d.value("sense", _NOBODY)), "none"]}},
    "$nin texts": lambda d: {d.key("part"): {"$nin": [d.row.values["part"], "none"]}},
    "$nin numbers": lambda d: {d.key("sense"): {"$nin": [d.row.values["sense"], 2]}},
    "$nin a list": lambda d: {d.key("words"): {"$nin": d.row.values["words"]}},
    "$nin where missing": lambda d: {d.key("example"): {"$nin": [d.held("example", "none")]}},
    "$exists": lambda d: {d.key("example"): {"$exists": True}},
    "$exists not": lambda d: {"part" if d.nothing else "example": {"$exists": False}},
    "$and": lambda d: {"$and": _some(d)[:2]},
    "and, unsaid": lambda d: {"part": d.value("part", "none"), "tagged": {"$gte": 1, "$lte": 5}},
    "$or": lambda d: {"$or": _some(d)},
    "$and of $or": lambda d: {"$and": [{"$or": _some(d)}, {"sense": {"$lte": 4}}]},
    "$or of $and": lambda d: {"$or": [{"$and": _some(d)[:2]}, {"lemma": d.value("lemma", "-")}]},
    "a text against numbers": lambda d: {"sense": {"$eq": str(d.value("sense", _NOBODY))}},
}  # fmt: skip


def ask(question: Question, *, hybrid: bool) -> Call:
    """The search; every eighth with sparse values beside the dense ones where the index has them."""
    words: dict[str, Any] = {
        "vector": question.vector.vector,
        "top_k": question.limit,
        "filter": question.where,
    }
    if hybrid and _is_hybrid(question):
        words["sparse_vector"] = _sparse(question.vector)
    return Call(question.name, lambda c: c.index.query(**words).matches)


def _is_hybrid(question: Question) -> bool:
    return question.number % 8 == 0


def needs(question: Question) -> str:
    """What plan says where a hybrid index's search is refused because nobody can search its sparse values there."""
    return "searches by vector 'sparse_values', which is kept as JSON" if _is_hybrid(question) else ""


def reads() -> Iterator[Call]:
    """By id, in order, counted, and the rest that is no filter."""
    some = [row.synset for row in rows()[::97]]
    yield Call("by ids", lambda c: dict(c.index.fetch(ids=some).vectors))
    yield Call("count", lambda c: c.index.describe_index_stats().total_vector_count)
    yield Call("list a prefix", lambda c: [one.id for one in c.index.list_paginated(prefix="0123").vectors])
    for question in questions(OPERATORS, len(OPERATORS)):
        yield Call(
            f"fetch where {question.operator}",
            lambda c, where=question.where: sorted(_all_where(c, where)),
        )


def _all_where(client: Client, where: Any) -> list[str]:
    ids: list[str] = []
    token = None
    while True:
        found = client.index.fetch_by_metadata(filter=where, limit=1_000, pagination_token=token)
        ids += found.vectors
        token = found.pagination.next if found.pagination else None
        if token is None:
            return ids


def beyond(*, hybrid: bool) -> Iterator[Call]:
    """What plan says is refused, by its words there."""
    if hybrid:
        yield Call(
            "a query by the id of a record that has dense and sparse values",
            lambda c: c.index.query(id=rows()[0].synset, top_k=3).matches,
        )


def page(client: Client, token: Any, size: int) -> tuple[list[str], Any]:
    """The next records in the order of paging, and the token behind them."""
    found = client.index.list_paginated(limit=min(size, 100), pagination_token=token)
    return [one.id for one in found.vectors], found.pagination.next if found.pagination else None
