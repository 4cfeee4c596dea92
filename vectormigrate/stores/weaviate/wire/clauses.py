"""A client's filter in either of its forms, the `where` of REST and GraphQL and the `Filters` message, as clauses.

`where` becomes a `Filters` message first, so there is one reader. The values of a clause are those of the model, as the
type of its property has them; what a clause means is `meaning.py`.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeAlias
from uuid import UUID

from vectormigrate.stores.weaviate import pb

from .layout import REFERENCE, Layout, Property
from .values import read_date

ID, CREATED, UPDATED = "_id", "_creationTimeUnix", "_lastUpdateTimeUnix"
_INTERNAL = {ID: "text", "id": "text", CREATED: "date", UPDATED: "date"}


class Unanswerable(Exception):
    """A well-formed clause that only Weaviate can answer."""


class Operator(StrEnum):
    """How a property is tested, in Weaviate's words."""

    EQUAL = "Equal"
    NOT_EQUAL = "NotEqual"
    GREATER_THAN = "GreaterThan"
    GREATER_THAN_EQUAL = "GreaterThanEqual"
    LESS_THAN = "LessThan"
    LESS_THAN_EQUAL = "LessThanEqual"
    LIKE = "Like"
    IS_NULL = "IsNull"
    WITHIN_GEO_RANGE = "WithinGeoRange"
    CONTAINS_ANY = "ContainsAny"
    CONTAINS_ALL = "ContainsAll"
    CONTAINS_NONE = "ContainsNone"


ORDERED = frozenset(
    {Operator.GREATER_THAN, Operator.GREATER_THAN_EQUAL, Operator.LESS_THAN, Operator.LESS_THAN_EQUAL}
)
CONTAINS = frozenset({Operator.CONTAINS_ANY, Operator.CONTAINS_ALL, Operator.CONTAINS_NONE})
_JOINS = {"And": "OPERATOR_AND", "Or": "OPERATOR_OR", "Not": "OPERATOR_NOT"}


@dataclass(frozen=True, slots=True)
class Geo:
    """A circle: degrees, and meters around."""

    latitude: float
    longitude: float
    distance: float


@dataclass(frozen=True, slots=True)
class Test:
    """One property against a value, or several of CONTAINS."""

    __test__ = False  # what pytest would take it for by its name

    operator: Operator
    held: Property
    value: Any
    length: bool = False
    """It is the property's length that is tested."""


@dataclass(frozen=True, slots=True)
class Every:
    """All items match."""

    items: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Some:
    """At least one item matches."""

    items: tuple[Clause, ...]


@dataclass(frozen=True, slots=True)
class Negated:
    """The item does not match."""

    item: Clause


Clause: TypeAlias = Test | Every | Some | Negated


# Where.


def read_where(where: Any) -> Any:
    """A `where` of REST or GraphQL as a `Filters` message. Raises ValueError for what is none."""
    if not isinstance(where, Mapping):
        raise ValueError("invalid where filter: it is no object")  # noqa: TRY004 the value is wrong
    word = str(where.get("operator", ""))
    message = pb.Filters()
    if word in _JOINS:
        message.operator = pb.Filters.Operator.Value(_JOINS[word])
        for operand in where.get("operands") or ():
            message.filters.append(read_where(operand))
        return message
    try:
        message.operator = pb.Filters.Operator.Value(f"OPERATOR_{Operator(word).name}")
    except ValueError:
        raise ValueError(f"invalid where filter: unrecognized operator: {word}") from None
    path = where.get("path") or ()
    if isinstance(path, str) or not path:
        path = [path] if path else []
    if not path:
        raise ValueError("invalid where filter: got no value for path")
    _write_target(message.target, [str(one) for one in path])
    _write_value(message, where)
    return message


def _write_target(target: Any, path: Sequence[str]) -> None:
    if len(path) == 1:
        target.property = path[0]
        return
    if len(path) < 3:
        raise ValueError("invalid where filter: a path has an odd number of elements")
    target.multi_target.on = path[0]
    target.multi_target.target_collection = path[1]
    _write_target(target.multi_target.target, path[2:])


def _write_value(message: Any, where: Mapping[str, Any]) -> None:
    given = {key: value for key, value in where.items() if key.startswith("value") and value is not None}
    if len(given) != 1:
        raise ValueError("invalid where filter: exactly one value must be given")
    [(word, value)] = given.items()
    kind = word.removeprefix("value").removesuffix("Array").lower()
    try:
        if kind == "georange":
            at = value["geoCoordinates"]
            message.value_geo.latitude, message.value_geo.longitude = at["latitude"], at["longitude"]
            message.value_geo.distance = value["distance"]["max"]
            return
        name = {"text": "text", "string": "text", "date": "text", "int": "int"}.get(kind, kind)
        if isinstance(value, list):
            getattr(message, f"value_{name}_array").values.extend(value)
            getattr(message, f"value_{name}_array").SetInParent()
        else:
            setattr(message, f"value_{name}", value)
    except (TypeError, KeyError, AttributeError, ValueError) as error:
        raise ValueError(f"invalid where filter: {word} cannot be {value!r}: {error}") from None


