"""Where to listen, as a user writes it."""

import socket

import pytest

from vectormigrate.daemon.listeners.address import Address, bound_address
from vectormigrate.model.errors import UsageError


@pytest.mark.parametrize(
    ("text", "address"),
    [
        ("127.0.0.1:6333", Address(host="127.0.0.1", port=6333)),
        ("[::1]:6333", Address(host="::1", port=6333)),
        ("search.internal:0", Address(host="search.internal", port=0)),
        ("unix:/run/v.sock", Address(path="/run/v.sock")),
        ("systemd:qdrant", Address(name="qdrant")),
    ],
)
def test_what_is_written_is_read_and_written_again(text, address):
    assert Address.parse(text, "--listen") == address
    assert str(address) == text


@pytest.mark.parametrize(
    "text",
    ["", "6333", ":6333", "127.0.0.1", "::1:6333", "host:70000", "unix:relative", "unix:6333", "systemd:"],
)
def test_what_cannot_be_meant_is_refused_by_name(text):
    with pytest.raises(UsageError, match="--listen must be"):
        Address.parse(text, "--listen")


@pytest.mark.parametrize(
    ("text", "loopback"),
    [
        ("127.0.0.1:1", True),
        ("127.9.9.9:1", True),
        ("[::1]:1", True),
        ("localhost:1", True),
        ("unix:/run/v.sock", True),
        ("0.0.0.0:1", False),
        ("[::]:1", False),
        ("search.internal:1", False),
        ("systemd:qdrant", False),
    ],
)
def test_who_can_connect(text, loopback):
    assert Address.parse(text, "--listen").loopback is loopback


def test_a_taken_port_is_told_without_a_traceback():
    with Address(host="127.0.0.1").bind(1, {}) as first:
        address = bound_address(first)
        assert address.port
        with pytest.raises(UsageError, match="it is taken"):
            address.bind(1, {})


def test_a_name_without_an_address_is_told():
    with pytest.raises(UsageError, match=r"cannot listen at nowhere\.invalid:1"):
        Address(host="nowhere.invalid", port=1).bind(1, {})


def test_a_socket_that_a_dead_process_left_is_taken_over(tmp_path):
    address = Address(path=str(tmp_path / "v.sock"))
    address.bind(1, {}).close()  # closed, and its file stands
    with address.bind(1, {}) as bound:
        assert bound_address(bound) == address
        with pytest.raises(UsageError, match="it is taken"):
            address.bind(1, {})
        address.forget()
    assert not (tmp_path / "v.sock").exists()


def test_a_file_that_is_no_socket_stays(tmp_path):
    (tmp_path / "v.sock").write_text("mine")
    with pytest.raises(UsageError):
        Address(path=str(tmp_path / "v.sock")).bind(1, {})
    assert (tmp_path / "v.sock").read_text() == "mine"


def test_an_inherited_socket_is_shared_and_not_taken_away():
    with socket.create_server(("127.0.0.1", 0)) as given:
        bound = Address(name="qdrant").bind(1, {"qdrant": given})
        assert bound.getsockname() == given.getsockname()
        bound.close()
        assert given.fileno() >= 0


def test_a_socket_that_was_not_inherited_is_told_with_those_that_were():
    with socket.create_server(("127.0.0.1", 0)) as given, pytest.raises(UsageError) as told:
        Address(name="qdrnt").bind(1, {"qdrant": given})
    assert "qdrant" in told.value.hint
