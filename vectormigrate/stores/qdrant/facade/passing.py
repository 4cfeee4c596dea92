"""What Qdrant's own answer to a write says: applied or not, later, or nobody knows.

Writes are passed on without the client's wish for a compressed answer: the few bytes that come back are read here.
"""

from __future__ import annotations

from dataclasses import replace

from vectormigrate.stores.front import Outcome
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcReply

from .problems import (
    DENIED,
    EXHAUSTED,
    EXISTS,
    INVALID,
    NOT_FOUND,
    OK,
    OUT_OF_RANGE,
    PRECONDITION,
    UNAUTHENTICATED,
    UNIMPLEMENTED,
)

COMPLETED, CLOCK_REJECTED, WAIT_TIMEOUT = 2, 3, 4
"""Values of `UpdateStatus`; the others say that the write is accepted."""
_REFUSED = frozenset({400, 401, 403, 404, 405, 409, 411, 413, 414, 415, 422, 429, 431})
"""Statuses of a server that did not apply the request. 408 is not among them: a write of Qdrant can outlive it."""
_REFUSED_CODES = frozenset(
    {
        INVALID,
        NOT_FOUND,
        EXISTS,
        DENIED,
        EXHAUSTED,
        PRECONDITION,
        OUT_OF_RANGE,
        UNIMPLEMENTED,
        UNAUTHENTICATED,
    }
)


def plainly(request: HttpRequest) -> HttpRequest:
    """The same request, its answer not to be compressed."""
    headers = [pair for pair in request.headers if pair[0] != b"accept-encoding"]
    return replace(request, headers=headers)


def waits(query: bytes) -> bool:
    """Whether the client waits until its write is applied. Qdrant's default is not to."""
    return b"wait=true" in query.split(b"&")


def outcome(response: HttpResponse, *, wait: bool, points: bool) -> Outcome:
    """What an answer over HTTP says. `points`: of a write of points, which may be applied after the answer."""
    if response.status in _REFUSED:
        # Some operations of a batch, some shards of a write, may have taken it before another refused.
        return (
            Outcome.LATE if points and not wait and response.status in (400, 422, 429) else Outcome.ANSWERED
        )
    if not 200 <= response.status < 300 or b'"wait_timeout"' in response.body:
        return Outcome.UNRESOLVED
    if points and (not wait or b'"acknowledged"' in response.body):
        return Outcome.LATE
    return Outcome.ANSWERED


def reply_outcome(reply: RpcReply, *, wait: bool, points: bool, statuses: frozenset[int]) -> Outcome:
    """What an answer over gRPC says; `statuses` are the values of `UpdateStatus` in it."""
    if reply.code in _REFUSED_CODES:
        return Outcome.LATE if points and not wait else Outcome.ANSWERED
    if reply.code != OK or WAIT_TIMEOUT in statuses or CLOCK_REJECTED in statuses:
        return Outcome.UNRESOLVED
    if points and (not wait or statuses - {COMPLETED}):
        return Outcome.LATE
    return Outcome.ANSWERED
