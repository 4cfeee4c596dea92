"""One channel to one Milvus: addresses, credentials, deadlines, and a Milvus Lite opened in this process.

The generated messages are sent over a channel of our own and pymilvus' client is not used at all: it retries by
itself, logs a traceback for every error of the server, and turns each number of a vector into a Python float.
"""

from __future__ import annotations

import base64
import importlib
import logging
import tempfile
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import grpc

from vectormigrate.model.errors import (
    CollectionMissing,
    ConfigInvalid,
    StoreDown,
    StoreError,
    Unsupported,
)
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.channels import open_channel
from vectormigrate.stores.milvus.errors import Place, from_status, from_transport
from vectormigrate.stores.milvus.pb import common_pb2, milvus_pb2
from vectormigrate.stores.milvus.wire.server import Server, parse_version
from vectormigrate.stores.options import seconds

_SERVICE = "/milvus.proto.milvus.MilvusService/"
_ANSWERS: dict[str, Any] = {
    "CreateCollection": common_pb2.Status,
    "CreateIndex": common_pb2.Status,
    "CreatePartition": common_pb2.Status,
    "Delete": milvus_pb2.MutationResult,
    "DescribeCollection": milvus_pb2.DescribeCollectionResponse,
    "DescribeIndex": milvus_pb2.DescribeIndexResponse,
    "DropCollection": common_pb2.Status,
    "DropPartition": common_pb2.Status,
    "Flush": milvus_pb2.FlushResponse,
    "GetFlushState": milvus_pb2.GetFlushStateResponse,
    "GetLoadState": milvus_pb2.GetLoadStateResponse,
    "GetVersion": milvus_pb2.GetVersionResponse,
    "HasCollection": milvus_pb2.BoolResponse,
    "Insert": milvus_pb2.MutationResult,
    "CreateAlias": common_pb2.Status,
    "DropAlias": common_pb2.Status,
    "ListAliases": milvus_pb2.ListAliasesResponse,
    "LoadCollection": common_pb2.Status,
    "Query": milvus_pb2.QueryResults,
    "ReleasePartitions": common_pb2.Status,
    "HybridSearch": milvus_pb2.SearchResults,
    "Search": milvus_pb2.SearchResults,
    "ShowCollections": milvus_pb2.ShowCollectionsResponse,
    "ShowPartitions": milvus_pb2.ShowPartitionsResponse,
    "Upsert": milvus_pb2.MutationResult,
}
_WRITES = frozenset({"Insert", "Upsert", "Delete"})
_OF_LITE = ("collections", "databases", "LOCK")
"""What Milvus Lite makes in the folder of a database when it opens it."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where to dial: `host:port` with or without TLS, or the path of a Milvus Lite database."""

    target: str
    secure: bool = False
    path: str = ""


def parse_address(url: str) -> Address:
    """Read an endpoint's URL. Raises ConfigInvalid."""
    if "://" not in url:
        if not url:
            raise ConfigInvalid("milvus needs a URL or a path", hint="http://host:19530, or ./file.db")
        return Address("", path=str(Path(url).absolute()))
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        raise ConfigInvalid("the port in the milvus URL is no number", hint="http://host:19530") from None
    if parts.scheme not in ("http", "https", "tcp", "grpc") or not parts.hostname:
        raise ConfigInvalid(
            "the milvus URL cannot be read", hint="http://host:19530, https://..., or ./file.db"
        )
    secure = parts.scheme == "https"
    host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
    return Address(f"{host}:{port or (443 if secure else 19530)}", secure)


