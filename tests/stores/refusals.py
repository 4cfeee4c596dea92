"""What the facades refuse after a cutover, by the line of a plan that says so beforehand: `test_unanswered.py` holds both to the code.

A sentence is the text that a facade refuses with, `{}` where a value stands. Under `NOBODY` is what no application meets
that is moved: own mistakes, what a store of ours is asked for by `emulate`, and what only a new collection is refused.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

STORES = Path(__file__).parents[2] / "vectormigrate" / "stores"
REFUSING = ("not_served", "Unsupported", "Unanswerable", "Beyond", "Refused")
"""What is raised with a sentence for a request that only the vendor answers."""
ROUTED = ("{} {} is not served here: {}", "{} is not served here: {}", "{} {}: {}", "{}: {}")
"""Sentences of endpoints that the tables name, with the table's reason."""
PASSED_ON = ("{}",)
"""What is raised with the text of another refusal."""
NOBODY = "nobody"
ALIKE = "alike"
"""Told where the target is of the same kind, and by fields and vectors of the collection: the lines are made of those."""


def sentences(dialect: str) -> set[str]:
    """Of the facade of a dialect and what reads requests for it; schemas of stores are refused before a move."""
    found: set[str] = set()
    for folder in ("facade", "wire"):
        for path in sorted((STORES / dialect / folder).glob("*.py")):
            if folder == "facade" or path.stem not in ("shape", "schema", "records"):
                found.update(_of_module(path))
    return found - {*ROUTED, *PASSED_ON}


def _of_module(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        called = node.func if isinstance(node, ast.Call) else None
        if isinstance(called, ast.Name) and called.id in REFUSING and node.args:
            yield _words(node.args[0])


def _words(node: ast.expr) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.JoinedStr):
        return "".join(str(one.value) if isinstance(one, ast.Constant) else "{}" for one in node.values)
    return "{}"


