"""Connections to one Weaviate: REST for the schema and tenants, gRPC for everything about records.

The vendor's client is not used: it makes a Python float of each number of a vector, retries by itself, and asks the
public package index for its newest version when it connects.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import grpc
import msgspec
from google.protobuf.message import DecodeError

from vectormigrate.model.errors import ConfigInvalid, StoreBroken, StoreError
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.channels import open_channel
from vectormigrate.stores.connections import Closed, Connections, NoAnswer, NotSent, seconds_of
from vectormigrate.stores.options import bracketed, port, read_url, seconds
from vectormigrate.stores.place import lost, unreachable
from vectormigrate.stores.weaviate import pb
from vectormigrate.stores.weaviate.errors import Place, from_code, from_status

_ANSWERS = {
    "Search": pb.SearchReply,
    "BatchObjects": pb.BatchObjectsReply,
    "BatchDelete": pb.BatchDeleteReply,
    "Aggregate": pb.AggregateReply,
}
_WRITES = frozenset({"BatchObjects", "BatchDelete"})
_PORT, _GRPC_PORT, _SECURE_PORT = 8080, 50051, 443
CONSISTENCIES = ("one", "quorum", "all")


@dataclass(frozen=True, slots=True)
class Address:
    """Where to dial: host and port for REST, with or without TLS, and the same for gRPC."""

    host: str
    port: int
    secure: bool
    prefix: str
    grpc_host: str
    grpc_port: int

    @property
    def name(self) -> str:
        """The address for people."""
        return f"{bracketed(self.host)}:{self.port}{self.prefix}"

    @property
    def grpc(self) -> str:
        """What a channel dials."""
        return f"{bracketed(self.grpc_host)}:{self.grpc_port}"


def parse_address(endpoint: Endpoint) -> Address:
    """Read an endpoint's URL, its `grpc_host` and `grpc_port`. Raises ConfigInvalid."""
    url = read_url(endpoint, "http://host:8080 or https://host")
    given = port(endpoint, "grpc_port", "50051")
    return Address(
        url.host,
        url.port or (_SECURE_PORT if url.secure else _PORT),
        url.secure,
        url.path.removesuffix("/v1"),
        endpoint.options.get("grpc_host", "") or url.host,
        given or (_SECURE_PORT if url.secure else _GRPC_PORT),
    )


class Link:
    """Blocking calls to one Weaviate; safe to share between threads. Dials at the first call."""

    def __init__(self, endpoint: Endpoint) -> None:
        self.address = parse_address(endpoint)
        self.dial_timeout = seconds(endpoint, "timeout", 10.0)
        self.timeout = seconds(endpoint, "timeout", 30.0)
        """For an answer."""
        self.slow_timeout = seconds(endpoint, "slow_timeout", 3600.0)
        """For what waits until vectors are indexed."""
        self.consistency = _consistency(endpoint.options)
        """A number of `ConsistencyLevel`, for reads and writes."""
        self._headers = {"authorization": f"Bearer {endpoint.api_key}"} if endpoint.api_key else {}
        self._lock = threading.Lock()
        self._connections = Connections(
            self.address.host, self.address.port, secure=self.address.secure, dial_timeout=self.dial_timeout
        )
        self._channel: grpc.Channel | None = None
        self._closed = False

    def version_text(self) -> str:
        """The server's version in its own words."""
        told = self.rest("GET", "/meta")
        try:
            return str(told["version"])
        except (KeyError, TypeError):
            raise self.place().error(
                StoreBroken, f"what answers at {self.address.name} is not weaviate"
            ) from None

    def place(self, collection: str = "", *, writing: bool = False) -> Place:
        return Place(self.address.name, collection, writing)

    # REST.

    def rest(self, method: str, path: str, body: Any = None, *, collection: str = "") -> Any:
        """One attempt at a path below `/v1`: a good answer's body, parsed, or an error of the tree."""
        place = self.place(collection)
        raw = None if body is None else msgspec.json.encode(body)
        headers = {"content-type": "application/json"} | self._headers if raw else self._headers
        try:
            answer = self._connections.exchange(
                method, f"{self.address.prefix}/v1{path}", raw, headers, self.timeout
            )
        except NotSent as error:
            raise unreachable(str(error), place) from None
        except NoAnswer as error:
            raise lost(str(error), place) from None
        except Closed:
            raise self._closed_error(place) from None
        if answer.status >= 300:
            raise from_status(answer.status, _said(answer.body), place, retry_after=answer.retry_after)
        try:
            return msgspec.json.decode(answer.body) if answer.body else None
        except msgspec.DecodeError:
            raise place.error(StoreBroken, "weaviate sent an answer that cannot be read") from None

    # gRPC.

    def call(self, method: str, request: Any, *, collection: str) -> Any:
        """One attempt at a method of the service: the answer's message, or an error of the tree."""
        place = Place(self.address.grpc, collection, method in _WRITES)
        raw = self._call(f"/weaviate.v1.Weaviate/{method}", request.SerializeToString(), place)
        try:
            return _ANSWERS[method].FromString(raw)
        except DecodeError:
            raise place.error(StoreBroken, "weaviate sent an answer that cannot be read") from None

    def check_health(self) -> None:
        """Raise what keeps us from the gRPC side: the schema may be reached where records cannot."""
        self._call("/grpc.health.v1.Health/Check", b"", Place(self.address.grpc))

    def _call(self, method: str, request: bytes, place: Place) -> bytes:
        send = self._open_channel(place).unary_unary(
            method, request_serializer=None, response_deserializer=None
        )
        try:
            answer: bytes = send(request, timeout=self.timeout, metadata=tuple(self._headers.items()))
        except grpc.RpcError as error:
            trailing = dict(error.trailing_metadata() or ())
            raise from_code(
                error.code().name,
                error.details() or "",
                place,
                retry_after=seconds_of(trailing.get("retry-after")),
            ) from None
        except ValueError:  # grpc's word for a channel that was closed meanwhile
            raise self._closed_error(place) from None
        return answer

    def _open_channel(self, place: Place) -> grpc.Channel:
        with self._lock:
            if self._closed:
                raise self._closed_error(place)
            if self._channel is None:
                self._channel = open_channel(self.address.grpc, secure=self.address.secure)
            return self._channel

    def _closed_error(self, place: Place) -> StoreError:
        return place.error(StoreError, "the store is closed")

    def close(self) -> None:
        """Hang up; repeatable."""
        with self._lock:
            channel, self._channel, self._closed = self._channel, None, True
        self._connections.close()
        if channel is not None:
            channel.close()


def _said(raw: bytes) -> str:
    """What the server said: the messages of its envelope, or plain text."""
    with suppress(msgspec.DecodeError, KeyError, TypeError):
        told = msgspec.json.decode(raw)
        errors = told.get("error", [told])
        return "; ".join(str(one["message"]) for one in errors)
    return raw[:500].decode(errors="replace")


def _consistency(options: Mapping[str, str]) -> int:
    given = options.get("consistency", "quorum")
    if given not in CONSISTENCIES:
        raise ConfigInvalid(
            f"the weaviate option 'consistency' cannot be {given!r}", hint=", ".join(CONSISTENCIES)
        )
    return int(pb.ConsistencyLevel.Value(f"CONSISTENCY_LEVEL_{given.upper()}"))
