"""The generated messages of Milvus, out of the installed pymilvus, under a name of our own.

Importing anything of `pymilvus` runs its package, which brings pandas: two to three seconds of processor time in
every process. The generated modules need none of that. So this package's path is the folder they lie in, and they
load as `vectormigrate.stores.milvus.pb.milvus_pb2` and so on; in a process that imports pymilvus as well, the two
share their message classes through protobuf's descriptor pool.
"""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Any

_pymilvus = find_spec("pymilvus")
if _pymilvus is None or _pymilvus.origin is None:
    raise ModuleNotFoundError("pymilvus is not installed", name="pymilvus")
__path__ = [str(Path(_pymilvus.origin).parent / "grpc_gen")]

if TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """The generated modules, which carry no types."""