# Filters.


def read_clause(message: Any, layout: Layout) -> Clause:
    """A `Filters` message as a clause over a class. Raises ValueError for what is none, Unanswerable."""
    word = pb.Filters.Operator.Name(message.operator).removeprefix("OPERATOR_")
    if word in ("AND", "OR", "NOT"):
        items = tuple(read_clause(one, layout) for one in message.filters)
        if not items:
            raise ValueError(f"operator {word.capitalize()}, but no operands set")
        match word:
            case "AND":
                return Every(items)
            case "OR":
                return Some(items)
            case _:
                return Negated(Every(items))
    try:
        operator = Operator[word]
    except KeyError:
        raise ValueError(f"unknown filter operator {word}") from None
    return _read_test(message, operator, layout)


def _read_test(message: Any, operator: Operator, layout: Layout) -> Test:
    name, counted = _read_target(message)
    kind = message.WhichOneof("test_value")
    if kind is None:
        raise ValueError("unknown value type <nil>")
    given = getattr(message, kind)
    if name.startswith("len(") and name.endswith(")"):
        held = _property(name[4:-1], layout)
        return Test(operator, held, _as_int(given), length=True)
    held = _property(name, layout)
    if held.type == REFERENCE or counted:
        return Test(operator, held, _as_int(given), length=True)
    if held.element == "object" or "." in name:
        raise ValueError(f"filtering on nested property {name!r} is not enabled")
    return Test(operator, held, _read_value(operator, held, kind, given))


def _read_value(operator: Operator, held: Property, kind: str, given: Any) -> Any:
    if operator is Operator.IS_NULL:
        if kind != "value_boolean":
            raise ValueError(f"operator IsNull requires a booleanValue, got {kind} instead")
        return given
    if (held.element == "geoCoordinates") is not (kind == "value_geo"):
        raise ValueError(f"data type filter cannot use {kind!r} on type {held.type!r}")
    if kind == "value_geo":
        return Geo(given.latitude, given.longitude, given.distance)
    if operator in CONTAINS:
        values = given.values if kind.endswith("_array") else [given]
        return tuple(_convert(held, one) for one in values)
    if kind.endswith("_array"):
        raise ValueError(f"operator {operator} takes one value")
    return _convert(held, given)


def _read_target(message: Any) -> tuple[str, bool]:
    """The property, and whether its references are counted."""
    if not message.HasField("target"):
        if len(message.on) != 1:
            raise Unanswerable("a filter through references")
        return message.on[0], False
    match message.target.WhichOneof("target"):
        case "property":
            return message.target.property, False
        case "count":
            return message.target.count.on, True
        case None:
            raise ValueError("unknown target type")
        case _:
            raise Unanswerable("a filter through references")


def _property(name: str, layout: Layout) -> Property:
    if name in _INTERNAL:
        return Property(ID if name == "id" else name, _INTERNAL[name], tokenization="field")
    held = layout.properties.get(name.partition(".")[0])
    if held is None:
        raise ValueError(
            f"no such prop with name '{name}' found in class '{layout.name}' in the schema. Check your schema files for "
            "which properties in this class are available"
        )
    return held


def _convert(held: Property, given: Any) -> Any:
    """A value of a filter as the property has it. Raises ValueError."""
    match held.element:
        case "int":
            return _as_int(given)
        case "number":
            if isinstance(given, bool):
                raise ValueError(f"expected a number value, got {given!r}")  # noqa: TRY004 the value is wrong
            return float(given)
        case "boolean":
            if not isinstance(given, bool):
                raise ValueError(f"expected value to be bool, got {given!r}")  # noqa: TRY004 the value is wrong
            return given
        case "date":
            return read_date(_as_text(given))
        case "uuid":
            return UUID(_as_text(given))
        case "text" | "string":
            return _as_text(given)
        case other:
            raise ValueError(f'data type "{other}" not supported in query')


def _as_text(given: Any) -> str:
    if not isinstance(given, str):
        raise ValueError(f"expected value to be string, got '{given!r}'")  # noqa: TRY004 the value is wrong
    return given


def _as_int(given: Any) -> int:
    if isinstance(given, bool):
        raise ValueError(f"expected an integer value, got {given!r}")  # noqa: TRY004 the value is wrong
    if isinstance(given, int):
        return given
    number = float(given)
    if not math.isfinite(number) or not number.is_integer():
        raise ValueError(f"filtering for integer, but received a floating point number {number}")
    return int(number)
