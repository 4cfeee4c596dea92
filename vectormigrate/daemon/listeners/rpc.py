"""gRPC by grpc.aio: every method of every service as bytes, with no message class in sight.

The surprise: gRPC cancels a handler when its client goes away. A call, and each message of one that streams, is therefore
answered by a task of its own, which runs on, and the handler only waits for it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any, TypeVar

import grpc
import grpc.aio

from vectormigrate.model.errors import UsageError
from vectormigrate.stores.facade import Facade
from vectormigrate.stores.raw import Conversation, RpcCall, RpcReply

from .address import Address
from .limits import Limits
from .splice import Spawn

logger = logging.getLogger(__name__)

Answer = TypeVar("Answer")

_CODES = {code.value[0]: code for code in grpc.StatusCode}
_INTERNAL = 13
_LAST_BYTES = 0.25
"""Seconds for the last answer to leave behind the last call."""
_PARTING = 3.0
"""Seconds for callers of streams to end them when they are told that we are ending: Weaviate's client looks once a second."""


class RpcServer:
    """Serves one facade at addresses that gRPC binds itself."""

    def __init__(self, facade: Facade, limits: Limits, spawn: Spawn) -> None:
        self._handler = _Handler(facade, spawn)
        self._server = grpc.aio.server(
            handlers=(self._handler,),
            options=(
                ("grpc.max_receive_message_length", limits.body),
                ("grpc.max_send_message_length", -1),
                ("grpc.so_reuseport", 0),  # two daemons at one port are a mistake, not a cluster
                ("grpc.max_concurrent_streams", limits.connections),
            ),
            maximum_concurrent_rpcs=limits.connections,
        )

    def bind(self, address: Address) -> Address:
        """Before `start`. The address as it became. Raises UsageError when it cannot be had."""
        try:
            port = self._server.add_insecure_port(str(address))
        except RuntimeError:
            raise UsageError(
                f"cannot listen at {address}",
                hint="end what listens there, or choose another address",
            ) from None
        return Address(host=address.host, port=port) if address.host else address

    async def start(self) -> None:
        """Accept calls."""
        await self._server.start()

    async def drain(self, grace: float) -> None:
        """Refuse new calls and return when the others are answered, or after `grace` seconds."""
        async with asyncio.TaskGroup() as group:
            ended = group.create_task(self._server.stop(grace))
            with suppress(TimeoutError):
                async with asyncio.timeout(min(grace, _PARTING)):
                    await self._handler.part()
            with suppress(TimeoutError):
                async with asyncio.timeout(grace):
                    await self._handler.idle.wait()
            # A client without a call does not read that its connection is to end, and would be waited for.
            await asyncio.wait((ended,), timeout=min(grace, _LAST_BYTES))
            await self._server.stop(None)


@dataclass(slots=True, eq=False)
class _Talk:
    """One call that streams."""

    conversation: Conversation
    context: Any
    speaking: asyncio.Lock = field(default_factory=asyncio.Lock)
    over: asyncio.Event = field(default_factory=asyncio.Event)

    async def say(self, messages: Sequence[bytes]) -> None:
        async with self.speaking:
            for one in messages:
                await self.context.write(one)


class _Handler(grpc.GenericRpcHandler):  # type: ignore[misc] # grpc has no types
    """Any unary method, and those that the facade says stream both ways."""

    def __init__(self, facade: Facade, spawn: Spawn) -> None:
        self._facade = facade
        self._spawn = spawn
        self._under_way = 0
        self._talks: set[_Talk] = set()
        self.idle = asyncio.Event()
        """Set while no call is being answered."""
        self.idle.set()

    def service(self, details: grpc.HandlerCallDetails) -> Any:
        method = details.method
        if method in self._facade.streams:
            return grpc.stream_stream_rpc_method_handler(self._converse(method))

        async def handle(request: bytes, context: Any) -> bytes:
            call = RpcCall(
                method, request, tuple(context.invocation_metadata() or ()), context.time_remaining()
            )
            reply: RpcReply = await asyncio.shield(self._spawn(self._answer(method, self._facade.rpc(call))))
            if reply.initial_metadata:
                await context.send_initial_metadata(tuple(reply.initial_metadata))
            await _end(reply, context)
            return reply.message

        return grpc.unary_unary_rpc_method_handler(handle)

    def _converse(self, method: str) -> Callable[[AsyncIterator[bytes], Any], Awaitable[None]]:
        async def handle(messages: AsyncIterator[bytes], context: Any) -> None:
            metadata = tuple(context.invocation_metadata() or ())
            talk = _Talk(self._facade.conversation(RpcCall(method, b"", metadata)), context)
            self._talks.add(talk)
            try:
                async for message in messages:
                    said: Sequence[bytes] | RpcReply = await asyncio.shield(
                        self._spawn(self._answer(method, talk.conversation.heard(message)))
                    )
                    if isinstance(said, RpcReply):
                        await _end(said, context)
                        return
                    await talk.say(said)
            finally:
                self._talks.discard(talk)
                talk.over.set()

        return handle

    async def part(self) -> None:
        """Tell the callers of streams that we are ending, and return when those who were told have ended theirs."""
        told = [(talk, talk.conversation.parting()) for talk in tuple(self._talks)]
        for talk, messages in told:
            with suppress(
                grpc.aio.UsageError, grpc.aio.InternalError, asyncio.InvalidStateError
            ):  # it is over
                await talk.say(messages)
        for talk, messages in told:
            if messages:
                await talk.over.wait()

    async def _answer(self, method: str, answer: Awaitable[Answer]) -> Answer | RpcReply:
        self._under_way += 1
        self.idle.clear()
        try:
            return await answer
        except Exception:  # a facade answers what is foreseen itself
            logger.exception("%s has no answer", method)
            return RpcReply(code=_INTERNAL, details="internal error")
        finally:
            self._under_way -= 1
            if not self._under_way:
                self.idle.set()


async def _end(reply: RpcReply, context: Any) -> None:
    # Tuples of pairs: anything else raises TypeError inside grpc, which makes UNKNOWN of every status.
    trailing = tuple(reply.trailing_metadata)
    if reply.code:
        await context.abort(_CODES.get(reply.code, grpc.StatusCode.UNKNOWN), reply.details, trailing)
    if trailing:
        context.set_trailing_metadata(trailing)
