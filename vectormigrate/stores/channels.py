"""A gRPC channel to one server, as adapters want it: messages of any size, and no retries of its own."""

from __future__ import annotations

import grpc

_OPTIONS = (
    ("grpc.max_send_message_length", -1),
    ("grpc.max_receive_message_length", -1),
    ("grpc.enable_retries", 0),
    ("grpc.initial_reconnect_backoff_ms", 200),
    ("grpc.max_reconnect_backoff_ms", 2_000),
    (
        "grpc.keepalive_time_ms",
        360_000,
    ),  # a server hangs up on who pings twice in five minutes, and the call is lost
    ("grpc.use_local_subchannel_pool", 1),
)


def open_channel(target: str, *, secure: bool) -> grpc.Channel:
    """A channel to `host:port`, with TLS or without. Dials at the first call."""
    if secure:
        return grpc.secure_channel(target, grpc.ssl_channel_credentials(), options=_OPTIONS)
    return grpc.insecure_channel(target, options=_OPTIONS)
