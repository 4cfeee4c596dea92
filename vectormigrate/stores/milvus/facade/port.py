"""The door of the facade: gRPC calls and REST requests, each by its way."""

from __future__ import annotations

from vectormigrate.model.clock import Clock
from vectormigrate.stores.facade import Endpoint, Facade
from vectormigrate.stores.front import Front
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply

from .answering import Answers
from .calling import Calls
from .endpoints import ENDPOINTS
from .rest import RestWay
from .rpc import RpcWay
from .stamps import Stamps


class MilvusFacade(Facade):
    """Milvus' gRPC and REST v2 over a front."""

    dialect = "milvus"
    endpoints: tuple[Endpoint, ...] = ENDPOINTS

    def __init__(self, front: Front, clock: Clock) -> None:
        self._calls = Calls(front, Answers(Stamps(clock)), clock)

    async def http(self, request: HttpRequest) -> HttpResponse:
        return await self._calls.handle(RestWay(request))

    async def rpc(self, call: RpcCall) -> RpcReply:
        return await self._calls.handle(RpcWay(call))
