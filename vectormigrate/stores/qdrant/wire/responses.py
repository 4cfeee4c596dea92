"""Answers, as values and as the bodies that a Qdrant server sends. `replies` makes gRPC messages of the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from vectormigrate.model.batch import Batch
from vectormigrate.model.record import Payload
from vectormigrate.stores.qdrant.ids import PointId, write_id

from . import payloads
from .paths import choose, read_path
from .points import dump, write_vectors
from .requests import Wanted


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points that were found, batch by batch, with scores if they were searched for, and how much of each is wanted."""

    batches: Sequence[Batch]
    wanted: Wanted
    scores: Sequence[float] | None = None


@dataclass(frozen=True, slots=True, eq=False)
class Slice:
    """A page of a scroll, and the id at which the next one begins."""

    points: Points
    following: PointId | None


def success(result: Any, seconds: float) -> bytes:
    """The body of an answer."""
    return dump({"result": result, "status": "ok", "time": seconds, "usage": None})


def failure(text: str, seconds: float) -> bytes:
    """The body of an answer that is an error."""
    return dump({"status": {"error": text}, "time": seconds})


def updated() -> dict[str, Any]:
    """What is told of a write that is applied. Operations have no numbers here."""
    return {"operation_id": 0, "status": "completed"}


def write_found(points: Points) -> list[dict[str, Any]]:
    """Points as JSON objects, ready for `success`. Raises ValueError for what JSON cannot hold."""
    written: list[dict[str, Any]] = []
    vectors = points.wanted.vectors
    for batch in points.batches:
        chosen = chosen_payloads(batch, points.wanted)
        for row, record_id in enumerate(batch.ids):
            one: dict[str, Any] = {"id": write_id(record_id)}
            if points.scores is not None:
                one |= {"version": 0, "score": points.scores[len(written)]}
            if chosen is not None:
                one["payload"] = orjson.Fragment(payloads.dumps(chosen[row]))
            if vectors is not False:
                one["vector"] = write_vectors(batch, row, None if vectors is True else vectors)
            written.append(one)
    return written


def chosen_payloads(batch: Batch, wanted: Wanted) -> Sequence[Payload] | None:
    """The part of each payload that the client wants; None when it wants none at all. Raises ValueError."""
    if not wanted.payload:
        return None
    if wanted.include is None and not wanted.exclude:
        return batch.payload
    include = None if wanted.include is None else tuple(map(read_path, wanted.include))
    exclude = tuple(map(read_path, wanted.exclude))
    return [choose(payload, include, exclude) for payload in batch.payload]


def write_slice(page: Slice) -> dict[str, Any]:
    """A page of a scroll as JSON."""
    following = None if page.following is None else write_id(page.following)
    return {"points": write_found(page.points), "next_page_offset": following}


def write_names(names: Sequence[str]) -> dict[str, Any]:
    """The collections there are, as JSON."""
    return {"collections": [{"name": name} for name in names]}


def write_aliases(aliases: Mapping[str, str]) -> dict[str, Any]:
    """Aliases and the collections that they stand for, as JSON."""
    return {
        "aliases": [
            {"alias_name": alias, "collection_name": collection} for alias, collection in aliases.items()
        ]
    }
