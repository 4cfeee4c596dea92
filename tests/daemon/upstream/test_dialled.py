"""Both protocols of one server behind one port."""

from tests.fakes.facades import Scripted, listening
from vectormigrate.daemon.upstream import DialledUpstream, Target
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall


async def test_both_protocols_go_to_the_same_server_unless_it_has_two_ports():
    async def reply(request):
        return HttpResponse(201, ((b"x-seen", request.path.encode()),), request.body)

    one, two = Scripted(on_http=reply), Scripted()
    async with listening(one) as (_, here), listening(two) as (_, there):
        http, rpc = Target("http", here.host, here.port, "/base"), Target("http", there.host, there.port, "")
        async with DialledUpstream(http) as up:
            answer = await up.send(HttpRequest("PUT", "/points", body=b"{}"))
            assert (await up.call(RpcCall("/any.Service/Method", b"a"))).message == b"a"
        async with DialledUpstream(http, rpc) as up:
            assert (await up.call(RpcCall("/any.Service/Method", b"b"))).message == b"b"
    assert (answer.status, answer.body) == (201, b"{}")
    assert (b"x-seen", b"/base/points") in answer.headers
    assert ([call.request for call in one.calls], [call.request for call in two.calls]) == ([b"a"], [b"b"])


async def test_closing_twice_is_no_trouble():
    up = DialledUpstream(Target("http", "127.0.0.1", 1, ""))
    await up.close()
    await up.close()
