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
_LARGE = "filters that a store has no words for, where more than 100,000 records would be read through for a search"
OWN: dict[str, tuple[str, ...]] = {
    "milvus": (
        _RANKERS,
        _FULL,
        "chains of functions, orders by fields, sampling, highlighting and aggregations",
        "searches by keys",
        _LONGER,
        _PHRASES,
        "geometry and time stamps in a filter",
        _LARGE,
        "operations on fields in an upsert, and namespaces inside a collection",
        "changes of a collection (name, fields, functions, vectors, metrics, partitions, aliases), and new ones",
        "users and rights, databases, resource groups, replicas, snapshots, files and imports",
        "what tells of Milvus' own insides (segments, compaction, metrics), and how it takes texts apart",
    ),
    "pinecone": (
        "searches by text, embedding and reranking",
        "documents",
        "a query by the id of a record that has dense and sparse values",
        "several queries in one request",
        "changes of an index (tags, protection, capacity, schema), namespaces that the target cannot call so or whose schema is declared",
        "imports, backups, restores and collections",
    ),
    "qdrant": (
        _FEEDBACK,
        "groups of what prefetches find, and what is looked up in another collection (`lookup_from`, `with_lookup`)",
        _TEXTS,
        _FREQUENCIES,
        "a matrix of distances, and `mmr`, by a vector that is weighted by frequency (`modifier: idf`)",
        _LARGE,
        "`slice` and shard keys",
        "vectors that the server makes",
        "changes of a collection (vectors, full-text indexes, aliases, how it is kept), and new ones with more than vectors and settings",
        "snapshots, shards, and what tells of Qdrant's own insides (metrics, cluster, telemetry)",
    ),
    "weaviate": (
        _WORDS,
        "searches by models (`nearText` and its like), generation and reranking",
        "groups, and several vectors in one search",
        "cuts where scores jump (`autocut`), boosted rankings and selections of what differs",
        "orders and filters through references, or by times of creation and update",
        "orders by lists and objects, and filters over texts that are taken apart by `gse`, `trigram` and the like",
        "metrics of properties",
        "counts of what a search finds, but for the nearest of a vector or an object with a limit",
        "GraphQL but for `Get`, and there variables, `group` and the like",
        "requests for several classes that are in different databases then, and properties of what is referred to elsewhere",
        _LARGE,
        "objects without a vector that a model would make, and new values of phone numbers",
        "changes of a class (properties, vectors, tenants, aliases, indexes)",
        "users and rights, backups, exports, classifications, replication, and what tells of Weaviate's own insides",
    ),
}
"""By the kind of the source."""
_ITSELF = frozenset({_WORDS, _FEEDBACK, _FREQUENCIES, _TEXTS, _LONGER, _PHRASES, _RANKERS, _FULL})
"""What another store of the source's kind answers itself, if it has everything under the same names and is configured alike."""
_BY_RECORD = frozenset({_TEXTS, _LONGER, _PHRASES})
"""What of that it answers of each record by itself, and so of several collections as of one."""


def unanswered(
    kind: str,
    plan: MappingPlan,
    *,
    target: str = "",
    source: CollectionShape | None = None,
    several: bool = False,
) -> tuple[str, ...]:
    """What a source of this kind answers and its API in front of the plan's target, of that kind, does not. `several`: the target is
    several collections.
    """
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
    ours = OWN.get(kind, ())
    alike = kind == target and source is not None and speaks_alike(plan, source, kind)
    if alike:
        ours = tuple(one for one in ours if one not in (_BY_RECORD if several else _ITSELF))
    if source is not None and kind == "milvus":
        lost += [*_computed(source), *(_partial(source) if alike and not several else _worded(source))]
    return (*ours, *lost)


def _worded(source: CollectionShape) -> list[str]:
    computed = source.native.get("milvus", {}).get(COMPUTED, {})
    return [
        f"searches for words by {vector!r}, which Milvus makes of {text!r}"
        for vector, text in computed.items()
    ]


def _computed(source: CollectionShape) -> list[str]:
    """What Milvus makes of a record, a vector like any other that others would have to be given."""
    told = source.native.get("milvus", {})
    made = [one["name"] for one in told.get("schema", {}).get("fields", ()) if one.get("is_function_output")]
    return [
        f"inserts and upserts, for which Milvus computes {name!r}"
        for name in made
        if name not in told.get(COMPUTED, {})
    ]


def _partial(source: CollectionShape) -> list[str]:
    """What another Milvus is not asked: it is told nothing of places."""
    return [f"{one}, of some partitions" for one in (_RANKERS, _FULL, *_worded(source)) if source.partitions]
