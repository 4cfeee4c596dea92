"""What a facade does unless a vendor says otherwise."""

from __future__ import annotations

from vectormigrate.stores.facade import Facade
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall


class Plain(Facade):
    dialect = "plain"
    endpoints = ()

    async def http(self, request: HttpRequest) -> HttpResponse:
        return HttpResponse(200)


async def test_a_facade_without_grpc_says_unimplemented():
    reply = await Plain().rpc(RpcCall("/some.Service/Call", b""))
    assert reply.code == 12
    assert "/some.Service/Call" in reply.details
