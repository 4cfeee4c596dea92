"""URLs, and options that are times and ports."""

import pytest

from vectormigrate.model.errors import ConfigInvalid
from vectormigrate.stores.base import Endpoint
from vectormigrate.stores.options import Url, bracketed, port, read_url, seconds


def test_seconds_are_above_zero_and_may_be_left_out():
    endpoint = Endpoint("anystore", options={"timeout": "1.5", "empty": ""})
    assert seconds(endpoint, "timeout", 7.0) == 1.5
    assert seconds(endpoint, "empty", 7.0) == seconds(endpoint, "other", 7.0) == 7.0


@pytest.mark.parametrize("text", ["0", "-1", "soon", "nan"])
def test_anything_else_names_store_and_option(text):
    with pytest.raises(ConfigInvalid, match="the anystore option 'timeout'"):
        seconds(Endpoint("anystore", options={"timeout": text}), "timeout", 7.0)


def test_a_port_is_one():
    assert port(Endpoint("anystore"), "grpc_port", "6334") is None
    assert port(Endpoint("anystore", options={"grpc_port": "5"}), "grpc_port", "6334") == 5
    for wrong in ("x", "0", "65536", "-1"):
        with pytest.raises(ConfigInvalid, match="must be a port") as caught:
            port(Endpoint("anystore", options={"grpc_port": wrong}), "grpc_port", "6334")
        assert caught.value.hint == "6334"


@pytest.mark.parametrize(
    ("text", "url"),
    [
        ("http://host", Url("host", None, False, "")),
        ("https://HOST:5/path/", Url("host", 5, True, "/path")),
        ("http://[::1]:5", Url("::1", 5, False, "")),
    ],
)
def test_urls(text, url):
    assert read_url(Endpoint("anystore", text), "http://host") == url


@pytest.mark.parametrize(
    "text", ["", "host:1", "ftp://host", "http://", "http://host:x", "http://me:word@host"]
)
def test_urls_that_cannot_be_read_are_not_shown(text):
    with pytest.raises(ConfigInvalid, match="anystore") as caught:
        read_url(Endpoint("anystore", text), "http://host")
    assert "word" not in caught.value.message.replace("password", "")


def test_an_address_of_version_six_stands_in_brackets():
    assert (bracketed("::1"), bracketed("host")) == ("[::1]", "host")
