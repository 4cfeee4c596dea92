"""The official client of Weaviate, pointed at two ports of this machine."""

from __future__ import annotations

import weaviate
from weaviate import WeaviateClient
from weaviate.classes.init import AdditionalConfig, Timeout


def weaviate_client(port: int, grpc_port: int) -> WeaviateClient:
    """Connected; close it, or use it as a context manager."""
    patience = Timeout(init=30, query=60, insert=60)
    return weaviate.connect_to_custom(
        http_host="127.0.0.1",
        http_port=port,
        http_secure=False,
        grpc_host="127.0.0.1",
        grpc_port=grpc_port,
        grpc_secure=False,
        additional_config=AdditionalConfig(timeout=patience),
    )
