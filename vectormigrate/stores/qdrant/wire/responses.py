"""Answers, as values and as the bodies that a Qdrant server sends. `replies` makes gRPC messages of the same values."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import orjson

from vectormigrate.model.batch import Batch
from vectormigrate.model.query import Match
from vectormigrate.model.record import Payload, RecordId
from vectormigrate.stores.qdrant.ids import PointId, write_id

from . import payloads
from .paths import choose, read_path
from .points import dump, write_vectors
from .questions import Wanted


@dataclass(frozen=True, slots=True, eq=False)
class Points:
    """Points that were found, batch by batch, with scores if they were searched for, and how much of each is wanted."""

    batches: Sequence[Batch]
    wanted: Wanted
    scores: Sequence[float] | None = None
    orders: Sequence[int | float] | None = None
    """The values that gave them their places, where values did."""


@dataclass(frozen=True, slots=True, eq=False)
class Group:
    """Points that have a value in common."""

    id: int | str
    hits: Points


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
            if points.orders is not None:
                one["order_value"] = points.orders[len(written)]
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


def write_groups(groups: Sequence[Group]) -> dict[str, Any]:
    """Groups as JSON."""
    return {"groups": [{"id": group.id, "hits": write_found(group.hits)} for group in groups]}


def write_facet(hits: Sequence[tuple[Any, int]]) -> dict[str, Any]:
    """Values and how often they are there, as JSON."""
    return {"hits": [{"value": value, "count": count} for value, count in hits]}


def write_pairs(ids: Sequence[RecordId], found: Sequence[Sequence[Match]]) -> dict[str, Any]:
    """Near points, two by two, as JSON."""
    pairs = [
        {"a": write_id(one), "b": write_id(match.id), "score": match.score}
        for one, matches in zip(ids, found, strict=True)
        for match in matches
    ]
    return {"pairs": pairs}


def offsets(ids: Sequence[RecordId], found: Sequence[Sequence[Match]]) -> dict[str, Any]:
    """The same by the places of points in a list of their ids, which is not in it."""
    places = {one: place for place, one in enumerate(ids)}
    flat = [(row, match) for row, matches in enumerate(found) for match in matches]
    return {
        "offsets_row": [row for row, _ in flat],
        "offsets_col": [places[match.id] for _, match in flat],
        "scores": [match.score for _, match in flat],
    }


def write_offsets(ids: Sequence[RecordId], found: Sequence[Sequence[Match]]) -> dict[str, Any]:
    """The same, with the ids, as JSON."""
    return {**offsets(ids, found), "ids": list(map(write_id, ids))}


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
