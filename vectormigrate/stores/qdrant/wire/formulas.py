"""What a formula of Qdrant's makes of a point: an expression over the scores of prefetches and the values of its payload.

Expressions are the JSON of REST; `read_expression` makes that of messages. Nothing is forgiven: a value that is missing, or a number
that is none, fails the whole request, as in Qdrant. Judged by the local mode of the vendor's client.
"""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from .conditions import read_condition
from .meaning import Point, distance_between, means, place_of, read_moment, values_at
from .paths import read_path

_SCORE = re.compile(r"\$score(?:\[([0-9]+)\])?")
_ONE: dict[str, Callable[[float], float]] = {
    "neg": lambda value: -value,
    "abs": abs,
    "sqrt": math.sqrt,
    "exp": math.exp,
    "log10": math.log10,
    "ln": math.log,
    "acosh": math.acosh,
}
"""Of one operand. What they raise is a number that is none."""
_DECAYS: dict[str, Callable[[float, float, float], float]] = {
    "lin_decay": lambda away, scale, middle: max(0.0, 1 - away * (1 - middle) / scale),
    "exp_decay": lambda away, scale, middle: math.exp(away * math.log(middle) / scale),
    "gauss_decay": lambda away, scale, middle: math.exp(away * away * math.log(middle) / scale**2),
}
"""From how far away it is, the scale, and what is left at that distance."""


@dataclass(frozen=True, slots=True)
class Scored:
    """A point, and what the prefetches scored it: None for those that did not find it."""

    point: Point
    scores: Sequence[float | None]


class Evaluator:
    """One formula."""

    def __init__(self, expression: Any, defaults: Mapping[str, Any]) -> None:
        self._expression = expression
        self._defaults = {_canonical(key): value for key, value in defaults.items()}

    def score(self, scored: Scored) -> float:
        """The score of a point. Raises ValueError."""
        return self._of(self._expression, scored)

    def _of(self, given: Any, scored: Scored) -> float:
        match given:
            case bool() | None:
                raise ValueError(f"{given!r} is no expression")
            case int() | float():
                return float(given)
            case str():
                return self._variable(given, scored)
            case {"mult": list() as parts}:
                return self._product(parts, scored)
            case Mapping() if len(given) == 1 and next(iter(given)) in _SHAPES:
                [(name, part)] = given.items()
                return _finite(given, lambda: _SHAPES[name](self, part, scored))
            case Mapping() if len(given) == 1 and next(iter(given)) in _ONE:
                [(name, part)] = given.items()
                value = self._of(part, scored)
                return _finite(given, lambda: _ONE[name](value))
            case Mapping():
                return float(means({"must": [given]}, scored.point))
            case _:
                raise ValueError(f"{given!r} is no expression")

    def _product(self, parts: Sequence[Any], scored: Scored) -> float:
        product = 1.0
        for part in parts:
            factor = self._of(part, scored)
            if factor == 0:
                return factor  # what follows is not looked at
            product *= factor
        return product

    def _folded(self, fold: Callable[[list[float]], float], parts: Sequence[Any], scored: Scored) -> float:
        if not parts:
            raise ValueError("an expression needs at least one operand")
        return fold([self._of(part, scored) for part in parts])

    def _ratio(self, given: Mapping[str, Any], scored: Scored) -> float:
        left = self._of(given["left"], scored)
        if left == 0:
            return left
        right = self._of(given["right"], scored)
        if right == 0 and given.get("by_zero_default") is not None:
            return float(given["by_zero_default"])
        return left / right

    def _decayed(self, name: str, given: Mapping[str, Any], scored: Scored) -> float:
        target = given.get("target")
        away = abs(self._of(given["x"], scored) - (0.0 if target is None else self._of(target, scored)))
        scale = 1.0 if given.get("scale") is None else float(given["scale"])
        middle = 0.5 if given.get("midpoint") is None else float(given["midpoint"])
        if scale <= 0 or not (0 <= middle <= 1 if name == "lin_decay" else 0 < middle < 1):
            raise ValueError(f"{name}: scale must be positive, and midpoint between 0 and 1")
        return _DECAYS[name](away, scale, middle)

    def _distance(self, given: Mapping[str, Any], scored: Scored) -> float:
        place, origin = place_of(self._value(given["to"], scored)), place_of(given["origin"])
        if place is None or origin is None:
            raise ValueError(
                f"Expected geo point for {given['to']} in the payload and/or in the formula defaults"
            )
        return distance_between(origin, place)

    def _variable(self, name: str, scored: Scored) -> float:
        index = _index(name)
        if index is None:
            value = self._value(name, scored)
            if isinstance(value, bool) or not isinstance(value, int | float):
                raise ValueError(
                    f"Expected number value for {name} in the payload and/or in the formula defaults"
                )
            return value
        score = scored.scores[index] if index < len(scored.scores) else None
        return float(self._defaults.get(_canonical(name), 0.0)) if score is None else score

    def _value(self, key: str, scored: Scored) -> Any:
        values = list(values_at(scored.point.payload, read_path(key)))
        if not values and key in self._defaults:
            default = self._defaults[key]
            values = default if isinstance(default, list) else [default]
        if not values:
            raise ValueError(f"No value found for {key} in the payload nor the formula defaults")
        return values[0] if len(values) == 1 else values


