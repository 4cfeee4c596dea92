"""An upstream's URL, taken apart."""

import pytest

from vectormigrate.daemon.upstream.target import Target, certificates, pem
from vectormigrate.model.errors import ConfigInvalid, UsageError


@pytest.mark.parametrize(
    ("url", "target"),
    [
        ("http://qdrant.internal:6333", Target("http", "qdrant.internal", 6333, "")),
        ("https://docs-x.svc.pinecone.io", Target("https", "docs-x.svc.pinecone.io", 443, "")),
        ("http://127.0.0.1/", Target("http", "127.0.0.1", 80, "")),
        ("http://[::1]:1/base/path/", Target("http", "::1", 1, "/base/path")),
    ],
)
def test_a_url_is_taken_apart(url, target):
    assert Target.parse(url, "--upstream") == target


def test_an_address_of_six_words_can_be_dialled():
    assert Target.parse("http://[::1]:1", "--upstream").authority == "[::1]:1"


@pytest.mark.parametrize("url", ["", "qdrant:6333", "ftp://host", "http://", "http://host:x", "http://[::1"])
def test_what_is_no_url_is_refused_by_name(url):
    with pytest.raises(UsageError, match="--upstream"):
        Target.parse(url, "--upstream")


@pytest.mark.parametrize("url", ["http://user:s3cret@host", "http://host/?key=s3cret"])
def test_what_may_be_secret_is_refused_and_not_repeated(url):
    with pytest.raises(UsageError) as told:
        Target.parse(url, "--upstream")
    assert "s3cret" not in told.value.message + told.value.hint


def test_authorities_that_cannot_be_used_are_told(tmp_path):
    with pytest.raises(ConfigInvalid, match="No such file"):
        certificates(tmp_path / "none.pem")
    (tmp_path / "not.pem").write_text("no certificate")
    with pytest.raises(ConfigInvalid, match="not a PEM file"):
        pem(tmp_path / "not.pem")
    assert pem(None) is None
