"""The port over Pinecone's REST: calls (`link.py`), indexes (`catalog.py`), what can be read when (`freshness.py`,
`waiting.py`), ids in order (`listing.py`, `inventory.py`), records out (`reader.py`), in (`writer.py`) and away (`deleter.py`), where to
cut (`splitting.py`), searches (`searcher.py`, `selecting.py`), and the port (`port.py`).
"""

from .port import PineconeStore

__all__ = ["PineconeStore"]
