"""The port over Weaviate: the connections (`link.py`), classes (`catalog.py`) and their tenants (`tenants.py`), records
out (`reader.py`, `searcher.py`) and in (`writer.py`), all of them blocking, and the port itself (`port.py`), which runs
them in threads.
"""

from .port import WeaviateStore

__all__ = ["WeaviateStore"]
