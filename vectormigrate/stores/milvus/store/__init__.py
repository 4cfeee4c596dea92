"""The port over Milvus: the channel (`link.py`), collections (`catalog.py`), records out (`reader.py`) and in
(`writer.py`), all of them blocking, and the port itself (`port.py`), which runs them in threads.
"""

from .port import MilvusStore

__all__ = ["MilvusStore"]
