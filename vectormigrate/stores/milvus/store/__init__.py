"""The port over Milvus: calls (`link.py`), what they add up to (`client.py`), and the port itself (`port.py`)."""

from .port import MilvusStore

__all__ = ["MilvusStore"]
