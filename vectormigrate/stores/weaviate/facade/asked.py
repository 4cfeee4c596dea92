"""One REST request and its answer, and what the handlers of both transports share."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass
from typing import Any, TypeAlias
from uuid import UUID, uuid4

import msgspec
import numpy as np

from vectormigrate.model.clock import Clock
from vectormigrate.model.record import RecordId
from vectormigrate.stores.base import Store
from vectormigrate.stores.turns import Turns

from .endpoints import Found
from .names import Names
from .problems import Problem, bad_body, invalid
from .querystring import Query
from .writing import Given, Writer

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Served:
    """What answers share."""

    names: Names
    turns: Turns
    clock: Clock

    def writer(self, store: Store) -> Writer:
        """A writer for one request."""
        return Writer(store, self.names, self.turns, self.clock)


@dataclass(frozen=True, slots=True)
class Asked:
    """One request."""

    found: Found
    query: Query
    body: bytes
    only: Collection[RecordId] | None = None
    """Of a delete by a filter: the keys that are marked, so that nothing else goes."""

    def json(self) -> Any:
        """The body. Raises Problem."""
        try:
            return msgspec.json.decode(self.body)
        except (msgspec.DecodeError, RecursionError) as error:
            raise bad_body(str(error)) from None

    def mapping(self) -> Json:
        """The body, an object. Raises Problem."""
        given = self.json()
        if not isinstance(given, dict):
            raise bad_body("it is no object")
        return given

    def items(self) -> list[Any]:
        """The body, a list. Raises Problem."""
        given = self.json()
        if not isinstance(given, list):
            raise bad_body("it is no list")
        return given


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back."""

    status: int
    body: bytes = b""


def told(value: Any, status: int = 200) -> Answer:
    """An answer with a body."""
    return Answer(status, msgspec.json.encode(value))


Handler: TypeAlias = Callable[[Served, Store, Asked], Awaitable[Answer]]


def read_id(text: str, where: str) -> UUID:
    """An id, by where it stands. Raises Problem for what is none."""
    try:
        return UUID(text)
    except ValueError:
        raise Problem(422, 3, f'id in {where} must be of type uuid: "{text}"') from None


def given_of(told: Any, *, object_id: str = "", class_name: str = "") -> Given:
    """An object of a request. One without an id gets one. Raises Problem."""
    if not isinstance(told, dict):
        raise invalid("invalid object: it is no object")
    text = object_id or told.get("id") or ""
    properties = told.get("properties") or {}
    if not isinstance(properties, dict):
        raise invalid(f"invalid object: properties are {type(properties).__name__}, and not an object")
    vectors: Json = dict(told.get("vectors") or {})
    if told.get("vector"):
        vectors[""] = told["vector"]
    try:
        arrays = {name: np.asarray(one, np.float32) for name, one in vectors.items()}
    except (ValueError, TypeError) as error:
        raise invalid(f"invalid object: a vector cannot be read: {error}") from None
    return Given(
        class_name or str(told.get("class") or ""),
        str(told.get("tenant") or ""),
        read_id(text, "body") if text else uuid4(),
        properties,
        arrays,
    )
