"""One facade or other application, reachable: an HTTP server, a gRPC server when the vendor has gRPC, and the port that they share.

Two steps, because a facade may have to know its own address: `bind` takes the port, and `start` accepts what waits at
it. Connections that come between the two are kept by the kernel.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vectormigrate.stores.facade import Facade

from .address import Address, bound_address
from .application import Application, FacadeApplication
from .http import HttpServer, TurnedAway, unheard
from .limits import Limits
from .rpc import RpcServer
from .splice import Spawn, Splices
from .tls import Tls

_NONE: Mapping[str, socket.socket] = {}


class Listener:
    """Bind it, start it, and drain it before the loop ends, whatever of the two succeeded.

    `spawn` runs what must not end with the client that asked for it; it has to outlive the listener. `inherited` are
    sockets that a supervisor holds, by name.
    """

    def __init__(
        self,
        spawn: Spawn,
        limits: Limits | None = None,
        inherited: Mapping[str, socket.socket] = _NONE,
        turned_away: TurnedAway = unheard,
    ) -> None:
        self._spawn = spawn
        self._turned_away = turned_away
        self._limits = limits or Limits()
        self._inherited = inherited
        self._bound: list[tuple[Address, socket.socket]] = []
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._http: HttpServer | None = None
        self._rpc: RpcServer | None = None
        self._splices: Splices | None = None
        self._tls: Tls | None = None

    def bind(self, address: Address) -> Address:
        """Take an address at which HTTP, and gRPC if there is any, is spoken; as it became.

        Raises UsageError for one that cannot be had.
        """
        bound = address.bind(self._limits.backlog, self._inherited)
        self._bound.append((address, bound))
        return bound_address(bound)

    async def start(
        self, facade: Facade, grpc_listen: Address | None = None, tls: Tls | None = None
    ) -> Address | None:
        """Serve at what was bound, and gRPC alone at `grpc_listen`; the address that this became.

        Raises UsageError for one that cannot be had.
        """
        alone = None
        if any(endpoint.method == "RPC" for endpoint in facade.endpoints):
            alone = await self._start_rpc(facade, grpc_listen, tls)
        await self.start_application(FacadeApplication(facade, self._limits), tls)
        return alone

    async def start_application(self, application: Application, tls: Tls | None = None) -> None:
        """Serve HTTP at what was bound."""
        self._tls = tls
        join = None if self._splices is None else self._splices.join
        self._http = HttpServer(application, self._limits, join, self._turned_away)
        for _, bound in self._bound:
            await self._http.start(bound, self._context())

    def _context(self) -> ssl.SSLContext | None:
        return None if self._tls is None else self._tls.context(http2=self._splices is not None)

    async def reload(self) -> None:
        """Read the certificates again, for connections from now on. Raises ConfigInvalid, and goes on with the old ones."""
        context = self._context()
        if self._http is not None and context is not None:
            await self._http.secure(context)

    async def _start_rpc(
        self, facade: Facade, grpc_listen: Address | None, tls: Tls | None
    ) -> Address | None:
        self._folder = tempfile.TemporaryDirectory(prefix="vectormigrate-")
        inner = str(Path(self._folder.name) / "grpc")
        self._splices = Splices(inner, self._spawn)
        self._rpc = RpcServer(facade, self._limits, self._spawn)
        self._rpc.bind(Address(path=inner))
        alone = None
        if grpc_listen is not None:
            # gRPC takes no socket from us: what is not a port of its own is shared, whoever connects. So is one with
            # TLS, which is spoken in one place.
            own = grpc_listen.host and tls is None
            alone = self._rpc.bind(grpc_listen) if own else self.bind(grpc_listen)
        await self._rpc.start()
        return alone

    @property
    def under_way(self) -> int:
        """HTTP requests that are being answered."""
        return self._http.under_way if self._http is not None else 0

    @property
    def connections(self) -> int:
        """Open HTTP connections."""
        return self._http.connections if self._http is not None else 0

    async def drain(self, grace: float) -> bool:
        """Accept nothing more and answer what is under way, for at most `grace` seconds; whether all of it was."""
        done = True
        if self._http is not None:
            self._http.stop_accepting()
        async with asyncio.TaskGroup() as group:
            if self._rpc is not None:
                group.create_task(self._rpc.drain(grace))
            if self._http is not None:
                try:
                    async with asyncio.timeout(grace):
                        await self._http.drain()
                except TimeoutError:
                    done = False
        if self._splices is not None:
            await self._splices.close()
        for address, bound in self._bound:
            bound.close()
            address.forget()
        if self._folder is not None:
            self._folder.cleanup()
        return done
