"""The port over Qdrant: the connections (`link.py`), collections (`catalog.py`), records out (`reader.py`) and in
(`writer.py`), all of them blocking, and the port itself (`port.py`), which runs them in threads.
"""

from .port import QdrantStore

__all__ = ["QdrantStore"]
