"""A channel takes messages beyond gRPC's own limit, and gives up at the first failure."""

import socket
from concurrent.futures import ThreadPoolExecutor

import grpc
import pytest

from vectormigrate.stores.channels import _OPTIONS, open_channel


class Echo(grpc.GenericRpcHandler):
    def service(self, details):
        return grpc.unary_unary_rpc_method_handler(lambda request, _: request)


def test_messages_of_any_size_pass():
    limits = [("grpc.max_receive_message_length", -1), ("grpc.max_send_message_length", -1)]
    server = grpc.server(ThreadPoolExecutor(1), handlers=(Echo(),), options=limits)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        with open_channel(f"127.0.0.1:{port}", secure=False) as channel:
            large = bytes(5 * 2**20)  # gRPC's own limit is 4 MiB
            assert channel.unary_unary("/any/Method")(large, timeout=60) == large
    finally:
        server.stop(None).wait()


@pytest.mark.parametrize("secure", [False, True])
def test_nobody_there_is_told(secure):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        target = f"127.0.0.1:{free.getsockname()[1]}"
        with open_channel(target, secure=secure) as channel, pytest.raises(grpc.RpcError) as caught:
            channel.unary_unary("/any/Method")(b"", timeout=60)
    assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


def test_who_waits_long_is_not_taken_for_an_attacker():
    """gRPC's servers allow a ping in five minutes; every minute, a call of five minutes ended in "Too many pings"."""
    assert dict(_OPTIONS)["grpc.keepalive_time_ms"] > 300_000
