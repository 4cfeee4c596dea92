"""Where each application framework keeps text, metadata and ids, store by store: data, and no more.

How a record is taken apart and put together by it is `layout`; whose records a collection holds is `detection`.

Facts: read in the released packages and held by fixtures that these wrote (`tests/fixtures/layouts`).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from .collection import CollectionShape
from .filter import Path

ASIDE = "meta"
"""Haystack's key for metadata that do not lie flat among their fellows."""


@dataclass(frozen=True, slots=True)
class Profile:
    """Where one framework keeps things in one kind of store."""

    name: str
    """`framework:store`, with a variant behind it where there are several."""
    text: str = ""
    """Key of the text; empty when it has none of its own."""
    nested: str = ""
    """Key under which the metadata stands; empty when it lies flat beside the text."""
    in_node: bool = False
    """The text is inside the node, not at `text`."""
    own: tuple[str, ...] = ()
    """Keys that are the framework's and no metadata; null when they say nothing."""
    aside: tuple[str, ...] = ()
    """Keys of flat metadata that the framework would take for its own: they stand together under `ASIDE`."""
    id_key: str = ""
    """Key, one of `own`, of the id that the application sees, which is the record's as text or what that was made of."""
    declares: bool = False
    """Its keys are columns."""
    key: str = ""
    """Name of the key in a collection that the framework made; empty where keys have no name."""
    text_ids: bool = False
    """That key is text, whatever it holds: the framework compares it with text."""
    vector: str = ""
    """Name of the one dense vector; it has none where this is empty."""
    prefixed: bool = False
    """Ids are made of a document's, a `#` and the record's own."""
    floats: bool = False
    """An application's integers lie there as floats, and nothing says which those were."""
    counter: str = ""
    """Column that the database counts, which the framework wants beside the key."""
    other_key: str = ""
    """Name of the key where ids are no integers, if that is another."""
    no_numbers: bool = False
    """Its key is no integer, with which the framework's texts would not compare."""
    filled: bool = False
    """The framework fails on metadata that are null."""
    closed: bool = False
    """The framework fails on a key beside its metadata that it does not know; what has no other place stands inside them."""
    words: str = ""
    """Key, one of `own`, of the text in which the store looks for words: made of the metadata, see `layout`."""
    unwritable: str = ""
    """Why no record can be laid out so; empty when it can."""
    caution: str = ""
    """What is lost to an application whose records lie so, unless it does something before they are moved."""

    @property
    def framework(self) -> str:
        return self.name.partition(":")[0]

    @property
    def kind(self) -> str:
        """Of store."""
        return self.name.partition(":")[2].partition("-")[0]

    def within(self, path: Path) -> Path:
        """Where a path into the metadata stands."""
        if self.nested:
            return (self.nested, *path)
        return (ASIDE, *path) if path[0] in self.aside else path


RAW = "raw"
FRAMEWORKS = ("langchain", "llamaindex", "haystack", "mem0", RAW)

PROFILES: Mapping[str, Profile] = {
    one.name: one
    for one in (
        Profile("langchain:qdrant", "page_content", "metadata"),
        Profile("langchain:pinecone", "text", floats=True),
        Profile("langchain:weaviate", "text", floats=True),
        Profile("langchain:milvus", "text", declares=True, key="pk", no_numbers=True, vector="vector"),
        Profile(
            "langchain:pgvector",
            "content",
            "langchain_metadata",
            declares=True,
            key="langchain_id",
            no_numbers=True,
            vector="embedding",
        ),
        Profile(
            "langchain:pgvector-v1",
            "document",
            "cmetadata",
            own=("collection_id",),
            declares=True,
            key="id",
            vector="embedding",
        ),
        Profile(
            "langchain:sqlite",
            "text",
            "metadata",
            declares=True,
            key="rowid",
            other_key="id",
            vector="text_embedding",
            counter="rowid",
            filled=True,
        ),
        Profile("llamaindex:qdrant", in_node=True),
        Profile("llamaindex:pinecone", in_node=True, prefixed=True),
        Profile("llamaindex:weaviate", "text"),
        Profile("llamaindex:milvus", "text", declares=True, key="id", vector="embedding"),
        Profile(
            "llamaindex:pgvector",
            "text",
            "metadata_",
            declares=True,
            key="node_id",
            text_ids=True,
            vector="embedding",
            counter="id",
        ),
        Profile(
            "llamaindex:pgvector-counted",
            "text",
            "metadata_",
            own=("node_id",),
            declares=True,
            key="id",
            vector="embedding",
            unwritable="the key of that table is a number that the database counts: make node_id the key, as docs/layouts.md says",
            caution="rows are keyed by a number that the database counts: the application will not find nodes by their own ids,"
            " unless node_id is made the key first, as docs/layouts.md says",
        ),
        Profile(
            "haystack:qdrant",
            "content",
            "meta",
            own=(
                "id",
                "blob",
                "score",
                "sparse_embedding",
            ),
            id_key="id",
            closed=True,
        ),
        Profile(
            "haystack:pgvector",
            "content",
            "meta",
            own=(
                "blob_data",
                "blob_meta",
                "blob_mime_type",
            ),
            declares=True,
            key="id",
            text_ids=True,
            vector="embedding",
        ),
        Profile("haystack:pinecone", "content", floats=True),
        Profile("haystack:milvus", "text", declares=True, key="id", text_ids=True, vector="vector"),
        Profile(
            "haystack:weaviate",
            "content",
            own=("_original_id", "blob_data", "blob_mime_type", "score"),
            aside=(
                *("id", "content", "blob", ASIDE, "score", "embedding", "sparse_embedding"),
                *("content_type", "id_hash_keys", "dataframe"),
            ),
            id_key="_original_id",
            floats=True,
        ),
        Profile("mem0:qdrant"),
        Profile("mem0:pinecone", floats=True),
        Profile("mem0:weaviate", floats=True),
        Profile("mem0:pgvector", nested="payload", declares=True, key="id", vector="vector"),
        Profile("mem0:milvus", nested="metadata", declares=True, key="id", text_ids=True, vector="vectors"),
        Profile(
            "mem0:milvus-words",
            nested="metadata",
            own=("text",),
            declares=True,
            key="id",
            text_ids=True,
            vector="vectors",
            words="text",
        ),
    )
}


def profile_for(framework: str, kind: str, shape: CollectionShape | None) -> Profile | None:
    """How a framework lays records out in a kind of store; None for raw, and where it has no store of that kind."""
    variants = (("v1", "cmetadata"), ("counted", "node_id"), ("words", "text"))
    for variant, column in variants:
        found = PROFILES.get(f"{framework}:{kind}-{variant}")
        if found is not None and shape is not None and shape.field_named(column) is not None:
            return found
    return PROFILES.get(f"{framework}:{kind}")
