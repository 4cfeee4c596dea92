"""Calls, what is answered to them, and whether two answers are the same.

Scores agree to 1e-4, vectors to the precision of 32 bits, everything else to the last bit and by type: 1 is not 1.0.
Records of the same score may stand in any order, and at the end of a list one of them may stand for another.
"""

from __future__ import annotations

import enum
import math
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any
from uuid import UUID

import grpc
import msgspec
from pinecone.errors.exceptions import ApiError, PineconeError
from pydantic import BaseModel
from pymilvus import MilvusException
from qdrant_client.http.exceptions import UnexpectedResponse
from weaviate.exceptions import WeaviateBaseError

_SCORE = 1e-4
_VECTORS = {"vector", "vectors", "values", "sparse_values"}
_OWN = {"version", "operation_id", "time", "usage", "response_info", "_response_info"}
"""What a server says of itself, and not of the records."""


@dataclass(frozen=True, slots=True)
class Call:
    """One thing that an application does with its client."""

    name: str
    ask: Callable[[Any], Any]


@dataclass(frozen=True, slots=True)
class Refusal:
    """What a client raised: its class, and the status or code that made it."""

    error: str
    status: str
    said: str = field(compare=False, default="")


Answers = dict[str, Any]
"""By the name of the call, in the order of asking."""


def ask_all(client: Any, calls: list[Call]) -> Answers:
    """Ask them one after the other, of a client that blocks."""
    return {call.name: _told(call, client) for call in calls}


def _told(call: Call, client: Any) -> Any:
    try:
        return plain(call.ask(client))
    except (
        UnexpectedResponse,
        grpc.RpcError,
        ApiError,
        PineconeError,
        MilvusException,
        WeaviateBaseError,
        ValueError,
    ) as error:
        return refusal(error)


def refusal(error: Exception) -> Refusal:
    """An error of a client as what it says."""
    match error:
        case UnexpectedResponse():
            return Refusal("UnexpectedResponse", str(error.status_code), error.content.decode()[:300])
        case grpc.RpcError():
            return Refusal("RpcError", error.code().name, str(error.details())[:300])
        case ApiError():
            return Refusal(type(error).__name__, str(error.status_code), str(error)[:300])
        case MilvusException():  # of its codes, servers agree on this one
            missing = "missing" if error.code == 100 else ""
            return Refusal("MilvusException", missing, f"{error.code}: {error.message}"[:300])
        case _:
            return Refusal(type(error).__name__, "", str(error)[:300])


def plain(told: Any) -> Any:  # noqa: PLR0911 one return a kind
    """An answer as values of JSON."""
    match told:
        case enum.Enum():
            return told.value
        case None | bool() | int() | float() | str() | Refusal():
            return told
        case UUID() | date():
            return str(told)
        case BaseModel():
            return plain(dict(told))
        case msgspec.Struct():
            return plain(msgspec.structs.asdict(told))
        case Mapping():
            return {str(key): plain(item) for key, item in told.items() if key not in _OWN}
        case _ if isinstance(told, Sequence) or hasattr(told, "__iter__"):
            return [plain(item) for item in told]
    return plain(vars(told))


def differences(mine: Any, theirs: Any, path: str = "") -> Iterator[str]:
    """Where two answers are not the same, and how."""
    if isinstance(mine, dict) and isinstance(theirs, dict):
        for key in dict.fromkeys([*mine, *theirs]):
            if key not in mine or key not in theirs:
                yield f"{path}.{key} is {'missing' if key not in mine else 'too much'}"
            else:
                yield from differences(mine[key], theirs[key], f"{path}.{key}")
    elif isinstance(mine, list) and isinstance(theirs, list):
        yield from _of_lists(mine, theirs, path)
    elif not _same(mine, theirs, path):
        yield f"{path}: {mine!r:.300} is not {theirs!r:.300}"


def _of_lists(mine: list[Any], theirs: list[Any], path: str) -> Iterator[str]:
    if len(mine) != len(theirs):
        ids = [[one.get("id") if isinstance(one, dict) else one for one in side] for side in (mine, theirs)]
        yield f"{path} has {len(mine)} items instead of {len(theirs)}: {ids[0]!r:.300} is not {ids[1]!r:.300}"
    elif mine and all(isinstance(one, dict) and {"id", "score"} <= one.keys() for one in mine + theirs):
        yield from _of_rankings(mine, theirs, path)
    else:
        for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
            yield from differences(one, other, f"{path}[{place}]")


def _of_rankings(mine: list[Any], theirs: list[Any], path: str) -> Iterator[str]:
    known = {str(one["id"]): one for one in theirs}
    for place, (one, other) in enumerate(zip(mine, theirs, strict=True)):
        here = f"{path}[{place}]"
        yield from differences(one["score"], other["score"], f"{here}.score")
        same = known.get(str(one["id"]))
        if same is not None:
            yield from differences(one, same, here)
        elif not _close(one["score"], theirs[-1]["score"]):
            yield f"{here}: {one['id']!r} is not found, {other['id']!r} is"


def _close(one: float, other: float) -> bool:
    return math.isclose(one, other, rel_tol=_SCORE, abs_tol=_SCORE)


def _same(one: Any, other: Any, path: str) -> bool:
    if type(one) is not type(other):
        return False
    if not isinstance(one, float):
        return bool(one == other)
    words = {word.split("[")[0] for word in path.split(".")}
    if path.endswith(".score"):
        return _close(one, other)
    if words & _VECTORS and not words & {"payload", "metadata"}:
        return math.isclose(one, other, rel_tol=1e-6, abs_tol=1e-6)
    return one == other
