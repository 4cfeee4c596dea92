"""Qdrant's queries of every kind over real records, one inside the other, by number: the same in every run.

What has the same score comes in any order, so a ranking whose order or end would be decided by chance stands nowhere but at the
top: context searches, sums of ranks, and examples of sparse vectors that share no word with most records.
"""

from __future__ import annotations

import random
from typing import Any, TypeAlias

from .qdrant import point_id
from .records import DIM, queries, rows

Body: TypeAlias = dict[str, Any]

STORED = 400
"""Records, of those of the other searches."""
_TOKEN = DIM // 3
_WHERE: list[Any] = [
    None,
    None,
    {"must": [{"key": "sense", "range": {"gte": 2}}]},
    {"must_not": [{"key": "part", "match": {"value": "noun"}}]},
    {"should": [{"key": "tagged", "range": {"lt": 3}}, {"key": "owner", "match": {"any": ["ann", "bob"]}}]},
]


def settings(distance: str, *, weighted: bool) -> Body:
    """Of the collection: a vector, a shorter one, one of several tokens, and a sparse one with and without weights, if they are kept."""
    late = {"size": _TOKEN, "distance": distance, "multivector_config": {"comparator": "max_sim"}}
    return {
        "vectors": {
            "whole": {"size": DIM, "distance": distance},
            "short": {"size": 8, "distance": "Euclid"},
            "late": late,
        },
        "sparse_vectors": {"words": {}, "rare": {"modifier": "idf"} if weighted else {}},
    }


def points() -> list[Body]:
    """All records; every seventh has no `whole`."""
    return [_point(row, index) for index, row in enumerate(rows()[:STORED])]


def _point(row: Any, index: int) -> Body:
    names = ("lemma", "part", "sense", "tagged", "length", "owner", "words")
    payload = {key: row.values[key] for key in names} | {"seen": row.values["seen"].isoformat()}
    vectors = {name: _vector(name, row) for name in ("whole", "short", "late", "words", "rare")}
    if index % 7 == 0:
        del vectors["whole"]
    return {"id": point_id(row), "vector": vectors, "payload": payload}


def _vector(name: str, row: Any) -> Any:
    match name:
        case "whole":
            return row.vector
        case "short":
            return row.vector[-8:]
        case "late":
            return [row.vector[at : at + _TOKEN] for at in (0, _TOKEN)]
        case _:
            own = (
                1 + row.number / 9_973
            )  # or glosses that share as many words with another would be equally near to it
            return {"indices": list(row.weights), "values": [own * weight for weight in row.weights.values()]}


class Asker:
    """One question after the other."""

    def __init__(self, number: int) -> None:
        self._rng = random.Random(number)

    def question(self) -> tuple[str, Body]:
        """The path below a collection, and the body."""
        kind = self._rng.random()
        if kind < 0.7:
            return "points/query", self._tree(2, top=True) | {"offset": self._rng.choice([0, 0, 2])}
        return self._rng.choice([self._groups, self._facet, self._order, self._matrix])()

    def _filtered(self, body: Body) -> Body:
        where = self._rng.choice(_WHERE)
        return body if where is None else {**body, "filter": where}

    def _groups(self) -> tuple[str, Body]:
        by, size = self._rng.choice(["part", "sense", "owner", "words"]), self._rng.choice([1, 3, 8])
        leaf = {
            **self._leaf(top=False),
            "limit": self._rng.choice([2, 5]),
            "group_by": by,
            "group_size": size,
        }
        return "points/query/groups", leaf

    def _facet(self) -> tuple[str, Body]:
        key = self._rng.choice(["part", "sense", "tagged", "owner", "words"])
        return "facet", self._filtered({"key": key, "limit": 1_000})

    def _order(self) -> tuple[str, Body]:
        order: Body = {
            "key": self._rng.choice(["length", "seen"]),
            "direction": self._rng.choice(["asc", "desc"]),
        }
        return "points/scroll", self._filtered({"order_by": order, "limit": self._rng.choice([5, 50])})

    def _matrix(self) -> tuple[str, Body]:
        using = self._rng.choice(["short", "late"])
        body = {
            "using": using,
            "sample": STORED,
            "limit": 2,
            "filter": {"must": [{"key": "sense", "range": {"gte": 4}}]},
        }
        return "points/search/matrix/offsets", body

    def _example(self, using: str) -> Any:
        if self._rng.random() < 0.4:
            place = self._rng.randrange(STORED)
            return point_id(rows()[place if using != "whole" or place % 7 else place + 1])
        return _vector(using, self._rng.choice(queries()))

    def _examples(self, using: str, least: int) -> list[Any]:
        return [self._example(using) for _ in range(self._rng.randrange(least, 3))]

    def _leaf(self, *, top: bool) -> Body:
        using = self._rng.choice(["whole", "short", "late", "words", "rare"])
        kinds = ["nearest", "nearest", "average_vector"]
        if using not in ("words", "rare"):
            kinds += ["best_score", "sum_scores", "discover", "mmr", *(["context"] if top else [])]
        query = self._query(self._rng.choice(kinds), using)
        return self._filtered({"query": query, "using": using, "limit": self._rng.choice([3, 10, 40])})

    def _query(self, kind: str, using: str) -> Body:
        match kind:
            case "nearest":
                return {"nearest": self._example(using)}
            case "mmr":
                mmr = {"diversity": self._rng.choice([0.2, 0.5, 0.9]), "candidates_limit": 25}
                return {"nearest": self._example(using), "mmr": mmr}
            case "discover" | "context":
                pairs = [
                    {"positive": self._example(using), "negative": self._example(using)}
                    for _ in range(self._rng.choice([1, 2]))
                ]
                return (
                    {"context": pairs}
                    if kind == "context"
                    else {"discover": {"target": self._example(using), "context": pairs}}
                )
            case strategy:
                sides = {"positive": self._examples(using, 1), "negative": self._examples(using, 0)}
                return {"recommend": {**sides, "strategy": strategy}}

    def _tree(self, depth: int, *, top: bool) -> Body:
        if depth == 0 or self._rng.random() < 0.3:
            return self._leaf(top=top)
        parts = [self._tree(depth - 1, top=False) for _ in range(self._rng.choice([1, 2, 3]))]
        weights = [round(self._rng.uniform(0.1, 3), 2) for _ in parts]
        formula: Body = {"sum": [{"mult": ["$score", 2.5]}, "$score[1]", {"log10": {"sum": ["length", 2]}}]}
        ways: list[Body] = [
            {"formula": formula},
            {"fusion": "dbsf"},
            {"fusion": "rrf"},
            {"rrf": {"k": 5}},
            {"rrf": {"k": 9, "weights": weights}},
        ]
        way = self._rng.randrange(len(ways) + 1 if top else 3)
        if (way == 2 and not top) or way == len(ways):
            body = self._leaf(top=False)
        else:
            body = {"query": ways[way], "limit": self._rng.choice([3, 10, 40]) if top else 200}
        return {**body, "prefetch": parts}
