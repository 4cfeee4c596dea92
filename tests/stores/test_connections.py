"""Connections that are kept, those that the server has closed meanwhile, and which failures were certainly never sent."""

import contextlib
import socket
import threading
from collections.abc import Iterator

import pytest

from vectormigrate.stores.connections import Closed, Connections, NoAnswer, NotSent, seconds_of


class Server:
    """Answers each request on a connection with the next of its answers; with none left it hangs up."""

    def __init__(self, answers: list[bytes]) -> None:
        self.answers = answers
        self.dialled: list[socket.socket] = []
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.port = self._listening.getsockname()[1]
        self._thread = threading.Thread(target=self._serve)
        self._thread.start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listening.accept()
                self.dialled.append(connection)
                self._answer(connection)

    def _answer(self, connection: socket.socket) -> None:
        while connection.recv(65536):
            if not self.answers:
                break
            connection.sendall(self.answers.pop(0))
            if self.answers and self.answers[0] == b"hang up":
                self.answers.pop(0)
                break
        connection.close()

    def stop(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(30)


def good(body: bytes, *more: bytes) -> bytes:
    head = b"".join(line + b"\r\n" for line in (b"HTTP/1.1 200 OK", b"content-length: %d" % len(body), *more))
    return head + b"\r\n" + body


@contextlib.contextmanager
def talking(*answers: bytes) -> Iterator[tuple[Server, Connections]]:
    server = Server(list(answers))
    connections = Connections("127.0.0.1", server.port, secure=False, dial_timeout=30)
    yield server, connections
    connections.close()
    server.stop()


def ask(connections: Connections, timeout: float = 30) -> bytes:
    return connections.exchange("GET", "/", None, {}, timeout).body


def test_a_connection_is_used_again():
    with talking(good(b"one"), good(b"two")) as (server, connections):
        assert [ask(connections), ask(connections)] == [b"one", b"two"]
        assert len(server.dialled) == 1


def test_one_that_the_server_has_closed_is_replaced_before_anything_is_sent_on_it():
    with talking(good(b"one"), b"hang up", good(b"two")) as (server, connections):
        assert ask(connections) == b"one"
        while server.dialled[0].fileno() != -1:  # until it has hung up
            pass
        assert ask(connections) == b"two"
        assert len(server.dialled) == 2


def test_a_server_that_does_not_want_it_kept_is_dialled_anew():
    with talking(good(b"one", b"connection: close"), b"hang up", good(b"two")) as (_, connections):
        assert [ask(connections), ask(connections)] == [b"one", b"two"]


def test_an_answer_that_does_not_come_was_asked_for():
    with talking() as (_, connections), pytest.raises(NoAnswer):
        ask(connections)


def test_nobody_there_got_nothing():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        connections = Connections("127.0.0.1", free.getsockname()[1], secure=False, dial_timeout=30)
        with pytest.raises(NotSent):
            ask(connections)


def test_the_wait_that_a_server_asks_for_is_told():
    with talking(good(b"", b"retry-after: 7")) as (_, connections):
        assert connections.exchange("GET", "/", None, {}, 30).retry_after == 7.0
    assert seconds_of("Wed, 21 Oct 2026 07:28:00 GMT") is None


def test_what_is_closed_says_so():
    connections = Connections("127.0.0.1", 1, secure=False, dial_timeout=30)
    connections.close()
    connections.close()
    with pytest.raises(Closed):
        ask(connections)
