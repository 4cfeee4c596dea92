"""The official client of Weaviate, pointed at two ports of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import weaviate
from weaviate import WeaviateClient
from weaviate.classes.init import AdditionalConfig, Timeout


@contextmanager
def weaviate_client(port: int, grpc_port: int) -> Iterator[WeaviateClient]:
    """Connected inside the block."""
    patience = Timeout(init=30, query=60, insert=60)
    with weaviate.connect_to_custom(
        http_host="127.0.0.1",
        http_port=port,
        http_secure=False,
        grpc_host="127.0.0.1",
        grpc_port=grpc_port,
        grpc_secure=False,
        additional_config=AdditionalConfig(timeout=patience),
        skip_init_checks=True,  # one of them asks the public package index
    ) as client:
        yield client
