"""Puts records that were laid out anew where a real framework looks, and compares what it reads with what it read before.

Run by the Python of an environment that has one framework, like `make.py`; `move.py` makes the file:

    python -m integration.layouts.move langchain > moved.json    # with the Python of this project
    python read.py langchain moved.json                          # with that of the framework

Prints a line a pair of stores; the exit code is the number of pairs that differ.
"""

from __future__ import annotations

import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from make import DIM, RememberingIndex, vector

ADDED = ("_id", "_collection_name", "pk", "_vm_layout")
"""What LangChain shows in the metadata beside it; the last where metadata lies flat and a source had more than it."""


def qdrant_client(records: list[dict[str, Any]]) -> Any:
    from qdrant_client import QdrantClient
    from qdrant_client.models import Distance, PointStruct, VectorParams

    client = QdrantClient(":memory:")
    client.create_collection("docs", vectors_config=VectorParams(size=DIM, distance=Distance.COSINE))
    client.upsert(
        "docs",
        [
            PointStruct(
                id=one["id"] if one["native"] else number, payload=one["payload"], vector=vector(number)
            )
            for number, one in enumerate(records)
        ],
    )
    return client


def remembering(records: list[dict[str, Any]]) -> RememberingIndex:
    index = RememberingIndex()
    index.upsert([(one["id"], vector(number), one["payload"]) for number, one in enumerate(records)])
    return index


def langchain(store: str, records: list[dict[str, Any]], directory: str) -> list[tuple[str, Any]]:
    from langchain_core.embeddings import DeterministicFakeEmbedding
    from langchain_pinecone import PineconeVectorStore
    from langchain_qdrant import QdrantVectorStore

    embeddings = DeterministicFakeEmbedding(size=DIM)
    if store == "qdrant":
        found: Any = QdrantVectorStore(qdrant_client(records), "docs", embeddings)
    else:
        found = PineconeVectorStore(index=remembering(records), embedding=embeddings, pinecone_api_key="none")
    return [(one.page_content, one.metadata) for one in found.similarity_search("", k=len(records))]


def llamaindex(store: str, records: list[dict[str, Any]], directory: str) -> list[tuple[str, Any]]:
    from llama_index.core.vector_stores import VectorStoreQuery
    from llama_index.vector_stores.pinecone import PineconeVectorStore
    from llama_index.vector_stores.qdrant import QdrantVectorStore

    if store == "qdrant":
        found: Any = QdrantVectorStore("docs", client=qdrant_client(records))
    else:
        found = PineconeVectorStore(pinecone_index=remembering(records))
    answer = found.query(VectorStoreQuery(query_embedding=vector(0), similarity_top_k=len(records)))
    return [(one.text, one.metadata) for one in answer.nodes]


def comparable(pairs: list[tuple[str, Any]]) -> list[Any]:
    return sorted(
        (text, sorted((key, value) for key, value in metadata.items() if key not in ADDED))
        for text, metadata in pairs
    )


def main() -> int:
    """Compare every pair of the file."""
    read = {"langchain": langchain, "llamaindex": llamaindex}[sys.argv[1]]
    wrong = 0
    for moved in json.loads(Path(sys.argv[2]).read_text(encoding="utf-8")):
        with tempfile.TemporaryDirectory() as scratch:
            after = comparable(read(moved["target"], moved["records"], scratch))
        before = comparable([(one["text"], one["metadata"]) for one in moved["documents"]])
        wrong += after != before
        print(
            f"{moved['source']} -> {moved['target']}: {'the same' if after == before else f'{before} became {after}'}"
        )
    return wrong


if __name__ == "__main__":
    sys.exit(main())
