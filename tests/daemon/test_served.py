"""What `serve` is asked for, checked as a whole."""

from pathlib import Path

import pytest

from vectormigrate.daemon import config
from vectormigrate.daemon.listeners import Address
from vectormigrate.daemon.served import MAIN, check_advertised, settle, tls_of
from vectormigrate.daemon.serving_settings import SERVE
from vectormigrate.daemon.upstream import Target
from vectormigrate.model.errors import ConfigInvalid, UsageError

FILE = """
[serve]
grace = 5
max_body = 10

[listeners.docs]
dialect = "qdrant"
listen = "127.0.0.1:6333"
grpc_listen = "127.0.0.1:6334"
upstream = "http://qdrant.internal:6333"
grpc_upstream = "http://qdrant.internal:6334"
source_ca = "/etc/ca.pem"

[listeners.main]
dialect = "pinecone"
listen = "systemd:pinecone"
upstream = "https://docs-x.svc.pinecone.io"
advertise = "http://proxy.internal/"
index = "docs"
"""


def settled(tmp_path, text="", **flags):
    loaded = config.Config()
    if text:
        (tmp_path / "v.toml").write_text(text)
        loaded = config.load(tmp_path / "v.toml", {})
    given = {name.replace("_", "-"): value for name, value in flags.items()}
    return settle(config.merge(SERVE, given, {}, loaded), loaded)


def test_a_file_describes_listeners(tmp_path):
    settings = settled(tmp_path, FILE)
    docs, main = settings.listeners
    assert (docs.name, docs.dialect, docs.ca) == ("docs", "qdrant", Path("/etc/ca.pem"))
    assert docs.listen == Address(host="127.0.0.1", port=6333)
    assert docs.grpc_listen == Address(host="127.0.0.1", port=6334)
    assert docs.upstream == Target("http", "qdrant.internal", 6333, "")
    assert docs.grpc_upstream == Target("http", "qdrant.internal", 6334, "")
    assert (main.name, main.listen, main.grpc_listen, main.grpc_upstream) == (
        MAIN,
        Address(name="pinecone"),
        None,
        None,
    )
    assert (main.advertise, main.index) == ("http://proxy.internal", "docs")
    assert (settings.grace, settings.limits.body, settings.log_level) == (5.0, 10 * 1024 * 1024, "info")


def test_flags_describe_the_main_listener_over_what_the_file_says_of_it(tmp_path):
    flags = {"dialect": "qdrant", "listen": "127.0.0.1:1", "upstream": "http://q:1"}
    (alone,) = settled(tmp_path, **flags).listeners
    assert (alone.name, alone.dialect) == (MAIN, "qdrant")
    docs, main = settled(tmp_path, FILE, listen="127.0.0.1:1").listeners
    assert docs.listen.port == 6333
    assert (main.dialect, main.listen.port, main.index) == ("pinecone", 1, "docs")


def test_no_listener_is_a_daemon_of_migrations_alone(tmp_path):
    assert settled(tmp_path).listeners == ()


def test_everything_that_a_listener_lacks_is_told_at_once(tmp_path):
    with pytest.raises(UsageError, match="'main' lacks listen, upstream"):
        settled(tmp_path, dialect="qdrant")


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("listen", "6333", "listen of listener 'main' must be"),
        ("grpc_listen", "x", "grpc_listen of listener 'main'"),
        ("upstream", "qdrant:6333", "upstream of listener 'main' must begin with http"),
        ("grpc_upstream", "grpc://x", "grpc_upstream of listener 'main'"),
        ("advertise", "proxy.internal", "advertise of listener 'main' must be a URL"),
    ],
)
def test_what_cannot_be_meant_is_told_by_listener_and_name(tmp_path, key, value, told):
    flags = {"dialect": "qdrant", "listen": "127.0.0.1:1", "upstream": "http://q:1"}
    with pytest.raises(UsageError, match=told):
        settled(tmp_path, **{**flags, key: value})


@pytest.mark.parametrize(
    ("listen", "flags"),
    [
        ("127.0.0.1:6333", {"upstream": "http://127.0.0.1:6333"}),
        ("127.0.0.1:6333", {"upstream": "http://localhost:6333/prefix"}),
        ("0.0.0.0:6333", {"upstream": "http://localhost:6333"}),
        ("q.internal:6333", {"upstream": "http://q.internal:6333"}),
        ("127.0.0.1:1", {"grpc_upstream": "http://127.0.0.1:6334", "grpc_listen": "127.0.0.1:6334"}),
    ],
)
def test_a_listener_in_front_of_itself_is_told(tmp_path, listen, flags):
    asked = {"dialect": "qdrant", "listen": listen, "upstream": "http://q:6333", **flags}
    with pytest.raises(UsageError, match="where it listens itself"):
        settled(tmp_path, **asked)


def test_a_listener_in_front_of_another_place_with_the_same_port(tmp_path):
    (one,) = settled(
        tmp_path, dialect="qdrant", listen="127.0.0.1:6333", upstream="http://q.internal:6333"
    ).listeners
    assert one.upstream.authority == "q.internal:6333"


def test_one_address_for_http_and_for_grpc_alone_is_told(tmp_path):
    flags = {
        "dialect": "qdrant",
        "listen": "127.0.0.1:1",
        "grpc_listen": "127.0.0.1:1",
        "upstream": "http://q:1",
    }
    with pytest.raises(UsageError, match="has HTTP and gRPC anyhow"):
        settled(tmp_path, **flags)


def test_what_a_listener_lacks_is_told_with_where_it_belongs(tmp_path):
    with pytest.raises(UsageError) as told:
        settled(tmp_path, dialect="qdrant")
    assert told.value.hint == "give --listen, --upstream"
    with pytest.raises(UsageError) as told:
        settled(tmp_path, '[listeners.docs]\ndialect = "qdrant"\n')
    assert told.value.hint == "it belongs into [listeners.docs]"


def test_two_listeners_at_one_address_are_told(tmp_path):
    with pytest.raises(UsageError, match=r"'docs' and 'main' both want 127\.0\.0\.1:6334"):
        settled(tmp_path, FILE, listen="127.0.0.1:6334")


def test_the_kernel_may_choose_for_several(tmp_path):
    assert len(settled(tmp_path, FILE, listen="127.0.0.1:0", grpc_listen="127.0.0.1:0").listeners) == 2


def test_a_key_that_no_listener_has_is_told(tmp_path):
    with pytest.raises(ConfigInvalid, match=r"listeners\.docs\.uptream is not known") as told:
        settled(tmp_path, FILE.replace("upstream =", "uptream =", 1))
    assert told.value.hint == "did you mean upstream?"


def test_an_advertised_url_may_be_left_out():
    assert check_advertised("", "x") == ""
    assert check_advertised("https://proxy.internal/i/", "x") == "https://proxy.internal/i"


def test_tls_of_a_listener_is_whole_or_not_at_all():
    given = tls_of(Path("a.pem"), None, Path("ca.pem"), "it")
    assert (given.certificate, given.key, given.client_ca) == (Path("a.pem"), Path("a.pem"), Path("ca.pem"))
    assert tls_of(None, None, None, "it") is None
    for key, client_ca in ((Path("key"), None), (None, Path("ca.pem"))):
        with pytest.raises(UsageError, match="TLS of it needs a certificate"):
            tls_of(None, key, client_ca, "it")
