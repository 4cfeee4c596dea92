"""The port over Pinecone's REST: calls (`link.py`), indexes (`catalog.py`), what can be read when (`freshness.py`), ids
in order (`listing.py`), records out (`reader.py`) and in (`writer.py`), searches (`searcher.py`), the port (`port.py`).
"""

from .port import PineconeStore

__all__ = ["PineconeStore"]
