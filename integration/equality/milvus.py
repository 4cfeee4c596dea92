"""Milvus' side of it: the collection, every word of its expressions, and the ways to read."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

from pymilvus import (
    AnnSearchRequest,
    DataType,
    Function,
    FunctionType,
    MilvusClient,
    RRFRanker,
    WeightedRanker,
)

from tests.life.answers import Call

from .asked import Operators, Question, questions
from .records import DIM, Draw, Row, rows

COLLECTION = "synsets"
_NOBODY = 10**12
_HYBRID, _FEW = 5, 8
"""Every so many-th question is a hybrid search, one half of which finds at most so few."""


def create(client: MilvusClient) -> None:
    """Make the collection, and fill it."""
    client.drop_collection(COLLECTION)
    schema = client.create_schema(auto_id=False, enable_dynamic_field=True)
    schema.add_field("synset", DataType.VARCHAR, is_primary=True, max_length=40)
    schema.add_field("vector", DataType.FLOAT_VECTOR, dim=DIM)
    matched = {"enable_analyzer": True, "enable_match": True}
    schema.add_field("lemma", DataType.VARCHAR, max_length=200, **matched)
    schema.add_field("part", DataType.VARCHAR, max_length=20)
    schema.add_field("sense", DataType.INT8)
    schema.add_field("tagged", DataType.INT64)
    schema.add_field("length", DataType.DOUBLE)
    schema.add_field("rough", DataType.FLOAT)
    schema.add_field("proper", DataType.BOOL)
    schema.add_field("example", DataType.VARCHAR, max_length=2000, nullable=True)
    schema.add_field("maybe", DataType.INT64, nullable=True)
    schema.add_field("words", DataType.ARRAY, element_type=DataType.VARCHAR, max_capacity=8, max_length=200)
    schema.add_field("counts", DataType.ARRAY, element_type=DataType.INT64, max_capacity=8)
    schema.add_field("deep", DataType.JSON)
    indexes = client.prepare_index_params()
    indexes.add_index("vector", index_type="FLAT", metric_type="L2")
    client.create_collection(COLLECTION, schema=schema, index_params=indexes, consistency_level="Strong")
    for start in range(0, len(rows()), 500):
        client.insert(COLLECTION, [_record(row) for row in rows()[start : start + 500]])


def _record(row: Row) -> dict[str, Any]:
    held = row.values
    names = ("lemma", "part", "sense", "tagged", "length", "proper", "example", "counts")
    made: dict[str, Any] = {
        **{key: held[key] for key in names},
        "synset": row.synset,
        "vector": row.vector,
        "rough": held["length"],
        "maybe": held["relations"] if row.number % 3 else None,
        "words": [] if row.number % 10 == 0 else held["words"],
        "deep": {
            "relations": held["relations"],
            "kinds": [one["kind"] for one in held["kinds"]],
            "sizes": [one["size"] for one in held["kinds"]],
            "names": {"de": held["german"]},
            "mixed": held["part"] if row.number % 2 else held["sense"],
        },
        "owner": held["owner"],
        "big": held["big"],
        "gloss": held["gloss"],
    }
    if held["emoji"]:
        made["emoji"] = held["emoji"]
        made["deep"]["emoji"] = held["emoji"]
    return made


def _text(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False)


def _kind(draw: Draw) -> str:
    found: str = draw.held("kinds", [{"kind": "none"}])[0]["kind"]
    return found


def _some(draw: Draw) -> list[str]:
    return [
        f"part == {_text(draw.value('part', 'none'))}",
        f"tagged >= {_NOBODY if draw.nothing else 3}",
        f"owner == {_text(draw.value('owner', 'none'))}",
    ]


OPERATORS: Operators = {
    "== a text": lambda d: f"part == {_text(d.value('part', 'none'))}",
    "== a number": lambda d: f"tagged == {d.value('tagged', _NOBODY)}",
    "== a double": lambda d: f"length == {d.value('length', 0.123)!r}",
    "a float": lambda d: f"rough > {d.value('length', 1e6) + 0.001!r}",
    "== a truth": lambda d: f"proper == {str(d.row.values['proper']).lower()}" + " and tagged < 0" * d.nothing,
    "!= a text": lambda d: f"part != {_text(d.row.values['part'])}" + " and tagged < 0" * d.nothing,
    "!= a number": lambda d: f"sense != {d.row.values['sense']}" + " and tagged < 0" * d.nothing,
    "<": lambda d: f"length < {d.value('length', -1)!r}",
    "<=": lambda d: f"tagged <= {d.value('tagged', -1)}",
    ">": lambda d: f"sense > {d.value('sense', 120)}",
    ">=": lambda d: f"lemma >= {_text(d.value('lemma', '~~'))}",
    "between": lambda d: f"tagged >= {d.value('tagged', _NOBODY)} and tagged < {d.value('tagged', _NOBODY) + 9}",
    "in texts": lambda d: f"lemma in {_text([d.value('lemma', '-'), 'none', 'person'][: 3 - d.nothing])}",
    "in numbers": lambda d: f"sense in [{d.value('sense', 99)}, 77]",
    "not in texts": lambda d: f"part not in {_text([d.row.values['part'], 'none'])}" + " and tagged < 0" * d.nothing,
    "not in numbers": lambda d: f"sense not in [1, {d.row.values['sense']}]" + " and tagged < 0" * d.nothing,
    "like a beginning": lambda d: f"lemma like {_text(d.value('lemma', '##')[:2] + '%')}",
    "like a middle": lambda d: f"lemma like {_text('%' + d.value('lemma', '###')[1:3] + '%')}",
    "like one letter": lambda d: f"lemma like {_text('_' + d.value('lemma', '###')[1:])}",
    "like, undeclared": lambda d: f"gloss like {_text('%' + d.value('gloss', '#' * 9)[2:6] + '%')}",
    "is null": lambda d: "example is null" + " and tagged < 0" * d.nothing,
    "is not null": lambda d: "maybe is not null" + " and tagged < 0" * d.nothing,
    "more than null": lambda d: f"maybe > {d.value('relations', _NOBODY)}",
    "not more than null": lambda d: f"not (maybe > {d.value('relations', -1)})",
    "!= where null": lambda d: f"maybe != {d.row.values['relations']}" + " and tagged < 0" * d.nothing,
    "a sum": lambda d: f"tagged + 3 == {d.value('tagged', _NOBODY) + 3}",
    "a difference": lambda d: f"length - 0.5 > {d.value('length', _NOBODY)!r}",
    "a product in JSON": lambda d: f"deep['relations'] * 2 > {d.value('relations', _NOBODY)}",
    "array_contains": lambda d: f"array_contains(words, {_text(d.held('words', ['none'])[0])})",
    "array_contains_all": lambda d: f"array_contains_all(counts, {d.held('counts', [999])[:2]})",
    "array_contains_any": lambda d: f"array_contains_any(counts, [{d.value('sense', 999)}, 998])",
    "array_length": lambda d: f"array_length(words) == {99 if d.nothing else len(d.row.values['words'])}",
    "an element": lambda d: f"counts[0] == {d.held('counts', [999])[0]}",
    "json number": lambda d: f"deep['relations'] == {d.value('relations', _NOBODY)}",
    "json order": lambda d: f"deep['relations'] > {d.value('relations', _NOBODY)} and deep['relations'] < {_NOBODY}",
    "json text": lambda d: f"deep['names']['de'] == {_text(d.held('german', 'ßß'))}",
    "json of two kinds": lambda d: f"deep['mixed'] == {_text(d.value('part', 'none')) if d.row.number % 2 else d.value('sense', 99)}",
    "json element": lambda d: f"deep['kinds'][0] == {_text(_kind(d))}",
    "json_contains": lambda d: f"json_contains(deep['kinds'], {_text(_kind(d))})",
    "json_contains_all": lambda d: f"json_contains_all(deep['kinds'], {_text(['hypernym', _kind(d)])})",
    "json_contains_any": lambda d: f"json_contains_any(deep['sizes'], [{d.value('sense', 9999)}, 9998])",
    "exists": lambda d: f"exists {'nobody' if d.nothing else 'emoji'}",
    "exists in json": lambda d: f"exists deep['{'nobody' if d.nothing else 'emoji'}']",
    "undeclared": lambda d: f"owner == {_text(d.value('owner', 'none'))}",
    "undeclared, big": lambda d: f"big == {d.value('big', 5)}",
    "undeclared, $meta": lambda d: f"$meta['big'] > {d.value('big', 2**62 * 2 - 1)}",
    "and": lambda d: " and ".join(_some(d)[:2]),
    "or": lambda d: " or ".join(_some(d)),
    "not": lambda d: f"not (part == {_text(d.row.values['part'])})" + " and tagged < 0" * d.nothing,
    "and of or": lambda d: f"({' or '.join(_some(d))}) and not (sense in [3, 4])",
}  # fmt: skip


_BEYOND = {
    "arithmetic of more than one step in a filter, and two fields compared": (
        "tagged == sense",
        "sense > tagged and part == 'noun'",
        "not (maybe == tagged)",
        "maybe != sense or example is null",
        "length >= deep['relations']",
        "owner == part",
        "counts[0] == sense",
        "big > tagged and big < 9007199254740993",
        "tagged + sense == 5",
        "(tagged + 1) * 2 - sense > 9",
        "synset > lemma",
        "tagged == part",
    ),
    "text and phrase matching in a filter": (
        "text_match(lemma, 'person')",
        "text_match(lemma, 'person water') and sense in [1, 2]",
        "not text_match(example, 'the')",
        "phrase_match(lemma, 'person')",
    ),
}
"""Expressions that only Milvus answers, by what plan says of them."""


def _alone(expression: str) -> Iterator[tuple[str, Callable[[MilvusClient], Any]]]:
    """The ways to ask for what matches one of them."""
    near = rows()[0].vector

    def nearest(client: MilvusClient) -> Any:
        [hits] = client.search(COLLECTION, [near], filter=expression, limit=30, anns_field="vector")
        return [{"id": hit.id, "score": hit["distance"]} for hit in hits]

    yield "counted", lambda c: c.query(COLLECTION, expression, output_fields=["count(*)"])
    yield "queried", lambda c: _sorted(c.query(COLLECTION, expression, output_fields=["lemma"]))
    yield "searched", nearest


def _fused(client: MilvusClient, question: Question) -> Any:
    """As one of two searches whose rankings become one."""
    given = rows()[question.number % len(rows())].vector
    parts = [
        AnnSearchRequest([question.vector.vector], "vector", {}, question.limit, expr=question.where),
        AnnSearchRequest([given], "vector", {}, _FEW, expr=question.where),
    ]
    rankers = RRFRanker(), WeightedRanker(0.8, 0.3), WeightedRanker(0.5, 1.0, norm_score=False)
    ranker = rankers[question.number // _HYBRID % len(rankers)]
    return client.hybrid_search(COLLECTION, parts, ranker, question.limit, output_fields=["synset"])


def ask(question: Question) -> Call:
    """The search; every so many-th is a hybrid one."""

    def nearest(client: MilvusClient) -> Any:
        if question.number % _HYBRID == 0:
            [hits] = _fused(client, question)
            return [{"id": hit.id, "score": hit["distance"]} for hit in hits]
        [hits] = client.search(
            COLLECTION,
            [question.vector.vector],
            filter=question.where,
            limit=question.limit,
            anns_field="vector",
            output_fields=["synset"],
        )
        return [{"id": hit.id, "score": hit["distance"]} for hit in hits]

    return Call(question.name, nearest)


def reads() -> Iterator[Call]:
    """By id, in order, counted, and the rest that is no filter."""
    some = [row.synset for row in rows()[::97]]
    names = [key for key in _record(rows()[0]) if key != "vector"]
    yield Call("by ids", lambda c: _sorted(c.get(COLLECTION, some, output_fields=names)))
    yield Call("count", lambda c: c.query(COLLECTION, "", output_fields=["count(*)"]))
    for question in questions(OPERATORS, len(OPERATORS)):
        yield Call(
            f"count where {question.operator}",
            lambda c, where=question.where: c.query(COLLECTION, where, output_fields=["count(*)"]),
        )
        yield Call(
            f"query where {question.operator}",
            lambda c, where=question.where: _sorted(c.query(COLLECTION, where, output_fields=["lemma"])),
        )


def _hits(found: Any) -> list[Any]:
    """Each ranking: ids, scores and what else was wanted."""
    return [
        [{"id": hit.id, "score": hit["distance"], **hit.get("entity", {})} for hit in hits] for hits in found
    ]


def beyond() -> Iterator[Call]:
    """What plan says is refused, by its words there."""
    vector = rows()[0].vector
    asked = [
        AnnSearchRequest([vector], "vector", {}, 5),
        AnnSearchRequest([rows()[1].vector], "vector", {}, 5),
    ]
    decay = Function(
        name="later",
        function_type=FunctionType.RERANK,
        input_field_names=["tagged"],
        params={"reranker": "decay", "function": "gauss", "origin": 9, "scale": 3},
    )
    ranked, full = (
        "rankers and functions, but for `rrf` and `weighted` in a hybrid search",
        "groups that must be full, or in a hybrid search",
    )
    yield Call(
        f"{ranked}: hybrid",
        lambda c: _hits(c.hybrid_search(COLLECTION, asked, decay, limit=5, output_fields=["lemma"])),
    )
    for where in ("", "part == 'noun'", "tagged == sense"):
        yield Call(
            f"{ranked}: {where}",
            lambda c, where=where: _hits(
                c.search(COLLECTION, [vector], where, ranker=decay, limit=7, output_fields=["tagged"])
            ),
        )
    for size, where in ((2, ""), (3, "sense > 1"), (900, ""), (2, "tagged == sense")):
        yield Call(
            f"{full}: {size} {where}",
            lambda c, size=size, where=where: _hits(
                c.search(
                    COLLECTION,
                    [vector, rows()[1].vector],
                    where,
                    limit=3,
                    output_fields=["part"],
                    group_by_field="part",
                    group_size=size,
                    strict_group_size=True,
                )
            ),
        )
    for ranker in (RRFRanker(), decay):
        yield Call(
            f"{full}: hybrid by {type(ranker).__name__}",
            lambda c, ranker=ranker: _hits(
                c.hybrid_search(
                    COLLECTION,
                    asked,
                    ranker,
                    limit=3,
                    group_by_field="part",
                    group_size=2,
                    output_fields=["part"],
                )
            ),
        )
    for phrase, expressions in _BEYOND.items():
        for expression in expressions:
            for way, asked_so in _alone(expression):
                yield Call(f"{phrase}: {expression}, {way}", asked_so)


def page(client: MilvusClient, token: Any, size: int) -> tuple[list[str], Any]:
    """The next records in the order of paging, and the token behind them: Milvus' iterators page by the key."""
    behind = f"synset > {_text(token)}" if token else ""
    found = client.query(COLLECTION, behind, limit=size, output_fields=["synset"])
    ids = [row["synset"] for row in found]
    return ids, ids[-1] if len(ids) == size else None


def _sorted(found: Any) -> list[Any]:
    return sorted((dict(row) for row in found), key=lambda row: str(row["synset"]))
