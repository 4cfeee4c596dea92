"""What Weaviate's own answer to a write says: applied or not, or nobody knows.

A batch is answered with success whatever became of its objects: what is told of each is looked at. An error that is
certain to have come before the object was stored is settled; any other may have come from one replica of several.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import replace

import msgspec

from vectormigrate.stores.front import Outcome
from vectormigrate.stores.raw import HttpRequest, HttpResponse, RpcReply
from vectormigrate.stores.weaviate import pb

from .problems import DENIED, EXHAUSTED, INVALID, OK, UNAUTHENTICATED, UNIMPLEMENTED

_REFUSED_CODES = frozenset({INVALID, DENIED, EXHAUSTED, UNIMPLEMENTED, UNAUTHENTICATED})
_SETTLED = re.compile(
    r"^(invalid|validat|parse|could not find class|no such|class .* not (present|found)|batch delete params"
    r"|put object: (validate|vector)|msg:object with no class|.*has multi-tenancy)",
    re.IGNORECASE,
)
"""How errors begin that come before anything is stored."""


def plainly(request: HttpRequest) -> HttpRequest:
    """The same request, its answer not to be compressed: what it says is read here."""
    headers = [pair for pair in request.headers if pair[0] != b"accept-encoding"]
    return replace(request, headers=headers)


class _Message(msgspec.Struct):
    message: str = ""


class _Messages(msgspec.Struct):
    error: list[_Message] = []


class _Result(msgspec.Struct):
    errors: _Messages | None = None


class Answered(msgspec.Struct):
    """One object of an answer, as far as it is looked at."""

    id: str = ""
    class_name: str = msgspec.field(name="class", default="")
    tenant: str = ""
    result: _Result | None = None


_MANY = msgspec.json.Decoder(list[Answered])
_ONE = msgspec.json.Decoder(Answered)


def objects_of(operation: str, response: HttpResponse) -> list[Answered] | None:
    """The objects that an answer tells of; None when it does not tell."""
    try:
        if operation == "batch_objects" or operation == "batch_references":
            return _MANY.decode(response.body)
        return [_ONE.decode(response.body)]
    except (msgspec.DecodeError, RecursionError):
        return None


def outcome(operation: str, response: HttpResponse) -> Outcome:
    """What an answer over HTTP says."""
    if 400 <= response.status < 500 and response.status != 408:
        return Outcome.ANSWERED
    if not 200 <= response.status < 300:
        return Outcome.UNRESOLVED
    if operation not in ("batch_objects", "batch_references"):
        return Outcome.ANSWERED
    told = objects_of(operation, response)
    if told is None:
        return Outcome.UNRESOLVED
    results = (one.result.errors for one in told if one.result is not None)
    return _of_errors(error.message for one in results if one is not None for error in one.error)


def reply_outcome(operation: str, reply: RpcReply) -> Outcome:
    """What an answer over gRPC says."""
    if reply.code in _REFUSED_CODES or (reply.code != OK and _SETTLED.match(reply.details)):
        return Outcome.ANSWERED
    if reply.code != OK:
        return Outcome.UNRESOLVED
    match operation:
        case "batch_objects":
            return _of_errors(one.error for one in pb.BatchObjectsReply.FromString(reply.message).errors)
        case "batch_references":
            return _of_errors(one.error for one in pb.BatchReferencesReply.FromString(reply.message).errors)
        case "batch_delete":
            failed = pb.BatchDeleteReply.FromString(reply.message).failed
            return Outcome.UNRESOLVED if failed else Outcome.ANSWERED
        case _:
            return Outcome.UNRESOLVED


def _of_errors(texts: Iterable[str]) -> Outcome:
    settled = all(_SETTLED.match(text) for text in texts)
    return Outcome.ANSWERED if settled else Outcome.UNRESOLVED
