"""Connections to one Qdrant: REST for everything, gRPC beside it where a port for it is given.

The vendor's client is not used: it makes a Python object of each point and a Python float of each number, and cannot
say whether a request that failed was sent; `stores.connections` can.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote

import grpc
import msgspec

from vectormigrate.model.errors import ConfigInvalid, StoreBroken, StoreError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.channels import open_channel
from vectormigrate.stores.connections import Closed, Connections, NoAnswer, NotSent, seconds_of
from vectormigrate.stores.options import bracketed, port, read_url, seconds
from vectormigrate.stores.place import lost, unreachable
from vectormigrate.stores.qdrant.errors import Place, from_code, from_status

_DEFAULT_PORT = 6333
CONSISTENCIES = ("majority", "quorum", "all")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to dial: host and ports, with or without TLS, and the path under which the REST API lies."""

    host: str
    port: int
    secure: bool
    prefix: str
    grpc_port: int | None

    @property
    def name(self) -> str:
        """The address for people."""
        return f"{bracketed(self.host)}:{self.port}{self.prefix}"


def parse_address(endpoint: Endpoint) -> Address:
    """Read an endpoint's URL and its `grpc_port`. Raises ConfigInvalid."""
    url = read_url(endpoint, "http://host:6333 or https://host:6333")
    grpc_port = port(endpoint, "grpc_port", "6334")
    return Address(url.host, url.port or _DEFAULT_PORT, url.secure, url.path, grpc_port)


class Link:
    """Blocking calls to one Qdrant; safe to share between threads. Dials at the first call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = parse_address(endpoint)
        self.dial_timeout = seconds(endpoint, "timeout", 10.0)
        self.timeout = seconds(endpoint, "timeout", 30.0)
        """For an answer."""
        self.slow_timeout = seconds(endpoint, "slow_timeout", 3600.0)
        """For what waits until an index is built."""
        self.consistency = _consistency(endpoint.options)
        self._api_key = endpoint.api_key
        self._lock = threading.Lock()
        self._connections = Connections(
            self.address.host, self.address.port, secure=self.address.secure, dial_timeout=self.dial_timeout
        )
        self._channel: grpc.Channel | None = None
        self._version: tuple[int, int] | None = None
        self._closed = False

    @property
    def fast(self) -> bool:
        """Whether records can go by gRPC."""
        return self.address.grpc_port is not None

    @property
    def version(self) -> tuple[int, int]:
        """Major and minor version of the server; asks once."""
        if self._version is None:
            self._version = _numbers(self.version_text())
        return self._version

    def version_text(self) -> str:
        """The server's version in its own words."""
        raw = self._exchange("GET", "/", None, self.place(), self.dial_timeout)
        try:
            return str(msgspec.json.decode(raw)["version"])
        except (msgspec.DecodeError, KeyError, TypeError):
            raise self.place().error(
                StoreBroken, f"what answers at {self.address.name} is not qdrant"
            ) from None

    def place(self, collection: str = "", *, writing: bool = False) -> Place:
        return Place(self.address.name, collection, writing)

    # REST.

    def rest(
        self,
        method: str,
        path: str,
        body: bytes | None = None,
        *,
        collection: str = "",
        writing: bool = False,
        timeout: float | None = None,
    ) -> bytes:
        """One attempt: the bytes of a good answer, or an error of the tree."""
        place = self.place(collection, writing=writing)
        return self._exchange(method, path, body, place, timeout or self.timeout)

    def result(self, method: str, path: str, body: Any = None, **how: Any) -> Any:
        """As `rest`, for small requests: the body as a value, and of the answer its `result`."""
        raw = self.rest(method, path, None if body is None else msgspec.json.encode(body), **how)
        try:
            return msgspec.json.decode(raw)["result"]
        except (msgspec.DecodeError, KeyError, TypeError):
            raise self.place(how.get("collection", "")).error(
                StoreBroken, "qdrant sent an answer that cannot be read"
            ) from None

    def _exchange(self, method: str, path: str, body: bytes | None, place: Place, timeout: float) -> bytes:
        headers = {"content-type": "application/json"} if body is not None else {}
        if self._api_key:
            headers["api-key"] = self._api_key
        try:
            answer = self._connections.exchange(method, self.address.prefix + path, body, headers, timeout)
        except NotSent as error:
            raise unreachable(str(error), place) from None
        except NoAnswer as error:
            raise lost(str(error), place) from None
        except Closed:
            raise place.error(StoreError, "the store is closed") from None
        if answer.status >= 300:
            raise from_status(answer.status, _said(answer.body), place, retry_after=answer.retry_after)
        return answer.body

    # gRPC.

    def call(
        self, method: str, request: bytes, answer: Any, *, collection: str, writing: bool = False
    ) -> Any:
        """One attempt at a method of the service `qdrant.Points`: the answer's message, or an error of the tree."""
        place = self.place(collection, writing=writing)
        send = self._open_channel(place).unary_unary(
            f"/qdrant.Points/{method}", request_serializer=None, response_deserializer=answer.FromString
        )
        metadata = (("api-key", self._api_key),) if self._api_key else ()
        try:
            return send(request, timeout=self.timeout, metadata=metadata)
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            raise from_code(
                error.code().name,
                error.details() or "",
                place,
                retry_after=seconds_of(trailing.get("retry-after")),
            ) from None
        except ValueError:  # grpc's word for a channel that was closed meanwhile
            raise place.error(StoreError, "the store is closed") from None

    def _open_channel(self, place: Place) -> grpc.Channel:
        with self._lock:
            if self._closed:
                raise place.error(StoreError, "the store is closed")
            if self._channel is None:
                target = f"{bracketed(self.address.host)}:{self.address.grpc_port}"
                self._channel = open_channel(target, secure=self.address.secure)
            return self._channel

    def close(self) -> None:
        """Hang up; repeatable."""
        with self._lock:
            channel, self._channel, self._closed = self._channel, None, True
        self._connections.close()
        if channel is not None:
            channel.close()


def path_of(collection: str, *rest: str) -> str:
    """The path of a collection, or of something below it."""
    return "/".join(["/collections", quote(collection, safe=""), *rest])


def _said(raw: bytes) -> str:
    """What the server said: the error of its envelope, or plain text."""
    with suppress(msgspec.DecodeError, KeyError, TypeError):
        return str(msgspec.json.decode(raw)["status"]["error"])
    return raw[:500].decode(errors="replace")


def _numbers(version: str) -> tuple[int, int]:
    major, _, rest = version.partition(".")
    minor = rest.partition(".")[0]
    return (int(major), int(minor)) if major.isdecimal() and minor.isdecimal() else (0, 0)


def _consistency(options: Mapping[str, str]) -> str:
    given = options.get("consistency", "majority")
    if given not in CONSISTENCIES and not given.isdecimal():
        raise ConfigInvalid(
            f"the qdrant option 'consistency' cannot be {given!r}",
            hint=f"{', '.join(CONSISTENCIES)}, or a number of replicas",
        )
    return given
