"""gRPC to the vendor's server by grpc.aio: bytes in, bytes out, metadata and deadlines passed on.

gRPC makes up statuses of its own for what happens on the way, and says nowhere which are its own: measured on 1.78, the
"Error received from peer" of its debug text stands there for both. What tells them apart: a call that found no
connection carries one of two texts of the library, and a status that the transport made up comes without any
metadata. A server that sends UNAVAILABLE with no metadata at all is taken for the transport: that errs on the safe side.
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import Any

import grpc
import grpc.aio

from vectormigrate.model.errors import Unreachable, Unresolved
from vectormigrate.stores.raw import Metadata, RpcCall, RpcReply

from .target import Target, Timeouts, pem

_NEVER_LEFT = ("failed to connect to all addresses", "DNS resolution failed", "empty address list")
_MADE_UP = frozenset((1, 4, 14))
"""CANCELLED, DEADLINE_EXCEEDED, UNAVAILABLE."""
_BROKEN = (
    "Received RST_STREAM",
    "Stream removed",
    "Socket closed",
    "Failed parsing HTTP/2",
    "Connection reset",
)
"""Texts of the transport under INTERNAL and UNKNOWN, which servers send themselves as well."""
_OWN = frozenset(("user-agent", "te", "content-type", "host"))
_METHODS = 1000
"""Methods that are kept ready; no vendor has as many, but anybody can make up names."""


class RpcUpstream:
    """One server. Make it inside the running loop; close it."""

    def __init__(self, target: Target, timeouts: Timeouts, ca: Path | None) -> None:
        self._target = target
        self._answer = timeouts.answer
        options = (
            ("grpc.max_receive_message_length", -1),
            ("grpc.max_send_message_length", -1),
            # A policy of retries could come from the name server; every call leaves once. What gRPC itself repeats is
            # only what it knows that no server saw.
            ("grpc.service_config_disable_resolution", 1),
            ("grpc.initial_reconnect_backoff_ms", 100),
            ("grpc.max_reconnect_backoff_ms", 1000),
            ("grpc.keepalive_time_ms", 300_000),  # more often, and servers take it for an attack
        )
        self._channel = (
            grpc.aio.secure_channel(target.authority, grpc.ssl_channel_credentials(pem(ca)), options)
            if target.secure
            else grpc.aio.insecure_channel(target.authority, options)
        )
        self._methods: dict[str, grpc.aio.UnaryUnaryMultiCallable[bytes, bytes]] = {}

    async def call(self, call: RpcCall) -> RpcReply:
        """`Upstream.call`."""
        timeout = self._answer if call.timeout is None else min(call.timeout, self._answer)
        asked = self._method(call.method)(
            call.request, timeout=timeout, metadata=tuple(_passed_on(call.metadata))
        )
        try:
            message = await asked
        except grpc.aio.AioRpcError as error:
            return self._refused(error)
        return RpcReply(
            message,
            initial_metadata=_pairs(await asked.initial_metadata()),
            trailing_metadata=_pairs(await asked.trailing_metadata()),
        )

    def _method(self, name: str) -> Any:
        found = self._methods.get(name)
        if found is None:
            found = self._channel.unary_unary(name)
            if len(self._methods) < _METHODS:
                self._methods[name] = found
        return found

    def _refused(self, error: grpc.aio.AioRpcError) -> RpcReply:
        code, details = int(error.code().value[0]), error.details() or ""
        initial, trailing = _pairs(error.initial_metadata()), _pairs(error.trailing_metadata())
        where = self._target.authority
        if not (initial or trailing):
            if code == 14 and details.startswith(_NEVER_LEFT):
                raise Unreachable(f"{where} cannot be reached: {details}", store=where)
            if code in _MADE_UP or details.startswith(_BROKEN):
                raise Unresolved(f"{where} did not answer: {details or error.code().name}", store=where)
        return RpcReply(b"", code, details, initial, trailing)

    async def close(self) -> None:
        """Close the connection; calls under way end as cancelled."""
        await self._channel.close()


def _passed_on(metadata: Metadata) -> Iterable[tuple[str, str | bytes]]:
    return (
        (name, value) for name, value in metadata if name not in _OWN and not name.startswith(("grpc-", ":"))
    )


def _pairs(metadata: Any) -> tuple[tuple[str, str | bytes], ...]:
    return tuple((name, value) for name, value in metadata or ())
