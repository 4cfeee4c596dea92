"""What an application can ask its database, and is refused once another one answers behind the same API.

Told by `plan`, so that nobody learns of it after a cutover. What a facade refuses over every store is listed here in its
users' words, a phrase for each; the pages docs/facades-*.md say why. The rest follows from what a plan leaves behind.
"""

from __future__ import annotations

from vectormigrate.model.inverse import as_named
from vectormigrate.model.plan import PARTITION, UNDECLARED, MappingPlan

_WORDS = "searches for words, and hybrid ones in which words count"
OWN: dict[str, tuple[str, ...]] = {
    "milvus": (
        "rankers and functions, but for `rrf` and `weighted` in a hybrid search",
        "groups, sampling and highlighting",
        "searches by keys",
        "arithmetic of more than one step in a filter, and two fields compared",
        "text and phrase matching, geometry and time stamps in a filter",
    ),
    "pinecone": (
        "searches by text, embedding and reranking",
        "documents",
        "a query by the id of a record that has dense and sparse values",
        "several queries in one request",
    ),
    "qdrant": (
        "formulas, feedback and examples of another collection (`formula`, `relevance_feedback`, `lookup_from`)",
        "groups of what prefetches find, and groups looked up elsewhere (`with_lookup`)",
        "`match` of text by its words (`text`, `text_any`, `phrase`)",
        "weights by frequency (`modifier: idf`)",
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
_ITSELF = frozenset({_WORDS})
"""What another store of the source's kind answers itself, if it has everything under the same names."""


def unanswered(kind: str, plan: MappingPlan, *, target: str = "") -> tuple[str, ...]:
    """What a source of this kind answers and its API in front of the plan's target, of that kind, does not."""
    lost = [
        f"searches by vector {one.source!r}, which is left behind" for one in plan.vectors if not one.kept
    ]
    names = {UNDECLARED: "keys that nobody declared", PARTITION: "partition"}
    lost += [
        f"filters by {names.get(one.source, repr(one.source))}, left behind"
        for one in plan.fields
        if not one.kept
    ]
    ours = OWN.get(kind, ())
    if kind == target and as_named(plan):
        ours = tuple(one for one in ours if one not in _ITSELF)
    return (*ours, *lost)
