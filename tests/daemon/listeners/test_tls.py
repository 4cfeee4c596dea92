"""TLS and mutual TLS, over real connections; certificates of our own."""

import asyncio
import ssl

import grpc.aio
import pytest

from tests.fakes.certificates import Authority
from tests.fakes.facades import LOOPBACK, Plain, Scripted, listening
from vectormigrate.daemon.listeners import Limits, Tls
from vectormigrate.model.errors import ConfigInvalid


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("certificates"))


def tls(authority, name="server", *, mutual=False):
    certificate, key = authority.issue(name)
    return Tls(certificate, key, authority.certificate if mutual else None)


async def asked(address, context):
    reader, writer = await asyncio.open_connection(
        address.host, address.port, ssl=context, server_hostname="localhost"
    )
    try:
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
        answer = await reader.read()
        return int(answer.split()[1]), writer.get_extra_info("peercert")
    finally:
        writer.close()


async def test_http_is_spoken_through_tls_and_not_without(authority):
    async with listening(Plain(), tls=tls(authority)) as (_, address):
        assert (await asked(address, authority.client()))[0] == 200
        with pytest.raises(ssl.SSLError):
            await asked(address, ssl.create_default_context())
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        assert b"200" not in await reader.read()
        writer.close()


async def test_who_shows_no_certificate_is_refused_where_one_is_asked_for(authority):
    async with listening(Plain(), tls=tls(authority, mutual=True)) as (_, address):
        assert (await asked(address, authority.client("ada")))[0] == 200
        for stranger in (
            authority.client(),
            Authority(authority.folder / "other").client("eve", trusts=authority),
        ):
            with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
                await asked(address, stranger)


async def test_who_does_not_agree_on_tls_is_counted_and_who_does_is_not(authority):
    seen = []
    quick = Limits(handshake=0.3)

    def turned_away(*one):
        seen.append(one)

    shown = tls(authority, mutual=True)
    async with listening(Plain(), limits=quick, tls=shown, turned_away=turned_away) as (_, address):
        assert (await asked(address, authority.client("ada")))[0] == 200
        with pytest.raises((ssl.SSLError, ConnectionError, IndexError)):
            await asked(address, authority.client())
        reader, writer = await asyncio.open_connection(address.host, address.port)
        writer.write(b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await reader.read()
        writer.close()
        async with asyncio.timeout(10):
            while len(seen) < 2:
                await asyncio.sleep(0.01)
        await asyncio.sleep(0.4)
    assert seen == [("tls", ""), ("tls", "")]


async def test_certificates_are_changed_without_refusing_anybody(authority):
    first = authority.issue("first")
    given = Tls(*first)
    async with listening(Plain(), tls=given) as (listener, address):
        before = (await asked(address, authority.client()))[1]
        second = authority.issue("second")
        for old, new in zip(first, second, strict=True):
            old.write_bytes(new.read_bytes())
        await listener.reload()
        after = (await asked(address, authority.client()))[1]
        assert before["serialNumber"] != after["serialNumber"]
        first[0].write_text("no certificate")
        with pytest.raises(ConfigInvalid, match="cannot be used for TLS"):
            await listener.reload()
        assert (await asked(address, authority.client()))[0] == 200


async def test_grpc_is_spoken_through_tls_on_the_shared_port_and_on_its_own(authority):
    trusted = grpc.ssl_channel_credentials(authority.certificate.read_bytes())
    async with listening(Scripted(), tls=tls(authority), grpc_listen=LOOPBACK) as (_, shared, alone):
        for address in (shared, alone):
            async with grpc.aio.secure_channel(f"localhost:{address.port}", trusted) as channel:
                assert await channel.unary_unary("/any.Service/Method")(b"hello") == b"hello"
        assert (await asked(shared, authority.client()))[0] == 200


def test_what_cannot_be_used_is_told_by_its_file(authority, tmp_path):
    certificate, key = authority.issue("good")
    for wrong in (
        Tls(tmp_path / "none", key),
        Tls(key, certificate),
        Tls(certificate, key, tmp_path / "none"),
    ):
        with pytest.raises(ConfigInvalid, match="cannot be used for TLS"):
            wrong.context(http2=False)
    encrypted = authority.encrypted("locked")
    with pytest.raises(ConfigInvalid, match="the key is encrypted"):
        Tls(*encrypted).context(http2=True)
    assert Tls(certificate, key).context(http2=True).minimum_version is ssl.TLSVersion.TLSv1_2