class Link:
    """Blocking calls to one Milvus; safe to share between threads. Dials at the first call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = parse_address(endpoint.url)
        self.dial_timeout = seconds(endpoint, "timeout", 10.0)
        self.timeout = seconds(endpoint, "timeout", 30.0)
        """For an answer: Milvus Lite takes seconds for a page of a large collection."""
        self.slow_timeout = seconds(endpoint, "slow_timeout", 3600.0)
        """For what may build an index: flushing, indexing, loading."""
        self._metadata = _metadata(endpoint)
        self._lock = threading.Lock()
        self._channel: grpc.Channel | None = None
        self._stand_in: _StandIn | None = None
        self._server: Server | None = None
        self._closed = False

    @property
    def name(self) -> str:
        """The address for people."""
        return self.address.target or self.address.path

    @property
    def server(self) -> Server:
        """Who answers; asks once."""
        with self._lock:
            if self._server is None:
                self._server = self._dial()
            return self._server

    @property
    def absent(self) -> bool:
        """Whether this is the path of a Milvus Lite database that is not there yet; of one that was dialled."""
        return self._stand_in is not None and not _is_there(self.address.path)

    def place(self, collection: str = "") -> Place:
        return Place(self.name, collection)

    def call(self, method: str, request: Any, collection: str = "", *, timeout: float | None = None) -> Any:
        """One attempt: the answer, or an error of the tree."""
        _ = self.server
        if self._stand_in is not None and (method == "CreateCollection" or _is_there(self.address.path)):
            self._move_in()
        try:
            return self._call(method, request, self.place(collection), timeout or self.timeout, dialled=True)
        except CollectionMissing:
            if not self.absent:
                raise
            raise self.place(collection).error(
                CollectionMissing,
                f"there is no collection {collection!r}: {self.address.path} does not exist",
                "a source must exist; as a target it is made by the migration",
            ) from None

    def close(self) -> None:
        """End calls under way and hang up; repeatable."""
        with self._lock:
            channel, self._channel, already, self._closed = self._channel, None, self._closed, True
            stand_in, self._stand_in = self._stand_in, None
        if stand_in is not None:
            stand_in.close()
        if channel is not None and (stand_in is None or channel is not stand_in.channel):
            channel.close()
            if self.address.path and not already:
                _embedded.release(self.address.path)

    def _dial(self) -> Server:
        if self._closed:
            raise self.place().error(StoreError, "the store is closed")
        if self._channel is None:
            self._channel = self._open_channel()
        request = milvus_pb2.GetVersionRequest()
        answer = self._call("GetVersion", request, self.place(), self.dial_timeout, dialled=False)
        return parse_version(answer.version, embedded=bool(self.address.path))

    def _open_channel(self) -> grpc.Channel:
        path = self.address.path
        if not path:
            return open_channel(self.address.target, secure=self.address.secure)
        if not _is_there(path):
            self._stand_in = _StandIn(self.place())
            return self._stand_in.channel
        return self._open_database()

    def _open_database(self) -> grpc.Channel:
        return open_channel(f"127.0.0.1:{_embedded.acquire(self.address.path, self.place())}", secure=False)

    def _move_in(self) -> None:
        """From now on call the database itself. The stand-in stays up, for calls that others have under way there."""
        with self._lock:
            if self._stand_in is not None and self._channel is self._stand_in.channel:
                self._channel = self._open_database()

    def _call(self, method: str, request: Any, place: Place, timeout: float, *, dialled: bool) -> Any:
        channel = self._channel
        if channel is None:
            raise place.error(StoreError, "the store is closed")
        send = channel.unary_unary(
            _SERVICE + method,
            request_serializer=_serialize,
            response_deserializer=_ANSWERS[method].FromString,
        )
        try:
            answer = send(request, timeout=timeout, metadata=self._metadata)
        except grpc.RpcError as error:
            raise from_transport(error.code().name, error.details() or "", place, dialled=dialled) from None
        except ValueError:  # grpc's word for a channel that was closed meanwhile
            raise place.error(StoreError, "the store is closed") from None
        status = answer if isinstance(answer, common_pb2.Status) else answer.status
        failure = from_status(
            status.code,
            status.error_code,
            status.reason,
            place,
            retriable=status.retriable,
            writing=method in _WRITES,
        )
        if failure is not None:
            raise failure
        return answer


def _serialize(request: Any) -> bytes:
    return request if isinstance(request, bytes) else bytes(request.SerializeToString())


def _metadata(endpoint: Endpoint) -> tuple[tuple[str, str], ...]:
    pairs = []
    if endpoint.api_key:
        pairs.append(("authorization", base64.b64encode(endpoint.api_key.encode()).decode("ascii")))
    if database := endpoint.options.get("database", ""):
        pairs.append(("dbname", database))
    return tuple(pairs)


def _is_there(path: str) -> bool:
    """Whether there is a database of Milvus Lite. Raises ConfigInvalid where none could be made: opening one makes its
    folder with all above it, and puts its own into any that is there.
    """
    folder = Path(path)
    if folder.is_dir():
        if any((folder / name).exists() for name in _OF_LITE):
            return True
        if all(entry.name.startswith(".") or entry.name == "lost+found" for entry in folder.iterdir()):
            return False
        what, hint = f"{path} is a folder of something else", "check the path, or name a new folder in it"
    elif folder.exists():
        what, hint = (
            f"{path} is a file, and Milvus Lite keeps a database in a folder",
            "check the path; a file that Milvus Lite 2 made cannot be read by the later ones",
        )
    elif folder.parent.is_dir():
        return False
    else:
        what, hint = f"there is no folder {folder.parent}", "make the folder, or correct the path"
    raise ConfigInvalid(what, hint=hint, store="milvus")


class _StandIn:
    """An empty database elsewhere, asked as long as the one that is meant is not there: looking must make nothing."""

    def __init__(self, place: Place) -> None:
        self._folder = tempfile.TemporaryDirectory(prefix="vectormigrate-milvus-", ignore_cleanup_errors=True)
        self.channel = open_channel(f"127.0.0.1:{_embedded.acquire(self._folder.name, place)}", secure=False)

    def close(self) -> None:
        self.channel.close()
        _embedded.release(self._folder.name)
        self._folder.cleanup()


@dataclass(slots=True)
class _Open:
    server: Any
    database: Any
    port: int
    users: int


class _Embedded:
    """Milvus Lite databases open in this process: one server each, as many users as want it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._open: dict[str, _Open] = {}

    def acquire(self, path: str, place: Place) -> int:
        """The loopback port of the server of this database, started if need be."""
        with self._lock:
            found = self._open.get(path)
            if found is None:
                found = self._open[path] = self._start(path, place)
            found.users += 1
            return found.port

    def release(self, path: str) -> None:
        """Give the server back; the last user stops it and frees the database for other processes."""
        with self._lock:
            found = self._open[path]
            found.users -= 1
            if found.users:
                return
            del self._open[path]
            found.server.stop(grace=2).wait()
            found.database.close()

    @staticmethod
    def _start(path: str, place: Place) -> _Open:
        try:
            # Not at the top: Milvus Lite is an extra, and costs a second that users of a server need not pay.
            start: Callable[..., Any] = importlib.import_module(
                "milvus_lite.adapter.grpc.server"
            ).start_server_in_thread
        except ImportError:
            raise place.error(
                Unsupported,
                "milvus-lite is not installed, so a file cannot be opened",
                "pip install milvus-lite",
            ) from None
        # It logs a traceback for what it then answers as an error, which is told once, by us.
        logging.getLogger("milvus_lite").setLevel(logging.CRITICAL)
        try:
            server, database, port = start(path, host="127.0.0.1", port=0)
        except Exception as error:  # noqa: BLE001 whatever it is, the database cannot be opened
            raise place.error(
                StoreDown,
                f"the milvus lite database {path} cannot be opened: {error}",
                "one process at a time may hold it open",
            ) from None
        return _Open(server, database, port, 0)


_embedded = _Embedded()
