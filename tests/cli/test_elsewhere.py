"""The daemon at `--url`, where it wants to see a certificate. What else is asked of it is in `test_asked.py`."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.api import KEY, site
from tests.fakes.certificates import Authority
from tests.fakes.terminal import Terminal
from vectormigrate.daemon.listeners.tls import Tls


@pytest.fixture
def run(tmp_path):
    folder = tmp_path / "away"
    folder.mkdir()
    terminal = Terminal(folder)
    return lambda *words: asyncio.to_thread(terminal.run, *words)


async def test_a_certificate_is_shown_to_who_asks_for_one(tmp_path, run, monkeypatch):
    authority = Authority(tmp_path / "authority")
    monkeypatch.setenv("SSL_CERT_FILE", str(authority.certificate))
    certificate, key = authority.issue("daemon")
    mine, mine_key = authority.issue("me")
    tls = Tls(certificate, key, authority.certificate)
    async with site(tmp_path, tls=tls) as here:
        url = ("list", "--url", f"https://{here.address}", "--api-key", KEY)
        shown = await run(*url, "--client-cert", str(mine), "--client-key", str(mine_key))
        assert shown.code == 0, shown.err
        assert (await run(*url)).code == 5


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--client-cert", "none.pem"), "cannot be used"),
        (("--client-key", "none.key"), "--client-cert FILE"),
    ],
)
async def test_what_cannot_be_shown_is_told(run, words, told):
    ran = await run("list", "--url", "https://127.0.0.1:1", *words)
    assert (ran.code, told in ran.err) == (2, True), ran.err


async def test_nothing_is_shown_in_the_open(run):
    ran = await run("list", "--url", "http://127.0.0.1:1", "--client-cert", "any.pem")
    assert (ran.code, "https://" in ran.err) == (2, True)
