"""The Milvus witness: a collection as pymilvus reads it, made and filled first if so asked. Run with `python -m`."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from pymilvus import DataType, MilvusClient

from .dataset import DIM, VECTOR
from .witness import KEY, Request, Seen, seen, serve


def look(request: Request) -> Iterator[tuple[str, Seen]]:
    """Every entity of the collection."""
    client = MilvusClient(request.url)
    if request.add:
        _add(client, request)
    client.load_collection(request.collection)
    # The iterator, not pages by key: Milvus Lite loses rows of an upserted collection in those.
    pages = client.query_iterator(request.collection, filter="", output_fields=["*"], batch_size=1000)
    while rows := pages.next():
        for row in rows:
            rest = {name: value for name, value in row.items() if name != VECTOR}
            yield row[KEY], seen(np.asarray(row[VECTOR], np.float32), rest)
    pages.close()


def _add(client: MilvusClient, request: Request) -> None:
    """A collection as its owner would have made it: a key, a vector, and whatever comes."""
    schema = client.create_schema(enable_dynamic_field=True)
    schema.add_field(KEY, DataType.VARCHAR, is_primary=True, max_length=64)
    schema.add_field(VECTOR, DataType.FLOAT_VECTOR, dim=DIM)
    index = client.prepare_index_params()
    index.add_index(VECTOR, index_type="HNSW", metric_type="COSINE", params={"M": 16, "efConstruction": 64})
    client.create_collection(request.collection, schema=schema, index_params=index)
    client.insert(request.collection, request.add)


if __name__ == "__main__":
    serve(look)