_SHAPES: dict[str, Callable[[Evaluator, Any, Scored], float]] = {
    "sum": lambda one, parts, scored: sum(one._of(part, scored) for part in parts),
    "max": lambda one, parts, scored: one._folded(max, parts, scored),
    "min": lambda one, parts, scored: one._folded(min, parts, scored),
    "div": lambda one, part, scored: one._ratio(part, scored),
    "pow": lambda one, part, scored: math.pow(
        one._of(part["base"], scored), one._of(part["exponent"], scored)
    ),
    "datetime": lambda one, text, scored: _seconds(text),
    "datetime_key": lambda one, key, scored: _seconds(one._value(key, scored)),
    "geo_distance": lambda one, part, scored: one._distance(part, scored),
    "lin_decay": lambda one, part, scored: one._decayed("lin_decay", part, scored),
    "exp_decay": lambda one, part, scored: one._decayed("exp_decay", part, scored),
    "gauss_decay": lambda one, part, scored: one._decayed("gauss_decay", part, scored),
}
"""By the one member of an expression."""


def _finite(given: Any, value: Callable[[], float]) -> float:
    try:
        found = value()
    except (ArithmeticError, KeyError, TypeError) as error:
        raise ValueError(f"The expression {given!r:.200} produced a non-finite number: {error}") from None
    if not math.isfinite(found):
        raise ValueError(f"The expression {given!r:.200} produced a non-finite number")
    return found


def _seconds(value: Any) -> float:
    moment = read_moment(value) if isinstance(value, str) else None
    if moment is None:
        raise ValueError(f"{value!r} is not a moment")
    return moment.timestamp()


def _index(name: str) -> int | None:
    """Which prefetch a variable stands for; None where it is a key."""
    if not name.startswith("$score"):
        return None
    found = _SCORE.fullmatch(name)
    if found is None:
        raise ValueError(f"Invalid score pattern: {name}")
    return int(found.group(1) or 0)


def _canonical(name: str) -> str:
    index = _index(name)
    return name if index is None else f"$score[{index}]"


def read_expression(message: Any) -> Any:
    """An `Expression` message as JSON. Raises ValueError."""
    kind = message.WhichOneof("variant")
    if kind is None:
        raise ValueError("an expression is missing")
    given = getattr(message, kind)
    if kind in ("constant", "variable"):
        return given
    if kind == "condition":
        return read_condition(given)
    return {kind: _parts(kind, given)}


def _parts(kind: str, given: Any) -> Any:
    match kind:
        case "datetime" | "datetime_key":
            return given
        case "geo_distance":
            return {"origin": {"lon": given.origin.lon, "lat": given.origin.lat}, "to": given.to}
        case "mult" | "sum" | "max" | "min":
            return [read_expression(part) for part in getattr(given, kind)]
        case _ if kind in _ONE:
            return read_expression(given)
        case _:
            return {field.name: _part(field, value) for field, value in given.ListFields()}


def _part(field: Any, value: Any) -> Any:
    return value if field.message_type is None else read_expression(value)
