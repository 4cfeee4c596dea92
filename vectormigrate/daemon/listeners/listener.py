"""One facade, reachable: an HTTP server, a gRPC server when the vendor has gRPC, and the port that they share."""

from __future__ import annotations

import asyncio
import socket
import tempfile
from collections.abc import Mapping
from pathlib import Path

from vectormigrate.stores.facade import Facade

from .address import Address, bound_address
from .http import HttpServer
from .limits import Limits
from .rpc import RpcServer
from .splice import Spawn, Splices

_NOTHING: Mapping[str, socket.socket] = {}


class Listener:
    """Start it, and drain it before the loop ends.

    `spawn` runs what must not end with the client that asked for it; it has to outlive the listener.
    """

    def __init__(self, facade: Facade, spawn: Spawn, limits: Limits | None = None) -> None:
        self._facade = facade
        self._spawn = spawn
        self._limits = limits or Limits()
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        self._http: HttpServer | None = None
        self._rpc: RpcServer | None = None
        self._splices: Splices | None = None
        self._ours: list[tuple[Address, socket.socket]] = []

    async def start(
        self,
        listen: Address,
        grpc_listen: Address | None = None,
        inherited: Mapping[str, socket.socket] = _NOTHING,
    ) -> tuple[Address, ...]:
        """Accept at `listen` both protocols, at `grpc_listen` gRPC alone; both addresses as they became.

        Raises UsageError for an address that cannot be had; nothing listens then.
        """
        try:
            return await self._start(listen, grpc_listen, inherited)
        except BaseException:
            await self.drain(0)
            raise

    async def _start(
        self, listen: Address, grpc_listen: Address | None, inherited: Mapping[str, socket.socket]
    ) -> tuple[Address, ...]:
        bound = self._bind(listen, inherited)
        shared = [bound]
        became = [bound_address(bound)]
        if any(endpoint.method == "RPC" for endpoint in self._facade.endpoints):
            self._folder = tempfile.TemporaryDirectory(prefix="vectormigrate-")
            inner = str(Path(self._folder.name) / "grpc")
            self._splices = Splices(inner, self._spawn)
            self._rpc = RpcServer(self._facade, self._limits, self._spawn)
            self._rpc.bind(Address(path=inner))
            if grpc_listen is not None and grpc_listen.host:
                became.append(self._rpc.bind(grpc_listen))
            elif grpc_listen is not None:
                # gRPC takes no socket from us: what is not a port of its own is shared, whoever connects.
                shared.append(self._bind(grpc_listen, inherited))
                became.append(bound_address(shared[1]))
            await self._rpc.start()
        join = None if self._splices is None else self._splices.join
        self._http = HttpServer(self._facade, self._limits, join)
        for one in shared:
            await self._http.start(one)
        return tuple(became)

    def _bind(self, address: Address, inherited: Mapping[str, socket.socket]) -> socket.socket:
        bound = address.bind(self._limits.backlog, inherited)
        self._ours.append((address, bound))
        return bound

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
        await self._forget()
        return done

    async def _forget(self) -> None:
        if self._splices is not None:
            await self._splices.close()
        for address, bound in self._ours:
            bound.close()
            address.forget()
        if self._folder is not None:
            self._folder.cleanup()
