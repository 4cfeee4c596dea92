"""What an application can ask its database, and is refused once another one answers behind the same API.

Told by `plan`, so that nobody learns of it after a cutover. What a facade refuses over every store is listed here in its
users' words, a phrase for each; the pages docs/facades-*.md say why. The rest follows from what a plan leaves behind.
"""

from __future__ import annotations

from vectormigrate.model.collection import COMPUTED, CollectionShape
from vectormigrate.model.inverse import speaks_alike
from vectormigrate.model.plan import PARTITION, UNDECLARED, MappingPlan

_FEEDBACK = "feedback (`relevance_feedback`)"
_FREQUENCIES = (
    "weights by frequency (`modifier: idf`) among more than 100,000 points, and among some (`params.idf`)"
)
_TEXTS = "`match` of text by its words (`text`, `text_any`, `phrase`)"
_LONGER = "arithmetic of more than one step in a filter, and two fields compared"
_PHRASES = "text and phrase matching in a filter"
_RANKERS = "rankers and functions, but for `rrf` and `weighted` in a hybrid search"
_FULL = "groups that must be full, or in a hybrid search"
_WORDS = "searches for words, and hybrid ones in which words count"
OWN: dict[str, tuple[str, ...]] = {
    "milvus": (
        _RANKERS,
        _FULL,
        "chains of functions, orders by fields, sampling, highlighting and aggregations",
        "searches by keys",
        _LONGER,
        _PHRASES,
        "geometry and time stamps in a filter",
    ),
    "pinecone": (
        "searches by text, embedding and reranking",
        "documents",
        "a query by the id of a record that has dense and sparse values",
        "several queries in one request",
    ),
    "qdrant": (
        _FEEDBACK,
        "groups of what prefetches find, and what is looked up in another collection (`lookup_from`, `with_lookup`)",
        _TEXTS,
        _FREQUENCIES,
        "`slice` and shard keys",
        "vectors that the server makes",
    ),
    "weaviate": (
        _WORDS,
        "searches by models (`nearText` and its like), generation and reranking",
        "groups, and several vectors in one search",
        "orders and filters through references, or by times of creation and update",
        "metrics of properties",
    ),
}
"""By the kind of the source."""
_ITSELF = frozenset({_WORDS, _FEEDBACK, _FREQUENCIES, _TEXTS, _LONGER, _PHRASES, _RANKERS, _FULL})
"""What another store of the source's kind answers itself, if it has everything under the same names and is configured alike."""


def unanswered(
    kind: str, plan: MappingPlan, *, target: str = "", source: CollectionShape | None = None
) -> tuple[str, ...]:
    """What a source of this kind answers and its API in front of the plan's target, of that kind, does not."""
    lost = [
        f"searches by vector {one.source!r}, which is left behind" for one in plan.vectors if not one.kept
    ]
    lost += [f"searches by vector {one.source!r}, which is kept as JSON" for one in plan.spelled]
    names = {UNDECLARED: "keys that nobody declared", PARTITION: "partition"}
    lost += [
        f"filters by {names.get(one.source, repr(one.source))}, left behind"
        for one in plan.fields
        if not one.kept
    ]
    lost += _worded(source) if source is not None and kind == "milvus" else []
    ours = OWN.get(kind, ())
    if kind == target and source is not None and speaks_alike(plan, source, kind):
        ours = tuple(one for one in ours if one not in _ITSELF)
        lost += _retyped(source) if kind == "milvus" else []
    return (*ours, *lost)


def _worded(source: CollectionShape) -> list[str]:
    computed = source.native.get("milvus", {}).get(COMPUTED, {})
    return [
        f"searches for words by {vector!r}, which Milvus makes of {text!r}"
        for vector, text in computed.items()
    ]


def _retyped(source: CollectionShape) -> list[str]:
    """What another Milvus does not answer of fractions of 32 bits, which it keeps in 64."""
    fields = source.native.get("milvus", {}).get("schema", {}).get("fields", ())
    return [
        f"a filter by {one['name']!r}, whose 32 bits become 64, with longer arithmetic, two fields compared, text matched or such a ranking"
        for one in fields
        if "Float" in (one.get("data_type"), one.get("element_type"))
    ]