LARGE = "filters that a store has no words for"
TOLD: Mapping[str, Mapping[str, tuple[str, ...]]] = {
    "milvus": {
        "rankers and functions": (
            "a hybrid search by {} is not answered here",
            "rankings are fused by rrf and weighted here, and not by {}",
            "a hybrid search is ranked by one function here",
            "the function {} ranks by more than the searches",
            "a hybrid search over REST is fused by `rerank` here",
        ),
        "groups that must be full": (
            "groups that must all be full are Milvus' own matter",
            "a hybrid search by groups is not answered here",
        ),
        "chains of functions": ("a search by {} is not answered here", "a query by {} is not answered here"),
        "arithmetic of more": (
            "arithmetic in a filter",
            "such arithmetic in a filter",
            "comparing two fields in a filter",
            "arithmetic with anything but a number in a filter",
            "arithmetic in a filter that compares with no number",
        ),
        "text and phrase matching": ("{} in a filter",),
        "geometry and time stamps": (
            "a filter over field {}, whose type is compared by Milvus alone,",
            "{} is not answered here",
        ),
        LARGE: ("more than {} records match a filter that has to be looked for",),
        "operations on fields in an upsert": (
            "namespaces and operations on fields are not known here",
            "namespaces inside a collection are kept by Milvus alone",
        ),
        "changes of a collection": (
            "a collection cannot be made beside one under migration",
            "vectors and indexes stay as they were made",
            "the metric of a vector stays as it was made",
            "partitions stay as they were made",
            "only Milvus itself keeps aliases",
            "fields and partitions of a collection stay as they were made",
        ),
        "users and rights, databases": (
            "databases, resource groups and replicas are Milvus' own",
            "snapshots and files are Milvus' own",
            "users and their rights are Milvus' own",
            "it brings records in past the proxy",
        ),
        "what tells of Milvus' own insides": (
            "it tells of Milvus' own insides",
            "only Milvus takes texts apart",
        ),
        ALIKE: (
            "{} is not answered here: field {} is kept by the target in another type",
            "{} is not answered here: the target has other names or is configured otherwise",
            "{} of some partitions is not answered here",
            "a search for words in {} is not answered here",
            "field {} is computed by Milvus itself",
        ),
        NOBODY: (
            "a table that was there before has no aliases",
            "functions are computed by Milvus itself",
            "a part of a payload that is one field cannot be set",
        ),
    },
    "pinecone": {
        "searches by text": ("embedding and reranking are done by Pinecone's own models",),
        "documents": (
            "documents are searched and shown by a schema that only Pinecone keeps",
            "only the vectors API is served here: no fields {}",
        ),
        "a query by the id": (
            "a query by the id of a record with dense and sparse values is not served here",
        ),
        "several queries": ("several queries in one request are not served here",),
        "changes of an index": (
            "an index cannot be protected from deletion here",
            "an index cannot have tags here",
            "the {} of an index cannot be changed here",
            "which metadata is filterable cannot be declared here: all of it is",
            "the {} store behind this cannot call anything {}",
        ),
        "imports, backups": (
            "a copy of a whole index is made by Pinecone, from records that only it holds",
            "a restored index holds records that pass nobody on their way",
            "an import writes records that pass nobody on their way",
            "an index cannot be made of a copy here",
        ),
        NOBODY: ("{} cannot be described as an index: {}",),
    },
    "qdrant": {
        "feedback": ("a query by {} is answered by Qdrant alone",),
        "groups of what prefetches find": (
            "what is grouped must be one search, without prefetches",
            "groups cannot be looked up in another collection",
            "a vector cannot be looked up in another collection",
        ),
        "`match` of text": ("only Qdrant knows how it takes a text apart",),
        "weights by frequency": (
            "more than {} points would be counted to weight {} by frequency",
            "the scores of {} may be weighted otherwise by this Qdrant",
        ),
        "a matrix of distances": (
            "distances that are weighted by frequency are Qdrant's alone",
            "what is weighted by frequency cannot be made diverse by mmr",
        ),
        LARGE: ("more than {} points match a filter that has to be looked for",),
        "`slice` and shard keys": (
            "only Qdrant knows which slice a point is in",
            "there are no shard keys here",
        ),
        "changes of a collection": (
            "{} cannot be changed here",
            "a full-text index cannot be made here: only Qdrant knows how it takes a text apart",
            "a collection cannot be made with {}",
            "{} does not keep that a vector is weighted by frequency",
            "no store but Qdrant has aliases",
            "vectors of a collection stay as they were made",
        ),
        "snapshots, shards": (
            "a snapshot is a file of Qdrant's own",
            "it tells of Qdrant's own insides",
            "it brings records in past the proxy",
            "it moves or removes whole shards past the proxy",
            "it takes acknowledged writes back",
        ),
        NOBODY: (
            "there is no operation {}",
            "what was found cannot be told: {}",
            "a part of a payload that is one field cannot be set",
            "a vector cannot be named {} here: the one without a name is held under it",
        ),
    },
    "weaviate": {
        "searches for words": (
            "a search for words, or a hybrid one in which words count: only Weaviate ranks them",
            "only Weaviate knows how it ranks texts",
        ),
        "searches by models": (
            "a search for a meaning",
            "a search for an image",
            "a search for a sound",
            "a search for a video",
            "a search for a depth map",
            "a search for a thermal image",
            "a search for a movement",
            "an answer that is generated",
            "a second ranking",
            "it asks for a model that only Weaviate calls",
        ),
        "groups, and several vectors": ("groups", "a search by several vectors at once", "a search with {}"),
        "cuts where scores jump": (
            "a cut where the scores jump",
            "a selection of what differs",
            "a boosted ranking",
        ),
        "orders and filters through references": (
            "a filter through references",
            "an order by what is referred to",
            "an order by times that were not kept",
            "a filter over times that were not kept",
        ),
        "orders by lists": ("an order by {}, which is {}", "a filter over texts that are tokenized by {}"),
        "metrics of properties": ("anything but the number of objects", "it is not settled yet"),
        "counts of what a search": ("a count of what {} finds",),
        "GraphQL but for `Get`": (
            "a query with variables",
            "a query for {}",
            "a query with {}",
            "{} of an object",
        ),
        "requests for several classes": (
            "what is asked for is in different databases now; ask for one class at a time",
            "properties of objects of class {}, which are elsewhere",
        ),
        LARGE: ("a filter that matches more than {} objects",),
        "objects without a vector": (
            "an object without its vector {}, which {} would make",
            "a new value of {}: Weaviate completes values of type {}",
        ),
        "changes of a class": (
            "{} of a class under migration",
            "a new property {} of class {}, which is under migration",
            "a class stays as it was made",
            "no store but Weaviate has aliases",
        ),
        "users and rights": (
            "users and their rights are kept by Weaviate",
            "a backup is made of files of Weaviate's own",
            "Weaviate fills in properties by itself",
            "it tells of Weaviate's own insides",
            "it brings objects in past the proxy",
            "it is a door of its own to everything that Weaviate can do",
            "it moves or removes whole shards past the proxy",
            "the shards of a node",
        ),
        NOBODY: (
            "vectors that {} makes",
            "a vector index of type {}",
            "texts that are tokenized by {}",
            "a change of {}",
            "nothing is written here but whole objects",
            "a vector cannot be named {} here: the one without a name is held under it",
            "what was found cannot be told: {}",
        ),
    },
}
"""By the kind of the source and the beginning of a line."""
