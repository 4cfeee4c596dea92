"""The generated messages of Qdrant, out of the installed qdrant-client, under a name of our own.

Importing anything of `qdrant_client` runs its package, which brings all of its client: two seconds of processor time
in every process. The generated modules need none of that. So this package's path is the folder they lie in, and they
load as `vectormigrate.stores.qdrant.pb.points_pb2` and so on; in a process that imports the client as well, the two
share their message classes through protobuf's descriptor pool.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

_client = find_spec("qdrant_client")
if _client is None or _client.origin is None:
    raise ModuleNotFoundError("qdrant-client is not installed", name="qdrant_client")
__path__ = [str(Path(_client.origin).parent / "grpc")]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The generated modules, which carry no types."""
