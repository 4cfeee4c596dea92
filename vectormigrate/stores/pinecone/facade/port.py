"""One Pinecone index, and the control plane beside it, over a front.

A request is routed by its path to one of the two planes. The data plane of other indexes is at `/i/{index}`, for REST
only: a gRPC client drops the path of its address.
"""

from __future__ import annotations

from dataclasses import replace

from vectormigrate.model.clock import Clock
from vectormigrate.model.collection import CollectionShape
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.front import Front
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcCall, RpcReply, Upstream

from . import answers, endpoints
from .controlplane import ControlPlane
from .dataplane import DataPlane
from .endpoints import Plane
from .names import PREFIX, Names
from .rest import Rest
from .rpc import Bytes, Rpc


class PineconeFacade(Facade):
    """Pinecone's API over a front.

    `index` is the one whose data plane is served at the root, `data_host` the address of this facade as clients reach
    it, scheme and all. `shape` is what the source's collection of that index is like; without it the front is asked.
    `namespace` is the one (canonical) that the collection called `index` holds, if it holds one only. `control` is the
    server of the control plane, if the front's way for no collection in particular is another.
    """

    dialect = "pinecone"
    endpoints = endpoints.ENDPOINTS

    def __init__(
        self,
        front: Front,
        *,
        index: str,
        data_host: str,
        clock: Clock,
        shape: CollectionShape | None = None,
        namespace: str | None = None,
        control: Upstream | None = None,
    ) -> None:
        index = index.partition("/")[0]
        names = Names(front, index, data_host, shape, namespace)
        self._index = index
        self._control = ControlPlane(front, names, control)
        self._data = DataPlane(front, names, clock)

    async def http(self, request: HttpRequest) -> HttpResponse:
        index = self._index
        if request.path.startswith(PREFIX):
            index, _, rest = request.path.removeprefix(PREFIX).partition("/")
            request = replace(request, path=f"/{rest}")
        found = endpoints.find(request.method, request.path)
        plane = found[0].plane if found is not None else Plane.DATA
        try:
            if found is None:
                reads = request.method in ("GET", "HEAD", "OPTIONS")
                what = f"{request.method} {request.path}"
                asked = Rest(index, endpoints.undocumented(request.method, request.path), {}, request)
                return await self._data.undocumented(asked, what, reads=reads)
            route, values = found
            if plane is Plane.CONTROL:
                return await self._control.handle(route, values, request)
            return await self._data.handle(Rest(index, route, values, request))
        except answers.FORESEEN as error:
            return answers.failure(error, plane)

    async def rpc(self, call: RpcCall) -> RpcReply:
        route = endpoints.GRPC.get(call.method)
        try:
            if route is None:
                asked = Bytes(self._index, endpoints.undocumented("RPC", call.method), call)
                return await self._data.undocumented(asked, call.method, reads=False)
            return await self._data.handle(Rpc(self._index, route, call))
        except answers.FORESEEN as error:
            return answers.rpc_failure(error)
